// Columns of tables, by what they hold. `value` goes into the CSV file as it is.

/** A column of texts: one line of each. */
function textColumn(title, name, { source, limit = 60, ...more } = {}) {
  return {
    title, name, source, ...more,
    value: (row) => row[name],
    cell: (row) => h("span", {}, brief(row[name] ?? "–", limit)),
  };
}

/** A column of numbers; `show` makes text of one. */
function numberColumn(title, name, { source, show = integer, ...more } = {}) {
  return {
    title, name, source, class: "num", ...more,
    value: (row) => row[name],
    cell: (row) => h("span", {}, show(row[name])),
  };
}

/** A column of texts that may be long: cut, with a button for the rest. */
function proseColumn(title, name, { source } = {}) {
  return {
    title, name, source, class: "prose",
    value: (row) => row[name],
    cell: (row) => textBlock(row[name], { limit: 300 }),
  };
}

/** A column of links to groups. */
function groupsColumn(key) {
  return {
    title: "Groups", name: "groups",
    value: (row) => (row.groups ?? []).join(" "),
    cell: (row) => h("span", {}, groupLinks(key, row.groups)),
  };
}
