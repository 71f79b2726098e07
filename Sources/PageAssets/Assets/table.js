// Tables: real ones, with captions, sources in their heads, and a file of their values.

/**
 * Columns are `{name, title, class, source, cell(row) → node, value(row)}`; `value` goes into the CSV.
 * `sort` is `{name, descending, by(name)}` for columns that say `sorts`.
 */
function table(caption, columns, rows, options = {}) {
  const body = h("tbody", {}, rows.map((row) => h("tr", options.row?.(row) ?? {},
    columns.map((column, i) => {
      const cell = h(i === 0 && options.heads ? "th" : "td",
        { class: column.class, scope: i === 0 && options.heads ? "row" : null }, column.cell(row));
      return traced(cell, column.source, null, options.places?.(row));
    }))));
  const element = h("table", { class: options.class, id: options.id },
    h("caption", { class: options.hidden ? "hidden" : null }, caption),
    h("thead", {}, h("tr", {}, columns.map((column) => headCell(column, options.sort)))), body);
  const tools = options.file ? h("div", { class: "tools" }, exportButton(options.file, () => [
    columns.filter((c) => c.value).map((c) => c.name ?? c.title),
    ...rows.map((row) => columns.filter((c) => c.value).map((c) => c.value(row))),
  ])) : null;
  return h("div", { class: "table" }, h("div", { class: "scroll", tabindex: "0", role: "group",
    "aria-label": caption, data: { keep: options.id ?? caption } }, element), tools);
}

function headCell(column, sort) {
  const ordered = sort && column.sorts && sort.name === column.sorts;
  const content = sort && column.sorts
    ? button([column.title, h("span", { class: "order", "aria-hidden": "true" },
      ordered ? (sort.descending ? " ↓" : " ↑") : " ↕")], () => sort.by(column.sorts),
      { data: { sort: column.sorts } })
    : column.title;
  const cell = h("th", { scope: "col", class: column.class,
    "aria-sort": ordered ? (sort.descending ? "descending" : "ascending") : null }, content);
  if (column.help) cell.title = column.help;
  return traced(cell, column.source);
}

/** A button that saves rows as a CSV file. */
function exportButton(name, rows, label = "CSV") {
  return button(label, () => save(name, rows()), { class: "export", title: `save ${name}` });
}

/**
 * Saves rows as CSV (RFC 4180). A field that a spreadsheet would run as a formula is a response or a
 * prompt here: it gets an apostrophe before it.
 */
function save(name, rows) {
  const field = (x) => {
    const text = x === null || x === undefined ? "" : String(x);
    const tame = typeof x === "string" && /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(tame) ? `"${tame.replaceAll('"', '""')}"` : tame;
  };
  const text = rows.map((row) => row.map(field).join(",")).join("\r\n") + "\r\n";
  const url = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const anchor = h("a", { href: url, download: name });
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
