// A trajectory of the group page: its column with verdict and tokens, and where its tokens lead.

/** The column of a rollout or demonstration: verdict above, tokens below. */
function trajectoryColumn(state, r) {
  const { view } = state, name = nameOf(r), advantage = h("dd", {});
  const tokens = r.tokens?.texts?.length ? tokenStrip(r, name, answerUnits(r)) : null;
  const critique = r.verdict?.critique ? h("details", {}, h("summary", {}, "critique"),
    textBlock(r.verdict.critique, { limit: 2000 })) : null;
  const trains = r.trains === true ? " trains" : r.trains === false ? " does not train" : "";
  const element = h("article", { class: `trajectory ${r.kind}`, "aria-label": name,
    data: { trajectory: `${r.kind}-${r.index}` } },
  h("h3", {}, name, h("small", {}, trains)), verdictList(view, r, advantage), critique,
  h("div", { class: "body" }, tokens?.strip ?? textBlock(r.text, { span: r.verdict?.span })));
  if (tokens) listenToTokens(state, r, tokens);
  const refresh = (quantity, scale, { under }) => {
    advantage.replaceChildren(visible(advantageOf(r, under) ?? "–"));
    if (tokens) paintStrip(tokens.spans, r, quantity, scale, under);
  };
  return { r, element, refresh, tokens };
}

/** Reward, verdict, answer and the rest; the advantage is filled in as algorithms change. */
function verdictList(view, r, advantage) {
  const list = h("dl", { class: "verdict" }), v = r.verdict;
  const places = { group: view.group, index: r.index };
  const fact = (label, content, field) =>
    list.append(h("dt", {}, label), traced(content, view, field, places));
  const text = (...content) => h("dd", {}, ...content);
  if (v?.error) fact("error", text(brief(v.error, 300)), "verdict");
  else if (v) {
    const answer = v.extracted ?? null;
    fact("reward", text(rewardMark(v.reward), ` ${real(v.reward)}`), "reward");
    fact("verdict", text(brief(v.rule ?? "–", 160), components(v)), "verdict");
    fact("answer", text(answer === null ? "none found" : h("mark", {}, brief(answer, 120))), "extracted");
  }
  fact("finish", text(r.finish === "length" ? "cut at the limit" : r.finish ?? "–"), "finish");
  fact("length", text(plural(r.token_count, "token")), "length");
  fact("advantage", advantage, "advantage");
  if (finite(r.log_probability)) fact("Σ log π", text(real(r.log_probability)), "log_probability");
  return list;
}

/** The components of a reward, unless the reward is one of them. */
function components({ components: parts = {}, reward }) {
  const shown = Object.entries(parts).filter(([name, x]) => name !== "accuracy" || x !== reward);
  return h("small", { class: "soft" }, shown.map(([name, x]) => ` ${brief(name, 30)} ${real(x)}`));
}

/** One number, or the range of the tokens'; without an algorithm that of the loss batch. */
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
  let last = spans[0];
  const focus = (i) => {
    last.removeAttribute("tabindex");
    last = spans[Math.max(0, Math.min(spans.length - 1, i))];
    last.tabIndex = 0;
    last.focus();
  };
  const index = (event) => event.target.closest?.(".token")?.dataset.index;
  const show = (event) => {
    if (index(event) !== undefined) showToken(state, r, Number(index(event)));
  };
  strip.focusToken = focus;
  strip.addEventListener("pointerover", show);
  strip.addEventListener("focusin", show);
  strip.addEventListener("click", (event) => {
    if (index(event) !== undefined) focus(Number(index(event)));
  });
  strip.addEventListener("keydown", (event) => {
    const i = Number(document.activeElement.dataset.index ?? 0);
    const to = { ArrowLeft: i - 1, ArrowRight: i + 1, Home: 0, End: spans.length - 1, PageUp: i - 20,
      PageDown: i + 20 }[event.key];
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (to === undefined && !by) return;
    if (by) otherStrip(state, r, i, by);
    else focus(to);
    event.preventDefault();
    event.stopPropagation();
  });
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
