// One run on one page; printed, it is a report card.

const FACT_GROUPS = [["run", "Run"], ["model", "Model"], ["data", "Data"], ["machine", "Machine"],
  ["result", "Result"]];
const HEADLINES = ["reward/mean", "rollout/accuracy", "gate/sft", "response/length_mean", "policy/entropy",
  "gradient_norm"];

const overviewPage = {
  title: (view) => view.run.key,
  async load(route) {
    const path = of(route.key, "metrics");
    const [run, metrics] = await Promise.all([data(of(route.key)),
      holds(path) ? data(path).catch(() => null) : null]);
    return { run, metrics };
  },
  render({ run, metrics }, route) {
    return [
      h("h1", {}, brief(route.key, 120)),
      h("p", { class: "lead" }, summary(run)),
      section("health", "Health", null,
        h("ul", { class: "health" }, (run.lights ?? []).map((item) => h("li", {}, light(item))))),
      metrics?.series?.length ? section("course", "Course", null, headlines(metrics, route)) : null,
      run.evaluations?.length ? section("evaluation", "Evaluations", null, evaluationTables(run)) : null,
      section("facts", "Facts", null, factLists(run)),
      section("definition", "Definition", null, definition(run)),
    ];
  },
};

function summary(run) {
  const name = run.name && run.name !== run.key ? `${brief(run.name, 60)}, ` : "";
  const gate = run.algorithm?.gamma;
  return [
    name, h("b", {}, brief(run.algorithm?.title ?? "–", 80)),
    finite(gate) ? `, gate at γ = ${real(gate)}` : "", ". ",
    stateMark(run.state), finite(run.step) ? [" at ", progress(run)] : "", ". ",
    h("code", {}, brief(run.path ?? "", 200)),
  ];
}

function factLists(run) {
  return h("div", { class: "facts" }, FACT_GROUPS.map(([name, title]) => {
    const facts = (run.facts ?? []).filter((fact) => fact.group === name);
    if (!facts.length) return null;
    return h("div", { data: { facts: name } }, h("h3", {}, title), h("dl", {}, facts.map((fact) => [
      h("dt", {}, brief(fact.label, 60)), traced(h("dd", {}, factText(fact.text)), fact.source)])));
  }));
}

/** Digests are long and seldom read to the end: their head is seen; selected or printed they are whole. */
function factText(text) {
  const whole = String(text ?? "–");
  if (!/^[0-9a-f]{28,}$/.test(whole)) return textBlock(whole, { limit: 300 });
  return h("code", { class: "digest", tabindex: "0" }, whole);
}

/** The curves that say how a run went, small. */
function headlines(metrics, route) {
  const options = { linked: new Set(), height: 96, smoothing: 0, quiet: true, key: route.key };
  const found = HEADLINES.map((name) => metrics.series.find((one) => one.name === name)).filter(Boolean);
  const series = found.length ? found : metrics.series.slice(0, 6);
  return h("div", { class: "charts small" }, series.map((one) => h("figure", {},
    h("figcaption", { title: hoverText(one) }, h("b", {}, capital(one.title)), lastValue(one)),
    seriesChart(one, metrics, options))));
}

function lastValue(one) {
  const i = one.values.findLastIndex((v) => v !== null);
  if (i < 0) return null;
  return value(measured(one.values[i], one.unit), one.source, null, {}, { class: "number last" });
}

function definition(run) {
  const { text = "", digest } = run.definition ?? {};
  return [
    h("p", { class: "note" }, "SHA-256 ", traced(h("code", {}, digest ?? "–"), run, "definition")),
    h("details", { data: { keep: "definition" } },
      h("summary", {}, `pipeline.yaml, ${plural(text.split("\n").length, "line")}`),
      h("div", { class: "code" }, textBlock(text, { limit: 20000 }))),
  ];
}
