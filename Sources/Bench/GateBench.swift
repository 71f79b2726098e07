import Estimator
import Queue
import Records
import Stages

/// The performance gate: decisions on groups in memory, and the stage over a queue, commits included.
public struct GateBench {
  private let gate: Gate
  private let algorithm: String
  private let folder: TemporaryFolder
  private static let groups = 4096

  /// - Parameters:
  ///   - algorithm: whose gate.
  ///   - place: folder for the queue; nil: the system's for temporary files.
  /// - Throws: `EstimatorError` for an unknown algorithm.
  public init(algorithm: String, in place: String?) throws {
    self.algorithm = algorithm
    gate = try CatalogEntry.find(algorithm, form: nil).build().gate
    folder = try TemporaryFolder(in: place)
  }

  public func run(steps: Int) throws -> BenchRecord {
    let source = SyntheticTrajectories()
    let groups = (0..<Self.groups).map { source.group($0 % 256) }
    var record = BenchRecord(job: "gate", threads: 1, steps: steps)
    record.shape = "\(Self.groups) groups"
    record.loss = algorithm
    var times = Times()
    var watch = Stopwatch()
    for step in 0...steps {
      if step == 1 { watch = Stopwatch() }
      let one = Stopwatch()
      var memory: [Double] = []
      for (index, group) in groups.enumerated() {
        _ = try gate.decide(
          UInt64(index), step: 0, group.rollouts, group.verdicts.verdicts, memory: &memory)
      }
      if step > 0 { times.add(one.elapsed) }
    }
    record.take(times, watch.reading)
    record.figures = [
      "decisions_per_second": Double(groups.count) / times.best,
      "stage_groups_per_second": Double(groups.count) / (try stageSeconds(groups)),
    ]
    return record
  }

  private func stageSeconds(_ groups: [SyntheticTrajectories.Group]) throws -> Double {
    let queue = try Queue.create(at: folder.path + "/queue", identity: "bench")
    let records = try queue.prepare(
      groups.enumerated().flatMap { $1.records(under: RecordKey(UInt64($0))) }
    ).records()
    try queue.write(claims: []) { transaction in
      for record in records { try transaction.put(record) }
    }
    let ledger = Ledger(queue: queue)
    try ledger.claim(.gate)
    var stage = PerformanceGate(gate: gate)
    let watch = Stopwatch()
    while case .made(let outcome) = try stage.advance(ledger) {
      try ledger.post(outcome, by: .gate)
      try ledger.commit()
    }
    return watch.elapsed
  }
}
