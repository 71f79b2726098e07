// Hooks that tests may rely on:
//   main[data-page=PAGE][aria-busy=false]   the page shown, when it stands: runs, overview, gate, curves,
//                       evaluations, groups, group, audit, pipeline, compare, unknown
//   tr[data-run=KEY], [data-light=NAME][data-state=STATE]     a run in the list; a health light
//   svg[data-chart=NAME], .readout          a chart (role slider: arrow keys move, Enter opens); its words
//   #heat-cursor[data-cell=GROUP]           the link on the chosen cell of the heat map: focus it, arrow
//                       keys, Enter; a[data-cell=GROUP] in the table of details[data-keep=heat-table]
//   #slices-cursor[data-cell="SOURCE/LEVEL/STEP"]             the same on the map by source and level
//   input[name=where], #where-error [data-caret=OFFSET], #count
//   select[name=sort|limit|fate|source|level|solved|count|size|smooth], input[name=step|descending|find]
//   #group-list tr[data-row=GROUP], a[data-group=GROUP]       a row of the list; any link to a group
//   input[name=under][value=NAME], select[name=colour], #legend, #decision
//   [data-trajectory=rollout-0] .token[data-index="3"]        its class level-LEVEL is its colour
//   .token[data-answer]; #dock [data-product]; #group-next, #group-previous; #algorithm-table
//   #scatter-cursor[data-group]; [data-stage=NAME]; #timeline-plot; [data-act]
//   #explain, #keys, dialog#key-list; [data-source]           the source of what the element shows
//   .escape             a character made visible

const UNKNOWN = {
  title: () => "Not found",
  load: async () => ({}),
  render: () => [h("h1", {}, "Not found"),
    h("p", {}, "There is no such page. ", h("a", { href: "#/" }, "All runs"))],
};

const PAGES = {
  runs: runsPage, overview: overviewPage, gate: gatePage, curves: curvesPage,
  evaluations: evaluationsPage, groups: groupsPage, group: groupPage, audit: auditPage,
  pipeline: pipelinePage, compare: comparePage, unknown: UNKNOWN,
};

const root = document.getElementById("app");
let route = null, turn = 0, shownText = null, shownRun = null;
let stopListening = () => {}, listened = null, connected = true;

/** What pages may ask of the application. */
const app = {
  /** Other parameters, and the page again; `push` makes it a step of the history. */
  choose(changes, push = false) {
    const to = withQuery(route, changes);
    if (push) location.hash = to;
    else {
      history.replaceState(history.state, "", to);
      show("choice");
    }
  },
  /** Other parameters that the page has already followed. */
  note(changes) {
    const to = withQuery(route, changes);
    history.replaceState(history.state, "", to);
    route = parseRoute(to);
  },
};

/** A report of one run begins with it; anything else with the list. */
function start() {
  const runs = LIVE ? [] : EMBEDDED.views.runs?.runs ?? [];
  if (location.hash.length < 2 && runs.length === 1)
    history.replaceState(null, "", address(["run", runs[0].key]));
}

/**
 * Shows the page of the address. `why`: "visit" (from the top), "back" (where it was left), "choice" or
 * "news" (the same page again: places, focus and choices stay; news that fail or change nothing do
 * nothing).
 */
async function show(why) {
  const mine = ++turn, next = parseRoute(location.hash), page = PAGES[next.page];
  const main = root.querySelector("main");
  main?.setAttribute("aria-busy", "true");
  let run = null, view = null, failed = null;
  try {
    // The head of an evaluation is missing; its groups are there all the same.
    const head = next.key ? data(of(next.key)).catch(() => null) : null;
    [view, run] = [await page.load(next), await head];
  } catch (error) {
    failed = error;
    if (next.key) run = await data(of(next.key)).catch(() => null);
  }
  if (mine !== turn) return;
  const text = LIVE ? JSON.stringify([run, view, failed?.message]) : null;
  if (why === "news" && (failed || text === shownText)) {
    main?.setAttribute("aria-busy", "false");
    return;
  }
  shownText = text;
  route = next;
  shownRun = run;
  replacePage(page, run, view, failed, why);
  follow(next.key);
}

function replacePage(page, run, view, failed, why) {
  const same = why === "choice" || why === "news", kept = same ? keepState(root) : null;
  pageKeys = {};
  pageLife.abort();
  pageLife = new AbortController();
  let content, title = route.page;
  try {
    content = failed ? errorNotice(failed) : page.render(view, route, app);
    title = failed ? "Error" : page.title(view, route);
  } catch (error) {
    content = errorNotice(error);
  }
  const names = [title, route.key, "Temper"].filter((name) => name !== undefined);
  document.title = [...new Set(names)].map((name) => escaped(brief(name, 60))).join(" · ");
  const main = h("main", { id: "main", tabindex: "-1", data: { page: route.page }, "aria-busy": "false" },
    content);
  root.replaceChildren(skipLink(main), banner(route, run), main, footer(run));
  root.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  if (same) restoreState(root, kept);
  else {
    const back = why === "back" ? places.get(history.state?.temper) : null;
    scrollTo(0, back ?? 0);
    if (why === "visit" && visits++) main.focus({ preventScroll: true });
  }
}

function skipLink(main) {
  return h("a", { class: "skip", href: "#main", on: { click: (event) => {
    event.preventDefault();
    main.focus();
  } } }, "Skip to content");
}

function footer(run) {
  const text = !LIVE ? "A report: everything it shows is in this file."
    : !connected ? "The server is gone; this page asks for it again and again."
      : run?.live ? "Live: this page follows the run." : "Served from the run’s files.";
  return h("footer", { id: "live" }, h("span", { role: "status" }, text),
    " Times are those of this machine.");
}

/** How often the list of runs is asked for, in milliseconds. */
const LIST_INTERVAL = 5000;

/** Follows the commits of a run; the page is made again at most once a second. */
function follow(key) {
  if (listened === key) return;
  stopListening();
  listened = key;
  let waiting = null;
  stopListening = key ? listen(key, () => {
    waiting ??= setTimeout(() => {
      waiting = null;
      if (!document.hidden) show("news");
    }, 1000);
  }, (isThere) => {
    const back = isThere && !connected;
    connected = isThere;
    if (back) show("news");
    document.getElementById("live")?.replaceWith(footer(shownRun));
  }) : () => {};
}

/** Where pages were left, by the entry of the history. */
const places = new Map();
let visits = 0, entries = 0;

function listenToHistory() {
  history.scrollRestoration = "manual";
  addEventListener("scroll", () => places.set(history.state?.temper, scrollY), { passive: true });
  addEventListener("popstate", (event) => {
    const known = event.state?.temper !== undefined;
    if (!known) history.replaceState({ temper: `${Date.now()}.${entries++}` }, "");
    show(known ? "back" : "visit");
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && LIVE && route?.key) show("news");
  });
  // A page that is left may be kept by the browser; its connection would count against the few of a host.
  addEventListener("pagehide", () => follow(undefined));
  addEventListener("pageshow", (event) => event.persisted && follow(route?.key));
}

explain(recall("explain") === "1");
start();
history.replaceState({ temper: `${Date.now()}.${entries++}` }, "");
listenToHistory();
listenToKeys(() => route ?? { query: {} });
if (LIVE) setInterval(() => {
  if (route?.page === "runs" && !document.hidden) show("news");
}, LIST_INTERVAL);
show("visit");
