// Text that others wrote (prompts, rollouts, names, errors) is shown, never believed.

/**
 * Characters that are not seen or that move what is seen: controls, format characters (bidirectional
 * overrides, zero-width ones, tags), lone surrogates, separators, letters without ink.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\u2800]/gu;
const KEPT = /[\n\t]/;

/** Such a character as people write it: \u{202e}. */
function escapeOf(character) {
  return `\\u{${character.codePointAt(0).toString(16)}}`;
}

/** The text with escapes, for titles, labels and canvases, where nothing can be marked. */
function escaped(text) {
  return String(text).replace(UNSEEN, (c) => (KEPT.test(c) ? c : escapeOf(c)));
}

/** The text as nodes; each character that is not seen is an escape in a span of its own. */
function visible(text) {
  const source = String(text);
  const fragment = document.createDocumentFragment();
  let from = 0;
  for (const match of source.matchAll(UNSEEN)) {
    if (KEPT.test(match[0])) continue;
    if (match.index > from) fragment.append(source.slice(from, match.index));
    const mark = document.createElement("span");
    mark.className = "escape";
    mark.textContent = escapeOf(match[0]);
    fragment.append(mark);
    from = match.index + match[0].length;
  }
  if (from < source.length) fragment.append(from ? source.slice(from) : source);
  return fragment;
}

/** The first `limit` UTF-16 units, without half a character at the end. */
function cut(text, limit) {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? limit - 1 : limit);
}

/** One line of a text, cut, with an ellipsis: for lists and labels. */
function brief(text, limit = 80) {
  const line = cut(String(text ?? ""), limit * 4).replace(/\s+/g, " ").trim();
  return line.length > limit ? `${cut(line, limit)}…` : line;
}

/**
 * A text as a block. Longer than `limit`, it is cut, and a button shows the rest.
 * `span` is a pair of UTF-8 offsets that is marked, where given.
 */
function textBlock(text, { limit = 4000, span = null, label = "extracted answer" } = {}) {
  const whole = String(text ?? "");
  const block = h("div", { class: "text", dir: "auto" });
  const marked = span ? units(whole, span) : null;
  const fill = (shown) => {
    block.replaceChildren();
    if (marked && marked[0] < shown.length) {
      const end = Math.min(marked[1], shown.length);
      block.append(visible(shown.slice(0, marked[0])),
        h("mark", { title: label }, shown.slice(marked[0], end)), visible(shown.slice(end)));
    } else block.append(visible(shown));
  };
  if (whole.length <= limit) {
    fill(whole);
    return block;
  }
  fill(cut(whole, limit));
  const more = button(`show all ${integer(whole.length)} characters`, () => {
    fill(whole);
    more.remove();
  }, { class: "more" });
  return h("div", {}, block, more);
}

/** A sentence of ours: what stands in backquotes is code. */
function prose(text) {
  return String(text ?? "").split("`").map((part, i) => (i % 2 ? h("code", {}, part) : part));
}

/** With a capital, as a title begins. */
function capital(text) {
  const [first = "", ...rest] = String(text ?? "");
  return first.toUpperCase() + rest.join("");
}

/** A pair of UTF-8 offsets as UTF-16 offsets of the same text. */
function units(text, [from, to]) {
  let bytes = 0, index = 0, start = null;
  while (index < text.length) {
    if (start === null && bytes >= from) start = index;
    if (bytes >= to) break;
    const code = text.codePointAt(index);
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += code < 0x10000 ? 1 : 2;
  }
  return [start ?? index, index];
}
