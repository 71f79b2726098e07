// The switch between algorithms on the group page, and what each of them decides.

/** The switch, and the choice of colour. */
function switches(state) {
  const { algorithms, quantities } = state;
  const named = Object.entries(quantities).filter(([, q]) => algorithms.length || !q.part);
  const parts = named.filter(([, q]) => q.part), recorded = named.filter(([, q]) => !q.part);
  const option = ([name, q]) => h("option", { value: name, selected: name === state.colour }, q.title);
  const options = (label, list) => (list.length ? h("optgroup", { label }, list.map(option)) : null);
  const change = ({ target }) => setColour(state, target.value);
  const select = h("select", { name: "colour", on: { change } },
    options("parts of the estimator", parts), options("recorded", recorded),
    h("option", { value: "none", selected: state.colour === "none" }, "none"));
  return h("div", { class: "controls" },
    algorithms.length ? h("fieldset", { class: "under" }, h("legend", {}, "under"),
      algorithms.map((a) => underRadio(state, a))) : null,
    h("label", { class: "choice" }, h("span", {}, "Colour"), select));
}

function underRadio(state, a) {
  const why = a.failure ? `${a.failure.problem} ${a.failure.remedy ?? ""}` : null;
  const own = a.own && !/run/.test(a.title ?? "") ? h("small", {}, " the run’s") : null;
  return h("label", { class: a.failure ? "failed" : null, title: why },
    h("input", { type: "radio", name: "under", value: a.name, checked: a.name === state.under,
      on: { change: () => setUnder(state, a.name) } }),
    h("span", {}, brief(a.title ?? a.name, 40), own, a.failure ? h("small", {}, " ✕") : null));
}

function setUnder(state, name) {
  state.under = name;
  state.app.note({ under: name });
  recolour(state);
}

function setColour(state, name) {
  state.colour = name;
  state.app.note({ colour: name });
  recolour(state);
}

/** Gate decisions as replay names them. */
const FATE_OF = { sft: "imitated", rl: "reinforced", drop: "dropped" };

function algorithmFate(state, { decision, failure }) {
  if (failure)
    return h("span", { class: "state state-warning" },
      h("i", { "aria-hidden": "true" }, "!"), " not shown");
  if (!decision) return h("span", {}, "–");
  const mark = fateMark(FATE_OF[decision.fate] ?? decision.fate, true);
  return traced(mark, state.view, "decision", { group: state.view.group });
}

/** The chosen algorithm's decision, in a line. */
function decisionLine(state) {
  const { algorithm } = state;
  if (!algorithm) return [];
  const { failure, decision } = algorithm;
  const why = failure ? `: ${brief(failure.problem, 400)} ${brief(failure.remedy ?? "", 200)}`
    : decision?.reason ? ` (${brief(decision.reason, 200)})` : "";
  return [visible("Under "), h("b", {}, brief(algorithm.title ?? algorithm.name, 60)),
    visible(algorithm.own ? ", the run’s own: " : ": "), algorithmFate(state, algorithm), visible(why)];
}

/** Every algorithm with its decision and the advantages of the rollouts. */
function algorithmTable(state) {
  const { view, algorithms } = state;
  const advantage = (r) => ({
    title: r.kind === "rollout" ? `${r.index}` : `demo ${r.index}`, name: nameOf(r), class: "num",
    source: filled(sourceOf(view, "advantage"), { group: view.group, index: r.index }),
    value: (a) => advantageOf(r, a.name), cell: (a) => h("span", {}, advantageOf(r, a.name) ?? "–"),
  });
  const joins = (r) => algorithms.some((a) => advantageOf(r, a.name) !== null);
  const joined = (view.demonstrations ?? []).filter(joins);
  const reason = (a) => a.failure?.problem ?? a.decision?.reason;
  return table("Under every algorithm", [
    { title: "Algorithm", name: "algorithm", value: (a) => a.name,
      cell: (a) => h("span", { title: a.failure?.problem }, brief(a.title ?? a.name, 40)) },
    { title: "Decision", name: "decision", value: (a) => a.decision?.fate,
      cell: (a) => algorithmFate(state, a) },
    { title: "Reason", name: "reason", value: reason,
      cell: (a) => h("span", {}, brief(reason(a) ?? "–", 80)) },
    ...[...(view.rollouts ?? []), ...joined].map(advantage),
  ], algorithms, { id: "algorithm-table", hidden: true, heads: true,
    file: `group-${view.group}-algorithms.csv` });
}

function groupKeys(state) {
  const { algorithms, route } = state;
  const go = (group) => {
    if (finite(group)) location.hash = address(["run", route.key, "group", group], keptQuery(state));
  };
  const turn = (by) => {
    const names = algorithms.map((a) => a.name);
    if (!names.length) return;
    const to = names[(names.indexOf(state.under) + by + names.length) % names.length];
    const radio = document.querySelector(`input[name=under][value="${CSS.escape(to)}"]`);
    if (radio) radio.checked = true;
    setUnder(state, to);
  };
  Object.assign(pageKeys, {
    j: () => go(neighbourOf(state, "next")), k: () => go(neighbourOf(state, "previous")), u: () => turn(1), U: () => turn(-1),
    c: () => focusOn("select[name=colour]"),
  });
}
