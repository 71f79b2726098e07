public import Estimator
import Queue
public import Records

/// Decides per group what trains, by the algorithm's gate (HPT, arXiv 2509.04419). Pure: verdicts
/// and its own state in, decisions out.
public struct PerformanceGate: Stage {
  public static let name = StageName.gate

  private let gate: Gate
  /// Groups worked off at once: bounds what one transaction holds.
  private let portion: UInt64 = 512

  public init(gate: Gate) { self.gate = gate }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let start = try ledger.cursor(.gate)
    let end = min(try ledger.head(.verdicts), start + portion)
    guard start < end else { return .waiting("no verdicts") }
    var memory = try PartMemory.numbers(ledger.state(.gate))
    var outcome = Outcome()
    for group in start..<end {
      let step = try ledger.existing(PromptRecord.self, .prompts, group).step
      let rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group)
      let verdicts = try ledger.existing(VerdictRecord.self, .verdicts, group).verdicts
      outcome.add(
        try gate.decide(group, step: step, rollouts, verdicts, memory: &memory), to: .decisions,
        at: RecordKey(group))
    }
    if !memory.isEmpty { outcome.state = PartMemory.bytes(memory) }
    return .made(outcome)
  }
}

extension Gate {
  /// The decision for a stored group; replay asks the same question.
  ///
  /// - Parameter memory: the gate's state between groups, in GroupID order.
  /// - Throws: `.damaged` where the verdicts are not those of the rollouts.
  public func decide(
    _ group: GroupID, step: UInt64, _ record: RolloutRecord, _ verdicts: [Verdict],
    memory: inout [Double]
  ) throws -> DecisionRecord {
    try record.requireVerdicts(verdicts.count, of: group)
    if let refusal = record.refusal { return .dropped(refusal, total: verdicts.count) }
    var rollouts: [GateRollout] = []
    for (index, verdict) in verdicts.enumerated() {
      switch verdict.outcome {
      case .error(let reason):
        return .dropped("verifier-error: \(reason)", total: verdicts.count)
      case .scored(let reward, let components):
        rollouts.append(
          GateRollout(
            reward: reward, components: components.map { ($0.name, $0.value) },
            tokens: record.rollouts[index].tokens.count))
      }
    }
    let input = GateInput(
      step: step, rollouts: rollouts, demonstrations: record.demonstrations.count, group: group)
    return DecisionRecord(try decide(input, memory: &memory))
  }
}

extension DecisionRecord {
  init(_ decision: GateDecision) {
    let use: DemonstrationUse =
      switch decision.demonstration {
      case .unused: .unused
      case .imitated: .imitated
      case .joins: .joins
      case .both: .both
      }
    self.init(
      kept: decision.kept.map(UInt32.init), idle: decision.idle.map(UInt32.init),
      demonstration: use, rolloutWeight: decision.rolloutWeight,
      offPolicyWeight: decision.offPolicyWeight, demonstrationWeight: decision.demonstrationWeight,
      solved: UInt32(decision.solved), total: UInt32(decision.total), drop: decision.drop,
      rule: decision.rule)
  }

  static func dropped(_ reason: String, total: Int) -> DecisionRecord {
    DecisionRecord(
      kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: 0,
      total: UInt32(total), drop: reason, rule: "drop")
  }
}

/// The state of an algorithm's part as a stage keeps it: plain numbers.
enum PartMemory {
  static func numbers(_ stored: [UInt8]?) throws(RecordError) -> [Double] {
    guard let stored else { return [] }
    var reader = ByteReader(stored)
    let numbers = try numbers(&reader)
    try reader.expectEnd()
    return numbers
  }

  static func numbers(_ reader: inout ByteReader) throws(RecordError) -> [Double] {
    try reader.array { (reader: inout ByteReader) throws(RecordError) in try reader.double() }
  }

  static func bytes(_ numbers: [Double]) -> [UInt8] {
    var writer = ByteWriter()
    writer.put(array: numbers) { $0.put($1) }
    return writer.bytes
  }
}
