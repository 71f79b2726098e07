/// An algorithm of the unified policy gradient estimator: a value made of parts.
///
///     dL/dlog π_t = − weight_t,     weight_t = mask_t · (π_θ,t / π_ref,t) · Â_t · norm_t
///
/// (arXiv 2509.04419; the likelihood gradient ∇log π_t belongs to the policy and is the same for all).
/// The parts are used at three places:
/// 1. the performance gate asks `gate` what becomes of a group;
/// 2. the loss assembler asks ``advantages(_:)`` for Â and ``normalizers(rows:microBatches:)`` for the
///    divisors of a mini-batch;
/// 3. the optimizer asks ``evaluate(_:normalizers:recordingParts:)`` for the gradient at every token.
///
/// ``named(_:parameters:)`` builds the known ones; any other composition is written by the
/// initialiser, in this module or outside it.
public struct Algorithm: Sendable, Equatable {
  /// Where a published code departs from its paper both exist, by name.
  public enum Form: String, Sendable, CaseIterable {
    case paper
    case released
  }

  public var name: String
  public var form: Form
  public var gate: Gate
  public var advantage: AdvantageEstimate
  /// The term of rollouts; α of their group multiplies it.
  public var rollouts: PolicyTerm
  /// The term of demonstrations; β of their group multiplies it.
  public var demonstrations: PolicyTerm
  public var entropy: EntropyBonus?
  public var kl: KLPenalty?
  public var normalizerScope: NormalizerScope

  public init(
    name: String, form: Form, gate: Gate, advantage: AdvantageEstimate, rollouts: PolicyTerm,
    demonstrations: PolicyTerm, entropy: EntropyBonus? = nil, kl: KLPenalty? = nil,
    normalizerScope: NormalizerScope = .miniBatch
  ) {
    self.name = name
    self.form = form
    self.gate = gate
    self.advantage = advantage
    self.rollouts = rollouts
    self.demonstrations = demonstrations
    self.entropy = entropy
    self.kl = kl
    self.normalizerScope = normalizerScope
  }

  /// A quantity per token that must be scored before a batch can be evaluated.
  public enum Quantity: String, Sendable, CaseIterable {
    case logProbability = "logprob"
    case logProbabilityOld = "logprob_old"
    case logProbabilityRollout = "logprob_rollout"
    case logProbabilityAnchor = "logprob_anchor"
    case entropy
  }

  /// What ``evaluate(_:normalizers:recordingParts:)`` reads, so that a definition can ask for it
  /// to be recorded.
  public var quantities: Set<Quantity> {
    var needed: Set<Quantity> = [.logProbability]
    for term in [rollouts, demonstrations] {
      switch term.reference {
      case .updateStart: needed.insert(.logProbabilityOld)
      case .rollout: needed.insert(.logProbabilityRollout)
      case .current, .one: break
      }
    }
    if let kl {
      needed.insert(.logProbabilityAnchor)
      if kl.place == .reward { needed.insert(.logProbabilityOld) }
    }
    if let entropy, entropy.weight != 0 { needed.insert(.entropy) }
    return needed
  }

  /// The widest scope among the parts that look at rewards: what the loss assembler must see whole.
  public var scope: PartScope { max(gate.scope, advantage.scope) }

  /// `Â` for each group: of its kept rollouts by the algorithm's estimate, and 1 for each
  /// demonstration that is imitated.
  ///
  /// - Throws: `.notFinite`, naming the group.
  public func advantages(_ groups: [GroupRewards]) throws(EstimatorError) -> [GroupAdvantages] {
    var result: [GroupAdvantages] = []
    result.reserveCapacity(groups.count)
    for (index, group) in groups.enumerated() {
      do {
        result.append(
          GroupAdvantages(
            rollouts: try advantage.advantages(rewards: group.rollouts),
            demonstrations: Array(repeating: 1, count: group.imitated)))
      } catch {
        var located = error
        located.location = "group \(index), \(error.location)"
        throw located
      }
    }
    return result
  }

  /// The normalisers of each micro-batch of one mini-batch.
  ///
  /// - Parameters:
  ///   - rows: of the whole mini-batch, in order.
  ///   - microBatches: consecutive ranges of `rows`.
  /// - Returns: one value per micro-batch. All are the same unless the algorithm's
  ///   ``normalizerScope`` is one of the released forms that depend on the cut.
  public func normalizers(rows: [RowShape], microBatches: [Range<Int>]) -> [Normalizers] {
    switch normalizerScope {
    case .miniBatch:
      return Array(repeating: Normalizers(rows: rows), count: microBatches.count)
    case .microBatchMean:
      let share = 1 / Double(max(1, microBatches.count))
      return microBatches.map { Normalizers(rows: Array(rows[$0]), share: share) }
    case .microBatchSum:
      return microBatches.map { Normalizers(rows: Array(rows[$0])) }
    }
  }

  /// Refuses a composition that cannot work.
  public func validate() throws(EstimatorError) {
    try rollouts.mask.validate("mask")
    try demonstrations.mask.validate("sft_mask")
    let weights = [
      ("rl_weight", rollouts.weight), ("sft_weight", demonstrations.weight),
      ("gate.rl_weight", gate.rolloutWeight), ("gate.sft_weight", gate.demonstrationWeight),
      ("entropy_weight", entropy?.weight ?? 0), ("kl.weight", kl?.weight ?? 0),
    ]
    for (key, weight) in weights where !weight.isFinite {
      throw .parameter(key, "\(weight) is no number", remedy: "Give a finite weight.")
    }
    if case .normalized(let epsilon, _) = advantage.kind, !(epsilon >= 0 && epsilon.isFinite) {
      throw .parameter(
        "advantage.std_epsilon", "\(epsilon) is not a number from 0 on",
        remedy: "Give a small positive number (verl: 1e-6).")
    }
    if case .switch(.share(let share)) = gate.rule, share.isNaN {
      throw .parameter("gate.threshold_share", "it is no number", remedy: "Give a share of n.")
    }
    if rollouts.reference == .current, rollouts.mask != .none {
      throw .parameter(
        "mask", "a mask needs a ratio, and with `reference: current` there is none",
        remedy: "Choose `reference: update_start`, or `mask: {kind: none}`.")
    }
    if demonstrations.reference == .rollout {
      throw .parameter(
        "sft_reference", "a demonstration has no rollout policy",
        remedy: "Choose current, update_start or one.")
    }
  }
}
