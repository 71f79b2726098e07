// One question with its rollouts, token by token, under any algorithm.

const groupPage = {
  title: (view) => `Group ${integer(view.group)}`,
  load: (route) => data(of(route.key, "groups", route.id)),
  render(view, route, app) {
    const all = [...(view.rollouts ?? []), ...(view.demonstrations ?? []), ...(view.rejected ?? [])];
    const quantities = quantitiesOf(all);
    const algorithms = view.algorithms ?? [];
    const own = algorithms.find((a) => a.own) ?? algorithms[0];
    const under = algorithms.find((a) => a.name === route.query.under) ?? own;
    const state = { view, route, app, all, quantities, algorithms, under: under?.name,
      at: null,
      colour: quantities[route.query.colour] || route.query.colour === "none" ? route.query.colour : firstColour(own) };
    const page = groupParts(state);
    groupKeys(state);
    recolour(state);
    return page;
  },
};

/** What tokens are coloured by unless somebody chooses; where nothing trains, what was recorded. */
const firstColour = (own) => (own ? "weight" : "log_probability");

const NAMES = { rollout: "rollout", demonstration: "demonstration", rejected: "rejected answer" };
const nameOf = (r) => `${NAMES[r.kind] ?? r.kind} ${r.index}`;

function groupParts(state) {
  const { view, route } = state;
  state.columns = state.all.map((r) => trajectoryColumn(state, r));
  state.dock = h("aside", { class: "dock", id: "dock", "aria-live": "polite", "aria-label": "Parts of the token" },
    h("p", { class: "soft" }, "Point at a token, or move through the text with the arrow keys."));
  state.legend = h("div", { id: "legend" });
  state.figures = h("div", { class: "charts two", id: "figures" });
  state.decision = h("p", { id: "decision", "aria-live": "polite" });
  state.summary = h("div", {});
  state.neighbours = h("span", { class: "neighbours" });
  return [
    h("div", { class: "heading" }, h("h1", {}, `Group ${integer(view.group)}`), fateMark(view.fate, true),
      state.neighbours),
    h("p", { class: "lead" }, groupLine(view, route)),
    view.refusal ? h("p", { class: "error" }, brief(view.refusal, 600)) : null,
    section("question", "Question", null, question(view)),
    h("section", { id: "trajectories", "aria-labelledby": "trajectories-title" },
      h("h2", { id: "trajectories-title" }, "Rollouts"),
      h("div", { class: "pinned" }, switches(state), h("div", { class: "row" }, state.legend,
        exportButton(`group-${view.group}-tokens.csv`, () => tokenRows(state), "Tokens as CSV"))), state.decision, state.figures,
      h("div", { class: state.all.some((r) => r.token_count > 160) ? "trajectories long" : "trajectories" }, state.columns.map((c) => c.element)), state.dock),
    section("verdicts", "Verdicts", null, state.summary),
  ];
}

/** What stays chosen from group to group: what is not the page's own first choice. */
function keptQuery(state) {
  const own = state.algorithms.find((a) => a.own) ?? state.algorithms[0];
  return { under: state.under === own?.name ? null : state.under, colour: state.colour === firstColour(own) ? null : state.colour };
}

function groupLine(view, route) {
  const tags = Object.entries(view.tags ?? {});
  return [h("a", { href: groupsOfStep(route.key, view.step) }, `step ${integer(view.step)}`), view.wave ? `, wave ${integer(view.wave)}` : "",
    " · ", h("code", {}, brief(view.id, 60)), " · ", brief(view.source ?? "", 40), tags.map(([k, v]) => ` · ${brief(k, 20)} ${brief(v, 40)}`),
    " · ", value(`${integer(view.solved)} of ${integer(view.total)} solved`, view, "solved", { group: view.group }),
    finite(view.policy_version) ? [" · policy ", value(integer(view.policy_version), view, "policy_version", { group: view.group })] : "",
    view.weights ? [" · weights ", h("code", { title: view.weights }, brief(String(view.weights).slice(0, 12), 12))] : ""];
}

function question(view) {
  const places = { group: view.group };
  return h("div", { class: "question" },
    h("div", {}, h("h3", {}, "Prompt", finite(view.prompt_tokens) ? h("span", { class: "soft" }, ` ${plural(view.prompt_tokens, "token")}`) : null),
      traced(textBlock(view.prompt), view, "prompt", places)),
    h("div", {}, h("h3", {}, "Ground truth"), traced(textBlock(view.ground_truth ?? "–"), view, "ground_truth", places),
      view.decision ? [h("h3", {}, "Decision"), traced(h("p", {}, decisionText(view.decision)), view, "decision", places)] : null));
}

function decisionText(d) {
  if (d.drop) return `dropped: ${brief(d.drop, 300)}`;
  return `${d.rule ?? "–"}: α = ${real(d.rollout_weight)} on rollouts, ${real(d.off_policy_weight)} on joined and β = ${real(d.demonstration_weight)} on imitated demonstrations`;
}

/** The switch between algorithms, and the choice of colour. */
function switches(state) {
  const { algorithms, quantities } = state;
  const radio = (a) => h("label", { class: a.failure ? "failed" : null, title: a.failure ? `${a.failure.problem} ${a.failure.remedy ?? ""}` : null },
    h("input", { type: "radio", name: "under", value: a.name, checked: a.name === state.under, on: { change: () => setUnder(state, a.name) } }),
    h("span", {}, brief(a.title ?? a.name, 40), a.own && !/run/.test(a.title ?? "") ? h("small", {}, " the run’s") : null, a.failure ? h("small", {}, " ✕") : null));
  const named = Object.entries(quantities).filter(([, q]) => algorithms.length || !q.part), parts = named.filter(([, q]) => q.part), recorded = named.filter(([, q]) => !q.part);
  const options = (list) => list.map(([name, q]) => h("option", { value: name, selected: name === state.colour }, q.title));
  state.select = h("select", { name: "colour", on: { change: (event) => setColour(state, event.target.value) } },
    parts.length ? h("optgroup", { label: "parts of the estimator" }, options(parts)) : null,
    recorded.length ? h("optgroup", { label: "recorded" }, options(recorded)) : null,
    h("option", { value: "none", selected: state.colour === "none" }, "none"));
  return h("div", { class: "controls" },
    algorithms.length ? h("fieldset", { class: "under" }, h("legend", {}, "under"), algorithms.map(radio)) : null,
    h("label", { class: "choice" }, h("span", {}, "Colour"), state.select));
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

/** Everything that depends on algorithm and colour, made again; the tokens change classes only. */
function recolour(state) {
  const { algorithms, quantities, all, columns } = state;
  const algorithm = algorithms.find((a) => a.name === state.under), quantity = quantities[state.colour];
  const scale = quantity ? tokenScale(quantity, all, state.under) : null;
  Object.assign(state, { quantity, scale, algorithm });
  state.decision.replaceChildren(...decisionLine(state, algorithm));
  state.legend.replaceChildren(...(quantity ? [scaleLegend(quantity, scale)] : []));
  state.summary.replaceChildren(rolloutTable(state));
  state.neighbours.replaceChildren(neighbour(state, "previous", "← previous", "k"), neighbour(state, "next", "next →", "j"));
  for (const column of columns) column.refresh(quantity, scale, state);
  drawFigures(state);
  if (state.at) showToken(state, ...state.at);
}

function decisionLine(state, algorithm) {
  if (!algorithm) return [];
  const title = h("b", {}, brief(algorithm.title ?? algorithm.name, 60));
  if (algorithm.failure)
    return [h("span", { class: "state state-warning" }, h("i", { "aria-hidden": "true" }, "!"), " not shown"), visible(" under "), title,
      visible(`: ${brief(algorithm.failure.problem, 400)} ${brief(algorithm.failure.remedy ?? "", 200)}`)];
  const d = algorithm.decision;
  return [visible("Under "), title, visible(algorithm.own ? ", the run’s own algorithm: " : ": "),
    d ? traced(fateMark(FATE_OF[d.fate] ?? d.fate, true), state.view, "decision", { group: state.view.group }) : visible("no decision"),
    visible(d?.reason ? ` (${brief(d.reason, 200)})` : "")];
}

/** The way to the group before or after, under the same algorithm and colour. */
function neighbour(state, name, text, key) {
  const group = state.view[name];
  if (group === null || group === undefined) return h("span", { class: "absent" }, text);
  return link(["run", state.route.key, "group", group], keptQuery(state), text, { id: `group-${name}`, title: `group ${group} (${key})` });
}

/** Gate decisions as replay names them. */
const FATE_OF = { sft: "imitated", rl: "reinforced", drop: "dropped" };

function groupKeys(state) {
  const go = (g) => { if (g !== null && g !== undefined) location.hash = address(["run", state.route.key, "group", g], keptQuery(state)); };
  const turn = (by) => {
    const names = state.algorithms.map((a) => a.name), to = names[(names.indexOf(state.under) + by + names.length) % names.length];
    const radio = document.querySelector(`input[name=under][value="${CSS.escape(to)}"]`);
    if (radio) radio.checked = true;
    setUnder(state, to);
  };
  Object.assign(pageKeys, { j: () => go(state.view.next), k: () => go(state.view.previous), u: () => turn(1), U: () => turn(-1),
    c: () => focusOn("select[name=colour]") });
}
