import Estimator
import Queue
package import Records

/// A group of the step with everything that its loss needs.
package struct StepMember {
  package var group: GroupID
  package var prompt: PromptRecord
  package var rollouts: RolloutRecord
  package var verdicts: VerdictRecord
  package var decision: DecisionRecord

  init(_ group: GroupID, _ ledger: Ledger) throws {
    self.init(
      group, prompt: try ledger.existing(PromptRecord.self, .prompts, group),
      rollouts: try ledger.existing(RolloutRecord.self, .rollouts, group),
      verdicts: try ledger.existing(VerdictRecord.self, .verdicts, group),
      decision: try ledger.existing(DecisionRecord.self, .decisions, group))
    try requireAgreement()
  }

  package init(
    _ group: GroupID, prompt: PromptRecord, rollouts: RolloutRecord, verdicts: VerdictRecord,
    decision: DecisionRecord
  ) {
    self.group = group
    self.prompt = prompt
    self.rollouts = rollouts
    self.verdicts = verdicts
    self.decision = decision
  }

  private var joins: Bool { decision.demonstration == .joins || decision.demonstration == .both }

  /// The group's rows as the loss batch names them, and as the estimate reads them; or why the group
  /// cannot train.
  func draft(_ algorithm: Algorithm, _ shaper: RewardShaper) throws -> Draft {
    var draft = Draft(group: group)
    let idle = Set(decision.idle)
    for index in (decision.kept + decision.idle).sorted() {
      let trajectory = rollouts.rollouts[Int(index)]
      let reward: Double
      switch try shaped(verdicts.verdicts[Int(index)], trajectory, shaper) {
      case .drop(let reason): return .dropped(group, reason)
      case .reward(let number): reward = number
      }
      try draft.add(
        .rollout(index), trajectory, reward: reward,
        verified: verdicts.verdicts[Int(index)].reward ?? .nan,
        standing: idle.contains(index) ? .idle : .member, algorithm)
    }
    if decision.demonstration != .unused {
      if let reason = try addDemonstrations(to: &draft, algorithm, shaper) {
        return .dropped(group, reason)
      }
    }
    if algorithm.advantage.kind == .preference {
      draft.pair(algorithm.pairing, rejected: rollouts.rejected.count)
      if draft.pairs.isEmpty { return .dropped(group, "no_pairs") }
    }
    return draft
  }

  private func addDemonstrations(
    to draft: inout Draft, _ algorithm: Algorithm, _ shaper: RewardShaper
  ) throws -> String? {
    for (index, trajectory) in rollouts.demonstrations.enumerated() {
      // Without a verdict of its own (nobody asked for one) a demonstration counts as right.
      var reward = 1.0
      if joins, index < verdicts.demonstrations.count {
        switch try shaped(verdicts.demonstrations[index], trajectory, shaper) {
        case .drop(let reason): return "demonstration_\(reason)"
        case .reward(let number): reward = number
        }
      }
      try draft.add(
        .demonstration(UInt32(index)), trajectory, reward: reward,
        verified: verdicts.demonstrations.indices.contains(index)
          ? verdicts.demonstrations[index].reward ?? .nan : .nan,
        standing: joins ? .member : .imitated, algorithm)
    }
    guard joins, algorithm.advantage.kind == .preference else { return nil }
    for (index, trajectory) in rollouts.rejected.enumerated() {
      try draft.add(
        .rejected(UInt32(index)), trajectory, reward: 0, verified: .nan, standing: .member,
        algorithm)
    }
    return nil
  }

  private enum Shaped {
    case reward(Double)
    case drop(String)
  }

  private func shaped(
    _ verdict: Verdict, _ trajectory: Trajectory, _ shaper: RewardShaper
  ) throws -> Shaped {
    switch verdict.outcome {
    case .error(let reason): return .drop("verifier-error: \(reason)")
    case .scored(let reward, let components):
      let rollout = GateRollout(
        reward: reward, components: components.map { ($0.name, $0.value) },
        tokens: trajectory.tokens.count)
      if let name = shaper.missing(in: rollout) { return .drop("component_missing: \(name)") }
      return .reward(try shaper.shaped(rollout, location: "group \(group)"))
    }
  }
}

/// A group on its way into a loss batch.
struct Draft {
  var assembly: AssemblyGroup
  var rows: [LossRow] = []
  var pairs: [LossPair] = []
  var drop: String?

  init(group: GroupID) { assembly = AssemblyGroup(id: group, rows: []) }

  static func dropped(_ group: GroupID, _ reason: String) -> Draft {
    var draft = Draft(group: group)
    draft.drop = reason
    return draft
  }

  mutating func add(
    _ source: LossRow.Source, _ trajectory: Trajectory, reward: Double, verified: Double,
    standing: AssemblyRow.Standing, _ algorithm: Algorithm
  ) throws {
    let isRollout = if case .rollout = source { true } else { false }
    let needed = algorithm.quantities
    var row = AssemblyRow(
      kind: isRollout ? .rollout : .demonstration, standing: standing, reward: reward,
      tokens: trajectory.tokens.count,
      trained: trajectory.spans.allSatisfy(\.trained) ? [] : trajectory.trained)
    if isRollout, algorithm.kl?.place == .reward {
      // KL(rollout policy, anchor): on-policy, that of the policy at the start of the step.
      row.penalties = try algorithm.penalties(
        logProbability: trajectory.logProbabilities.map(Double.init),
        anchor: try stored(RecordedQuantity.anchor, trajectory))
    }
    if isRollout, needed.contains(.value) {
      row.values = try stored(RecordedQuantity.value, trajectory)
    }
    assembly.rows.append(row)
    rows.append(
      LossRow(source: source, advantages: [], reward: verified, isIdle: standing == .idle))
  }

  private func stored(_ name: String, _ trajectory: Trajectory) throws -> [Double] {
    guard let values = trajectory.quantity(name), values.count == trajectory.tokens.count else {
      throw StageError(
        .badData, at: "rollouts/\(assembly.id)", "its rollouts carry no \(name)",
        remedy: "Record it: start the run again with this algorithm, or fork it from stored groups "
          + "that have it.")
    }
    return values.map(Double.init)
  }

  /// Imported pairs where there are some, else pairs of the members' rewards.
  mutating func pair(_ pairing: Pairing, rejected: Int) {
    func place(_ source: LossRow.Source) -> UInt32? {
      rows.firstIndex { $0.source == source }.map(UInt32.init)
    }
    if rejected > 0 {
      for index in 0..<UInt32(rejected) {
        guard let chosen = place(.demonstration(index)), let other = place(.rejected(index))
        else { continue }
        pairs.append(LossPair(chosen: chosen, rejected: other))
      }
      return
    }
    let members = assembly.rows.indices.filter { assembly.rows[$0].standing == .member }
    pairs = pairing.pairs(members.map { assembly.rows[$0].reward }).map {
      LossPair(chosen: UInt32(members[$0.chosen]), rejected: UInt32(members[$0.rejected]))
    }
  }

  /// The group of the loss batch, with the estimate's numbers.
  func lossGroup(_ assembled: AssembledGroup, _ decision: DecisionRecord) -> LossGroup {
    var rows = rows
    for (index, made) in assembled.rows.enumerated() {
      rows[index].advantages = made.advantages
      rows[index].returns = made.returns
    }
    return LossGroup(
      group: assembly.id, rolloutWeight: decision.rolloutWeight,
      offPolicyWeight: decision.offPolicyWeight,
      demonstrationWeight: decision.demonstrationWeight, rows: rows, pairs: pairs)
  }
}
