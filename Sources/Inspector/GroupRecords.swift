import Queue
import Records
import Stages

/// What the logs hold of one group so far; a log that has not reached it gives nil.
struct GroupRecords: Sendable {
  var group: GroupID
  var prompt: PromptRecord
  var rollouts: RolloutRecord?
  var verdicts: [Verdict]?
  /// Verdicts of demonstrations that join their group.
  var judgedDemonstrations: [Verdict]?
  /// What each of these verdicts took, rollouts first.
  var verdictSeconds: [Double] = []
  /// What the gate decided; a group that it let pass and the loss assembler dropped has that reason.
  var decision: DecisionRecord?

  /// - Parameter drops: kept from group to group, so that a step's batch is decoded once.
  init?(_ group: GroupID, _ transaction: ReadTransaction, _ drops: inout StepDrops) throws {
    let key = RecordKey(group)
    guard let prompt = try transaction.record(PromptRecord.self, .prompts, key) else { return nil }
    try self.init(
      group, prompt, try transaction.record(RolloutRecord.self, .rollouts, key),
      try transaction.record(VerdictRecord.self, .verdicts, key),
      try transaction.record(DecisionRecord.self, .decisions, key), transaction, &drops)
  }

  private init(
    _ group: GroupID, _ prompt: PromptRecord, _ rollouts: RolloutRecord?, _ judged: VerdictRecord?,
    _ decision: DecisionRecord?, _ transaction: ReadTransaction, _ drops: inout StepDrops
  ) throws {
    self.group = group
    self.prompt = prompt
    self.rollouts = rollouts
    verdicts = judged?.verdicts
    judgedDemonstrations = judged?.demonstrations
    verdictSeconds = judged?.seconds ?? []
    self.decision = decision
    if decision?.drop == nil {
      self.decision?.drop = try drops.reason(of: group, step: prompt.step, transaction)
    }
  }

  /// The groups of a range that lies between the logs' base and the head of `prompts`.
  ///
  /// - Throws: `.damaged` where one of them is missing.
  static func all(
    of range: Range<GroupID>, _ transaction: ReadTransaction, _ drops: inout StepDrops
  ) throws -> [GroupRecords] {
    func records<R: StoredRecord>(_ type: R.Type, _ log: Log) throws -> [GroupID: R] {
      let found = try transaction.records(
        type, log, from: RecordKey(range.lowerBound), count: range.count)
      return Dictionary(uniqueKeysWithValues: found.map { ($0.key.id, $0.record) })
    }
    let prompts = try records(PromptRecord.self, .prompts)
    let rollouts = try records(RolloutRecord.self, .rollouts)
    let verdicts = try records(VerdictRecord.self, .verdicts)
    let decisions = try records(DecisionRecord.self, .decisions)
    return try range.map { group in
      guard let prompt = prompts[group] else {
        throw InspectorError(
          .damaged, at: "prompts/\(group)", "its record is missing, where the log has later ones",
          remedy: "Look at all of it with `pipeline queue verify`.")
      }
      return try GroupRecords(
        group, prompt, rollouts[group], verdicts[group], decisions[group], transaction, &drops)
    }
  }

  /// Solved rollouts of how many. Before the gate has decided, and in an evaluation, *solved* means
  /// that the verifier calls the answer right.
  var solved: (solved: Int, total: Int)? {
    if let decision, decision.rule != "drop" {
      return (Int(decision.solved), Int(decision.total))
    }
    guard let verdicts, !verdicts.isEmpty else { return nil }
    return (verdicts.count { $0.isRight }, verdicts.count)
  }
}

/// Which groups of one step the loss assembler dropped, and why.
struct StepDrops {
  private var step: UInt64?
  private var reasons: [GroupID: String] = [:]

  mutating func reason(
    of group: GroupID, step: UInt64, _ transaction: ReadTransaction
  ) throws -> String? {
    if self.step != step {
      let batch = try transaction.record(LossBatchRecord.self, .batches, RecordKey(step))
      // A step that is not assembled yet is asked again.
      self.step = batch == nil ? nil : step
      reasons = Dictionary(
        (batch?.drops ?? []).map { ($0.group, $0.reason) }, uniquingKeysWith: { first, _ in first })
    }
    return reasons[group]
  }
}

extension Queue {
  /// Groups read in one transaction.
  private static let portion: UInt64 = 64

  /// Visits the groups of a range that lies between base and head, in order, until `visit` says false.
  func forEachGroup(
    in range: Range<GroupID>, _ visit: (GroupRecords) throws -> Bool
  ) throws {
    var drops = StepDrops()
    var next = range.lowerBound
    while next < range.upperBound {
      let part = next..<min(next + Self.portion, range.upperBound)
      // Decoded inside, used outside: what the caller does may take long.
      let groups = try read { try GroupRecords.all(of: part, $0, &drops) }
      for group in groups where try !visit(group) { return }
      next = part.upperBound
    }
  }
}

extension StoredRun {
  /// Visits groups from `start` on, in order, until `visit` says false.
  func forEachGroup(
    from start: GroupID = 0, _ visit: (GroupRecords) throws -> Bool
  ) throws {
    let (base, head) = try queue.read { (try RunBase($0).group, try $0.head(.prompts)) }
    let first = max(start, base)
    guard first < head else { return }
    try queue.forEachGroup(in: first..<head, visit)
  }

  /// The first group of `step`, by bisection: steps ascend with the GroupID.
  func firstGroup(ofStep step: UInt64) throws -> GroupID {
    try queue.read { transaction in
      var low = try RunBase(transaction).group
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
