// Six stages, what lies between them, and when each worked.

const STAGE_TITLES = {
  reader: "prompt shard reader",
  rollout: "rollout generator",
  verifier: "verifier",
  gate: "performance gate",
  loss: "loss assembler",
  optimizer: "optimizer",
};

const pipelinePage = {
  title: () => "Pipeline",
  load: (route) => data(of(route.key, "pipeline")),
  render(view, route) {
    return [
      h("h1", {}, "Pipeline"),
      section("stages", "Stages", null,
        h("ol", { class: "stages" }, (view.stages ?? []).map(stageBox))),
      section("timeline", "Activity",
        "When each stage was at work. + and − zoom, arrow keys move, n and p go from one to the next, "
          + "Enter opens the groups of its step, 0 shows all.",
        (view.spans ?? []).length ? timeline(view, route) : nothing("No activity has been recorded.")),
      section("logs", "Logs", null, logTable(view)),
      (view.readers ?? []).length
        ? section("readers", "Readers", "Processes that read the queue.", readerTable(view)) : null,
    ];
  },
};

function logTable(view) {
  const size = { title: "A record", class: "num",
    cell: (log) => h("span", {}, log.records ? bytes(log.bytes / log.records) : "–") };
  return table("Logs of the queue", [
    textColumn("Log", "log"),
    numberColumn("Records", "records", { source: sourceOf(view, "records") }),
    numberColumn("Size", "bytes", { source: sourceOf(view, "bytes"), show: bytes }),
    size,
  ], view.logs ?? [], { id: "log-table", hidden: true, file: "logs.csv",
    places: (log) => ({ log: brief(log.log, 40) }) });
}

function readerTable(view) {
  const source = sourceOf(view, "readers");
  return table("Readers of the queue", [
    textColumn("Process", "pid"),
    numberColumn("Commits behind", "lag", { source }),
  ], view.readers, { id: "reader-table", hidden: true });
}

/** A stage as a box: how far, how fast, what waits before it. */
function stageBox(stage) {
  const whole = finite(stage.head) ? Math.max(stage.head, stage.done) : null;
  const facts = h("dl", {});
  const fact = (label, content) =>
    facts.append(h("dt", {}, label), traced(h("dd", {}, content), stage.source));
  const end = whole === null ? "" : ` of ${integer(whole)}`;
  fact("done", `${integer(stage.done)}${end} ${brief(stage.unit ?? "", 12)}`);
  if (finite(stage.queued)) fact("queued", integer(stage.queued));
  if (finite(stage.rate)) fact("rate", `${real(stage.rate, 3)} ${brief(stage.rate_unit ?? "/s", 20)}`);
  if (finite(stage.oldest_seconds)) fact("oldest", duration(stage.oldest_seconds));
  if (finite(stage.eta_seconds)) fact("ETA", duration(stage.eta_seconds));
  fact("process", stage.pid ? String(stage.pid) : "none");
  const waits = finite(stage.queued) ? `${integer(stage.queued)} queued` : "no queue before it";
  const share = whole ? Math.min(1, stage.done / whole) : 1;
  return h("li", { data: { stage: stage.name }, class: stage.last_error ? "troubled" : null },
    h("b", {}, STAGE_TITLES[stage.name] ?? brief(stage.name, 30)),
    h("span", { class: "depth", role: "img", "aria-label": waits },
      h("span", { style: { width: `${share * 100}%` } })),
    facts,
    stage.last_error ? h("p", { class: "problem" },
      h("i", { "aria-hidden": "true" }, "! "), brief(stage.last_error, 300)) : null);
}
