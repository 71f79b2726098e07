// What the performance gate made of every question.

const SHARES = [["sft", "fate-imitated", "SFT"], ["mixed", "fate-mixed", "mixed"], ["rl", "fate-reinforced", "RL"],
  ["dropped", "fate-dropped", "dropped"], ["waiting", "fate-other", "waiting"]];
const HEAT_SIZES = [["fit", "fit"], ["8", "small"], ["18", "middle"], ["30", "large"]];
const GATE_SORTS = [["first", "first asked"], ["hardest", "hardest first"], ["flips", "most flips first"]];

const gatePage = {
  title: () => "Gate",
  async load(route) {
    const { from, count, sort } = route.query, view = await data(of(route.key, "gate"), { from, count, sort });
    return LIVE ? view : { ...view, questions: ordered(view.questions ?? [], sort) };
  },
  render(view, route, app) {
    const steps = view.steps ?? [];
    return [h("h1", {}, "Gate"),
      view.gamma_text ? h("p", { class: "lead" }, traced(h("span", {}, view.gamma_text), view, "gamma")) : null,
      section("shares", "Share of groups per step", null, steps.length ? shareChart(view, route) : nothing("No step yet.")),
      section("map", "Rollout accuracy by question and step", null, heatControls(view, route, app),
        heatLegend(view), heatmap(heatSpec(view, route)), heatTable(view, route))];
  },
};

/** A report's questions in the order that a server would give them. */
function ordered(questions, sort) {
  const accuracy = (q) => q.cells.reduce((all, c) => all + (c.total ? c.solved / c.total : 0), 0) / (q.cells.length || 1);
  const by = { hardest: accuracy, flips: (q) => -(q.flipped_back?.length ?? 0) }[sort];
  return by ? [...questions].sort((a, b) => by(a) - by(b)) : questions;
}

function shareChart(view, route) {
  const steps = view.steps.map((one) => one.step);
  const used = SHARES.filter(([name]) => view.steps.some((one) => one[name]));
  const series = used.map(([name, look, title]) => ({ name: title, look,
    values: view.steps.map((one) => (one.groups ? (one[name] ?? 0) / one.groups : 0)) }));
  const root = chart({ label: "Share of groups sent to SFT, RL or dropped, per step", name: "gate-shares", steps, series,
    stacked: true, height: 170, format: (v) => percent(v), tick: (t) => `${real(t * 100)}%`,
    pick: (step) => { location.hash = groupsOfStep(route.key, step, step + Math.max(1, view.bin ?? 1) - 1); } });
  return h("figure", { class: "wide" }, lineKey(series), traced(root, filled(sourceOf(view, "share"), { step: "*" })));
}

function heatSpec(view, route) {
  return { name: route.key, questions: view.questions ?? [], gamma: view.gamma, size: route.query.size ?? "fit",
    steps: stepsOf(view),
    href: (cell) => address(["run", route.key, "group", cell.group]),
    source: (cell) => filled(view.sources?.cell ?? "", { group: cell.group, step: cell.step }),
    describe: (question, cell) => {
      const marks = [question.first_solved === cell.step ? "first solved" : "",
        question.flipped_back?.includes(cell.step) ? "flipped back" : ""].filter(Boolean);
      return `${brief(question.id, 40)} · step ${integer(cell.step)} · ${accuracyText(cell)}`
        + ` · ${FATES[cell.fate]?.long ?? cell.fate}${marks.map((m) => ` · ${m}`).join("")} · group ${cell.group} · ${brief(question.prompt, 90)}`;
    } };
}

function accuracyText({ solved, total }) {
  return total ? `${solved}/${total} solved, P = ${real(solved / total, 3)}` : "not judged yet";
}

/** The steps that the questions at hand span: those of other questions would be empty columns. */
function stepsOf(view) {
  const asked = new Set((view.questions ?? []).flatMap((q) => q.cells.map((c) => c.step)));
  const [low, high] = extremes(asked);
  for (const { step } of view.steps ?? []) if (step >= low && step <= high) asked.add(step);
  return [...asked].sort((a, b) => a - b);
}

function heatControls(view, route, app) {
  const from = view.from ?? 0, count = (view.questions ?? []).length, total = view.total ?? count;
  const page = Number(route.query.count) || count || 100;
  const go = (to) => app.choose({ from: to > 0 ? to : null });
  pageKeys.n = () => from + count < total && go(from + page);
  pageKeys.p = () => from > 0 && go(Math.max(0, from - page));
  const pages = LIVE && (from > 0 || from + count < total);
  return h("div", { class: "controls" },
    choice("sort", "Order", GATE_SORTS, route.query.sort ?? "first", (v) => app.choose({ sort: v, from: null })),
    choice("size", "Cells", HEAT_SIZES, route.query.size ?? "fit", (v) => app.choose({ size: v })),
    LIVE ? choice("count", "Questions", [["50", "50"], ["100", "100"], ["200", "200"]], String(page),
      (v) => app.choose({ count: v, from: null })) : null,
    h("span", { class: "paging" },
      pages ? button("previous", () => go(Math.max(0, from - page)), { disabled: from <= 0, data: { act: "previous" } }) : null,
      value(count ? ` questions ${integer(from + 1)} to ${integer(from + count)} of ${integer(total)} ` : "no questions", view, "total"),
      pages ? button("next", () => go(from + page), { disabled: from + count >= total, data: { act: "next" } }) : null));
}

/** The scale in eighths, with the gate's line where it stands. */
function heatLegend(view) {
  const row = h("span", { class: "ramp" }), gamma = number(view.gamma);
  const total = Math.max(4, Math.min(16, view.questions?.find((q) => q.cells[0]?.total)?.cells[0].total ?? 8));
  const paint = () => {
    const scale = accuracyScale(gamma);
    row.replaceChildren(...Array.from({ length: total + 1 }, (_, i) => {
      const fill = scale(i / total), below = gamma !== null && i / total <= gamma;
      const last = below && (i + 1) / total > gamma;
      return h("span", { class: `swatch${last ? " line" : ""}`, style: { "background-color": rgb(fill), color: inkOn(fill) } }, `${i}/${total}`);
    }));
  };
  paint();
  DARK.addEventListener("change", paint, { signal: pageLife.signal });
  return h("p", { class: "legend", id: "heat-legend" }, h("span", {}, "P"), row,
    gamma === null ? null : h("span", { class: "gamma" }, `| γ = ${real(gamma)}: left of the line P ≤ γ`),
    h("span", { class: "mark" }, h("i", { class: "corner" }), "to SFT"),
    h("span", { class: "mark" }, h("i", { class: "slash" }), "dropped"),
    h("span", { class: "mark" }, h("i", { class: "ring" }), "first solved"),
    h("span", { class: "mark" }, h("i", { class: "wedge" }), "flipped back"));
}

/** The same as a table: for readers of text, and for print. Made when it is opened. */
function heatTable(view, route) {
  const box = h("details", { data: { keep: "heat-table" } }, h("summary", {}, "The same as a table"));
  const columns = [
    { title: "Question", name: "id", cell: (q) => h("span", {}, brief(q.id, 40)), value: (q) => q.id },
    { title: "Source", name: "source", cell: (q) => h("span", {}, brief(q.source ?? "–", 30)), value: (q) => q.source },
    { title: "First solved", name: "first_solved", class: "num", source: view.sources?.first_solved, cell: (q) => h("span", {}, finite(q.first_solved) ? `step ${integer(q.first_solved)}` : "–"), value: (q) => q.first_solved },
    { title: "Flipped back", name: "flipped_back", class: "num", source: view.sources?.flipped_back, cell: (q) => h("span", {}, (q.flipped_back ?? []).join(", ") || "–"), value: (q) => (q.flipped_back ?? []).join(" ") },
    { title: "Groups", name: "cells", cell: (q) => h("span", {}, q.cells.slice(0, 40).map((c, i) => [i ? " " : "",
      link(["run", route.key, "group", c.group], {}, `${FATES[c.fate]?.symbol ?? "○"}${c.solved ?? "–"}/${c.total ?? "–"}`,
        { data: { cell: c.group }, "aria-label": `step ${c.step}: ${accuracyText(c)}, ${FATES[c.fate]?.long ?? c.fate}`, title: `step ${c.step}` })]),
    q.cells.length > 40 ? ` and ${integer(q.cells.length - 40)} more` : ""), value: (q) => q.cells.map((c) => `${c.step}:${c.solved}/${c.total}:${c.fate}`).join(" ") },
  ];
  box.addEventListener("toggle", () => {
    if (box.open && box.children.length === 1)
      box.append(table("Questions with their groups", columns, view.questions ?? [], { id: "question-table", hidden: true, file: "gate.csv" }));
  });
  return box;
}
