// What surrounds every page: name, way back, pages of the run, and the two switches.

const TABS = [
  ["overview", "Overview"], ["gate", "Gate"], ["curves", "Curves"], ["evaluations", "Evaluations"],
  ["groups", "Groups"], ["audit", "Reward audit"], ["pipeline", "Pipeline"],
];

/** The header of the document. `run` is the view of the run, where the page belongs to one. */
function banner(route, run) {
  return h("header", { id: "banner" },
    h("div", { class: "line" },
      h("a", { class: "brand", href: "#/" }, "Temper"),
      route.key !== undefined ? [h("span", { class: "crumb", "aria-hidden": "true" }, "/"),
        link(["run", route.key], {}, brief(route.key, 60), { class: "run" }),
        run ? [traced(stateMark(run.state), run, "state"), progress(run),
          h("span", { class: "lights" }, (run.lights ?? []).map((l) => light(l, true)))] : null] : null,
      h("span", { class: "switches" },
        button("Sources", () => explain(), { id: "explain", "aria-pressed": String(explaining()),
          "aria-keyshortcuts": "e", title: "show where each number comes from (e)" }),
        button("Keys", () => showKeys(), { id: "keys", "aria-keyshortcuts": "?", title: "keys (?)" }))),
    route.key !== undefined ? tabs(route) : h("nav", { "aria-label": "Pages", class: "tabs" },
      tab(["Runs", [], route.page === "runs"]),
      tab(["Compare", ["compare"], route.page === "compare"])));
}

function progress(run) {
  if (run.step === null || run.step === undefined) return null;
  const end = run.steps ? ` of ${integer(run.steps)}` : "";
  return value(`step ${integer(run.step)}${end}`, run, "step", {}, { class: "number soft" });
}

function tabs(route) {
  const here = route.page === "group" ? "groups" : route.page;
  return h("nav", { "aria-label": "Pages of the run", class: "tabs" }, TABS.map(([page, title]) => {
    const path = page === "overview" ? of(route.key) : page === "curves" ? of(route.key, "metrics")
      : page === "evaluations" ? of(route.key) : of(route.key, page);
    const parts = ["run", route.key, ...(page === "overview" ? [] : [page])];
    return holds(path) ? tab([title, parts, here === page])
      : h("span", { class: "absent", title: "not in this file" }, title);
  }), holds("compare") ? tab(["Compare", ["compare"], false, LIVE ? { runs: route.key } : {}]) : null);
}

function tab([title, parts, here, query]) {
  return link(parts, query, title, { "aria-current": here ? "page" : null });
}

/** An error as a page: what, where, what to do. */
function errorNotice(error) {
  return h("div", { class: "error", role: "alert" },
    h("p", {}, h("b", {}, prose(error.problem ?? `The page failed: ${error.message}`))),
    error.location ? h("p", {}, h("code", {}, error.location)) : null,
    error.remedy ? h("p", {}, prose(error.remedy)) : null,
    error.problem ? null : h("pre", {}, error.stack ?? ""));
}
