// Held-out suites: means with their intervals.

const evaluationsPage = {
  title: () => "Evaluations",
  load: (route) => data(of(route.key)),
  render(run) {
    const sets = run.evaluations ?? [];
    return [h("h1", {}, "Evaluations"),
      h("p", { class: "note" }, "Mean over questions of the share of solved samples (avg@k). The line is the interval of the bootstrap over questions."),
      sets.length ? evaluationTables(run) : nothing("No suite has been evaluated. A definition names them under evaluation.datasets and evaluation.suites.")];
  },
};

const SUITE_GROUPS = { id: "In distribution", ood: "Out of distribution" };

/** What was measured: the label, with the step where it names none. */
function weightsOf(row) {
  const label = row.label ?? "";
  return /\d/.test(label) || !finite(row.step) ? label : `${label}${label ? ", " : ""}step ${integer(row.step)}`;
}

/** One table for each group of suites; a body for each suite, a row for each time it was measured. */
function evaluationTables(run) {
  const names = [...new Set((run.evaluations ?? []).map((e) => e.group ?? ""))];
  return names.map((name) => {
    const sets = run.evaluations.filter((e) => (e.group ?? "") === name);
    return h("div", { class: "table" }, h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": `Evaluations ${name}`,
      data: { keep: `evaluations ${name}` } }, h("table", { class: "evaluations" },
      h("caption", {}, brief(SUITE_GROUPS[name] ?? (name || "Suites"), 80)),
      h("thead", {}, h("tr", {}, ["Suite", "Weights", "Mean", "Interval", "0 to 100 %", "Questions", "k", "Errors"].map((title, i) =>
        h("th", { scope: "col", class: [2, 3, 5, 6, 7].includes(i) ? "num" : null }, title)))),
      sets.map(evaluationBody))),
    h("div", { class: "tools" }, exportButton("evaluations.csv", () => [["suite", "step", "label", "mean", "low", "high", "questions", "k", "errors"],
      ...sets.flatMap((e) => e.rows.map((r) => [e.suite, r.step, r.label, r.mean, r.low, r.high, e.questions, e.k, r.errors]))])));
  });
}

function evaluationBody(set) {
  return h("tbody", { data: { suite: set.suite } }, set.rows.map((row, i) => {
    const cell = (content, properties) => traced(h("td", properties, content), set.source, null, { step: row.step });
    const label = `${set.suite} ${row.label ?? ""}: ${percent(row.mean)}, ${percent(row.low)} to ${percent(row.high)}`;
    return h("tr", {}, i ? null : h("th", { scope: "rowgroup", rowspan: set.rows.length }, traced(h("span", {}, brief(set.suite, 60)), set.source)),
      h("td", { class: "nowrap" }, weightsOf(row)),
      cell(percent(row.mean), { class: "num strong" }), cell(`${percent(row.low)} – ${percent(row.high)}`, { class: "num" }),
      h("td", {}, interval(row.mean, row.low, row.high, label)),
      h("td", { class: "num" }, integer(set.questions)), h("td", { class: "num" }, integer(set.k)),
      cell(row.errors ? [h("span", { class: "state state-warning" }, h("i", {}, "!")), ` ${integer(row.errors)}`] : "0", { class: "num" }));
  }));
}
