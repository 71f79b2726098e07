import Queue
import Records

/// What the logs hold of one group so far; a log that has not reached it gives nil.
struct GroupRecords: Sendable {
  var group: GroupID
  var prompt: PromptRecord
  var rollouts: RolloutRecord?
  var verdicts: [Verdict]?
  var decision: DecisionRecord?

  init?(_ group: GroupID, _ transaction: ReadTransaction) throws {
    let key = RecordKey(group)
    guard let prompt = try transaction.record(PromptRecord.self, .prompts, key) else { return nil }
    self.group = group
    self.prompt = prompt
    rollouts = try transaction.record(RolloutRecord.self, .rollouts, key)
    verdicts = try transaction.record(VerdictRecord.self, .verdicts, key)?.verdicts
    decision = try transaction.record(DecisionRecord.self, .decisions, key)
  }

  /// Solved rollouts of how many. Before the gate has decided, and in an evaluation, *solved* means
  /// a reward of exactly 1.
  var solved: (solved: Int, total: Int)? {
    if let decision, decision.rule != "drop" {
      return (Int(decision.solved), Int(decision.total))
    }
    guard let verdicts, !verdicts.isEmpty else { return nil }
    return (verdicts.count { $0.reward == 1 }, verdicts.count)
  }
}

extension StoredRun {
  /// Groups read in one transaction.
  private static let portion: UInt64 = 64

  /// Visits groups from `start` on, in order, until `visit` says false.
  func forEachGroup(
    from start: GroupID = 0, _ visit: (GroupRecords) throws -> Bool
  ) throws {
    let head = try queue.read { try $0.head(.prompts) }
    var next = start
    while next < head {
      let range = next..<min(next + Self.portion, head)
      // Decoded inside, used outside: what the caller does may take long.
      let groups = try queue.read { transaction in
        try range.map { try GroupRecords($0, transaction) }
      }
      for case let group? in groups where try !visit(group) { return }
      next = range.upperBound
    }
  }

  /// The first group of `step`, by bisection: steps ascend with the GroupID.
  func firstGroup(ofStep step: UInt64) throws -> GroupID {
    try queue.read { transaction in
      var low: GroupID = 0
      var high = try transaction.head(.prompts)
      while low < high {
        let middle = low + (high - low) / 2
        let record = try transaction.record(PromptRecord.self, .prompts, RecordKey(middle))
        if let record, record.step < step { low = middle + 1 } else { high = middle }
      }
      return low
    }
  }
}

extension Prompt {
  /// The text that was asked; messages one after the other.
  var text: String {
    switch content {
    case .text(let text): text
    case .messages(let messages):
      messages.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
    }
  }
}
