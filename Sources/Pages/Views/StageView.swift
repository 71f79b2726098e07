import Inspector

/// A stage as a box: what it has done, what waits for it, and how fast it goes.
struct StageView: Encodable {
  var name: String
  var unit: String
  var done: UInt64
  var head: UInt64?
  var queued: UInt64
  var rate: Double?
  var rateUnit: String
  var etaSeconds: Double?
  var oldestSeconds: Double?
  var pid: Int?
  var lastError: String?
  var source: String

  init(_ stage: RunStatus.StageStatus, trouble: RunTrouble?) {
    name = stage.name
    unit = stage.unit
    done = stage.done
    head = stage.total ?? stage.head
    queued = stage.queued
    rate = stage.rate
    rateUnit = "\(stage.unit)/s"
    etaSeconds = stage.etaSeconds
    oldestSeconds = stage.oldestSeconds
    pid = stage.pid
    if let trouble, trouble.stage == stage.name || trouble.stage.hasPrefix(stage.name) {
      lastError = trouble.problem + " (\(trouble.record))"
    }
    source = "queue · cursor \(stage.name), heads of the logs; rate and age: logs/activity.jsonl"
  }
}
