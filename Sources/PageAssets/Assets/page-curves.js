// Metrics over steps, in four groups.

const SERIES_GROUPS = [
  ["learning", "Learning", "Is the policy getting better, and from what?"],
  ["stability", "Stability", "Is the optimisation sound?"],
  ["data", "Data", "What is it learning from?"],
  ["speed", "Speed", "What does it cost?"],
];

const SMOOTHINGS = [["0", "raw"], ["5", "mean of 5"], ["11", "mean of 11"], ["25", "mean of 25"],
  ["51", "mean of 51"]];

const curvesPage = {
  title: () => "Curves",
  load: (route) => data(of(route.key, "metrics")),
  render(view, route, app) {
    const options = { smoothing: Number(route.query.smooth ?? 0), linked: new Set(), key: route.key };
    const find = (route.query.find ?? "").toLowerCase();
    const names = (one) => [one.name, one.title, ...Object.values(one.aliases ?? {}).flat()];
    const matches = (name) => name.toLowerCase().includes(find);
    const series = ranked((view.series ?? []).filter((one) => names(one).some(matches)));
    return [
      h("h1", {}, "Curves"),
      curveControls(view, route, app),
      h("p", { class: "note" }, curveNote(view, options.smoothing)),
      SERIES_GROUPS.map(([name, title, question]) => {
        const own = series.filter((one) => one.group === name);
        return own.length ? section(`curves-${name}`, title, question, h("div", { class: "charts" },
          own.map((one) => curveFigure(one, view, options)))) : null;
      }),
      series.length ? null : nothing(find ? "No metric has such a name." : "No steps yet."),
    ];
  },
};

/** The metrics that tell most first; those of a single level or source last. */
function ranked(series) {
  const rank = ({ name }) => {
    const place = HEADLINES.indexOf(name);
    return place >= 0 ? place : HEADLINES.length + (name.split("/").length > 2 ? 1 : 0);
  };
  return [...series].sort((a, b) => rank(a) - rank(b));
}

function curveControls(view, route, app) {
  const { smooth = "0", find = "" } = route.query;
  const rows = () => [["step", ...view.series.map((one) => one.name)],
    ...view.steps.map((step, i) => [step, ...view.series.map((one) => one.values[i])])];
  return h("div", { class: "controls" },
    choice("smooth", "Smoothing", SMOOTHINGS, smooth,
      (v) => app.choose({ smooth: v === "0" ? null : v })),
    h("label", { class: "choice" }, h("span", {}, "Find"),
      h("input", { type: "search", name: "find", value: find, placeholder: "name or alias",
        on: { change: ({ target }) => app.choose({ find: target.value || null }) } })),
    exportButton("metrics.csv", rows));
}

function curveNote(view, smoothing) {
  return [
    view.bin > 1 ? `Each point is the mean of ${integer(view.bin)} steps; the band goes from their `
      + "smallest to their largest value. " : "",
    smoothing ? "The strong line is a centred mean, the faint one is raw. " : "",
    "✕ marks a value that is not finite. Click a point, or Enter at the crosshair, for the groups of "
      + "its step.",
  ];
}

/** A metric's title with its unit and name. */
function seriesTitle(one) {
  const unit = one.unit && one.unit !== "share" ? h("span", { class: "soft" }, ` ${one.unit}`) : null;
  return [h("b", {}, capital(one.title)), unit, h("code", { class: "name" }, one.name)];
}

const hoverText = (one) => [one.definition, one.formula].filter(Boolean).join("\n");

function curveFigure(one, view, options) {
  const caption = h("figcaption", { title: hoverText(one) },
    h("div", {}, seriesTitle(one)),
    h("p", { class: "definition" }, prose(one.definition),
      one.formula ? h("span", { class: "formula" }, one.formula) : null),
    aliasLine(one));
  return h("figure", { data: { series: one.name } }, traced(caption, one.source),
    seriesChart(one, view, options));
}

/** What others call the metric. */
function aliasLine(one) {
  const others = Object.entries(one.aliases ?? {}).filter(([, names]) => names?.length);
  if (!others.length) return null;
  return h("p", { class: "aliases" }, others.map(([who, names], i) => [
    i ? " · " : "", `${who === "trl" ? "TRL" : who} `,
    names.map((name, j) => [j ? ", " : "", h("code", {}, name)]),
  ]));
}

/** One series as a chart. */
function seriesChart(one, view, { linked, smoothing, key, height = 150, quiet = false }) {
  const raw = one.values.map(number), width = Math.max(1, view.bin ?? 1);
  if (!raw.some((v) => v !== null)) return nothing("No values.");
  const line = { name: "", look: "line-0", values: raw,
    low: one.low?.map(number), high: one.high?.map(number) };
  if (smoothing) Object.assign(line, { values: smoothed(raw, smoothing), faint: raw, raw });
  const root = chart({
    label: `${one.title} over steps`, name: one.name, steps: view.steps, linked, height, quiet,
    series: [line], format: (v) => measured(v, one.unit), tick: (t) => tickText(t, one.unit),
    pick: (step) => { location.hash = groupsOfStep(key, step, step + width - 1); },
  });
  return traced(root, filled(one.source, { step: "*" }));
}

function tickText(t, unit) {
  if (unit === "share") return `${real(t * 100)}%`;
  return unit === "bytes" ? bytes(t) : real(t, 3);
}
