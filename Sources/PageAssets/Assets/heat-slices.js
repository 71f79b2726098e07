// The heat map by source and level: the share of solved rollouts over the steps.

function sliceMap(view, route) {
  const source = sourceOf(view, "slice") ?? sourceOf(view, "slices") ?? "";
  const rows = view.slices.map((slice) => ({
    id: slice.source ?? "–", prompt: (slice.level ?? null) === null ? "" : `level ${slice.level}`,
    cells: slice.cells.map((cell) => ({ ...cell, slice,
      group: [slice.source, slice.level, cell.step].filter((x) => (x ?? null) !== null).join("/") })),
  }));
  const steps = [...new Set(rows.flatMap((row) => row.cells.map((cell) => cell.step)))];
  const spec = {
    id: "slices", label: "Rollout accuracy by source, level and step", name: route.key,
    questions: rows, steps: steps.sort((a, b) => a - b), gamma: null, size: route.query.size ?? "fit",
    print: (cell) => `${Math.round((100 * cell.solved) / cell.total)}`,
    href: (cell) => sliceAddress(view, route, cell),
    source: (cell) => filled(source, { step: cell.step }),
    describe: (row, cell) => [row.id, row.prompt, `step ${integer(cell.step)}`,
      sharedText(cell), finite(cell.groups) ? plural(cell.groups, "group") : null]
      .filter(Boolean).join(" · "),
  };
  return section("slices", "Rollout accuracy by source, level and step",
    "The share of solved rollouts; numbers in cells are per cent.", sliceLegend(), heatmap(spec));
}

function sharedText({ solved, total }) {
  return total ? `${percent(solved / total)} of ${plural(total, "rollout")} solved` : "not judged yet";
}

/** The groups behind a cell. */
function sliceAddress(view, route, { step, slice }) {
  const { source, level } = slice, last = step + Math.max(1, view.bin ?? 1) - 1;
  if (!LIVE) return address(["run", route.key, "groups"], { step, source, level });
  const parts = [between("step", step, last), ...[["source", source], ["level", level]]
    .filter(([, text]) => text !== null && text !== undefined)
    .map(([field, text]) => equals(field, String(text)))];
  const where = parts.join(" and ");
  return parts.includes(null) ? null : address(["run", route.key, "groups"], { where });
}

function sliceLegend() {
  const row = h("span", { class: "ramp" });
  const paint = () => {
    const scale = accuracyScale(null);
    const swatch = (part) => h("span", { class: "swatch",
      style: { "background-color": rgb(scale(part)), color: inkOn(scale(part)) } }, percent(part, 0));
    row.replaceChildren(...[0, 0.25, 0.5, 0.75, 1].map(swatch));
  };
  paint();
  DARK.addEventListener("change", paint, { signal: pageLife.signal });
  return h("p", { class: "legend" }, row);
}
