extension AdvantageEstimate {
  /// `Â` of every row of a step, and the critic's targets where there are any.
  ///
  /// A pure function of its arguments. Members get their number from the estimate, imitated rows 1,
  /// idle rows 0.
  ///
  /// - Parameters:
  ///   - groups: all groups of the step, in order: whitening looks at all of them, and RiskPO's
  ///     bundles are consecutive groups.
  ///   - seed: of the run; with `step` and the group's id it keys RiskPO's permutations.
  ///   - memory: what the estimate carries from step to step (RiskPO's tracked quantiles); empty:
  ///     fresh. Every other kind leaves it alone.
  /// - Returns: one value per group, rows in order.
  /// - Throws: `.notFinite` naming group and row, `.shapeMismatch`, `.missingQuantity` for `gae`
  ///   without values.
  public func assemble(
    _ groups: [AssemblyGroup], seed: UInt64, step: UInt64, memory: inout [Double]
  ) throws(EstimatorError) -> [AssembledGroup] {
    for group in groups { try group.check(values: needsValues) }
    var assembled = groups.map { AssembledGroup(settling: $0) }
    switch kind {
    case .riskBundle:
      try risk.assemble(groups, seed: seed, step: step, memory: &memory, into: &assembled)
    case .preference: break
    case .gae: generalize(groups, into: &assembled)
    default: score(groups, into: &assembled)
    }
    if whitens { whiten.apply(groups, &assembled, perToken: isPerToken) }
    try Self.check(groups, assembled)
    return assembled
  }

  private func generalize(_ groups: [AssemblyGroup], into assembled: inout [AssembledGroup]) {
    for (index, group) in groups.enumerated() {
      for (position, row) in group.rows.enumerated() where row.standing == .member {
        assembled[index].rows[position] = accumulated(row, outcome: row.reward, lambda: lambda)
      }
    }
  }

  /// The kinds with a number per row, group by group through one buffer.
  private func score(_ groups: [AssemblyGroup], into assembled: inout [AssembledGroup]) {
    var numbers: [Double] = []
    for (index, group) in groups.enumerated() {
      numbers.removeAll(keepingCapacity: true)
      for row in group.rows where row.standing == .member {
        // Where sums run over tokens, the penalties enter token by token.
        numbers.append(isDiscounted ? row.reward : row.outcome)
      }
      rewardsToAdvantages(&numbers)
      var next = 0
      for (position, row) in group.rows.enumerated() where row.standing == .member {
        if isDiscounted {
          assembled[index].rows[position] = accumulated(row, outcome: numbers[next], lambda: 1)
        } else {
          assembled[index].rows[position].advantages[0] = numbers[next]
        }
        next += 1
      }
    }
  }

  /// Generalised advantage estimation along one row (arXiv 1506.02438, equation 16), from its end:
  ///
  ///     δ_t = r_t + γ·V_(t+1) − V_t      Â_t = δ_t + γλ·Â_(t+1)      return_t = Â_t + V_t
  ///
  /// V and Â after the last trained token are 0; tokens that carry no loss are stepped over, V and Â
  /// carried past them (verl). Without values, and with λ = 1, these are the discounted sums.
  private func accumulated(_ row: AssemblyRow, outcome: Double, lambda: Double) -> AssembledRow {
    var advantages = Array(repeating: 0.0, count: row.tokens)
    var returns = advantages
    let usesValues = kind == .gae
    var advantage = 0.0
    var nextValue = 0.0
    var reward = outcome
    for token in (0..<row.tokens).reversed() where row.trains(token) {
      if !row.penalties.isEmpty { reward -= row.penalties[token] }
      let value = usesValues ? row.values[token] : 0
      advantage = reward + discount * nextValue - value + discount * lambda * advantage
      advantages[token] = advantage
      returns[token] = advantage + value
      nextValue = value
      reward = 0
    }
    return AssembledRow(advantages: advantages, returns: returns)
  }

  /// Finite rewards can still overflow; no such number may become a weight.
  private static func check(
    _ groups: [AssemblyGroup], _ assembled: [AssembledGroup]
  ) throws(EstimatorError) {
    for (group, result) in zip(groups, assembled) {
      for (index, row) in result.rows.enumerated() {
        for number in row.advantages where !number.isFinite {
          throw .notFinite("the advantage", number, group.id, index)
        }
      }
    }
  }
}
