public import Estimator
import Queue
import Records

/// Decides per group between imitation and reinforcement, by the algorithm's gate (HPT,
/// arXiv 2509.04419). Pure: verdicts in, decisions out.
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
    var outcome = Outcome()
    for group in start..<end {
      let rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group)
      let verdicts = try ledger.existing(VerdictRecord.self, .verdicts, group).verdicts
      outcome.add(try decide(rollouts, verdicts), to: .decisions, at: RecordKey(group))
    }
    outcome.cursor = end
    return .made(outcome)
  }

  private func decide(_ group: RolloutRecord, _ verdicts: [Verdict]) throws -> DecisionRecord {
    if let refusal = group.refusal { return dropped(refusal, total: verdicts.count) }
    var values: [Double] = []
    for verdict in verdicts {
      switch verdict.outcome {
      case .error(let reason): return dropped("verifier-error: \(reason)", total: verdicts.count)
      case .scored(let reward, let components):
        let component = components.first { $0.name == gate.component }
        guard let value = gate.component == "reward" ? reward : component?.value else {
          return dropped("component-missing: \(gate.component)", total: verdicts.count)
        }
        values.append(value)
      }
    }
    let decision = try gate.decide(
      values: values, hasDemonstration: !group.demonstrations.isEmpty)
    return DecisionRecord(
      kept: decision.kept.map(UInt32.init), demonstration: use(decision.demonstration),
      rolloutWeight: decision.rolloutWeight, demonstrationWeight: decision.demonstrationWeight,
      solved: UInt32(decision.solved), total: UInt32(decision.total),
      drop: decision.drop?.rawValue, rule: decision.rule)
  }

  private func use(_ use: GateDecision.DemonstrationUse) -> DecisionRecord.DemonstrationUse {
    switch use {
    case .unused: .unused
    case .imitated: .imitated
    case .joins: .joins
    }
  }

  private func dropped(_ reason: String, total: Int) -> DecisionRecord {
    DecisionRecord(
      kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: 0,
      total: UInt32(total), drop: reason, rule: "drop")
  }
}
