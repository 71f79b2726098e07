// What the performance gate made of every question.

const SHARES = [["sft", "fate-imitated", "SFT"], ["mixed", "fate-mixed", "mixed"],
  ["rl", "fate-reinforced", "RL"], ["dropped", "fate-dropped", "dropped"],
  ["waiting", "fate-other", "waiting"]];
const HEAT_SIZES = [["fit", "fit"], ["8", "small"], ["18", "middle"], ["30", "large"]];
const GATE_SORTS = [["first", "first asked"], ["hardest", "hardest first"],
  ["flips", "most flips first"]];
const GATE_COUNTS = [["50", "50"], ["100", "100"], ["200", "200"]];

const gatePage = {
  title: () => "Gate",
  async load(route) {
    const { from, count, sort } = route.query;
    const view = await data(of(route.key, "gate"), { from, count, sort });
    return LIVE ? view : { ...view, questions: ordered(view.questions ?? [], sort) };
  },
  render(view, route, app) {
    const line = traced(h("span", {}, view.gamma_text ?? ""), view, "gamma");
    const map = section("map", "Rollout accuracy by question and step", null,
      heatControls(view, route, app), heatLegend(view), heatmap(heatSpec(view, route)),
      heatTable(view, route));
    const slices = view.slices?.length ? sliceMap(view, route) : null;
    // Where a question is asked once, its row says little; sources and levels say how it goes.
    const once = (view.questions ?? []).filter((q) => q.cells.length < 2).length;
    const asksOnce = once * 2 > (view.questions ?? []).length;
    return [
      h("h1", {}, "Gate"),
      view.gamma_text ? h("p", { class: "lead" }, line) : null,
      section("shares", "Share of groups per step", null,
        view.steps?.length ? shareChart(view, route) : nothing("No step yet.")),
      asksOnce ? [slices, map] : [map, slices],
    ];
  },
};

/** A report's questions in the order that a server would give them. */
function ordered(questions, sort) {
  const accuracy = (q) => mean(q.cells.filter((c) => c.total).map((c) => c.solved / c.total)) ?? 2;
  const by = { hardest: accuracy, flips: (q) => -(q.flipped_back?.length ?? 0) }[sort];
  return by ? [...questions].sort((a, b) => by(a) - by(b)) : questions;
}

function shareChart(view, route) {
  const width = Math.max(1, view.bin ?? 1);
  const used = SHARES.filter(([name]) => view.steps.some((one) => one[name]));
  const series = used.map(([name, look, title]) => ({
    name: title, look,
    values: view.steps.map((one) => (one.groups ? (one[name] ?? 0) / one.groups : 0)),
  }));
  const root = chart({
    label: "Share of groups sent to SFT, RL or dropped, per step", name: "gate-shares", stacked: true,
    steps: view.steps.map((one) => one.step), series, height: 170,
    format: (v) => percent(v), tick: (t) => tickText(t, "share"),
    pick: (step) => { location.hash = groupsOfStep(route.key, step, step + width - 1); },
  });
  const source = filled(sourceOf(view, "share"), { step: "*" });
  return h("figure", { class: "wide" }, lineKey(series), traced(root, source));
}

/** What the map is made of. */
function heatSpec(view, route) {
  return {
    id: "heat", label: "Rollout accuracy by question and step", name: route.key,
    questions: view.questions ?? [], steps: stepsOf(view), gamma: view.gamma,
    size: route.query.size ?? "fit",
    print: (cell, roomy) => (roomy ? `${cell.solved}/${cell.total}` : `${cell.solved}`),
    href: (cell) => (holds(of(route.key, "groups", cell.group))
      ? address(["run", route.key, "group", cell.group]) : null),
    source: (cell) => filled(sourceOf(view, "cell") ?? "", { group: cell.group, step: cell.step }),
    describe: (question, cell) => [
      brief(question.id, 40), `step ${integer(cell.step)}`, accuracyText(cell),
      FATES[cell.fate]?.long ?? cell.fate,
      question.first_solved === cell.step ? "first solved" : null,
      question.flipped_back?.includes(cell.step) ? "flipped back" : null,
      `group ${cell.group}`, holds(of(route.key, "groups", cell.group)) ? null : "not in this file",
      brief(question.prompt, 90),
    ].filter(Boolean).join(" · "),
  };
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
  const { sort = "first", size = "fit", count } = route.query;
  const from = view.from ?? 0, here = (view.questions ?? []).length, total = view.total ?? here;
  const page = Number(count) || here || 50;
  const go = (to) => app.choose({ from: to > 0 ? to : null });
  const before = () => from > 0 && go(from - page);
  const after = () => from + here < total && go(from + page);
  if (LIVE) Object.assign(pageKeys, { n: after, p: before });
  const turn = (text, act, off) =>
    (LIVE && total > here ? button(text, act, { disabled: off, data: { act: text } }) : null);
  const range = here ? `questions ${integer(from + 1)} to ${integer(from + here)} of ${integer(total)}`
    : "no questions";
  return h("div", { class: "controls" },
    choice("sort", "Order", GATE_SORTS, sort, (v) => app.choose({ sort: v, from: null })),
    choice("size", "Cells", HEAT_SIZES, size, (v) => app.choose({ size: v })),
    LIVE ? choice("count", "Questions", GATE_COUNTS, String(page),
      (v) => app.choose({ count: v, from: null })) : null,
    h("span", { class: "paging" }, turn("previous", before, from <= 0), value(range, view, "cell"),
      turn("next", after, from + here >= total)));
}
