import Queue
import Records

/// What a pass over all records of a run found: those that are damaged or missing, and of the others
/// what joins and fates are judged by. About a hundred bytes a group.
struct RecordSurvey {
  /// A record that cannot be read, or is not there although it must be.
  struct Fault {
    var log: Log
    var key: RecordKey
    var problem: String
    /// Whether bytes stand under its key.
    var isStored: Bool
  }

  struct PromptFact {
    var step: UInt64
    var wave: UInt32
    var epoch: UInt64
    var position: UInt64
    var dataset: UInt32
    var rollouts: UInt32
  }

  struct RolloutFact {
    var version: UInt64
    /// Index into `digests`.
    var digest: Int
    var rollouts: Int
    var demonstrations: Int
    var rejected: Int
    var isRefused: Bool
  }

  struct DecisionFact {
    var isDropped: Bool
    var total: Int
    /// One past the highest rollout that is named.
    var named: Int
  }

  /// Records per transaction, so that none is open for long.
  private static let portion = 128

  var faults: [Fault] = []
  /// Keys that belong to no record.
  var strays: [(log: Log, what: String)] = []
  /// Records that were read whole, by log.
  var read: [Log: Int] = [:]
  /// The first key of each log, and one past the last, where there is one: of a damaged record too.
  private(set) var starts: [Log: UInt64] = [:]
  var ends: [Log: UInt64] = [:]
  var prompts: [UInt64: PromptFact] = [:]
  var rollouts: [UInt64: RolloutFact] = [:]
  var digests: [[UInt8]] = []
  /// Verdicts of a group's rollouts, and of its demonstrations.
  var verdicts: [UInt64: (rollouts: Int, demonstrations: Int)] = [:]
  var decisions: [UInt64: DecisionFact] = [:]
  var batches: [UInt64: LossBatchRecord] = [:]
  var updates: [UInt64: UpdateRecord] = [:]
  var demands: [RecordKey: DemandRecord] = [:]

  /// - Parameters:
  ///   - base: where the logs begin.
  ///   - heads: below them every key must be there.
  init(_ queue: Queue, base: RunBase, heads: [Log: UInt64]) throws {
    var known: [[UInt8]: Int] = [:]
    try pass(queue, .prompts, PromptRecord.self, base, heads) { survey, key, record in
      survey.prompts[key.id] = PromptFact(
        step: record.step, wave: record.wave, epoch: record.epoch, position: record.position,
        dataset: record.dataset, rollouts: record.rollouts)
    }
    try pass(queue, .rollouts, RolloutRecord.self, base, heads) { survey, key, record in
      let index = known[record.weightsDigest] ?? survey.digests.count
      if index == survey.digests.count {
        known[record.weightsDigest] = index
        survey.digests.append(record.weightsDigest)
      }
      survey.rollouts[key.id] = RolloutFact(
        version: record.policyVersion, digest: index, rollouts: record.rollouts.count,
        demonstrations: record.demonstrations.count, rejected: record.rejected.count,
        isRefused: record.refusal != nil)
    }
    try pass(queue, .verdicts, VerdictRecord.self, base, heads) { survey, key, record in
      survey.verdicts[key.id] = (record.verdicts.count, record.demonstrations.count)
    }
    try pass(queue, .decisions, DecisionRecord.self, base, heads) { survey, key, record in
      survey.decisions[key.id] = DecisionFact(
        isDropped: record.drop != nil, total: Int(record.total),
        named: (record.kept + record.idle).map { Int($0) + 1 }.max() ?? 0)
    }
    try pass(queue, .batches, LossBatchRecord.self, base, heads) { survey, key, record in
      var record = record
      // Of a group's rows only which trajectories they are is looked at.
      for index in record.groups.indices {
        for row in record.groups[index].rows.indices {
          record.groups[index].rows[row].advantages = []
          record.groups[index].rows[row].returns = []
        }
      }
      survey.batches[key.id] = record
    }
    try pass(queue, .updates, UpdateRecord.self, base, heads) { survey, key, record in
      var record = record
      record.logProbabilities = []
      survey.updates[key.id] = record
    }
    try pass(queue, .demands, DemandRecord.self, base, heads) { survey, key, record in
      survey.demands[key] = record
    }
  }

  private mutating func pass<R: StoredRecord>(
    _ queue: Queue, _ log: Log, _ type: R.Type, _ base: RunBase, _ heads: [Log: UInt64],
    _ keep: (inout RecordSurvey, RecordKey, R) -> Void
  ) throws {
    let origin = log.isGrouped ? base.group : base.step
    var expected = origin
    var next: RecordKey? = RecordKey(0)
    func missing(_ range: Range<UInt64>) -> [Fault] {
      guard !log.usesPart else { return [] }
      return range.map {
        Fault(log: log, key: RecordKey($0), problem: "is missing", isStored: false)
      }
    }
    while let start = next {
      let (records, strays) = try queue.read {
        try $0.examine(log, from: start, count: Self.portion)
      }
      for examined in records {
        let key = examined.key
        guard key.id < RecordLimits.number else {
          self.strays.append((log, "\(key)"))
          continue
        }
        let head = heads[log] ?? 0
        if key.id > expected, expected < head {
          faults += missing(expected..<min(key.id, head))
        }
        expected = max(expected, key.id + 1)
        do {
          keep(&self, key, try examined.record(type, in: log))
          read[log, default: 0] += 1
        } catch let error as any DescribedError {
          faults.append(Fault(log: log, key: key, problem: error.problem, isStored: true))
        }
        if starts[log] == nil { starts[log] = key.id }
        ends[log] = key.id + 1
      }
      self.strays += strays.map { (log, $0) }
      next =
        records.count == Self.portion ? records.last.flatMap { $0.key.successor(in: log) } : nil
    }
    if let head = heads[log], expected < head { faults += missing(expected..<head) }
  }
}

extension Log {
  /// Whether its keys are GroupIDs; else they are steps.
  var isGrouped: Bool {
    switch self {
    case .prompts, .rollouts, .verdicts, .decisions: true
    case .batches, .updates, .demands: false
    }
  }
}
