// One question with its rollouts, token by token, under any algorithm.

const groupPage = {
  title: (view) => `Group ${integer(view.group)}`,
  load: (route) => data(of(route.key, "groups", route.id)),
  render(view, route, app) {
    const all = [...(view.rollouts ?? []), ...(view.demonstrations ?? []), ...(view.rejected ?? [])];
    const algorithms = view.algorithms ?? [], quantities = quantitiesOf(all);
    const own = algorithms.find((a) => a.own) ?? algorithms[0];
    const { under, colour: chosen } = route.query;
    const state = {
      view, route, app, all, quantities, algorithms, own, at: null,
      under: (algorithms.find((a) => a.name === under) ?? own)?.name,
      colour: quantities[chosen] || chosen === "none" ? chosen : firstColour(own),
    };
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
  state.dock = h("aside", { class: "dock", id: "dock", "aria-live": "polite",
    "aria-label": "Parts of the token" },
  h("p", { class: "soft" }, "Point at a token, or move through the text with the arrow keys."));
  state.legend = h("div", { id: "legend" });
  state.figures = h("div", { class: "charts two", id: "figures" });
  state.decision = h("p", { id: "decision", "aria-live": "polite" });
  state.summary = h("div", {});
  state.neighbours = h("span", { class: "neighbours" });
  const file = `group-${view.group}-tokens.csv`;
  const tokens = exportButton(file, () => tokenRows(state), "Tokens as CSV");
  const look = state.all.some((r) => r.token_count > 160) ? "trajectories long" : "trajectories";
  return [
    h("div", { class: "heading" }, h("h1", {}, `Group ${integer(view.group)}`),
      fateMark(view.fate, true), state.neighbours),
    h("p", { class: "lead" }, groupLine(view, route)),
    view.refusal ? h("p", { class: "error" }, brief(view.refusal, 600)) : null,
    section("question", "Question", null, question(view)),
    section("trajectories", "Rollouts", null,
      h("div", { class: "pinned" }, switches(state), h("div", { class: "row" }, state.legend, tokens)),
      state.decision, state.figures,
      h("div", { class: look }, state.columns.map((column) => column.element)),
      state.dock),
    section("verdicts", "Verdicts", null, state.summary),
    state.algorithms.length > 1 ? section("algorithms", "Under every algorithm",
      "What each would have decided, and the advantage that it gives each rollout.",
      algorithmTable(state)) : null,
  ];
}

function groupLine(view, route) {
  const places = { group: view.group }, gap = " · ";
  const tags = Object.entries(view.tags ?? {}).map(([k, v]) => `${gap}${brief(k, 20)} ${brief(v, 40)}`);
  const solved = `${integer(view.solved)} of ${integer(view.total)} solved`;
  const policy = finite(view.policy_version)
    ? [`${gap}policy `, value(integer(view.policy_version), view, "policy_version", places)] : null;
  const weights = view.weights
    ? [`${gap}weights `, h("code", { title: view.weights }, String(view.weights).slice(0, 12))] : null;
  return [
    h("a", { href: groupsOfStep(route.key, view.step) }, `step ${integer(view.step)}`),
    view.wave ? `, wave ${integer(view.wave)}` : "", gap,
    h("code", {}, brief(view.id, 60)), gap, brief(view.source ?? "", 40), tags, gap,
    finite(view.total) ? value(solved, view, "solved", places) : "not judged yet",
    policy, weights,
  ];
}

function question(view) {
  const places = { group: view.group };
  const count = finite(view.prompt_tokens)
    ? h("span", { class: "soft" }, ` ${plural(view.prompt_tokens, "token")}`) : null;
  const decision = view.decision && [h("h3", {}, "Decision"),
    traced(h("p", {}, decisionText(view.decision)), view, "decision", places)];
  return h("div", { class: "question" },
    h("div", {}, h("h3", {}, "Prompt", count), traced(textBlock(view.prompt), view, "prompt", places)),
    h("div", {}, h("h3", {}, "Ground truth"),
      traced(textBlock(view.ground_truth ?? "–"), view, "ground_truth", places), decision));
}

function decisionText(d) {
  if (d.drop) return `dropped: ${brief(d.drop, 300)}`;
  return `${d.rule ?? "–"}: α = ${real(d.rollout_weight)} on rollouts, ${real(d.off_policy_weight)} on `
    + `joined and β = ${real(d.demonstration_weight)} on imitated demonstrations`;
}

/** Everything that depends on algorithm and colour, made again; the tokens change classes only. */
function recolour(state) {
  const { algorithms, quantities, all, columns } = state;
  const quantity = quantities[state.colour];
  const scale = quantity ? tokenScale(quantity, all, state.under) : null;
  Object.assign(state, { quantity, scale, algorithm: algorithms.find((a) => a.name === state.under) });
  state.decision.replaceChildren(...decisionLine(state));
  state.legend.replaceChildren(...(quantity ? [scaleLegend(quantity, scale)] : []));
  state.summary.replaceChildren(rolloutTable(state));
  state.neighbours.replaceChildren(neighbour(state, "previous", "← previous", "k"),
    neighbour(state, "next", "next →", "j"));
  for (const column of columns) column.refresh(quantity, scale, state);
  drawFigures(state);
  if (state.at) showToken(state, ...state.at);
}

/** What stays chosen from group to group: what is not the page's own first choice. */
function keptQuery({ under, own, colour }) {
  return {
    under: under === own?.name ? null : under,
    colour: colour === firstColour(own) ? null : colour,
  };
}

/** The group before or after; of a report, the nearest one that it holds. */
function neighbourOf({ view, route }, name) {
  if (LIVE) return view[name];
  const isNext = name === "next";
  const beyond = heldGroups(route.key).filter((g) => (isNext ? g > view.group : g < view.group));
  return beyond.length ? (isNext ? Math.min(...beyond) : Math.max(...beyond)) : null;
}

/** The way to the group before or after, under the same algorithm and colour. */
function neighbour(state, name, text, key) {
  const group = neighbourOf(state, name);
  if (!finite(group)) return h("span", { class: "absent" }, text);
  return link(["run", state.route.key, "group", group], keptQuery(state), text,
    { id: `group-${name}`, title: `group ${group} (${key})` });
}
