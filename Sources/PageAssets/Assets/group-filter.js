// How groups are chosen: by a condition that the server reads, or by the facets of a report's rows.

const EXAMPLE = 'level >= 2 and fate = imitated and prompt ~ "mod"';

function filterForm(view, route) {
  const { where = "" } = route.query;
  const box = h("input", { type: "text", name: "where", id: "where", value: where, placeholder: EXAMPLE,
    spellcheck: "false", autocomplete: "off", autocapitalize: "off",
    "aria-invalid": view.refused ? "true" : null,
    "aria-describedby": view.refused ? "where-error" : null });
  const form = h("form", { class: "filter", role: "search" },
    h("label", { for: "where" }, "where"), box, h("button", { type: "submit" }, "Filter"),
    where ? h("a", { href: withQuery(route, { where: null, from: null }) }, "clear") : null);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = withQuery(route, { where: box.value.trim() || null, from: null });
  });
  return h("div", {}, form, fieldList(view.fields ?? [], box));
}

/** The fields that a condition may ask for; a click writes one into the box. */
function fieldList(fields, box) {
  const write = (name) => {
    const before = box.value.trim();
    box.value = `${before}${before ? " and " : ""}${name} `;
    box.focus();
  };
  return h("details", { data: { keep: "fields" } }, h("summary", {}, "Fields"),
    h("p", { class: "note" }, "Comparisons are = != < <= > >=, ~ and !~ for “contains”, and in (…); "
      + "they are joined by and, or, not."),
    h("dl", { class: "fields" }, fields.map((field) => [
      h("dt", {}, button(field.name, () => write(field.name), { class: "plain" })),
      h("dd", {}, field.description ?? "", h("span", { class: "soft" }, ` ${field.kind ?? ""}`)),
    ])));
}

/** An error with a caret under the character that it is about. */
function refusal(error, where) {
  const before = [...where].slice(0, error.offset).join("");
  const caret = h("b", { data: { caret: error.offset } }, "^");
  return h("div", { class: "error", id: "where-error", role: "alert" },
    h("p", {}, h("b", {}, error.problem)),
    h("pre", { class: "caret", "aria-label": `at character ${error.offset + 1}` },
      where, "\n", before.replace(/[^\t]/gu, " "), caret),
    error.remedy ? h("p", {}, prose(error.remedy)) : null);
}

const SOLVED_FACETS = {
  none: (row) => row.solved === 0,
  some: (row) => row.solved > 0 && row.solved < row.total,
  all: (row) => row.solved === row.total,
};

/** Rows of a report chosen by its facets, sorted. */
function faceted(rows, { step, fate, source, level, solved, sort, descending }) {
  const wanted = rows.filter((row) => (!step || String(row.step) === step)
    && (!fate || row.fate === fate) && (!source || row.source === source)
    && (!level || String(row.level) === level)
    && (SOLVED_FACETS[solved]?.(row) ?? true));
  if (!sort) return wanted;
  const lists = { reward: "rewards", length: "lengths" };
  const read = (row) => (lists[sort] ? mean(row[lists[sort]]) : row[sort]);
  const direction = descending ? -1 : 1;
  return [...wanted].sort((a, b) => direction * ordering(read(a), read(b)) || a.group - b.group);
}

function ordering(a, b) {
  if (typeof a === "string" || typeof b === "string")
    return String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true });
  return (a ?? -Infinity) - (b ?? -Infinity);
}

function mean(list) {
  const there = (list ?? []).filter((x) => finite(x)).map(Number);
  return there.length ? there.reduce((a, b) => a + b, 0) / there.length : null;
}

function facetForm(view, route, app) {
  const set = (name) => (v) => app.choose({ [name]: v || null });
  const facet = (name, label, options) =>
    choice(name, label, options, route.query[name] ?? "", set(name));
  const rows = view.rows ?? [];
  const found = (name) => [...new Set(rows.map((row) => row[name]).filter(Boolean))].sort();
  const step = h("input", { type: "text", inputmode: "numeric", name: "step", size: 6,
    value: route.query.step ?? "", on: { change: ({ target }) => set("step")(target.value.trim()) } });
  return h("div", { class: "controls filter", role: "search" },
    h("label", { class: "choice" }, h("span", {}, "Step"), step),
    facet("fate", "Fate", [["", "all"], ...found("fate").map((v) => [v, FATES[v]?.word ?? v])]),
    facet("source", "Source", [["", "all"], ...found("source").map((v) => [v, brief(v, 40)])]),
    facet("level", "Level", [["", "all"], ...found("level").map((v) => [String(v), brief(v, 20)])]),
    facet("solved", "Solved", [["", "any"], ["none", "none"], ["some", "some"], ["all", "all"]]));
}
