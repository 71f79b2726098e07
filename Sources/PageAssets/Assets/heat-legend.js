// What the heat map's colours and marks mean, and the same map as a table.

/** The scale, with the gate's line where it stands. */
function heatLegend(view) {
  const row = h("span", { class: "ramp" }), gamma = number(view.gamma);
  const known = (view.questions ?? []).flatMap((q) => q.cells.slice(0, 1)).find((cell) => cell.total);
  const total = Math.max(4, Math.min(16, known?.total ?? 8));
  const swatch = (scale, i) => {
    const fill = scale(i / total);
    const last = gamma !== null && i / total <= gamma && (i + 1) / total > gamma;
    return h("span", { class: last ? "swatch line" : "swatch",
      style: { "background-color": rgb(fill), color: inkOn(fill) } }, `${i}/${total}`);
  };
  const paint = () => {
    const scale = accuracyScale(gamma);
    row.replaceChildren(...Array.from({ length: total + 1 }, (_, i) => swatch(scale, i)));
  };
  paint();
  DARK.addEventListener("change", paint, { signal: pageLife.signal });
  const mark = (look, text) => h("span", { class: "mark" }, h("i", { class: look }), text);
  return h("p", { class: "legend", id: "heat-legend" }, h("span", {}, "P"), row,
    gamma === null ? null
      : h("span", { class: "gamma" }, `| γ = ${real(gamma)}: left of the line P ≤ γ`),
    mark("corner", "to SFT"), mark("slash", "dropped"), mark("ring", "first solved"),
    mark("wedge", "flipped back"));
}

/** The same as a table: for readers of text, and for print. Made when it is opened. */
function heatTable(view, route) {
  const box = h("details", { data: { keep: "heat-table" } }, h("summary", {}, "The same as a table"));
  box.addEventListener("toggle", () => {
    if (!box.open || box.children.length > 1) return;
    box.append(table("Questions with their groups", heatColumns(view, route), view.questions ?? [],
      { id: "question-table", hidden: true, file: "gate.csv" }));
  });
  return box;
}

/** Groups of a question that the table shows at most; its file has them all. */
const SHOWN_CELLS = 40;

function heatColumns(view, route) {
  const steps = (list) => (list ?? []).join(", ") || "–";
  return [
    textColumn("Question", "id", { limit: 40 }),
    textColumn("Source", "source", { limit: 30 }),
    numberColumn("First solved at step", "first_solved", { source: sourceOf(view, "first_solved") }),
    { title: "Flipped back at", name: "flipped_back", class: "num", source: sourceOf(view, "flipped_back"),
      value: (q) => (q.flipped_back ?? []).join(" "),
      cell: (q) => h("span", {}, steps(q.flipped_back)) },
    { title: "Groups", name: "cells",
      value: (q) => q.cells.map((c) => `${c.step}:${c.solved}/${c.total}:${c.fate}`).join(" "),
      cell: (q) => h("span", {}, q.cells.slice(0, SHOWN_CELLS).map((c) => [cellLink(route, c), " "]),
        q.cells.length > SHOWN_CELLS ? `and ${integer(q.cells.length - SHOWN_CELLS)} more` : "") },
  ];
}

function cellLink(route, cell) {
  const fate = FATES[cell.fate];
  const text = `${fate?.symbol ?? "○"}${cell.solved ?? "–"}/${cell.total ?? "–"}`;
  const properties = { data: { cell: cell.group }, title: `step ${cell.step}`,
    "aria-label": `step ${cell.step}: ${accuracyText(cell)}, ${fate?.long ?? cell.fate}` };
  return holds(of(route.key, "groups", cell.group))
    ? link(["run", route.key, "group", cell.group], {}, text, properties)
    : h("span", { class: "absent", role: "img", ...properties }, text);
}
