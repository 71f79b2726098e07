// Six stages, what lies between them, and when each worked.

const STAGE_TITLES = { reader: "prompt shard reader", rollout: "rollout generator", verifier: "verifier",
  gate: "performance gate", loss: "loss assembler", optimizer: "optimizer" };

const pipelinePage = {
  title: () => "Pipeline",
  load: (route) => data(of(route.key, "pipeline")),
  render(view, route) {
    const stages = view.stages ?? [];
    return [h("h1", {}, "Pipeline"),
      section("stages", "Stages", null, h("ol", { class: "stages" }, stages.map(stageBox))),
      section("timeline", "Activity", "When each stage committed what it had made. + and − zoom, arrow keys move, 0 shows all.",
        (view.spans ?? []).length ? timeline(view, route) : nothing("No activity has been recorded.")),
      section("logs", "Logs", null, table("Logs of the queue", [
        { title: "Log", name: "log", cell: (r) => h("span", {}, brief(r.log, 40)), value: (r) => r.log },
        { title: "Records", name: "records", class: "num", source: sourceOf(view, "records") ?? sourceOf(view, "logs"), cell: (r) => h("span", {}, integer(r.records)), value: (r) => r.records },
        { title: "Size", name: "bytes", class: "num", source: sourceOf(view, "logs"), cell: (r) => h("span", {}, bytes(r.bytes)), value: (r) => r.bytes },
        { title: "A record", class: "num", cell: (r) => h("span", {}, r.records ? bytes(r.bytes / r.records) : "–") },
      ], view.logs ?? [], { id: "log-table", hidden: true, file: "logs.csv", places: (r) => ({ log: brief(r.log, 40) }) })),
      (view.readers ?? []).length ? section("readers", "Readers", "Processes that read the queue; the lag is in transactions.", table("Readers", [
        { title: "Process", name: "pid", class: "num", cell: (r) => h("span", {}, String(r.pid ?? "–")), value: (r) => r.pid },
        { title: "Lag", name: "lag", class: "num", source: view.sources?.readers, cell: (r) => h("span", {}, integer(r.lag)), value: (r) => r.lag },
      ], view.readers, { id: "reader-table", hidden: true })) : null];
  },
};

/** A stage as a box: how far, how fast, what waits before it. */
function stageBox(stage) {
  const whole = finite(stage.head) ? Math.max(stage.head, stage.done) : null;
  const facts = h("dl", {});
  const fact = (label, content) => facts.append(h("dt", {}, label), traced(h("dd", {}, content), stage.source));
  fact("done", `${integer(stage.done)}${whole !== null ? ` of ${integer(whole)}` : ""} ${brief(stage.unit ?? "", 12)}`);
  if (finite(stage.queued)) fact("queued", integer(stage.queued));
  if (finite(stage.rate)) fact("rate", `${real(stage.rate, 3)} ${brief(stage.rate_unit ?? "/s", 20)}`);
  if (finite(stage.oldest_seconds)) fact("oldest", duration(stage.oldest_seconds));
  if (finite(stage.eta_seconds)) fact("ETA", duration(stage.eta_seconds));
  fact("process", stage.pid ? String(stage.pid) : "none");
  const fill = whole ? stage.done / whole : 1;
  return h("li", { data: { stage: stage.name }, class: stage.last_error ? "troubled" : null },
    h("b", {}, STAGE_TITLES[stage.name] ?? brief(stage.name, 30)),
    h("span", { class: "depth", role: "img", "aria-label": finite(stage.queued) ? `${integer(stage.queued)} queued` : "no queue before it" },
      h("span", { style: { width: `${Math.min(1, fill) * 100}%` } })),
    facts, stage.last_error ? h("p", { class: "problem" }, h("i", { "aria-hidden": "true" }, "! "), brief(stage.last_error, 300)) : null);
}
