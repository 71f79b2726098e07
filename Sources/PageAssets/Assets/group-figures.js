// What the group page draws and writes of its tokens: over position, as a histogram, as tables.

/** The quantity over position, for the trajectory at hand, and its histogram over all tokens. */
function drawFigures(state) {
  const { quantity, scale, all, under } = state;
  const there = all.filter((r) => r.tokens?.texts.length);
  state.position = null;
  if (!quantity || !scale.values.length || !there.length) {
    const none = quantity ? [nothing(`No token has a ${quantity.title} here.`)] : [];
    state.figures.replaceChildren(...none);
    return;
  }
  const shown = there.find((one) => scaledValue(quantity, one, under, 0) !== null) ?? there[0];
  const r = state.at?.[0] ?? shown;
  state.figures.replaceChildren(
    h("figure", {}, h("figcaption", {}, h("b", {}, `${quantity.title} over position`), `, ${nameOf(r)}`,
      there.length > 1 ? "; band: all trajectories" : ""), positionChart(state, r, there)),
    h("figure", {}, h("figcaption", {}, h("b", {}, `${quantity.title} of all tokens`),
      `, ${plural(scale.values.length, "token")}`), tokenHistogram(state)));
}

function positionChart(state, r, there) {
  const { quantity, scale, under } = state;
  const at = (one, i) => (i < one.tokens.texts.length ? scaledValue(quantity, one, under, i) : null);
  const length = Math.max(...there.map((one) => one.tokens.texts.length));
  const steps = Array.from({ length }, (_, i) => i);
  const known = (i) => there.map((one) => at(one, i)).filter((x) => x !== null && Number.isFinite(x));
  const edges = steps.map((i) => extremes(known(i)));
  const edge = (side) => (there.length > 1
    ? edges.map(([low, high]) => (low > high ? null : side ? high : low)) : null);
  const linked = new Set();
  state.position = (i) => linked.forEach((one) => one.show(i));
  return chart({
    label: `${quantity.title} over position, ${nameOf(r)}`, name: "position", axis: "token",
    steps, linked, height: 130, quiet: true, tick: (t) => scale.shown(t),
    series: [{ name: "", look: "line-0", values: steps.map((i) => at(r, i)), low: edge(0),
      high: edge(1) }],
    format: (v) => (finite(v) ? scale.shown(v) : nonFinite(v)),
    pick: (i) => state.columns.find((c) => c.r === r)?.tokens.strip.focusToken(i),
  });
}

function tokenHistogram({ quantity, scale }) {
  const [low, high] = extremes(scale.values.filter(Number.isFinite));
  const bins = quantity.kind === "mask" ? binned(scale.values, 2, [0, 1])
    : binned(scale.values, 25, low < high ? [low, high] : null);
  return histogram(`Histogram of ${quantity.title}`, bins, { format: scale.shown, height: 150,
    look: (bin) => `level-${scale.level((bin.low + bin.high) / 2)}` });
}

/** The verdicts side by side, and what each trajectory weighs. */
function rolloutTable({ view, all, under }) {
  const column = (title, name, field, read, show = (x) => brief(x ?? "–", 120), look = null) => ({
    title, name, class: look, source: sourceOf(view, field), value: read,
    cell: (r) => h("span", {}, show(read(r), r)),
  });
  const reward = (x, r) => (r.verdict ? [rewardMark(x), ` ${real(x)}`] : "–");
  const digits = (x) => real(x);
  const rule = ({ verdict }) => verdict?.error ?? verdict?.rule;
  return table("Verdicts of all trajectories", [
    column("Trajectory", "trajectory", "rule", nameOf),
    column("Reward", "reward", "reward", (r) => r.verdict?.reward, reward, "num"),
    column("Verdict", "rule", "verdict", rule),
    column("Answer", "extracted", "extracted", (r) => r.verdict?.extracted),
    column("Finish", "finish", "finish", (r) => r.finish),
    column("Tokens", "tokens", "length", (r) => r.token_count, integer, "num"),
    column("Σ log π", "log_probability", "log_probability", (r) => r.log_probability, digits, "num"),
    column("Advantage", "advantage", "advantage", (r) => advantageOf(r, under), (x) => x ?? "–", "num"),
    column("Σ weight", "weight", "weight", (r) => totalWeight(r, under), digits, "num"),
  ], all, { id: "verdict-table", hidden: true, heads: true, file: `group-${view.group}.csv`,
    places: (r) => ({ group: view.group, index: r.index }) });
}

/** Every token with its parts under the chosen algorithm, for a file. */
function tokenRows({ all, under }) {
  const recorded = [...new Set(all.flatMap((r) => Object.keys(r.tokens?.quantities ?? {})))];
  const parts = ["mask", "ratio", "log_reference", "shape", "advantage", "norm", "added", "weight"];
  const row = (r, i) => [r.kind, r.index, i, r.tokens.ids?.[i], r.tokens.texts[i],
    entry(r.tokens.trained, i), entry(r.tokens.log_probability, i),
    ...recorded.map((name) => entry(r.tokens.quantities?.[name], i)),
    ...parts.map((part) => entry(r.under?.[under]?.[part], i))];
  return [
    ["trajectory", "index", "position", "id", "text", "trained", "log_probability", ...recorded, ...parts],
    ...all.flatMap((r) => (r.tokens?.texts ?? []).map((_, i) => row(r, i))),
  ];
}
