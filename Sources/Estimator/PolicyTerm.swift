/// One term of the loss over the policy's log-probabilities: the estimator's parts for one kind of
/// row.
///
///     L_term = weight · Σ_t norm_t · ℓ_t,     dL_term/dlog π_t = − weight · norm_t · mask_t · r_t · Â_t
///
/// with `ℓ_t = −Â_t · log π_t` where π_ref is the current policy and the masked surrogate of
/// ``StabilizationMask`` where it is another. An algorithm has one term for rollouts (weighted by the
/// group's α besides) and one for demonstrations (weighted by its β).
public struct PolicyTerm: Sendable, Equatable {
  public var reference: ReferenceDenominator
  public var mask: StabilizationMask
  public var aggregation: Aggregation
  public var weight: Double

  public init(
    reference: ReferenceDenominator, mask: StabilizationMask = .none, aggregation: Aggregation,
    weight: Double = 1
  ) {
    self.reference = reference
    self.mask = mask
    self.aggregation = aggregation
    self.weight = weight
  }

  /// Supervised fine-tuning: mask 1, π_ref = π_θ, Â = 1.
  public static func imitation(_ aggregation: Aggregation, weight: Double = 1) -> PolicyTerm {
    PolicyTerm(reference: .current, aggregation: aggregation, weight: weight)
  }
}

/// The entropy bonus: `loss −= weight · aggregated token entropy`, over all rows of the batch,
/// demonstrations among them. Scope: token.
public struct EntropyBonus: Sendable, Equatable {
  public var weight: Double
  public var aggregation: Aggregation

  public init(weight: Double, aggregation: Aggregation = .tokenMean) {
    self.weight = weight
    self.aggregation = aggregation
  }
}
