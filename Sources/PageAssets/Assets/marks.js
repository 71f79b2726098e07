// What has a colour has a symbol and a word as well.

const FATES = {
  imitated: { symbol: "▲", word: "SFT", long: "imitated (SFT)" },
  reinforced: { symbol: "●", word: "RL", long: "reinforced (RL)" },
  mixed: { symbol: "◆", word: "mixed", long: "mixed (RL and SFT)" },
  dropped: { symbol: "✕", word: "dropped", long: "dropped" },
  prompted: { symbol: "○", word: "prompted", long: "prompted, not generated yet" },
  generated: { symbol: "○", word: "generated", long: "generated, not verified yet" },
  verified: { symbol: "○", word: "verified", long: "verified, not decided yet" },
};

function fateMark(fate, long = false) {
  const known = FATES[fate] ?? { symbol: "○", word: fate ?? "–", long: fate ?? "–" };
  return h("span", { class: `fate fate-${FATES[fate] ? fate : "other"}`, data: { fate: fate ?? "" } },
    h("i", { "aria-hidden": "true" }, known.symbol), ` ${long ? known.long : known.word}`);
}

const STATES = {
  good: "✓", warning: "!", bad: "✕", unknown: "?",
  running: "▶", done: "✓", evaluation: "≡", interrupted: "‖", stopped: "‖", failed: "✕",
  unreadable: "✕",
};

function stateMark(state) {
  const known = STATES[state] ? state : "unknown";
  return h("span", { class: `state state-${known}`, data: { state: state ?? "" } },
    h("i", { "aria-hidden": "true" }, STATES[known]), ` ${state ?? "unknown"}`);
}

const LIGHT_TITLES = {
  mismatch: "Mismatch", verifier: "Verifier", finite: "Finite", queue: "Queue", store: "Store",
};

/** A health light: colour, symbol, word, and what it saw. */
function light(item, short = false) {
  const state = STATES[item.state] ? item.state : "unknown";
  const title = LIGHT_TITLES[item.name] ?? item.name;
  const node = h("span", { class: `light state-${state}`, data: { light: item.name, state } },
    h("i", { "aria-hidden": "true" }, STATES[state]),
    short ? h("span", { class: "hidden" }, `${title}: ${state}`)
      : [h("b", {}, title), h("span", { class: "word" }, state),
        h("span", { class: "said" }, item.text)]);
  if (short) node.title = escaped(`${title}: ${state}. ${brief(item.text ?? "", 200)}`);
  return traced(node, item.source);
}

/** A reward as `inspect list` marks it: ● for 1, ○ for 0, ◐ between, ± outside, ! without verdict. */
function rewardMark(reward) {
  const x = number(reward);
  const symbol = x === null ? "!" : x === 1 ? "●" : x === 0 ? "○" : x > 0 && x < 1 ? "◐" : "±";
  const look = x === 1 ? "reward right" : x === null ? "reward missing" : "reward";
  return h("span", { class: look }, symbol);
}

/** Rewards in a row; `matching` are the rollouts that a condition holds of. */
function rewardMarks(rewards, matching) {
  const numbers = (rewards ?? []).map((r) => (r === null ? "error" : real(r))).join(", ");
  const matched = matching?.length ? `; the condition holds of rollout ${matching.join(", ")}` : "";
  const label = `rewards ${numbers}${matched}`;
  return h("span", { class: "rewards", role: "img", "aria-label": label, title: label },
    (rewards ?? []).map((reward, i) => {
      const mark = rewardMark(reward);
      if (matching?.includes(i)) mark.classList.add("match");
      return mark;
    }));
}

/** A share as a short bar beside its number. */
function share(part, whole) {
  if (!finite(part) || !finite(whole)) return h("span", {}, "–");
  const width = whole ? Math.max(0, Math.min(1, part / whole)) : 0;
  return h("span", { class: "share" }, h("span", { class: "bar", "aria-hidden": "true" },
    h("span", { style: { width: `${width * 100}%` } })), `${part}/${whole}`);
}
