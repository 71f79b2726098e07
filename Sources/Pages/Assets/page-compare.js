// Runs side by side: the same axes, the same questions.

const comparePage = {
  title: () => "Compare",
  async load(route) {
    const list = await data("runs").catch(() => ({ runs: [] }));
    if (LIVE && (route.query.runs ?? "").split(",").filter(Boolean).length < 2) return { list };
    return { list, view: await data("compare", { runs: route.query.runs }) };
  },
  render({ list, view }, route, app) {
    const head = [h("h1", {}, "Compare"), LIVE ? runChooser(list, route) : null];
    if (!view) return [...head, nothing("Choose two or more runs.")];
    const look = Object.fromEntries((view.runs ?? []).map((run, i) => [run.key, `line-${i % 6}`]));
    const key = lineKey((view.runs ?? []).map((run) => ({ look: look[run.key],
      label: h("span", {}, brief(run.key, 40), h("span", { class: "soft" }, ` ${brief(run.algorithm ?? "", 30)}${finite(run.seed) ? `, seed ${integer(run.seed)}` : ""}`)) })));
    return [...head, h("div", { class: "sticky-key" }, key),
      (view.pass_at_k ?? []).length ? section("pass-at-k", "pass@k", "The chance that at least one of k samples solves a question; the band is the interval of the bootstrap over questions.", passChart(view, look)) : null,
      (view.series ?? []).length ? section("curves", "Curves", null, compareControls(route, app), compareCharts(view, look, route)) : null,
      view.questions ? section("questions", "Questions", null, solvedBy(view, look)) : null];
  },
};

function runChooser(list, route) {
  const chosen = new Set((route.query.runs ?? "").split(",").filter(Boolean));
  const form = h("form", { class: "controls chooser" }, (list.runs ?? []).filter((run) => !["unreadable", "evaluation"].includes(run.state)).map((run) => h("label", {},
    h("input", { type: "checkbox", name: "runs", value: run.key, checked: chosen.has(run.key) }), ` ${brief(run.key, 60)}`)), h("button", { type: "submit" }, "Compare"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const keys = [...form.querySelectorAll("input:checked")].map((box) => box.value);
    location.hash = address(["compare"], { runs: keys.join(",") });
  });
  return form;
}

function passChart(view, look) {
  const ks = [...new Set(view.pass_at_k.flatMap((run) => run.points.map((p) => p.k)))].sort((a, b) => a - b);
  const column = (run, field) => ks.map((k) => number(run.points.find((p) => p.k === k)?.[field]));
  const root = chart({ label: "pass@k by run", name: "pass-at-k", axis: "k", steps: ks, ticks: ks, warp: Math.log2, height: 220, domain: [0, 1], format: (v) => percent(v), tick: (t) => `${real(t * 100)}%`,
    series: view.pass_at_k.map((run) => ({ name: brief(run.key, 24), look: look[run.key] ?? "line-0", values: column(run, "mean"), low: column(run, "low"), high: column(run, "high") })) });
  return h("figure", { class: "wide" }, traced(root, view, "pass_at_k"));
}

function compareControls(route, app) {
  return h("div", { class: "controls" }, choice("smooth", "Smoothing", SMOOTHINGS, route.query.smooth ?? "0", (v) => app.choose({ smooth: v === "0" ? null : v })));
}

function compareCharts(view, look, route) {
  const linked = new Set(), smoothing = Number(route.query.smooth ?? 0);
  return SERIES_GROUPS.map(([name, title]) => {
    const own = view.series.filter((one) => one.group === name && one.runs?.length);
    if (!own.length) return null;
    return [h("h3", {}, title), h("div", { class: "charts" }, own.map((one) => h("figure", {},
      h("figcaption", { title: [one.definition, one.formula].filter(Boolean).join("\n") }, h("b", {}, one.title), one.unit && one.unit !== "share" ? h("span", { class: "soft" }, ` ${one.unit}`) : null, h("code", { class: "name" }, one.name)),
      overlaid(one, look, linked, smoothing))))];
  });
}

/** One metric of all runs; every run keeps its own steps. */
function overlaid(one, look, linked, smoothing) {
  const steps = [...new Set(one.runs.flatMap((run) => run.steps))].sort((a, b) => a - b);
  const series = one.runs.map((run) => {
    const raw = run.values.map(number), values = smoothing ? smoothed(raw, smoothing) : raw;
    const at = new Map(run.steps.map((step, i) => [step, i]));
    const aligned = (list) => steps.map((step) => (at.has(step) ? list[at.get(step)] : null));
    return { name: brief(run.key, 24), look: look[run.key] ?? "line-0", own: { steps: run.steps, values }, values: aligned(values), raw: aligned(raw) };
  });
  return chart({ label: `${one.title} by run`, name: one.name, steps, linked, height: 150, series, format: (v) => measured(v, one.unit), tick: (t) => tickText(t, one.unit) });
}

function solvedBy(view) {
  const { shared, rows = [] } = view.questions, only = view.only ?? view.questions.only ?? {}, runs = view.runs ?? [];
  const lists = Object.entries(only).map(([key, list]) => {
    return h("div", { data: { only: key } }, h("h3", {}, `Solved by ${brief(key, 40)} only `, value(`(${integer(list.length)})`, view, "only")),
      list.length ? h("ul", { class: "only" }, list.slice(0, 50).map((q) => h("li", {}, groupLink(key, q.group, {}, `step ${integer(q.step)}`), " ", h("code", {}, brief(q.id, 30)), " ", brief(q.prompt, 80)))) : nothing("None."),
      list.length > 50 ? h("p", { class: "note" }, `and ${integer(list.length - 50)} more`) : null);
  });
  const columns = [{ title: "Question", name: "id", cell: (q) => h("code", {}, brief(q.id, 30)), value: (q) => q.id },
    { title: "Prompt", name: "prompt", class: "prose", cell: (q) => h("span", { class: "oneline" }, brief(q.prompt, 70)), value: (q) => q.prompt },
    ...runs.map((run) => ({ title: brief(run.key, 24), name: run.key, class: "num", source: view.sources?.share ?? view.sources?.solved,
      value: (q) => q.solved?.[run.key]?.share, cell: (q) => solvedCell(run.key, q.solved?.[run.key]) }))];
  return [h("p", { class: "note" }, value(plural(shared ?? 0, "question"), view, "shared"), " that all of them asked. Shares are of the rollouts of a question’s first and of its last group; those that the runs differ most on come first."),
    h("div", { class: "onlys" }, lists),
    rows.length ? table("Shared questions", columns, rows, { id: "shared-table", file: "compare.csv" }) : null];
}

function solvedCell(key, cell) {
  if (!cell) return h("span", {}, "–");
  return h("span", {}, `${percent(cell.first, 0)} → `, groupLink(key, cell.group, {}, percent(cell.share, 0)));
}
