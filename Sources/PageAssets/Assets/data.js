// Where views come from: the element #temper-data of a report, or the server that sent the page.

const EMBEDDED = JSON.parse(document.getElementById("temper-data").textContent);
const LIVE = EMBEDDED.mode === "serve";

/** What went wrong, in the three parts that every error of the command has. */
class ViewError extends Error {
  constructor(problem, remedy, extra = {}) {
    super(problem);
    Object.assign(this, { problem, remedy }, extra);
  }
}

/** The path of a view of a run: `of(KEY, "groups", 12)`. */
function of(key, ...parts) {
  return ["runs", key, ...parts].map(encodeURIComponent).join("/");
}

/** A report's views by their decoded components, however they were encoded. */
const HELD = new Map(Object.entries(EMBEDDED.views ?? {}).map(([path, view]) => [decoded(path), view]));

/** Whether a view can be had at all: a server may have any, a report what it holds. */
function holds(path) {
  return LIVE || HELD.has(decoded(path));
}

/** The groups of a run that a report holds. */
function heldGroups(key) {
  const paths = [...HELD.keys()].map((path) => JSON.parse(path));
  return paths.filter((path) => path[1] === key && path[2] === "groups" && path.length === 4)
    .map((path) => Number(path[3]));
}

function decoded(path) {
  return JSON.stringify(path.split("/").map(component));
}

/** A component of an address, decoded; as it stands where it cannot be. */
function component(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The view at `path`; throws a ViewError. */
async function data(path, query = {}) {
  if (!LIVE) {
    const view = HELD.get(decoded(path));
    if (view !== undefined) return view;
    throw new ViewError("This file does not hold that page.",
      "Open the run with `pipeline serve`, which has every group.");
  }
  let answer;
  try {
    answer = await fetch(`/api/${path}${parameters(query)}`, { headers: { accept: "application/json" } });
  } catch {
    throw new ViewError("The server does not answer.", "Start `pipeline serve` again.");
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok || body === null || body.error) {
    const error = body?.error ?? {};
    throw new ViewError(error.problem ?? `The server answered with status ${answer.status}.`,
      error.remedy ?? "", { location: error.location, offset: error.offset, status: answer.status });
  }
  return body;
}

/** `?a=1&b=2` of what is there; nothing, if nothing is. */
function parameters(query) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== undefined && value !== null && value !== "") search.set(name, value);
  const text = search.toString();
  return text ? `?${text}` : "";
}

/**
 * Calls `commit` at each commit of a run, and `state` when the connection comes (true) and goes (false);
 * the browser connects again by itself. Returns what ends it.
 */
function listen(key, commit, state) {
  if (!LIVE) return () => {};
  const events = new EventSource(`/api/events${parameters({ run: key })}`);
  events.addEventListener("commit", commit);
  events.addEventListener("open", () => state(true));
  events.addEventListener("error", () => state(false));
  return () => events.close();
}
