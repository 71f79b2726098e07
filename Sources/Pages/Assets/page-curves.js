// Metrics over steps, in four groups.

const SERIES_GROUPS = [
  ["learning", "Learning", "Is the policy getting better, and from what?"],
  ["stability", "Stability", "Is the optimisation sound?"],
  ["data", "Data", "What is it learning from?"],
  ["speed", "Speed", "What does it cost?"],
];

const SMOOTHINGS = [["0", "raw"], ["5", "mean of 5"], ["11", "mean of 11"], ["25", "mean of 25"], ["51", "mean of 51"]];

const curvesPage = {
  title: () => "Curves",
  load: (route) => data(of(route.key, "metrics")),
  render(view, route, app) {
    const smoothing = Number(route.query.smooth ?? 0), linked = new Set();
    const find = (route.query.find ?? "").toLowerCase();
    const wanted = (one) => !find || [one.name, one.title, ...aliasesOf(one)].some((t) => t.toLowerCase().includes(find));
    const series = (view.series ?? []).filter(wanted);
    const filter = h("input", { type: "search", name: "find", value: route.query.find ?? "", placeholder: "name or alias",
      on: { change: (event) => app.choose({ find: event.target.value || null }) } });
    return [h("h1", {}, "Curves"),
      h("div", { class: "controls" },
        choice("smooth", "Smoothing", SMOOTHINGS, String(smoothing), (v) => app.choose({ smooth: v === "0" ? null : v })),
        h("label", { class: "choice" }, h("span", {}, "Find"), filter),
        exportButton("metrics.csv", () => [["step", ...view.series.map((one) => one.name)],
          ...view.steps.map((step, i) => [step, ...view.series.map((one) => one.values[i])])])),
      h("p", { class: "note" }, view.bin > 1
        ? `Each point is the mean of ${integer(view.bin)} steps; the band goes from their smallest to their largest value. ` : "",
      smoothing ? "The strong line is a centred mean, the faint one is raw. " : "",
      "✕ marks a value that is not finite. Click a point, or Enter at the crosshair, for the groups of its step."),
      SERIES_GROUPS.map(([name, title, question]) => {
        const own = series.filter((one) => one.group === name);
        return own.length ? section(`curves-${name}`, title, question, h("div", { class: "charts" },
          own.map((one) => curveFigure(one, view, { linked, smoothing, key: route.key })))) : null;
      }),
      series.length ? null : nothing(find ? "No metric has such a name." : "No steps yet.")];
  },
};

function aliasesOf(one) {
  return Object.values(one.aliases ?? {}).flat();
}

function curveFigure(one, view, options) {
  const aliases = Object.entries(one.aliases ?? {}).filter(([, names]) => names?.length);
  const caption = h("figcaption", { title: [one.definition, one.formula].filter(Boolean).join("\n") },
    h("div", {}, h("b", {}, one.title), one.unit && one.unit !== "share" ? h("span", { class: "soft" }, ` ${one.unit}`) : null,
      h("code", { class: "name" }, one.name)),
    h("p", { class: "definition" }, one.definition, one.formula ? h("span", { class: "formula" }, one.formula) : null),
    aliases.length ? h("p", { class: "aliases" }, aliases.map(([who, names], i) => [i ? " · " : "",
      `${who === "trl" ? "TRL" : who} `, names.map((n, j) => [j ? ", " : "", h("code", {}, n)])])) : null);
  return h("figure", { data: { series: one.name } }, traced(caption, one.source), seriesChart(one, view, options));
}

/** One series as a chart. */
function seriesChart(one, view, { linked, smoothing, key, height = 150, quiet = false }) {
  const raw = one.values.map(number);
  if (!raw.some((v) => v !== null)) return nothing("No values.");
  const line = { name: "", look: "line-0", values: raw, low: one.low?.map(number), high: one.high?.map(number) };
  if (smoothing) Object.assign(line, { values: smoothed(raw, smoothing), faint: raw, raw });
  const root = chart({ label: `${one.title} over steps`, name: one.name, steps: view.steps, linked, height, quiet,
    series: [line], format: (v) => measured(v, one.unit), tick: (t) => tickText(t, one.unit),
    pick: (step) => { location.hash = groupsOfStep(key, step, step + Math.max(1, view.bin ?? 1) - 1); } });
  return traced(root, one.source?.replace("/{step}", ""));
}

function tickText(t, unit) {
  if (unit === "share") return `${real(t * 100)}%`;
  return unit === "bytes" ? bytes(t) : real(t, 3);
}
