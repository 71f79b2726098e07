// All runs of a folder.

const runsPage = {
  title: () => "Runs",
  load: () => data("runs"),
  render(view) {
    const runs = view.runs ?? [];
    if (!runs.length)
      return [h("h1", {}, "Runs"), nothing(`No run in ${view.folder ?? "this folder"} yet.`)];
    return [
      h("h1", {}, "Runs"),
      h("p", { class: "lead" }, `${plural(runs.length, "run")} in `, h("code", {}, view.folder ?? ".")),
      table("Runs", runColumns(view), runs, {
        id: "run-list", hidden: true, heads: true, file: "runs.csv",
        row: (run) => ({ data: { run: run.key } }),
      }),
      runs.length > 1 && holds("compare")
        ? h("p", {}, button("Compare chosen runs", compareChosen, { id: "compare-chosen" })) : null,
    ];
  },
};

function compareChosen() {
  const boxes = [...document.querySelectorAll("input[name=run]:checked")];
  location.hash = address(["compare"], { runs: boxes.map((box) => box.value).join(",") });
}

function runColumns(view) {
  const from = (name) => sourceOf(view, name);
  return [
    { title: "Run", name: "run", value: (run) => run.key, cell: runName },
    { title: "State", name: "state", value: (run) => run.state, cell: (run) => stateMark(run.state) },
    textColumn("Algorithm", "algorithm", { limit: 32 }),
    textColumn("Model", "model", { limit: 32 }),
    { ...numberColumn("Step", "step", { source: from("step") }), cell: (run) => h("span", {},
      `${integer(run.step)}${run.steps ? ` of ${integer(run.steps)}` : ""}`) },
    numberColumn("Reward", "reward", { source: from("reward"), show: real }),
    numberColumn("Rollout accuracy", "accuracy", { source: from("accuracy"), show: percent }),
    numberColumn("SFT share", "sft_share", { source: from("sft_share"), show: percent }),
    { title: "Health", cell: (run) => h("span", { class: "lights" },
      (run.lights ?? []).map((one) => light(one, true))) },
    numberColumn("Updated", "updated", { source: from("updated"), show: moment }),
  ];
}

/** The run's name with its box; what cannot be read says why and leads nowhere. */
function runName(run) {
  const box = h("input", { type: "checkbox", name: "run", value: run.key,
    "aria-label": `choose ${run.key} to compare` });
  const parts = ["run", run.key, ...(run.state === "evaluation" ? ["groups"] : [])];
  return h("span", { class: "run-name" },
    box, " ", run.state === "unreadable" ? brief(run.key, 60) : link(parts, {}, brief(run.key, 60)),
    run.name && run.name !== run.key ? h("small", {}, ` ${brief(run.name, 40)}`) : null,
    run.problem ? h("div", { class: "problem" }, brief(run.problem, 240)) : null);
}
