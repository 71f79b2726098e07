// Addresses: `#/run/KEY/group/12?under=grpo`. What people choose stands in them, so that links and the
// back button keep it.

/** The address of a page: parts are encoded one by one, the query holds what is there. */
function address(parts, query) {
  return `#/${parts.map((p) => encodeURIComponent(p)).join("/")}${parameters(query)}`;
}

const RUN_PAGES = ["overview", "gate", "curves", "evaluations", "groups", "audit", "pipeline"];

/** The page that an address names: {page, key, id, query}; unknown ones are the page "unknown". */
function parseRoute(hash) {
  const text = hash.replace(/^#\/?/, ""), mark = text.indexOf("?");
  const parts = (mark < 0 ? text : text.slice(0, mark)).split("/").filter(Boolean).map(component);
  const query = Object.fromEntries(new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)));
  const [first, key, page = "overview", id] = parts;
  if (!first) return { page: "runs", query };
  if (first === "compare") return { page: "compare", query };
  if (first !== "run" || key === undefined) return { page: "unknown", query };
  if (page === "group" && id !== undefined) return { page: "group", key, id, query };
  return RUN_PAGES.includes(page) ? { page, key, query } : { page: "unknown", key, query };
}

/** The address of a route with other parameters; null takes one away. */
function withQuery(route, changes) {
  const parts = route.page === "runs" ? [] : route.page === "compare" ? ["compare"]
    : ["run", route.key, route.page === "overview" ? null : route.page, route.id].filter(Boolean);
  return address(parts, { ...route.query, ...changes });
}

/** The groups of a step, in the terms that this page can ask for. */
function groupsOfStep(key, from, to = from) {
  return address(["run", key, "groups"], LIVE ? { where: between("step", from, to) } : { step: from });
}

/** A condition: a field within two numbers. */
function between(field, low, high) {
  return low === high ? `${field} = ${low}` : `${field} >= ${low} and ${field} <= ${high}`;
}

/** A condition: a field is a text; null for a text that no quotes can hold. */
function equals(field, text) {
  const mark = ['"', "'"].find((one) => !text.includes(one));
  return mark && text.length < 500 ? `${field} = ${mark}${text}${mark}` : null;
}

/** A link to the groups of a condition; text alone where nobody can answer it. */
function whereLink(key, where, text = "groups") {
  if (LIVE && where) return link(["run", key, "groups"], { where }, text);
  return h("span", {}, text === "groups" ? "–" : text);
}

/** The link to a group; where a report does not hold it, text that says so. */
function groupLink(key, group, query = {}, text = `${integer(group)}`) {
  if (group === null || group === undefined) return h("span", {}, "–");
  if (!holds(of(key, "groups", group)))
    return h("span", { class: "absent", title: "Not in this file; `pipeline serve` shows it." }, text);
  return link(["run", key, "group", group], query, text, { data: { group } });
}

/** Groups in a row, at most `most`; those that can be opened first. */
function groupLinks(key, groups, most = 6) {
  const absent = (group) => (holds(of(key, "groups", group)) ? 0 : 1);
  const shown = [...(groups ?? [])].sort((a, b) => absent(a) - absent(b)).slice(0, most);
  return [shown.map((g, i) => [i ? ", " : "", groupLink(key, g)]),
    groups?.length > most ? ` and ${integer(groups.length - most)} more` : ""];
}

/** What stays between pages of a sitting; a browser that keeps nothing forgets it. */
function remember(name, text) {
  try {
    if (text === null) sessionStorage.removeItem(`temper.${name}`);
    else sessionStorage.setItem(`temper.${name}`, text);
  } catch { /* private windows and some files have no storage */ }
}

function recall(name) {
  try {
    return sessionStorage.getItem(`temper.${name}`);
  } catch {
    return null;
  }
}
