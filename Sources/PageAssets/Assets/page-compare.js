// Runs side by side: the same axes, the same questions.

const comparePage = {
  title: () => "Compare",
  async load(route) {
    const list = await data("runs").catch(() => ({ runs: [] }));
    if (LIVE && keysOf(route).length < 2) return { list };
    return { list, view: await data("compare", { runs: route.query.runs }) };
  },
  render({ list, view }, route, app) {
    const head = [h("h1", {}, "Compare"), LIVE ? runChooser(list, route) : null];
    if (!view) return [...head, nothing("Choose two or more runs.")];
    const look = Object.fromEntries((view.runs ?? []).map((run, i) => [run.key, `line-${i % 6}`]));
    const smoothing = route.query.smooth ?? "0";
    return [
      ...head,
      h("div", { class: "sticky-key" }, runKey(view, look)),
      view.pass_at_k?.length ? section("pass-at-k", "pass@k",
        "The chance that at least one of k samples solves a question; the band is the bootstrap’s "
          + "interval over questions.", passChart(view, look)) : null,
      view.series?.length ? section("curves", "Curves", null,
        h("div", { class: "controls" }, choice("smooth", "Smoothing", SMOOTHINGS, smoothing,
          (v) => app.choose({ smooth: v === "0" ? null : v }))),
        compareCharts(view, look, Number(smoothing))) : null,
      view.questions ? section("questions", "Questions", null, solvedBy(view)) : null,
    ];
  },
};

const keysOf = (route) => (route.query.runs ?? "").split(",").filter(Boolean);

function runChooser(list, route) {
  const chosen = new Set(keysOf(route));
  const runs = (list.runs ?? []).filter((run) => !["unreadable", "evaluation"].includes(run.state));
  const form = h("form", { class: "controls chooser" }, runs.map((run) => h("label", {},
    h("input", { type: "checkbox", name: "runs", value: run.key, checked: chosen.has(run.key) }),
    ` ${brief(run.key, 60)}`)), h("button", { type: "submit" }, "Compare"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const keys = [...form.querySelectorAll("input:checked")].map((box) => box.value);
    location.hash = address(["compare"], { runs: keys.join(",") });
  });
  return form;
}

function runKey(view, look) {
  return lineKey((view.runs ?? []).map((run) => ({ look: look[run.key], label: h("span", {},
    brief(run.key, 40), h("span", { class: "soft" },
      ` ${brief(run.algorithm ?? "", 30)}${finite(run.seed) ? `, seed ${run.seed}` : ""}`)) })));
}

function passChart(view, look) {
  const runs = view.pass_at_k;
  const ks = [...new Set(runs.flatMap((run) => run.points.map((p) => p.k)))].sort((a, b) => a - b);
  const column = (run, field) => ks.map((k) => number(run.points.find((p) => p.k === k)?.[field]));
  const root = chart({
    label: "pass@k by run", name: "pass-at-k", axis: "k", steps: ks, ticks: ks, warp: Math.log2,
    height: 220, domain: [0, 1], format: (v) => percent(v), tick: (t) => tickText(t, "share"),
    series: runs.map((run) => ({ name: brief(run.key, 24), look: look[run.key] ?? "line-0",
      values: column(run, "mean"), low: column(run, "low"), high: column(run, "high") })),
  });
  return h("figure", { class: "wide" }, traced(root, view, "pass_at_k"));
}

function compareCharts(view, look, smoothing) {
  const linked = new Set();
  return SERIES_GROUPS.map(([name, title]) => {
    const own = ranked(view.series.filter((one) => one.group === name && one.runs?.length));
    if (!own.length) return null;
    return [h("h3", {}, title), h("div", { class: "charts" }, own.map((one) => h("figure", {},
      traced(h("figcaption", { title: hoverText(one) }, seriesTitle(one)), view, "series"),
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
    return { name: brief(run.key, 24), look: look[run.key] ?? "line-0",
      own: { steps: run.steps, values }, values: aligned(values), raw: aligned(raw) };
  });
  return chart({ label: `${one.title} by run`, name: one.name, steps, linked, series,
    format: (v) => measured(v, one.unit), tick: (t) => tickText(t, one.unit) });
}

function solvedBy(view) {
  const { shared, rows = [] } = view.questions, only = view.only ?? view.questions.only ?? {};
  const asked = value(plural(shared ?? 0, "question"), view, "solved");
  return [
    h("p", { class: "note" }, asked, " that all of them asked. Shares are of the rollouts of a "
      + "question’s first and of its last group; those that the runs differ most on come first."),
    h("div", { class: "onlys" }, Object.entries(only).map(([key, list]) => onlyList(view, key, list))),
    rows.length ? table("Shared questions", sharedColumns(view), rows,
      { id: "shared-table", file: "compare.csv" }) : null,
  ];
}

/** Questions that one run alone solves. */
function onlyList(view, key, list) {
  const line = (q) => h("li", {}, groupLink(key, q.group, {}, `step ${integer(q.step)}`), " ",
    h("code", {}, brief(q.id, 30)), " ", brief(q.prompt, 80));
  return h("div", { data: { only: key } },
    h("h3", {}, `Solved by ${brief(key, 40)} only `, value(`(${integer(list.length)})`, view, "only")),
    list.length ? h("ul", { class: "only" }, list.slice(0, 50).map(line)) : nothing("None."),
    list.length > 50 ? h("p", { class: "note" }, `and ${integer(list.length - 50)} more`) : null);
}

function sharedColumns(view) {
  const share = (run) => ({
    title: brief(run.key, 24), name: run.key, class: "num", source: sourceOf(view, "solved"),
    value: (q) => q.solved?.[run.key]?.share,
    cell: (q) => solvedCell(run.key, q.solved?.[run.key]),
  });
  return [
    textColumn("Question", "id", { limit: 30 }),
    { ...textColumn("Prompt", "prompt"), class: "prose",
      cell: (q) => h("span", { class: "oneline" }, brief(q.prompt, 70)) },
    ...(view.runs ?? []).map(share),
  ];
}

function solvedCell(key, cell) {
  if (!cell) return h("span", {}, "–");
  const last = groupLink(key, cell.group, {}, percent(cell.share, 0));
  return h("span", {}, `${percent(cell.first, 0)} → `, last);
}
