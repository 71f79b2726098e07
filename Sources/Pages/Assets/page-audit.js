// What the rewards reward: what could be gamed shows here first.

const auditPage = {
  title: () => "Reward audit",
  load: (route) => data(of(route.key, "audit")),
  render(view, route) {
    return [h("h1", {}, "Reward audit"),
      h("p", { class: "lead" }, value(plural(view.rollouts ?? 0, "rollout"), view, "length_reward"),
        view.sampled < view.groups ? ` of ${integer(view.sampled)} groups, spread evenly over the run’s ${integer(view.groups)}.` : ` of ${plural(view.groups ?? 0, "group")}.`),
      section("length-reward", "Reward and length", `${plural((view.length_reward ?? []).length, "rollout")}, drawn a little apart where rewards are equal. Arrow keys go from one to the next, Enter opens its group.`,
      scatter(view, route)),
      section("histograms", "Distributions", null, h("div", { class: "charts two" },
        h("figure", {}, traced(h("figcaption", {}, h("b", {}, "Rewards")), view, "rewards"),
          histogram("Histogram of rewards", (view.rewards ?? []).filter((b) => b.low !== null), { pick: picked(route, "reward") })),
        h("figure", {}, traced(h("figcaption", {}, h("b", {}, "Lengths"), " in tokens; dark: solved"), view, "lengths"),
          histogram("Histogram of lengths", view.lengths ?? [], { format: integer, part: { field: "right", name: "solved" }, pick: picked(route, "length") })))),
      section("reasons", "Verdicts by rule", "A rule whose mean reward is high and whose count rises is worth reading.", reasonTable(view, route)),
      section("answers", "Most frequent answers", null, answerTable(view, route)),
      section("duplicates", "Near-duplicate responses", null, duplicateTable(view, route)),
      section("changed", "Changed verdicts", "Questions whose first and last verdict differ.", changedTable(view, route)),
      section("errors", "Verifier errors", null, errorTable(view, route))];
  },
};

const plain = (content, properties = {}) => h("span", properties, content);

function audited(name, caption, columns, rows, view) {
  return rows?.length ? table(caption, columns, rows, { id: `${name}-table`, hidden: true, file: `${name}.csv` }) : nothing("None.");
}

function countColumns(view, field) {
  return [{ title: "Count", name: "count", class: "num", source: view.sources?.[field], cell: (r) => plain(integer(r.count)), value: (r) => r.count },
    { title: "Solved", name: "right", class: "num", source: view.sources?.[field], cell: (r) => plain(`${integer(r.right)} (${percent(r.count ? r.right / r.count : 0)})`), value: (r) => r.right }];
}

/** Opens the groups of a bar, where a server can find them. */
function picked(route, field) {
  return LIVE ? (bin) => { location.hash = address(["run", route.key, "groups"], { where: between(field, bin.low, bin.high) }); } : null;
}

function reasonTable(view, route) {
  return audited("rules", "Verdicts by rule", [
    { title: "Rule", name: "rule", cell: (r) => plain(brief(r.rule ?? "none", 80)), value: (r) => r.rule },
    ...countColumns(view, "reasons"),
    { title: "Mean reward", name: "mean_reward", class: "num", source: view.sources?.reasons, cell: (r) => plain(real(r.mean_reward)), value: (r) => r.mean_reward },
    { title: "Errors", name: "errors", class: "num", source: view.sources?.reasons, cell: (r) => plain(integer(r.errors ?? 0)), value: (r) => r.errors },
    { title: "Groups", cell: (r) => (r.groups ? h("span", {}, groupLinks(route.key, r.groups)) : whereLink(route.key, equals("reason", String(r.rule ?? "")))) },
  ], view.reasons, view);
}

function answerTable(view, route) {
  return audited("answers", "Most frequent answers", [
    { title: "Answer", name: "answer", cell: (r) => h("code", {}, r.answer ? whereLink(route.key, equals("answer", r.answer), brief(r.answer, 80)) : "none found"), value: (r) => r.answer },
    ...countColumns(view, "answers"),
    { title: "Groups", cell: (r) => h("span", {}, groupLinks(route.key, r.groups)), value: (r) => (r.groups ?? []).join(" "), name: "groups" },
  ], view.answers, view);
}

function duplicateTable(view, route) {
  return audited("duplicates", "Near-duplicate responses", [
    { title: "Response", name: "text", class: "prose", cell: (r) => textBlock(r.text, { limit: 300 }), value: (r) => r.text },
    { title: "Count", name: "count", class: "num", source: view.sources?.duplicates, cell: (r) => plain(integer(r.count)), value: (r) => r.count },
    { title: "Similarity", name: "similarity", class: "num", source: view.sources?.duplicates, cell: (r) => plain(real(r.similarity, 3)), value: (r) => r.similarity },
    { title: "Groups", cell: (r) => h("span", {}, groupLinks(route.key, r.groups)), value: (r) => (r.groups ?? []).join(" "), name: "groups" },
  ], view.duplicates, view);
}

function changedTable(view, route) {
  const end = (title, name) => ({ title, name, source: view.sources?.changed, value: (r) => `${r[name].group} ${r[name].reward} ${r[name].rule}`,
    cell: (r) => h("span", {}, rewardMark(r[name].reward), ` ${brief(r[name].rule ?? "–", 50)}, step ${integer(r[name].step)}, group `, groupLink(route.key, r[name].group)) });
  return audited("changed", "Changed verdicts", [
    { title: "Question", name: "id", cell: (r) => h("code", {}, brief(r.id, 50)), value: (r) => r.id }, end("First", "first"), end("Last", "last"),
  ], view.changed, view);
}

function errorTable(view, route) {
  return audited("errors", "Verifier errors", [
    { title: "Reason", name: "reason", class: "prose", cell: (r) => textBlock(r.reason, { limit: 300 }), value: (r) => r.reason },
    { title: "Count", name: "count", class: "num", source: view.sources?.errors, cell: (r) => plain(integer(r.count)), value: (r) => r.count },
    { title: "Groups", cell: (r) => h("span", {}, groupLinks(route.key, r.groups)), value: (r) => (r.groups ?? []).join(" "), name: "groups" },
  ], view.errors, view);
}
