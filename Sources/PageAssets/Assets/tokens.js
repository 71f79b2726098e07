// A trajectory as tokens: coloured by classes, so that another quantity changes classes only.

/** A token's text: white space is seen, nothing is hidden. */
function tokenText(text) {
  if (text === "") return "∅";
  return text.replaceAll("\n", "↵\n").replaceAll("\t", "⇥\t");
}

/**
 * The tokens of a trajectory as one text; each is `.token[data-index]`. `name` tells the trajectory.
 * Tokens within the extracted answer are marked, where the texts are the text's own.
 */
function tokenStrip(r, name, answer) {
  const strip = h("div", { class: "text strip", dir: "auto", role: "group",
    "aria-label": `${name}: tokens. Arrow keys move between tokens.`, data: { strip: name } });
  const spans = [];
  let at = 0;
  for (let i = 0; i < r.tokens.texts.length; i++) {
    const text = r.tokens.texts[i];
    const span = document.createElement("span");
    span.className = "token";
    span.dataset.index = i;
    if (answer && at < answer[1] && at + text.length > answer[0]) span.dataset.answer = "";
    at += text.length;
    const shown = tokenText(cut(text, 2000));
    if (isPlain(shown)) span.textContent = shown;
    else span.append(visible(shown));
    spans.push(span);
  }
  strip.append(...spans);
  if (spans.length) spans[0].tabIndex = 0;
  return { strip, spans };
}

const PLAIN = /^[\n\t\x20-\x7e↵⇥∅]*$/;
const isPlain = (text) => PLAIN.test(text);

/** The answer's span in UTF-16 units of the joined token texts; null where they are not the text. */
function answerUnits(r) {
  const span = r.verdict?.span;
  if (!span || !r.tokens || !r.tokens.texts.join("").startsWith(r.text)) return null;
  return units(r.text, span);
}

/** Gives every token the class of its level. */
function paintStrip(spans, r, quantity, scale, algorithm) {
  for (let i = 0; i < spans.length; i++) {
    const level = quantity ? scale.level(scaledValue(quantity, r, algorithm, i)) : "plain";
    const name = `token level-${level}`;
    if (spans[i].className !== name) spans[i].className = name;
  }
}

const FACTORS = ["mask", "ratio", "shape", "advantage", "norm"];

/** A token's parts, with the product written out; says so where the parts do not give the weight. */
function tokenParts(view, r, name, i, algorithm, title) {
  const under = r.under?.[algorithm], recorded = recordedParts(view, r, i);
  if (!under) {
    const why = title ? `No weight under ${title}: this trajectory does not train there. ` : "";
    return h("div", { class: "parts" }, tokenHead(r, name, i), h("p", { class: "product" }, why, recorded));
  }
  const x = Object.fromEntries(Object.entries(under).map(([key, column]) => [key, entry(column, i)]));
  const part = (label, number, field) => partOf(view, r, label, number, field);
  const reference = x.log_reference === null ? null
    : [part("1/π_ref", Math.exp(-x.log_reference), "log_reference"), " ",
      part("log π_ref", x.log_reference, "log_reference"), " "];
  return h("div", { class: "parts" }, tokenHead(r, name, i),
    h("p", { class: "product", data: { product: "" } },
      part(`weight under ${title}`, x.weight, "weight"), " = ",
      FACTORS.map((key, n) => [n ? " · " : "", part(key, x[key], key)]),
      " + ", part("added", x.added, "weight"), differing(x)),
    h("p", { class: "product" }, reference, recorded));
}

function tokenHead(r, name, i) {
  const place = ` · token ${integer(i)} of ${integer(r.tokens.texts.length)} · `;
  return h("p", { class: "which" }, h("b", {}, name), place, h("code", {}, quoted(r.tokens.texts[i])),
    ` · id ${r.tokens.ids?.[i] ?? "–"} · `, entry(r.tokens.trained, i) ? "trained" : "not trained");
}

/** A number with its name above it, and its source. */
function partOf(view, r, label, number, field) {
  const places = { group: view.group, index: r.index };
  return h("span", { class: "part-of" }, h("small", {}, `${label} `),
    value(real(number), view, view.sources?.[field] ? field : "weight", places));
}

/** What was recorded of a token besides. */
function recordedParts(view, r, i) {
  const log = entry(r.tokens.log_probability, i);
  const first = log === null ? [] : [partOf(view, r, "log π", log, "log_probability"), " "];
  return [...first, ...Object.entries(r.tokens.quantities ?? {}).map(([key, column]) =>
    [partOf(view, r, key.replaceAll("_", " "), entry(column, i), "quantities"), " "])];
}

/** A note where the factors do not multiply to the weight. */
function differing(x) {
  const product = FACTORS.reduce((all, key) => all * (x[key] ?? NaN), 1) + (x.added ?? 0);
  if (!Number.isFinite(product) || x.weight === null) return null;
  const size = Math.max(Math.abs(product), Math.abs(x.weight), 1e-12);
  return Math.abs(product - x.weight) <= 1e-5 * size ? null
    : h("span", { class: "differs" }, ` ≠ ${real(product)}, the product of these parts`);
}

/** A token's text as people quote it. */
function quoted(text) {
  return `“${escaped(cut(text, 60)).replaceAll("\n", "↵").replaceAll("\t", "⇥")}”`;
}
