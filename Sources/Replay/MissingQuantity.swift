import Estimator
import Records
import Stages

/// What an algorithm reads of some trajectory and the run did not record.
struct MissingQuantity: Sendable, Equatable {
  /// `anchor_log_probability`, …
  var name: String
  /// `rollouts` or `demonstrations`.
  var owner: String
  /// The entries that make `rollout.record` record it; empty: nothing does.
  var record: [String]
  /// What must hold beside that.
  var condition = ""

  /// As the algorithm's failure.
  func error(_ group: GroupID) -> ReplayError {
    ReplayError(
      .notRecorded, at: "group \(group)", "its \(owner) carry no \(name)",
      remedy: record.isEmpty
        ? "No key records it; choose an algorithm that does not read it."
        : "Set `rollout.record: [\(record.joined(separator: ", "))]` in the definition and "
          + "generate again with `pipeline run DEFINITION`\(condition).")
  }

  static let logProbability = MissingQuantity(
    name: "log_probability", owner: "rollouts", record: [])
  static let anchor = MissingQuantity(
    name: RecordedQuantity.anchor, owner: "rollouts", record: [RecordedQuantity.anchor])
  static let value = MissingQuantity(
    name: RecordedQuantity.value, owner: "rollouts", record: [RecordedQuantity.value],
    condition: "; values exist where the run trains a critic (`algorithm: {name: ppo}`)")
  static let entropy = MissingQuantity(
    name: RecordedQuantity.entropy, owner: "rollouts", record: [RecordedQuantity.entropy])
  static let demonstration = MissingQuantity(
    name: "log_probability", owner: "demonstrations", record: [RolloutScorer.demonstrations])
  static let demonstrationAnchor = MissingQuantity(
    name: RecordedQuantity.anchor, owner: "demonstrations", record: [RecordedQuantity.anchor])
  static let demonstrationEntropy = MissingQuantity(
    name: RecordedQuantity.entropy, owner: "demonstrations",
    record: [RolloutScorer.demonstrations, RecordedQuantity.entropy])
  static let behaviour = MissingQuantity(
    name: "behaviour_log_probability", owner: "demonstrations", record: [])
}

extension Algorithm {
  /// What assembly reads of the rollouts that the gate kept, and is not there.
  func missing(toAssemble record: RolloutRecord, _ decision: DecisionRecord) -> MissingQuantity? {
    let readsAnchor = kl.map { $0.place == .reward } ?? false
    let readsValue = quantities.contains(.value)
    guard readsAnchor || readsValue else { return nil }
    for index in decision.kept + decision.idle {
      let rollout = record.rollouts[Int(index)]
      if readsAnchor, !rollout.has(RecordedQuantity.anchor) { return .anchor }
      if readsAnchor, rollout.lacksLogProbabilities { return .logProbability }
      if readsValue, !rollout.has(RecordedQuantity.value) { return .value }
    }
    return nil
  }

  /// What the estimator reads of a row, and is not there. What it does not need (the log-probability
  /// of a demonstration that is imitated: its weight is the same whatever the policy says) is not
  /// asked for.
  func missing(toEvaluate row: LossRow, of group: LossGroup, _ trajectory: Trajectory)
    -> MissingQuantity?
  {
    guard case .rollout = row.source else {
      return missing(toEvaluateGiven: trajectory, joins: group.offPolicyWeight != 0)
        ?? (group.demonstrationWeight != 0 ? missing(toImitate: trajectory) : nil)
    }
    if trajectory.lacksLogProbabilities { return .logProbability }
    let hasPenalty = kl.map { $0.place == .loss && $0.weight != 0 } ?? false
    if hasPenalty || rollouts.credit.reads(.anchor), !trajectory.has(RecordedQuantity.anchor) {
      return .anchor
    }
    if rollouts.credit.readsEntropy, !trajectory.has(RecordedQuantity.entropy) { return .entropy }
    return rollouts.reference == .behaviour ? .behaviour : nil
  }

  private func missing(toEvaluateGiven trajectory: Trajectory, joins: Bool) -> MissingQuantity? {
    guard joins else { return nil }
    let readsPolicy =
      offPolicy.readsPolicy || rollouts.credit.reads(.anchor) || rollouts.credit.reads(.rollout)
    if readsPolicy, trajectory.lacksLogProbabilities { return .demonstration }
    if rollouts.credit.reads(.anchor), !trajectory.has(RecordedQuantity.anchor) {
      return .demonstrationAnchor
    }
    if offPolicy.credit.readsEntropy, !trajectory.has(RecordedQuantity.entropy) {
      return .demonstrationEntropy
    }
    return offPolicy.reference == .behaviour ? .behaviour : nil
  }

  private func missing(toImitate trajectory: Trajectory) -> MissingQuantity? {
    if imitation.readsPolicy, trajectory.lacksLogProbabilities { return .demonstration }
    if imitation.credit.readsEntropy, !trajectory.has(RecordedQuantity.entropy) {
      return .demonstrationEntropy
    }
    return imitation.reference == .behaviour ? .behaviour : nil
  }
}

extension PolicyTerm {
  /// Whether a token's weight depends on π_θ itself. Against the policy at the start of the step only
  /// the ratio does.
  var readsPolicy: Bool { reference == .one || reference == .behaviour || reference == .rollout }
}

extension Credit {
  func reads(_ policy: Against) -> Bool { comparesPolicies && against == policy }
}

extension Trajectory {
  func has(_ name: String) -> Bool { quantity(name)?.count == tokens.count }
  var lacksLogProbabilities: Bool { logProbabilities.count != tokens.count }
}
