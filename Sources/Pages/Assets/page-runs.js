// All runs of a folder.

const runsPage = {
  title: () => "Runs",
  load: () => data("runs"),
  render(view) {
    const runs = view.runs ?? [];
    const compare = () => {
      const keys = [...document.querySelectorAll("input[name=run]:checked")].map((box) => box.value);
      location.hash = address(["compare"], { runs: keys.join(",") });
    };
    if (!runs.length) return [h("h1", {}, "Runs"), nothing(`No run in ${view.folder ?? "this folder"} yet.`)];
    return [h("h1", {}, "Runs"),
      h("p", { class: "lead" }, `${plural(runs.length, "run")} in `, h("code", {}, view.folder ?? ".")),
      table("Runs", runColumns(view), runs, { id: "run-list", hidden: true, heads: true, file: "runs.csv",
        row: (run) => ({ data: { run: run.key } }), places: (run) => ({ run: run.key }) }),
      runs.length > 1 && holds("compare")
        ? h("p", {}, button("Compare chosen runs", compare, { id: "compare-chosen" })) : null];
  },
};

function runColumns(view) {
  const sources = view.sources ?? {};
  const figure = (name, title, format = real) => ({ name, title, class: "num", source: sources[name],
    cell: (run) => h("span", {}, format(run[name])), value: (run) => run[name] });
  return [
    { title: "Run", name: "name", value: (run) => run.key, cell: (run) => h("span", { class: "run-name" },
      h("input", { type: "checkbox", name: "run", value: run.key, 
        "aria-label": `choose ${run.key} to compare` }), " ",
      run.state === "unreadable" ? brief(run.key, 60)
        : link(["run", run.key, ...(run.state === "evaluation" ? ["groups"] : [])], {}, brief(run.key, 60)),
      run.name && run.name !== run.key ? h("small", {}, ` ${brief(run.name, 40)}`) : null,
      run.problem ? h("div", { class: "problem" }, brief(run.problem, 240)) : null) },
    { title: "State", name: "state", source: sources.state, cell: (run) => stateMark(run.state), value: (run) => run.state },
    { title: "Algorithm", name: "algorithm", source: sources.algorithm, cell: (run) => h("span", {}, brief(run.algorithm ?? "–", 32)), value: (run) => run.algorithm },
    { title: "Model", name: "model", source: sources.model, cell: (run) => h("span", {}, brief(run.model ?? "–", 32)), value: (run) => run.model },
    { title: "Step", name: "step", class: "num", source: sources.step, value: (run) => run.step,
      cell: (run) => h("span", {}, `${integer(run.step)}${run.steps ? ` of ${integer(run.steps)}` : ""}`) },
    figure("reward", "Reward"), figure("accuracy", "Rollout accuracy", percent), figure("sft_share", "SFT share", percent),
    { title: "Health", cell: (run) => h("span", { class: "lights" }, (run.lights ?? []).map((l) => light(l, true))) },
    { title: "Updated", name: "updated", class: "num", source: sources.updated, cell: (run) => h("span", {}, moment(run.updated)), value: (run) => run.updated },
  ];
}
