/// An algorithm of the unified policy gradient estimator: a value made of parts.
///
///     dL/dlog π_t = − weight_t,     weight_t = mask_t · (π_θ,t / π_ref,t) · Â_t · norm_t
///
/// (arXiv 2509.04419; the likelihood gradient ∇log π_t belongs to the policy and is the same for all).
/// The parts are used at three places:
/// 1. the performance gate asks `gate` what becomes of a group;
/// 2. the loss assembler asks ``assemble(_:seed:step:memory:)`` for Â;
/// 3. the optimizer asks ``normalizers(rows:pairs:microBatches:)`` for the divisors of a mini-batch and
///    ``evaluate(_:normalizers:recordingParts:)`` for the gradient at every token.
///
/// ``named(_:settings:)`` builds the known ones; any other composition is written by the
/// initialiser, in this module or outside it, or in YAML.
public struct Algorithm: Sendable, Equatable {
  /// Where a published code departs from its paper both exist, by name.
  public enum Form: String, Sendable, CaseIterable {
    case paper
    case released
  }

  public var name: String
  public var form: Form
  public var gate: Gate
  public var reward: RewardShaping
  public var advantage: AdvantageEstimate
  /// The term of rollouts; α of their group multiplies it.
  public var rollouts: PolicyTerm
  /// The term of demonstrations that join their group beside the rollouts.
  public var offPolicy: PolicyTerm
  /// The term of demonstrations that are imitated; β of their group multiplies it.
  public var imitation: PolicyTerm
  /// The critic's loss, where the advantage needs one.
  public var value: ValueTerm?
  public var entropy: EntropyBonus?
  public var kl: KLPenalty?
  public var normalizerScope: NormalizerScope
  /// How pairs for `credit: preference` are made.
  public var pairing: Pairing
  /// An advantage from outside this module instead of `advantage`.
  public var customAdvantage: CustomAdvantage?

  /// - Parameters:
  ///   - offPolicy: nil for demonstrations that join under the rollouts' own term with π_ref = 1.
  ///   - imitation: nil for SFT with the rollouts' aggregation.
  public init(
    name: String, form: Form = .released, gate: Gate = Gate(.reinforce),
    reward: RewardShaping = RewardShaping(), advantage: AdvantageEstimate, rollouts: PolicyTerm,
    offPolicy: PolicyTerm? = nil, imitation: PolicyTerm? = nil, value: ValueTerm? = nil,
    entropy: EntropyBonus? = nil, kl: KLPenalty? = nil,
    normalizerScope: NormalizerScope = .miniBatch, pairing: Pairing = Pairing(),
    customAdvantage: CustomAdvantage? = nil
  ) {
    self.name = name
    self.form = form
    self.gate = gate
    self.reward = reward
    self.advantage = advantage
    self.rollouts = rollouts
    self.offPolicy =
      offPolicy ?? PolicyTerm(reference: .one, aggregation: rollouts.aggregation)
    self.imitation = imitation ?? .imitation(rollouts.aggregation)
    self.value = value
    self.entropy = entropy
    self.kl = kl
    self.normalizerScope = normalizerScope
    self.pairing = pairing
    self.customAdvantage = customAdvantage
  }

  /// A quantity per token that must be scored before a batch can be evaluated.
  public enum Quantity: String, Sendable, CaseIterable {
    case logProbability = "logprob"
    case logProbabilityOld = "logprob_old"
    case logProbabilityRollout = "logprob_rollout"
    case logProbabilityAnchor = "logprob_anchor"
    case logProbabilityBehaviour = "logprob_behaviour"
    case entropy
    case value
  }

  /// What assembly and ``evaluate(_:normalizers:recordingParts:)`` read, so that a definition can ask
  /// for it to be recorded.
  public var quantities: Set<Quantity> {
    var needed: Set<Quantity> = [.logProbability]
    for term in terms { needed.formUnion(term.quantities) }
    if let kl, kl.weight != 0 {
      needed.insert(.logProbabilityAnchor)
      if kl.place == .reward { needed.insert(.logProbabilityOld) }
    }
    if let entropy, entropy.weight != 0 { needed.insert(.entropy) }
    if value != nil || advantage.kind == .gae { needed.insert(.value) }
    return needed
  }

  /// The terms that some row of this algorithm's batches can have.
  public var terms: [PolicyTerm] {
    var terms: [PolicyTerm] = []
    if gate.usesRollouts { terms.append(rollouts) }
    if gate.joinsDemonstrations { terms.append(offPolicy) }
    if gate.imitates { terms.append(imitation) }
    return terms
  }

  /// The credit of a group's members: its rollouts, or, where it has none, the pair that it was given.
  var memberCredit: Credit { gate.usesRollouts ? rollouts.credit : offPolicy.credit }

  /// The widest scope among the parts: what the stages must see whole.
  public var scope: PartScope {
    terms.map(\.scope).reduce(max(gate.scope, advantage.scope), max)
  }

  /// `Â` for the groups of a step: the loss assembler's part.
  ///
  /// - Parameters:
  ///   - groups: those that train, in GroupID order.
  ///   - seed: of the run, for what is drawn.
  ///   - memory: the estimate's state between steps; empty at the start.
  /// - Throws: `.notFinite` naming group and row, `.missingQuantity` without critic values.
  public func assemble(
    _ groups: [AssemblyGroup], seed: UInt64, step: UInt64, memory: inout [Double]
  ) throws(EstimatorError) -> [AssembledGroup] {
    if let customAdvantage { return try customAdvantage.assemble(groups) }
    return try advantage.assemble(groups, seed: seed, step: step, memory: &memory)
  }

  /// The normalisers of each micro-batch of one mini-batch.
  ///
  /// - Parameters:
  ///   - rows: of the whole mini-batch, in order.
  ///   - pairs: preference pairs of each micro-batch; empty for none.
  ///   - microBatches: consecutive ranges of `rows`.
  /// - Returns: one value per micro-batch. All are the same unless the algorithm's
  ///   ``normalizerScope`` is one of the released forms that depend on the cut.
  public func normalizers(
    rows: [RowShape], pairs: [Int] = [], microBatches: [Range<Int>]
  ) -> [Normalizers] {
    func pairCount(_ index: Int) -> Int { pairs.isEmpty ? 0 : pairs[index] }
    switch normalizerScope {
    case .miniBatch:
      return Array(
        repeating: Normalizers(rows: rows, pairs: pairs.reduce(0, +)), count: microBatches.count)
    case .microBatchMean:
      let share = 1 / Double(max(1, microBatches.count))
      return microBatches.indices.map {
        Normalizers(rows: Array(rows[microBatches[$0]]), pairs: pairCount($0), share: share)
      }
    case .microBatchSum:
      return microBatches.indices.map {
        Normalizers(rows: Array(rows[microBatches[$0]]), pairs: pairCount($0))
      }
    }
  }

  /// Refuses a composition that cannot work.
  public func validate() throws(EstimatorError) {
    try gate.validate()
    try reward.validate()
    try advantage.validate()
    try rollouts.validate { "\($0)" }
    try offPolicy.validate { "off_\($0)" }
    try imitation.validate { "sft_\($0)" }
    for (key, term) in [("", rollouts), ("off_", offPolicy), ("sft_", imitation)]
    where terms.contains(term) {
      try term.aggregation.validate("\(key)aggregation")
    }
    try entropy?.aggregation.validate("entropy_aggregation")
    let weights = [("entropy_weight", entropy?.weight ?? 0), ("kl.weight", kl?.weight ?? 0)]
    for (key, weight) in weights where !weight.isFinite {
      throw .parameter(key, "\(weight) is no number", remedy: "Give a finite weight.")
    }
    for (key, term) in [("off_reference", offPolicy), ("sft_reference", imitation)]
    where term.reference == .rollout {
      throw .parameter(
        key, "a demonstration has no rollout policy",
        remedy: "Choose current, update_start or one.")
    }
    if (advantage.kind == .gae) != (value != nil) {
      throw .parameter(
        "advantage.kind", "gae needs a critic, and a critic serves gae alone",
        remedy: "Set `critic.trains: true` with `advantage: {kind: gae}`, or neither.")
    }
    let hasMembers = gate.usesRollouts || gate.joinsDemonstrations
    if gate.usesRollouts, gate.joinsDemonstrations, rollouts.credit != offPolicy.credit,
      rollouts.credit.comparesPolicies || offPolicy.credit.comparesPolicies
    {
      throw .parameter(
        "off_credit", "members of one group are compared by one credit",
        remedy: "Give `credit` and `off_credit` the same kind and parameters.")
    }
    if hasMembers, (memberCredit.kind == .preference) != (advantage.kind == .preference) {
      throw .parameter(
        "credit.kind", "preference pairs have no other advantage than their credit",
        remedy: "Choose preference for both `credit` and `advantage`, or for neither.")
    }
    if let kl, kl.place == .reward, memberCredit.comparesPolicies {
      throw .parameter(
        "kl.place", "\(memberCredit.kind.rawValue) has its own anchor",
        remedy: "Leave the penalty out, or put it into the loss.")
    }
  }
}

extension PolicyTerm {
  var quantities: Set<Algorithm.Quantity> {
    var needed: Set<Algorithm.Quantity> = []
    switch reference {
    case .updateStart, .currentFromStart: needed.insert(.logProbabilityOld)
    case .rollout: needed.insert(.logProbabilityRollout)
    case .behaviour: needed.insert(.logProbabilityBehaviour)
    case .current, .one: break
    }
    if credit.readsEntropy { needed.insert(.entropy) }
    if credit.comparesPolicies {
      switch credit.against {
      case .updateStart: needed.insert(.logProbabilityOld)
      case .anchor: needed.insert(.logProbabilityAnchor)
      case .rollout: needed.insert(.logProbabilityRollout)
      }
    }
    if let correction {
      needed.insert(.logProbabilityRollout)
      if correction.numerator == .updateStart { needed.insert(.logProbabilityOld) }
    }
    if selection != nil { needed.insert(.logProbabilityOld) }
    return needed
  }
}

/// An advantage estimate that some other module brings along. Two are equal when their names are.
public struct CustomAdvantage: Sendable, Equatable {
  public let name: String
  public let equation: String
  private let rule: @Sendable (_ rewards: [Double]) -> [Double]

  /// - Parameter rule: Â of the members of one group from their rewards, one per reward.
  public init(
    name: String, equation: String, rule: @escaping @Sendable (_ rewards: [Double]) -> [Double]
  ) {
    self.name = name
    self.equation = equation
    self.rule = rule
  }

  func assemble(_ groups: [AssemblyGroup]) throws(EstimatorError) -> [AssembledGroup] {
    var result: [AssembledGroup] = []
    for group in groups {
      let members = group.rows.filter { $0.standing == .member }
      let values = rule(members.map(\.reward))
      guard values.count == members.count else {
        throw .shape("advantages of \(name)", values.count, expected: members.count)
      }
      var next = 0
      let rows = group.rows.map { row in
        guard row.standing == .member else {
          return AssembledRow(advantages: [row.standing == .imitated ? 1 : 0])
        }
        next += 1
        return AssembledRow(advantages: [values[next - 1]])
      }
      result.append(AssembledGroup(rows: rows))
    }
    return result
  }

  public static func == (left: CustomAdvantage, right: CustomAdvantage) -> Bool {
    left.name == right.name
  }
}
