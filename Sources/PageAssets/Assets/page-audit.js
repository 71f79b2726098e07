// What the rewards reward: what could be gamed shows here first.

const auditPage = {
  title: () => "Reward audit",
  load: (route) => data(of(route.key, "audit")),
  render(view, route) {
    const points = plural((view.length_reward ?? []).length, "rollout");
    return [
      h("h1", {}, "Reward audit"),
      auditLead(view),
      section("length-reward", "Reward and length",
        `${points}, drawn a little apart where rewards are equal. `
          + "Arrow keys go from one to the next, Enter opens its group.",
        scatter(view, route)),
      section("histograms", "Distributions", null, distributions(view, route)),
      section("reasons", "Verdicts by rule",
        "A rule whose mean reward is high and whose count rises is worth reading.",
        reasonTable(view, route)),
      section("answers", "Most frequent answers", null, answerTable(view, route)),
      section("duplicates", "Near-duplicate responses", null, duplicateTable(view, route)),
      section("changed", "Changed verdicts",
        "Questions whose reward changed together with the rule behind it.",
        changedTable(view, route)),
      section("errors", "Verifier errors", null, errorTable(view, route)),
    ];
  },
};

function auditLead(view) {
  const rollouts = value(plural(view.rollouts ?? 0, "rollout"), view, "length_reward");
  return h("p", { class: "lead" }, rollouts, view.sampled < view.groups
    ? ` of ${integer(view.sampled)} groups, spread evenly over the run’s ${integer(view.groups)}.`
    : ` of ${plural(view.groups ?? 0, "group")}.`);
}

function distributions(view, route) {
  const rewards = (view.rewards ?? []).filter((bin) => bin.low !== null);
  return h("div", { class: "charts two" },
    h("figure", {},
      traced(h("figcaption", {}, h("b", {}, "Rewards")), view, "rewards"),
      histogram("Histogram of rewards", rewards, { pick: picked(route, "reward") })),
    h("figure", {},
      traced(h("figcaption", {}, h("b", {}, "Lengths"), " in tokens; lower part: solved"), view, "lengths"),
      histogram("Histogram of lengths", view.lengths ?? [], {
        format: integer, part: { field: "right", name: "solved" }, pick: picked(route, "length"),
      })));
}

/** Opens the groups of a bar, where a server can find them. */
function picked(route, field) {
  if (!LIVE) return null;
  return (bin) => {
    const where = between(field, bin.low, bin.high);
    location.hash = address(["run", route.key, "groups"], { where });
  };
}

function audited(name, caption, columns, rows) {
  if (!rows?.length) return nothing("None.");
  return table(caption, columns, rows, { id: `${name}-table`, hidden: true, file: `${name}.csv` });
}

function solvedColumn(source) {
  return {
    title: "Solved", name: "right", class: "num", source,
    value: (row) => row.right,
    cell: (row) => h("span", {},
      `${integer(row.right)} (${percent(row.count ? row.right / row.count : 0)})`),
  };
}

function reasonTable(view, route) {
  const source = sourceOf(view, "reasons");
  const groups = {
    title: "Groups",
    cell: (row) => (row.groups ? h("span", {}, groupLinks(route.key, row.groups))
      : whereLink(route.key, equals("reason", String(row.rule ?? "")))),
  };
  return audited("rules", "Verdicts by rule", [
    textColumn("Rule", "rule", { limit: 80 }),
    numberColumn("Count", "count", { source }),
    solvedColumn(source),
    numberColumn("Mean reward", "mean_reward", { source, show: real }),
    groups,
  ], view.reasons);
}

function answerTable(view, route) {
  const source = sourceOf(view, "answers");
  const answer = {
    title: "Answer", name: "answer",
    value: (row) => row.answer,
    cell: (row) => h("code", {}, row.answer
      ? whereLink(route.key, equals("answer", row.answer), brief(row.answer, 80)) : "none found"),
  };
  return audited("answers", "Most frequent answers",
    [answer, numberColumn("Count", "count", { source }), solvedColumn(source), groupsColumn(route.key)],
    view.answers);
}

function duplicateTable(view, route) {
  const source = sourceOf(view, "duplicates");
  return audited("duplicates", "Near-duplicate responses", [
    proseColumn("Response", "text"),
    numberColumn("Count", "count", { source }),
    groupsColumn(route.key),
  ], view.duplicates);
}

function changedTable(view, route) {
  const look = (title, name) => ({
    title, name, source: sourceOf(view, "changed"),
    value: ({ [name]: at }) => `${at.group} ${at.reward} ${at.rule}`,
    cell: ({ [name]: at }) => h("span", {}, rewardMark(at.reward), ` ${real(at.reward)}, `,
      brief(at.rule ?? "–", 50), `, step ${integer(at.step)}, group `, groupLink(route.key, at.group)),
  });
  return audited("changed", "Changed verdicts",
    [textColumn("Question", "id"), look("First", "first"), look("Last", "last")], view.changed);
}

function errorTable(view, route) {
  const source = sourceOf(view, "errors");
  return audited("errors", "Verifier errors", [
    proseColumn("Reason", "reason"),
    numberColumn("Count", "count", { source }),
    groupsColumn(route.key),
  ], view.errors);
}
