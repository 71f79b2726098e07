// Groups as a list that is filtered, sorted and paged: by the server, or within a report's own rows.

const GROUP_COLUMNS = ["group", "step", "id", "source", "level", "fate", "solved", "rewards", "lengths", "rules", "prompt"];
const FIRST_COLUMNS = ["group", "step", "source", "level", "fate", "solved", "rewards", "lengths", "prompt"];
const LIMITS = ["50", "200", "1000"];

const groupsPage = {
  title: () => "Groups",
  async load(route) {
    const { where, sort, descending, limit = "200", from } = route.query;
    if (!LIVE) return data(of(route.key, "groups"));
    try {
      return await data(of(route.key, "groups"), { where, sort, descending, limit, from });
    } catch (error) {
      if (error.offset === undefined) throw error;
      const rest = await data(of(route.key, "groups"), { limit: 0 }).catch(() => ({}));
      return { ...rest, rows: [], total: 0, more: false, refused: error };
    }
  },
  render(view, route, app) {
    const rows = LIVE ? view.rows ?? [] : faceted(view.rows ?? [], route.query);
    const columns = (route.query.columns?.split(",") ?? FIRST_COLUMNS).filter((c) => GROUP_COLUMNS.includes(c));
    pageKeys.f = () => { const box = document.getElementById("columns"); box.open = !box.open; focusOn("#columns summary"); };
    stepKeys(route);
    return [h("h1", {}, "Groups"),
      LIVE ? filterForm(view, route) : facetForm(view, route, app),
      view.refused ? refusal(view.refused, route.query.where ?? "") : null,
      listControls(view, route, app, columns), counted(view, rows),
      rows.length ? table("Groups", groupColumns(view, route).filter((c) => columns.includes(c.name)), rows,
        { id: "group-list", hidden: true, heads: true, file: "groups.csv", sort: sorting(route, app),
          row: (row) => ({ data: { row: row.group } }), places: (row) => ({ group: row.group, step: row.step }) })
        : view.refused ? null : nothing("No group is like that."),
      paging(view, route, app)];
  },
};

/** Rows of a report chosen by its facets, sorted. */
function faceted(rows, { step, fate, source, solved, sort, descending }) {
  const wanted = rows.filter((row) => (!step || String(row.step) === step) && (!fate || row.fate === fate)
    && (!source || row.source === source)
    && (!solved || (solved === "none" ? row.solved === 0 : solved === "all" ? row.solved === row.total
      : row.solved > 0 && row.solved < row.total)));
  if (!sort) return wanted;
  const read = (row) => row[sort] ?? mean(row[{ reward: "rewards", length: "lengths" }[sort]]);
  const order = (a, b) => (typeof a === "string" || typeof b === "string"
    ? String(a ?? "").localeCompare(String(b ?? ""), "en", { numeric: true }) : (a ?? -Infinity) - (b ?? -Infinity));
  return [...wanted].sort((a, b) => (descending ? -1 : 1) * order(read(a), read(b)) || a.group - b.group);
}

/** What the list can be sorted by: the server says; a report's own rows by all they show. */
function sortsOf(view) {
  return LIVE ? [...new Set(["group", ...(view.sorts ?? [])])] : ["group", "step", "id", "source", "level", "solved", "reward", "length"];
}

function mean(list) {
  const there = (list ?? []).filter((x) => finite(x)).map(Number);
  return there.length ? there.reduce((a, b) => a + b, 0) / there.length : null;
}

function filterForm(view, route) {
  const box = h("input", { type: "text", name: "where", id: "where", value: route.query.where ?? "", spellcheck: "false",
    autocomplete: "off", autocapitalize: "off", placeholder: "level >= 2 and fate = imitated and prompt ~ \"mod\"",
    "aria-invalid": view.refused ? "true" : null, "aria-describedby": view.refused ? "where-error" : null });
  const fields = h("details", { data: { keep: "fields" } }, h("summary", {}, "Fields"),
    h("p", { class: "note" }, "Comparisons = != < <= > >= ~ !~ and in (…), joined by and, or, not. ~ means contains."),
    h("dl", { class: "fields" }, (view.fields ?? []).map((field) => [
      h("dt", {}, button(field.name, () => { box.value = `${box.value.trim()}${box.value.trim() ? " and " : ""}${field.name} `; box.focus(); }, { class: "plain" })),
      h("dd", {}, field.description ?? "", h("span", { class: "soft" }, ` ${field.kind ?? ""}`))])));
  const form = h("form", { class: "filter", role: "search" }, h("label", { for: "where" }, "where"), box,
    h("button", { type: "submit" }, "Filter"), route.query.where
      ? h("a", { href: withQuery(route, { where: null, from: null }) }, "clear") : null);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = withQuery(route, { where: box.value.trim() || null, from: null });
  });
  return h("div", {}, form, fields);
}

/** An error with a caret under the character that it is about. */
function refusal(error, where) {
  const before = [...where].slice(0, error.offset).join("");
  return h("div", { class: "error", id: "where-error", role: "alert" }, h("p", {}, h("b", {}, error.problem)),
    h("pre", { class: "caret", "aria-label": `at character ${error.offset + 1}` }, where, "\n", before.replace(/[^\t]/gu, " "), h("b", { data: { caret: error.offset } }, "^")),
    error.remedy ? h("p", {}, error.remedy) : null);
}

function facetForm(view, route, app) {
  const all = (name) => [["", "all"], ...[...new Set((view.rows ?? []).map((row) => row[name]).filter(Boolean))].sort().map((v) => [v, brief(v, 40)])];
  const set = (name) => (v) => app.choose({ [name]: v || null });
  return h("div", { class: "controls filter", role: "search" },
    h("label", { class: "choice" }, h("span", {}, "Step"), h("input", { type: "text", inputmode: "numeric", name: "step", size: 6, value: route.query.step ?? "",
      on: { change: (event) => set("step")(event.target.value.trim()) } })),
    choice("fate", "Fate", all("fate").map(([v, t]) => [v, FATES[v]?.word ?? t]), route.query.fate ?? "", set("fate")),
    choice("source", "Source", all("source"), route.query.source ?? "", set("source")),
    choice("solved", "Solved", [["", "any"], ["none", "none"], ["some", "some"], ["all", "all"]], route.query.solved ?? "", set("solved")));
}

function listControls(view, route, app, columns) {
  const sorts = sortsOf(view);
  const toggle = (name, on) => app.choose({ columns: GROUP_COLUMNS.filter((c) => (c === name ? on : columns.includes(c))).join(",") });
  return h("div", { class: "controls" },
    choice("sort", "Sort", sorts.map((x) => [x, x]), route.query.sort ?? sorts[0], (v) => app.choose({ sort: v, from: null })),
    h("label", { class: "choice" }, h("input", { type: "checkbox", name: "descending", checked: Boolean(route.query.descending),
      on: { change: (event) => app.choose({ descending: event.target.checked ? "1" : null, from: null }) } }), h("span", {}, "descending")),
    LIVE ? choice("limit", "Rows", LIMITS.map((x) => [x, x]), route.query.limit ?? "200", (v) => app.choose({ limit: v, from: null })) : null,
    h("details", { id: "columns", class: "menu", data: { keep: "columns" } }, h("summary", {}, "Columns"), h("div", { class: "sheet" },
      GROUP_COLUMNS.map((name) => h("label", {}, h("input", { type: "checkbox", name: `column-${name}`, checked: columns.includes(name),
        on: { change: (event) => toggle(name, event.target.checked) } }), ` ${name}`)))));
}

function counted(view, rows) {
  const total = view.total ?? rows.length;
  const all = view.total === null || view.total === undefined ? `${plural(rows.length, "group")} shown${view.more ? ", there are more" : ""}`
    : `${plural(total, "group")}${rows.length < total ? `, ${integer(rows.length)} shown` : ""}`;
  return h("p", { class: "note", id: "count", "aria-live": "polite" }, LIVE ? value(all, view, "total")
    : `${plural(rows.length, "group")} of the ${integer((view.rows ?? []).length)} in this file; the run has ${integer(total)}`);
}

function sorting(route, app) {
  return { name: route.query.sort, descending: Boolean(route.query.descending), by: (name) => app.choose({ sort: name, from: null,
    descending: route.query.sort === name && !route.query.descending ? "1" : null }) };
}

function groupColumns(view, route) {
  const can = (name) => (sortsOf(view).includes(name) ? name : null);
  const span = (text) => h("span", {}, text);
  return [
    { name: "group", title: "Group", class: "num", sorts: can("group"), source: sourceOf(view, "group"), value: (r) => r.group, cell: (r) => groupLink(route.key, r.group) },
    { name: "step", title: "Step", class: "num", sorts: can("step"), source: sourceOf(view, "step"), value: (r) => r.step, cell: (r) => span(integer(r.step)) },
    { name: "id", title: "Question", sorts: can("id"), source: sourceOf(view, "id"), value: (r) => r.id, cell: (r) => span(brief(r.id, 40)) },
    { name: "source", title: "Source", sorts: can("source"), source: sourceOf(view, "source"), value: (r) => r.source, cell: (r) => span(brief(r.source ?? "–", 30)) },
    { name: "level", title: "Level", sorts: can("level"), source: sourceOf(view, "level"), value: (r) => r.level, cell: (r) => span(brief(r.level ?? "–", 12)) },
    { name: "fate", title: "Fate", sorts: can("fate"), source: sourceOf(view, "fate"), value: (r) => r.fate,
      cell: (r) => h("span", { title: r.reason ? brief(r.reason, 200) : null }, fateMark(r.fate)) },
    { name: "solved", title: "Solved", sorts: can("solved"), source: sourceOf(view, "solved"), value: (r) => r.solved, cell: (r) => share(r.solved, r.total) },
    { name: "rewards", title: "Rewards", sorts: can("reward"), source: sourceOf(view, "rewards"), value: (r) => (r.rewards ?? []).join(" "), cell: (r) => rewardMarks(r.rewards, r.matching),
      help: "● 1   ○ 0   ◐ between   ± outside   ! no verdict" },
    { name: "lengths", title: "Tokens", class: "num", sorts: can("length"), source: sourceOf(view, "lengths"), value: (r) => (r.lengths ?? []).join(" "),
      cell: (r) => { const [low, high] = extremes(r.lengths ?? []); return span(low > high ? "–" : low === high ? integer(low) : `${integer(low)}–${integer(high)}`); } },
    { name: "rules", title: "Rules", source: sourceOf(view, "rules"), value: (r) => (r.rules ?? []).join(" "),
      cell: (r) => span(brief([...new Set(r.rules ?? [])].join(", ") || "–", 60)) },
    { name: "prompt", title: "Prompt", source: sourceOf(view, "prompt"), class: "prose", value: (r) => r.prompt, cell: (r) => h("span", { class: "oneline", dir: "auto" }, brief(r.prompt, 110)) },
  ];
}

function paging(view, route, app) {
  const from = Number(route.query.from ?? 0);
  if (!LIVE || (!view.more && !from)) return null;
  return h("p", { class: "paging" },
    from ? button("first page", () => app.choose({ from: null }), { data: { act: "first" } }) : null, " ",
    view.more ? button("next page", () => app.choose({ from: view.next }, true), { data: { act: "next" } }) : null);
}

/** `n` and `p` walk the steps, where the list is that of one step. */
function stepKeys(route) {
  const step = LIVE ? /^step = (\d+)$/.exec(route.query.where ?? "")?.[1] : route.query.step;
  if (step === undefined) return;
  const go = (to) => { if (to >= 0) location.hash = groupsOfStep(route.key, to); };
  pageKeys.n = () => go(Number(step) + 1);
  pageKeys.p = () => go(Number(step) - 1);
}
