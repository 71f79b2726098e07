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
  const under = r.under?.[algorithm], text = r.tokens.texts[i];
  const part = (label, content, field = "weight") => h("span", { class: "part-of" }, h("small", {}, `${label} `),
    value(content, view, view.sources?.[field] ? field : "quantities", { group: view.group, index: r.index }));
  const head = h("p", { class: "which" }, h("b", {}, name), ` · token ${integer(i)} of ${integer(r.tokens.texts.length)} · `,
    h("code", {}, quoted(text)), ` · id ${r.tokens.ids?.[i] ?? "–"} · `,
    entry(r.tokens.trained, i) ? "trained" : "not trained");
  const extra = [];
  const log = entry(r.tokens.log_probability, i);
  if (log !== null) extra.push(part("log π", real(log), "log_probability"));
  for (const [key, column] of Object.entries(r.tokens.quantities ?? {}))
    extra.push(part(key.replaceAll("_", " "), real(entry(column, i)), key));
  if (!under) return h("div", { class: "parts" }, head,
    h("p", {}, title ? `No weight under ${title}: this trajectory does not train there. ` : "", extra));
  const x = Object.fromEntries([...FACTORS, "added", "weight", "log_reference"]
    .map((key) => [key, entry(under[key], i)]));
  const product = FACTORS.reduce((all, key) => all * (x[key] ?? NaN), 1) + (x.added ?? 0);
  const same = !Number.isFinite(product) || x.weight === null
    || Math.abs(product - x.weight) <= 1e-5 * Math.max(Math.abs(product), Math.abs(x.weight), 1e-12);
  return h("div", { class: "parts" }, head,
    h("p", { class: "product", data: { product: "" } }, part(`weight under ${title}`, real(x.weight)), " = ",
      FACTORS.map((key, n) => [n ? " · " : "", part(key, real(x[key]))]), " + ", part("added", real(x.added)),
      same ? null : h("span", { class: "differs" }, ` ≠ ${real(product)}, the product of these parts`)),
    h("p", { class: "product" },
      x.log_reference === null ? null : [part("1/π_ref", real(Math.exp(-x.log_reference)), "log_reference"), " "],
      x.log_reference === null ? null : [part("log π_ref", real(x.log_reference), "log_reference"), " "],
      extra.map((e) => [e, " "])));
}

/** A token's text as people quote it. */
function quoted(text) {
  return `“${escaped(cut(text, 60)).replaceAll("\n", "↵").replaceAll("\t", "⇥")}”`;
}
