import Queue
import Records
import Stages

extension StoredRun {
  /// Where the numbers of `status` come from.
  func sources(
    of status: RunStatus, _ pace: StagePace, _ metrics: MetricsTail
  ) throws -> [NumberSource] {
    var sources = [
      NumberSource(
        "step \(status.step)", stage: StageName.optimizer.longName, record: "its cursor",
        field: "committed steps"),
      NumberSource("of \(status.steps)", record: "pipeline.yaml", field: "steps"),
    ]
    if let seconds = pace.secondsPerStep {
      sources.append(
        NumberSource(
          "ETA", record: seconds.record,
          field: "\(TextChart.decimal(seconds.value)) s a step, times the steps that are left"))
    }
    if status.lastCommitSeconds != nil {
      sources.append(
        NumberSource("last commit", record: "queue/data.mdb", field: "the file's time"))
    }
    for stage in status.stages { sources += Self.sources(of: stage, pace) }
    let step = metrics.steps.last
    for curve in status.curves {
      sources.append(try source(of: curve, step: step, first: metrics.steps.first))
    }
    if status.verifierErrors > 0 {
      sources.append(
        NumberSource(
          "errors \(status.verifierErrors)", stage: StageName.loss.longName,
          record: "metrics.jsonl, \(metrics.lines.count) lines", field: "verifier/errors, summed"))
    }
    if let error = status.lastError {
      sources.append(
        NumberSource("last error", stage: error.stage, record: error.record, field: "its reason"))
    }
    return sources
  }

  private static func sources(
    of stage: RunStatus.StageStatus, _ pace: StagePace
  ) -> [NumberSource] {
    guard let name = StageName(argument: stage.name) else { return [] }
    func source(_ number: String, _ record: String, _ field: String) -> NumberSource {
      NumberSource("\(stage.name) \(number)", stage: name.longName, record: record, field: field)
    }
    var sources = [
      source(
        "done \(stage.done)", name == .reader ? "log prompts" : "its cursor",
        name == .reader ? "its first gap" : "\(stage.unit) it has consumed")
    ]
    if let total = stage.total {
      sources.append(
        source(
          "of \(total)", "pipeline.yaml", name == .optimizer ? "steps" : "steps × prompts_per_step")
      )
    }
    if let oldest = stage.oldestSeconds {
      sources.append(
        source(
          "oldest \(TextChart.decimal(oldest)) s",
          stage.oldestIsBound ? "queue/data.mdb" : StageTurns.file,
          stage.oldestIsBound ? "at least since the last commit" : "since the turn that made it"))
    }
    if let rate = pace.rates[name] {
      sources.append(
        source(
          "rate \(TextChart.decimal(rate.value))", rate.record,
          "\(stage.unit) a second of its own time"))
    }
    return sources
  }

  /// The record of the last step that holds a curve's metric.
  private func source(
    of curve: RunStatus.Curve, step: UInt64?, first: UInt64?
  ) throws -> NumberSource {
    let number = "\(curve.metric) \(TextChart.decimal(curve.last ?? .nan))"
    let course = curve.metric + (first.map { ", drawn from step \($0) on" } ?? "")
    guard let step, let (stage, log) = try holder(of: curve.metric, step: step) else {
      return NumberSource(number, record: "metrics.jsonl", field: course)
    }
    return NumberSource(
      number, stage: stage.longName, record: "\(log.rawValue)/\(step)", field: course)
  }

  /// The stage that measured a metric of a step, and the log that holds it; nil for a trimmed step.
  func holder(of metric: String, step: UInt64) throws -> (stage: StageName, log: Log)? {
    try queue.read { transaction in
      let batch = try transaction.record(LossBatchRecord.self, .batches, RecordKey(step))
      if batch?.metrics.contains(where: { $0.name == metric }) == true { return (.loss, .batches) }
      let update = try transaction.record(UpdateRecord.self, .updates, RecordKey(step))
      let measured = (update?.metrics ?? []) + (update?.timings ?? [])
      return measured.contains { $0.name == metric } ? (.optimizer, .updates) : nil
    }
  }
}
