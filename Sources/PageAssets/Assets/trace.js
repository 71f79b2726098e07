// Every number says where it comes from: in its title, and as a note after `e`.

/** A source with its places filled in: `verdicts/{group}` becomes `verdicts/12`. */
function filled(source, places = {}) {
  return source?.replace(/\{(\w+)\}/g, (all, name) => places[name] ?? all);
}

/** Fields that stand in one record with another, whose source is theirs. */
const BESIDE = {
  verdict: "rule", extracted: "rule", length: "token_count", policy_version: "token_count",
  fate: "decision", share: "sft", id: "prompt", source: "prompt", level: "prompt", group: "prompt",
};

function sourceOf(view, field) {
  return view?.sources?.[field] ?? view?.sources?.[BESIDE[field]];
}

/** Gives a node its source: a field of the view's `sources`, or the text itself. */
function traced(node, view, field, places) {
  const source = filled(typeof view === "string" ? view : sourceOf(view, field), places);
  if (!source) return node;
  const known = node.getAttribute("title");
  node.setAttribute("title", escaped(known ? `${known}\n${source}` : source));
  node.dataset.source = escaped(source);
  return node;
}

/** A number with its source. */
function value(text, view, field, places, properties = {}) {
  return traced(h("span", { class: "number", ...properties }, text), view, field, places);
}

const explaining = () => document.documentElement.classList.contains("explain");

/** Shows or hides the sources as notes. */
function explain(on = !explaining()) {
  document.documentElement.classList.toggle("explain", on);
  const control = document.getElementById("explain");
  control?.setAttribute("aria-pressed", String(on));
  remember("explain", on ? "1" : null);
}
