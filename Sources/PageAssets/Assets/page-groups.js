// Groups as a list that is filtered, sorted and paged: by the server, or within a report's own rows.

const GROUP_COLUMNS = ["group", "step", "id", "source", "level", "fate", "solved", "rewards", "lengths",
  "rules", "prompt"];
const FIRST_COLUMNS = GROUP_COLUMNS.filter((name) => name !== "id" && name !== "rules");
const LIMITS = ["50", "200", "1000"];

const groupsPage = {
  title: () => "Groups",
  async load(route) {
    if (!LIVE) return data(of(route.key, "groups"));
    const { where, sort, descending, limit = "200", from } = route.query;
    try {
      return await data(of(route.key, "groups"), { where, sort, descending, limit, from });
    } catch (error) {
      if (error.offset === undefined) throw error;
      const rest = await data(of(route.key, "groups"), { limit: 1 }).catch(() => ({}));
      return { ...rest, rows: [], total: 0, more: false, refused: error };
    }
  },
  render(view, route, app) {
    const rows = LIVE ? view.rows ?? [] : faceted(view.rows ?? [], route.query);
    const asked = route.query.columns?.split(",") ?? FIRST_COLUMNS;
    const shown = GROUP_COLUMNS.filter((name) => asked.includes(name));
    groupListKeys(route);
    return [
      h("h1", {}, "Groups"),
      LIVE ? filterForm(view, route) : facetForm(view, route, app),
      view.refused ? refusal(view.refused, route.query.where ?? "") : null,
      listControls(view, route, app, shown),
      counted(view, rows),
      rows.length ? groupTable(view, route, app, rows, shown)
        : view.refused ? null : nothing("No group is like that."),
      paging(view, route, app),
    ];
  },
};

function groupTable(view, route, app, rows, shown) {
  const columns = groupColumns(view, route).filter((column) => shown.includes(column.name));
  return table("Groups", columns, rows, {
    id: "group-list", hidden: true, heads: true, file: "groups.csv",
    sort: sorting(route, app),
    row: (row) => ({ data: { row: row.group } }),
    places: (row) => ({ group: row.group, step: row.step }),
  });
}

function listControls(view, route, app, shown) {
  const sorts = sortsOf(view), { sort = sorts[0], descending, limit = "200" } = route.query;
  const turn = ({ target }) => app.choose({ descending: target.checked ? "1" : null, from: null });
  const downwards = h("input", { type: "checkbox", name: "descending", checked: Boolean(descending),
    on: { change: turn } });
  return h("div", { class: "controls" },
    choice("sort", "Sort", sorts.map((x) => [x, x]), sort, (v) => app.choose({ sort: v, from: null })),
    h("label", { class: "choice" }, downwards, h("span", {}, "descending")),
    LIVE ? choice("limit", "Rows", LIMITS.map((x) => [x, x]), limit,
      (v) => app.choose({ limit: v, from: null })) : null,
    columnMenu(app, shown));
}

function columnMenu(app, shown) {
  const box = (name) => h("label", {}, h("input", { type: "checkbox", name: `column-${name}`,
    checked: shown.includes(name), on: { change: ({ target }) => app.choose({
      columns: GROUP_COLUMNS.filter((c) => (c === name ? target.checked : shown.includes(c))).join(","),
    }) } }), ` ${name}`);
  return h("details", { id: "columns", class: "menu", data: { keep: "columns" } },
    h("summary", {}, "Columns"), h("div", { class: "sheet" }, GROUP_COLUMNS.map(box)));
}

function counted(view, rows) {
  const note = (content) => h("p", { class: "note", id: "count", "aria-live": "polite" }, content);
  if (!LIVE) {
    const own = integer((view.rows ?? []).length), all = integer(view.total ?? rows.length);
    return note(`${plural(rows.length, "group")} of the ${own} in this file; the run has ${all}`);
  }
  if (!finite(view.total))
    return note(`${plural(rows.length, "group")} shown${view.more ? ", there are more" : ""}`);
  const part = rows.length < view.total ? `, ${integer(rows.length)} shown` : "";
  return note(value(`${plural(view.total, "group")}${part}`, view, "total"));
}

/** What the list can be sorted by: a server says it; a report's own rows by all they show. */
function sortsOf(view) {
  return LIVE ? [...new Set(["group", ...(view.sorts ?? [])])]
    : ["group", "step", "id", "source", "level", "solved", "reward", "length"];
}

function sorting(route, app) {
  const { sort, descending } = route.query;
  return { name: sort, descending: Boolean(descending), by: (name) => app.choose({
    sort: name, from: null, descending: sort === name && !descending ? "1" : null,
  }) };
}

function paging(view, route, app) {
  const from = Number(route.query.from ?? 0);
  if (!LIVE || (!view.more && !from)) return null;
  const first = () => app.choose({ from: null }), next = () => app.choose({ from: view.next }, true);
  return h("p", { class: "paging" },
    from ? button("first page", first, { data: { act: "first" } }) : null, " ",
    view.more ? button("next page", next, { data: { act: "next" } }) : null);
}

/** `f` opens the columns; `n` and `p` walk the steps, where the list is that of one step. */
function groupListKeys(route) {
  pageKeys.f = () => {
    const menu = document.getElementById("columns");
    menu.open = !menu.open;
    focusOn("#columns summary");
  };
  const step = LIVE ? /^step = (\d+)$/.exec(route.query.where ?? "")?.[1] : route.query.step;
  if (step === undefined) return;
  const go = (to) => {
    if (to >= 0) location.hash = groupsOfStep(route.key, to);
  };
  pageKeys.n = () => go(Number(step) + 1);
  pageKeys.p = () => go(Number(step) - 1);
}
