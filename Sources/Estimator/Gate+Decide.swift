import Records

extension Gate {
  /// Decides for one group. A pure function of `input` and `memory`.
  ///
  /// A group that lacks what its weights ask for trains on what it has: without a demonstration
  /// `join`, `soft` and `table` train the rollouts alone (α as ever), without rollouts an imitated
  /// demonstration trains alone. A group of which nothing is left, or whose verdicts lack a
  /// component that is read, is dropped with the reason.
  ///
  /// - Parameter memory: the gate's whole state between groups, empty at the start of a run: the
  ///   mean rewards that an adaptive `filter` remembers, oldest first. Only groups that reach the
  ///   filter are remembered. Unchanged when it throws.
  /// - Throws: `.notFinite` for a number of a verdict or a memory that is none, and for a score that
  ///   divides by zero; `.badParameter` for a score that cannot be read and for a group that the
  ///   released tables of `soft` do not cover.
  public func decide(_ input: GateInput, memory: inout [Double]) throws(EstimatorError)
    -> GateDecision
  {
    var decision = GateDecision(
      kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: 0,
      total: input.rollouts.count, rule: kind.rawValue)
    guard let values = try input.values(of: component) else {
      return decision.dropped(GateDecision.Drop.componentMissing(component))
    }
    decision.solved = values.count(where: Gate.isSolved)
    decision = try weighed(decision, input)
    var remembered = memory
    if let filter, decision.drop == nil, !decision.kept.isEmpty {
      decision = try filter.filtered(decision, input, memory: &remembered)
    }
    if let spread, decision.drop == nil, !decision.kept.isEmpty {
      decision = try spread.filtered(decision, input)
    }
    memory = remembered
    return decision
  }

  /// What the kind hands out to a group with `solved` of `total` rollouts right, and the name of
  /// the rule.
  private func mix(_ step: UInt64, solved: Int, of total: Int) throws(EstimatorError)
    -> (MixCoefficients, rule: String)
  {
    let reinforced = MixCoefficients(onPolicy: 1, offPolicy: 0, imitation: 0)
    let imitated = MixCoefficients(onPolicy: 0, offPolicy: 0, imitation: 1)
    if step < imitationSteps { return (imitated, "schedule_sft") }
    switch kind {
    case .reinforce: return (reinforced, "rl")
    case .imitate: return (imitated, "sft")
    case .switch:
      let rule = switchRule(solved: solved, of: total)
      return (rule == "switch_rl" ? reinforced : imitated, rule)
    case .pairs: return (MixCoefficients(onPolicy: 0, offPolicy: 1, imitation: 0), "pairs")
    case .join: return (MixCoefficients(onPolicy: 1, offPolicy: 1, imitation: 1), "join")
    case .soft:
      let table = try SoftMixTable(released: softType)
      return (try table.coefficients(solved: solved, of: total), "soft")
    case .table:
      let mix = MixCoefficients(
        onPolicy: Self.interpolated(rolloutTable, solved: solved, of: total),
        offPolicy: Self.interpolated(offPolicyTable, solved: solved, of: total),
        imitation: Self.interpolated(demonstrationTable, solved: solved, of: total))
      return (mix, "table")
    }
  }

  private func switchRule(solved: Int, of total: Int) -> String {
    if let share = thresholdShare {
      if share < 0 { return "switch_rl" }
      let count = (share * Double(total) + 1e-9).rounded(.down)
      return Double(solved) <= count ? "switch_sft" : "switch_rl"
    }
    if solved <= thresholdCount { return "switch_sft" }
    if let thresholdOffCount, solved <= thresholdOffCount { return "switch_off_sft" }
    return "switch_rl"
  }

  /// A table at `P = solved / total`. Its position, `P·(entries − 1)`, is found in whole numbers,
  /// so that a table of `total + 1` entries gives the entry itself. `P` is 0 without rollouts.
  static func interpolated(_ table: [Double], solved: Int, of total: Int) -> Double {
    guard let last = table.last else { return 0 }
    guard total > 0 else { return table[0] }
    let (index, rest) = (solved * (table.count - 1)).quotientAndRemainder(dividingBy: total)
    guard index < table.count - 1 else { return last }
    guard rest > 0 else { return table[index] }
    return table[index] + (table[index + 1] - table[index]) * (Double(rest) / Double(total))
  }

  /// `decision` with the three coefficients, and with the rows that they train.
  private func weighed(_ decision: GateDecision, _ input: GateInput) throws(EstimatorError)
    -> GateDecision
  {
    var decision = decision
    var mix: MixCoefficients
    (mix, decision.rule) = try self.mix(input.step, solved: decision.solved, of: decision.total)
    if input.demonstrations == 0 {
      switch decision.rule {
      case "sft", "schedule_sft", "switch_sft", "switch_off_sft", "pairs":
        return decision.dropped(GateDecision.Drop.noDemonstration)
      case "join", "soft", "table": decision.rule += "_none"
      default: break
      }
      (mix.offPolicy, mix.imitation) = (0, 0)
    }
    mix.onPolicy *= rolloutWeight
    mix.offPolicy *= offPolicyWeight
    mix.imitation *= demonstrationWeight
    // A demonstration that joins needs the rollouts too: their rewards make its advantage.
    let readsRollouts = kind != .pairs && (mix.onPolicy != 0 || mix.offPolicy != 0)
    if decision.total == 0, kind != .pairs { (mix.onPolicy, mix.offPolicy) = (0, 0) }
    decision.rolloutWeight = mix.onPolicy
    decision.offPolicyWeight = mix.offPolicy
    decision.demonstrationWeight = mix.imitation
    if readsRollouts { decision.kept = Array(0..<decision.total) }
    decision.demonstration =
      switch (mix.offPolicy != 0, mix.imitation != 0) {
      case (true, true): .both
      case (true, false): .joins
      case (false, true): .imitated
      case (false, false): .unused
      }
    if decision.kept.isEmpty, decision.demonstration == .unused {
      let reason = readsRollouts ? GateDecision.Drop.noRollouts : GateDecision.Drop.zeroWeight
      return decision.dropped(reason)
    }
    return decision
  }
}

extension SampleFilter {
  /// `decision`, which keeps every rollout, with the best of them kept and the others idle or gone.
  fileprivate func filtered(
    _ decision: GateDecision, _ input: GateInput, memory: inout [Double]
  ) throws(EstimatorError) -> GateDecision {
    let score = try ScoreExpression(score, key: "gate.filter.score")
    for rollout in input.rollouts {
      guard let name = score.missing(in: rollout) else { continue }
      return decision.dropped(GateDecision.Drop.componentMissing(name))
    }
    var scores: [Double] = []
    for (index, rollout) in input.rollouts.enumerated() {
      scores.append(try score.value(of: rollout, location: input.location(index)))
    }
    var count = keep
    if !adaptive.isEmpty {
      let mean = try meanReward(input)
      try refuseBad(memory)
      // Its own mean is remembered only after it was compared.
      count = keep(mean: mean, remembered: memory)
      remember(mean, in: &memory)
    }
    var decision = decision
    decision.kept = Self.best(count, of: scores)
    if keepsRejectedInNormalizer {
      let kept = Set(decision.kept)
      decision.idle = scores.indices.filter { !kept.contains($0) }
    }
    return decision
  }

  private func meanReward(_ input: GateInput) throws(EstimatorError) -> Double {
    guard let rewards = try input.values(of: "reward") else { return 0 }
    return rewards.reduce(0, +) / Double(rewards.count)
  }

  private func refuseBad(_ memory: [Double]) throws(EstimatorError) {
    guard let index = memory.firstIndex(where: { !$0.isFinite }) else { return }
    throw EstimatorError(
      code: .notFinite, location: "gate memory, entry \(index)",
      problem: "the remembered mean reward is \(memory[index])",
      remedy: "Start again from a state without it.", exitStatus: .mismatch)
  }
}

extension SpreadFilter {
  /// `decision`, or its drop when the rollouts that it keeps do not differ.
  fileprivate func filtered(_ decision: GateDecision, _ input: GateInput) throws(EstimatorError)
    -> GateDecision
  {
    guard let values = try input.values(of: component) else {
      return decision.dropped(GateDecision.Drop.componentMissing(component))
    }
    guard keeps(decision.kept.map { values[$0] }) else {
      return decision.dropped(GateDecision.Drop.noSpread)
    }
    return decision
  }
}
