// The columns of the list of groups.

function groupColumns(view, route) {
  const sorts = sortsOf(view);
  const column = (name, title, sort, more) => ({
    name, title, sorts: sorts.includes(sort) ? sort : null, source: sourceOf(view, name),
    value: (row) => (Array.isArray(row[name]) ? row[name].join(" ") : row[name]),
    cell: (row) => h("span", {}, brief(row[name] ?? "–", 40)),
    ...more,
  });
  return [
    column("group", "Group", "group", { class: "num", cell: (row) => groupLink(route.key, row.group) }),
    column("step", "Step", "step", { class: "num", cell: (row) => h("span", {}, integer(row.step)) }),
    column("id", "Question", "id"),
    column("source", "Source", "source"),
    column("level", "Level", "level"),
    column("fate", "Fate", "fate", { cell: fateCell }),
    column("solved", "Solved", "solved", { cell: (row) => share(row.solved, row.total) }),
    column("rewards", "Rewards", "reward", {
      help: "● 1   ○ 0   ◐ between   ± outside   ! no verdict",
      cell: (row) => rewardMarks(row.rewards, row.matching),
    }),
    column("lengths", "Tokens", "length", { class: "num", cell: (row) => lengthsCell(row.lengths) }),
    column("rules", "Rules", "reason", { cell: (row) =>
      h("span", {}, brief([...new Set(row.rules ?? [])].join(", ") || "–", 60)) }),
    column("prompt", "Prompt", "prompt", { class: "prose", cell: (row) =>
      h("span", { class: "oneline", dir: "auto" }, brief(row.prompt, 110)) }),
  ];
}

function fateCell(row) {
  return h("span", { title: row.reason ? brief(row.reason, 200) : null }, fateMark(row.fate));
}

/** The shortest and the longest rollout. */
function lengthsCell(lengths) {
  const [low, high] = extremes(lengths ?? []);
  if (low > high) return h("span", {}, "–");
  return h("span", {}, low === high ? integer(low) : `${integer(low)}–${integer(high)}`);
}
