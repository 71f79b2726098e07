package import Queue
package import Records
import Stages

/// A stored group as far as gate, loss assembler and estimator read it.
package struct StoredGroup: Sendable {
  var group: GroupID
  var prompt: PromptRecord
  var rollouts: RolloutRecord
  var verdicts: VerdictRecord

  func member(_ decision: DecisionRecord) -> StepMember {
    StepMember(group, prompt: prompt, rollouts: rollouts, verdicts: verdicts, decision: decision)
  }
}

/// The groups of one step, whole.
package struct StoredStep: Sendable {
  var step: UInt64
  var groups: [StoredGroup]

  /// Whether all rollouts came from the policy that the step trains, so that what they stored is what
  /// the step's first update sees.
  var isOnPolicy: Bool {
    groups.allSatisfy { $0.rollouts.rollouts.isEmpty || $0.rollouts.policyVersion == step }
  }
}

/// Which groups of a queue make which steps. Reading only: the run may be going on.
package struct StoredSteps: Sendable {
  package struct Span: Sendable, Equatable {
    package var step: UInt64
    package var groups: Range<GroupID>
  }

  /// Ascending; of all their groups the verdicts are there.
  package let spans: [Span]
  /// Groups behind the last whole step.
  let unfinished: Int
  private let queue: Queue

  /// Records read in one transaction, so that a running stage is never held up.
  private static let portion = 256
  /// Groups that one thread decodes at a time.
  private static let share = 4

  /// - Parameters:
  ///   - promptsPerStep: groups of a wave: a step without all groups of its last wave is not whole.
  ///   - group: looks for the step of this group alone; nil: for all of them.
  package init(_ queue: Queue, promptsPerStep: Int, of group: GroupID? = nil) throws {
    self.queue = queue
    let end = try queue.read { try $0.head(.verdicts) }
    let total = try queue.read { try $0.head(.prompts) }
    var spans: [Span] = []
    var next = try group.map { try Self.start(ofStepOf: $0, queue) } ?? 0
    reading: while next < end {
      let records = try queue.read {
        try $0.records(PromptRecord.self, .prompts, from: RecordKey(next), count: Self.portion)
      }
      for (key, record) in records where key.id < end {
        if let last = spans.last, last.step == record.step {
          spans[spans.count - 1].groups = last.groups.lowerBound..<key.id + 1
        } else {
          if group != nil, !spans.isEmpty { break reading }
          spans.append(Span(step: record.step, groups: key.id..<key.id + 1))
        }
      }
      guard let last = records.last?.key.id, last + 1 > next else { break }
      next = last + 1
    }
    if let last = spans.last, last.groups.count % max(promptsPerStep, 1) != 0 {
      spans.removeLast()
    }
    self.spans = spans
    unfinished = Int(total - (spans.last?.groups.upperBound ?? 0))
  }

  /// The first group of the step of `group`; `group` itself where there is no such record.
  private static func start(ofStepOf group: GroupID, _ queue: Queue) throws -> GroupID {
    try queue.read { transaction in
      func step(_ group: GroupID) throws -> UInt64? {
        try transaction.record(PromptRecord.self, .prompts, RecordKey(group))?.step
      }
      guard let own = try step(group) else { return group }
      // Steps ascend with the GroupID, and trimmed groups have none.
      var (below, first) = (GroupID(0), group)
      while below < first {
        let middle = below + (first - below) / 2
        if try step(middle) == own { first = middle } else { below = middle + 1 }
      }
      return first
    }
  }

  /// The records of a step, decoded on all cores.
  package func load(_ span: Span) throws -> StoredStep {
    let count = (span.groups.count + Self.share - 1) / Self.share
    let parts = try concurrentMap(count) { part -> [StoredGroup] in
      let first = span.groups.lowerBound + UInt64(part * Self.share)
      let end = min(first + UInt64(Self.share), span.groups.upperBound)
      return try queue.read { transaction in
        try (first..<end).map { try Self.group($0, transaction) }
      }
    }
    return StoredStep(step: span.step, groups: Array(parts.joined()))
  }

  private static func group(
    _ group: GroupID, _ transaction: ReadTransaction
  ) throws -> StoredGroup {
    StoredGroup(
      group: group,
      prompt: try record(PromptRecord.self, .prompts, group, transaction),
      rollouts: try record(RolloutRecord.self, .rollouts, group, transaction),
      verdicts: try record(VerdictRecord.self, .verdicts, group, transaction))
  }

  private static func record<R: StoredRecord>(
    _ type: R.Type, _ log: Log, _ group: GroupID, _ transaction: ReadTransaction
  ) throws -> R {
    guard let record = try transaction.record(type, log, RecordKey(group)) else {
      throw ReplayError(
        .damaged, at: "\(log.rawValue)/\(group)", "the record is missing below the log's head",
        remedy: "Run `pipeline queue repair` on the run.")
    }
    return record
  }

  /// What the optimizer recorded of update `index` of a step.
  ///
  /// - Throws: where the step has no such update or its log-probabilities were not recorded.
  func recorded(_ step: StoredStep, update index: Int) throws -> RecordedUpdate {
    let (batch, update) = try queue.read { transaction in
      (
        try transaction.record(LossBatchRecord.self, .batches, RecordKey(step.step)),
        try transaction.record(UpdateRecord.self, .updates, RecordKey(step.step))
      )
    }
    guard let batch, let update else {
      throw ReplayError(
        .notThere, at: "updates/\(step.step)", "step \(step.step) has not been trained yet",
        remedy: "Wait for it, or choose steps before it with `--steps`.")
    }
    return try RecordedUpdate(batch, update, index: index, step)
  }
}
