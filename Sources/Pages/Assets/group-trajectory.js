// A trajectory of the group page: its column, its row in the table, its tokens.

/** The column of a rollout or demonstration: verdict above, tokens below. */
function trajectoryColumn(state, r) {
  const { view } = state, places = { group: view.group, index: r.index }, name = nameOf(r);
  const facts = h("dl", { class: "verdict" }), v = r.verdict;
  const fact = (label, content, field) => facts.append(h("dt", {}, label), traced(h("dd", {}, content), view, field, places));
  if (v?.error) fact("error", brief(v.error, 300), "verdict");
  else if (v) {
    fact("reward", [rewardMark(v.reward), ` ${real(v.reward)}`], "reward");
    fact("verdict", [brief(v.rule ?? "–", 160), components(v)], "verdict");
    fact("answer", v.extracted === null || v.extracted === undefined ? "none found" : h("mark", {}, brief(v.extracted, 120)), "extracted");
  }
  fact("finish", r.finish === "length" ? "cut at the limit" : r.finish ?? "–", "finish");
  fact("length", plural(r.token_count, "token"), "length");
  const advantage = h("dd", {});
  facts.append(h("dt", {}, "advantage"), advantage);
  if (finite(r.log_probability)) fact("Σ log π", real(r.log_probability), "log_probability");
  const critique = v?.critique ? h("details", {}, h("summary", {}, "critique"), textBlock(v.critique, { limit: 2000 })) : null;
  const body = h("div", { class: "body" });
  const tokens = r.tokens?.texts?.length ? tokenStrip(r, name, answerUnits(r)) : null;
  const plain = tokens ? null : textBlock(r.text, { span: v?.span });
  body.append(tokens?.strip ?? plain);
  const element = h("article", { class: `trajectory ${r.kind}`, "aria-label": name, data: { trajectory: `${r.kind}-${r.index}` } },
    h("h3", {}, name, h("small", {}, r.trains ? " trains" : " does not train")), facts, critique, body);
  if (tokens) listenToTokens(state, r, tokens);
  const refresh = (quantity, scale, now) => {
    const a = advantageOf(r, now.under);
    advantage.replaceChildren(a === null ? "–" : visible(a));
    traced(advantage, view, "advantage", places);
    if (tokens) paintStrip(tokens.spans, r, quantity, scale, now.under);
  };
  return { r, element, refresh, tokens };
}

function components(v) {
  const parts = Object.entries(v.components ?? {}).filter(([name]) => name !== "accuracy" || v.components.accuracy !== v.reward);
  return parts.length ? h("small", { class: "soft" }, parts.map(([name, x]) => ` ${brief(name, 30)} ${real(x)}`)) : null;
}

/** The advantage of a trajectory: one number, or the range of its tokens'; that of the loss batch where no algorithm is chosen. */
function advantageOf(r, algorithm) {
  const column = algorithm === undefined ? r.advantage : r.under?.[algorithm]?.advantage;
  if (column === null || column === undefined) return null;
  if (!Array.isArray(column)) return real(column);
  const [low, high] = extremes(column.filter((x) => finite(x)).map(Number));
  return low > high ? null : low === high ? real(low) : `${real(low)} to ${real(high)}`;
}

/** Σ_t weight_t: how strongly a trajectory is pulled. */
function totalWeight(r, algorithm) {
  const column = r.under?.[algorithm]?.weight;
  if (column === null || column === undefined) return null;
  if (!Array.isArray(column)) return Number(column) * (r.tokens?.texts.length ?? r.token_count ?? 0);
  return column.reduce((all, x) => all + (x === null ? 0 : Number(x)), 0);
}

/** Pointer, focus and arrow keys of a strip: one token is in the tab order at a time. */
function listenToTokens(state, r, { strip, spans }) {
  const show = (event) => {
    const span = event.target.closest?.(".token");
    if (span) showToken(state, r, Number(span.dataset.index));
  };
  let last = spans[0];
  const focus = (span) => {
    last.removeAttribute("tabindex");
    span.tabIndex = 0;
    last = span;
    span.focus({ preventScroll: false });
  };
  strip.addEventListener("pointerover", show);
  strip.addEventListener("focusin", show);
  strip.addEventListener("click", (event) => {
    const span = event.target.closest(".token");
    if (span) focus(span);
  });
  strip.addEventListener("keydown", (event) => {
    const i = Number(document.activeElement.dataset.index ?? 0);
    const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: spans.length - 1, PageUp: i - 20, PageDown: i + 20 }[event.key];
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (to !== undefined) focus(spans[Math.max(0, Math.min(spans.length - 1, to))]);
    else if (by) otherStrip(state, r, i, by);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  strip.focusToken = (i) => focus(spans[Math.max(0, Math.min(spans.length - 1, i))]);
}

/** The same position in the next or previous trajectory. */
function otherStrip(state, r, i, by) {
  const strips = state.columns.filter((c) => c.tokens), at = strips.findIndex((c) => c.r === r);
  strips[at + by]?.tokens.strip.focusToken(i);
}

function showToken(state, r, i) {
  const moved = state.at?.[0] !== r;
  state.at = [r, i];
  const title = brief(state.algorithm?.title ?? state.under ?? "", 40);
  state.dock.replaceChildren(tokenParts(state.view, r, nameOf(r), i, state.under, title));
  if (moved) drawFigures(state);
  state.position?.(i);
}

/** The verdicts side by side, and what each trajectory weighs. */
function rolloutTable(state) {
  const { view, all, under } = state;
  const span = (text) => h("span", {}, text);
  return table("Verdicts of all trajectories", [
    { title: "Trajectory", name: "trajectory", value: nameOf, cell: (r) => span(nameOf(r)) },
    { title: "Reward", name: "reward", class: "num", source: sourceOf(view, "reward"), value: (r) => r.verdict?.reward, cell: (r) => (r.verdict ? h("span", {}, rewardMark(r.verdict.reward), ` ${real(r.verdict.reward)}`) : span("–")) },
    { title: "Verdict", name: "rule", source: sourceOf(view, "verdict"), value: (r) => r.verdict?.error ?? r.verdict?.rule, cell: (r) => span(brief(r.verdict?.error ?? r.verdict?.rule ?? "–", 120)) },
    { title: "Answer", name: "extracted", source: sourceOf(view, "extracted"), value: (r) => r.verdict?.extracted, cell: (r) => span(brief(r.verdict?.extracted ?? "–", 60)) },
    { title: "Finish", name: "finish", source: sourceOf(view, "finish"), value: (r) => r.finish, cell: (r) => span(r.finish ?? "–") },
    { title: "Tokens", name: "tokens", class: "num", source: sourceOf(view, "length"), value: (r) => r.token_count, cell: (r) => span(integer(r.token_count)) },
    { title: "Σ log π", name: "log_probability", class: "num", source: sourceOf(view, "log_probability"), value: (r) => r.log_probability, cell: (r) => span(real(r.log_probability)) },
    { title: "Advantage", name: "advantage", class: "num", source: sourceOf(view, "advantage"), value: (r) => advantageOf(r, under), cell: (r) => span(advantageOf(r, under) ?? "–") },
    { title: "Σ weight", name: "weight", class: "num", source: sourceOf(view, "weight"), value: (r) => totalWeight(r, under), cell: (r) => span(real(totalWeight(r, under))) },
  ], all, { id: "verdict-table", hidden: true, heads: true, file: `group-${view.group}.csv`, places: (r) => ({ group: view.group, index: r.index }) });
}

/** Every token with its parts under the chosen algorithm, for a file. */
function tokenRows(state) {
  const recorded = [...new Set(state.all.flatMap((r) => Object.keys(r.tokens?.quantities ?? {})))];
  const parts = ["mask", "ratio", "log_reference", "shape", "advantage", "norm", "added", "weight"];
  const rows = [["trajectory", "index", "position", "id", "text", "trained", "log_probability", ...recorded, ...parts]];
  for (const r of state.all) for (let i = 0; i < (r.tokens?.texts.length ?? 0); i++)
    rows.push([r.kind, r.index, i, r.tokens.ids?.[i], r.tokens.texts[i], entry(r.tokens.trained, i), entry(r.tokens.log_probability, i),
      ...recorded.map((name) => entry(r.tokens.quantities?.[name], i)), ...parts.map((p) => entry(r.under?.[state.under]?.[p], i))]);
  return rows;
}

/** The quantity over position, for the trajectory at hand, and its histogram over all tokens. */
function drawFigures(state) {
  const { quantity, scale, all, under } = state;
  const there = all.filter((r) => r.tokens?.texts.length);
  if (!quantity || !scale.values.length || !there.length) {
    state.figures.replaceChildren(...(quantity ? [nothing(`No token has a ${quantity.title} here.`)] : []));
    return;
  }
  const r = state.at?.[0] ?? there.find((one) => scaledValue(quantity, one, under, 0) !== null) ?? there[0];
  const length = Math.max(...there.map((one) => one.tokens.texts.length));
  const steps = Array.from({ length }, (_, i) => i);
  const values = steps.map((i) => (i < r.tokens.texts.length ? scaledValue(quantity, r, under, i) : null));
  const rows = there.map((one) => steps.map((i) => (i < one.tokens.texts.length ? scaledValue(quantity, one, under, i) : null)));
  const edge = (pick) => steps.map((i) => { const [low, high] = extremes(rows.map((x) => x[i]).filter((x) => x !== null && Number.isFinite(x))); return low > high ? null : pick ? high : low; });
  const linked = new Set();
  const root = chart({ label: `${quantity.title} over position, ${nameOf(r)}`, name: "position", steps, linked, axis: "token", height: 130, quiet: true,
    series: [{ name: "", look: "line-0", values, low: there.length > 1 ? edge(0) : null, high: there.length > 1 ? edge(1) : null }],
    format: (v) => (finite(v) ? scale.shown(v) : nonFinite(v)), tick: (t) => scale.shown(t),
    pick: (i) => state.columns.find((c) => c.r === r)?.tokens.strip.focusToken(i) });
  state.position = (i) => linked.forEach((c) => c.show(i));
  const [low, high] = extremes(scale.values.filter(Number.isFinite));
  const bins = quantity.kind === "mask" ? binned(scale.values, 2, [0, 1]) : binned(scale.values, 25, low < high ? [low, high] : null);
  state.figures.replaceChildren(
    h("figure", {}, h("figcaption", {}, h("b", {}, `${quantity.title} over position`), `, ${nameOf(r)}`, there.length > 1 ? "; band: all trajectories" : ""), root),
    h("figure", {}, h("figcaption", {}, h("b", {}, `${quantity.title} of all tokens`), `, ${plural(scale.values.length, "token")}`),
      histogram(`Histogram of ${quantity.title}`, bins, { format: scale.shown, height: 150, look: (b) => `level-${scale.level((b.low + b.high) / 2)}` })));
}
