// Held-out suites: means with their intervals.

const evaluationsPage = {
  title: () => "Evaluations",
  load: (route) => data(of(route.key)),
  render(run) {
    return [
      h("h1", {}, "Evaluations"),
      h("p", { class: "note" }, "Mean over questions of the share of solved samples (avg@k). The line is "
        + "the bootstrap’s interval over questions."),
      run.evaluations?.length ? evaluationTables(run)
        : nothing("No suite has been evaluated. A definition names them under evaluation.datasets and "
          + "evaluation.suites."),
    ];
  },
};

const SUITE_GROUPS = { id: "In distribution", ood: "Out of distribution" };
const SUITE_HEADS = [["Suite"], ["Weights"], ["Mean", "num"], ["Interval", "num"], ["0 to 100 %"],
  ["Questions", "num"], ["k", "num"], ["Errors", "num"]];

/** One table for each group of suites; a body for each suite, a row for each time it was measured. */
function evaluationTables(run) {
  const names = [...new Set((run.evaluations ?? []).map((set) => set.group ?? ""))];
  return names.map((name) => {
    const sets = run.evaluations.filter((set) => (set.group ?? "") === name);
    const title = brief(SUITE_GROUPS[name] ?? (name || "Suites"), 80);
    return h("div", { class: "table" },
      h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": title,
        data: { keep: `evaluations ${name}` } },
      h("table", { class: "evaluations" }, h("caption", {}, title),
        h("thead", {}, h("tr", {}, SUITE_HEADS.map(([head, look]) =>
          h("th", { scope: "col", class: look }, head)))),
        sets.map((set) => evaluationBody(run, set)))),
      h("div", { class: "tools" }, exportButton("evaluations.csv", () => evaluationRows(sets))));
  });
}

function evaluationBody(run, set) {
  const name = traced(h("span", {}, brief(set.suite, 60)), set.source);
  return h("tbody", { data: { suite: set.suite } }, set.rows.map((row, i) => {
    const places = { step: row.step, suite: set.suite };
    const cell = (content, look, field) =>
      traced(h("td", { class: look }, content), sourceOf(run, field) ?? set.source, null, places);
    const range = `${percent(row.low)} – ${percent(row.high)}`;
    return h("tr", {},
      i ? null : h("th", { scope: "rowgroup", rowspan: set.rows.length }, name),
      h("td", { class: "nowrap" }, weightsOf(row)),
      cell(percent(row.mean), "num strong", "mean"), cell(range, "num", "low"),
      h("td", {}, interval(row.mean, row.low, row.high, `${percent(row.mean)}, ${range}`)),
      cell(integer(set.questions), "num"), cell(integer(set.k), "num"), cell(errorCount(row), "num"));
  }));
}

function errorCount(row) {
  if (!row.errors) return "0";
  return [h("span", { class: "state state-warning" }, h("i", {}, "!")), ` ${integer(row.errors)}`];
}

/** What was measured: the label, with the step where it names none. */
function weightsOf(row) {
  const label = row.label ?? "";
  if (/\d/.test(label) || !finite(row.step)) return label;
  return `${label}${label ? ", " : ""}step ${integer(row.step)}`;
}

function evaluationRows(sets) {
  const row = (set, r) =>
    [set.suite, r.step, r.label, r.mean, r.low, r.high, set.questions, set.k, r.errors];
  return [["suite", "step", "label", "mean", "low", "high", "questions", "k", "errors"],
    ...sets.flatMap((set) => set.rows.map((r) => row(set, r)))];
}
