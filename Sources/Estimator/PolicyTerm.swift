/// One term of the loss over the policy's log-probabilities: the estimator's parts for one kind of
/// row.
///
///     L_term = weight · Σ_t norm_t · ℓ_t,     dL_term/dlog π_t = − weight · norm_t · mask_t · r_t · Â_t
///
/// with `ℓ_t = −Â_t · log π_t` where π_ref is the current policy and the masked surrogate of
/// ``StabilizationMask`` where it is another. An algorithm has one term for rollouts (weighted by the
/// group's α besides), one for demonstrations that join their group off-policy, and one for
/// demonstrations that are imitated (weighted by β).
public struct PolicyTerm: Sendable, Equatable {
  public var reference: ReferenceDenominator
  public var level: RatioLevel
  public var mask: StabilizationMask
  public var shape: ShapingFunction
  public var credit: Credit
  public var selection: TokenSelection?
  public var correction: RolloutCorrection?
  public var aggregation: Aggregation
  public var weight: Double
  /// A rule from outside this module instead of `mask`.
  public var custom: CustomTokenRule?

  public init(
    reference: ReferenceDenominator, level: RatioLevel = .token, mask: StabilizationMask = .none,
    shape: ShapingFunction = .none, credit: Credit = Credit(), selection: TokenSelection? = nil,
    correction: RolloutCorrection? = nil, aggregation: Aggregation, weight: Double = 1,
    custom: CustomTokenRule? = nil
  ) {
    self.reference = reference
    self.level = level
    self.mask = mask
    self.shape = shape
    self.credit = credit
    self.selection = selection
    self.correction = correction
    self.aggregation = aggregation
    self.weight = weight
    self.custom = custom
  }

  /// Supervised fine-tuning: mask 1, π_ref = π_θ, Â = 1.
  public static func imitation(_ aggregation: Aggregation, weight: Double = 1) -> PolicyTerm {
    PolicyTerm(
      reference: .current, credit: Credit(.one), aggregation: aggregation, weight: weight)
  }

  /// The widest scope among the parts that look at the policy's numbers.
  public var scope: PartScope {
    max(level.scope, credit.scope, selection == nil ? .token : .batch)
  }

  func validate(_ key: (String) -> String) throws(EstimatorError) {
    try mask.validate(key("mask"))
    try shape.validate(key("shape"))
    try credit.validate(key("credit"))
    try selection?.validate(key("selection"))
    try correction?.validate(key("correction"))
    guard weight.isFinite else {
      throw .parameter(key("weight"), "\(weight) is no number", remedy: "Give a finite weight.")
    }
    if !reference.hasRatio, mask != .none || level != .token || custom != nil {
      throw .parameter(
        key("mask"), "a mask needs a ratio, and with `reference: current` there is none",
        remedy: "Choose `reference: update_start`, or `mask: {kind: none}` and `level: token`.")
    }
    if shape != .none, reference != .one || mask != .none {
      throw .parameter(
        key("shape"), "shaping is a function of π_θ alone",
        remedy: "Choose `reference: one` and no mask, or no shape.")
    }
    if credit.comparesPolicies, reference != .current {
      throw .parameter(
        key("credit"), "\(credit.kind.rawValue) has no ratio beside it",
        remedy: "Choose `reference: current`.")
    }
    if selection != nil, credit.kind != .advantage || level != .token {
      throw .parameter(
        key("selection"), "tokens are selected by their own advantage and log-probability",
        remedy: "Choose `credit: {kind: advantage}` and `level: token`.")
    }
  }
}

/// A token rule that some other module brings along: what makes a new mask possible without a change
/// here. Two are equal when their names are.
public struct CustomTokenRule: Sendable, Equatable, TokenRule {
  public let name: String
  public let equation: String
  private let rule: @Sendable (Double, Double, Double) -> MaskedToken

  /// - Parameter rule: of `log π_θ`, `log π_θ − log π_ref` and `Â`; called once per token.
  public init(
    name: String, equation: String,
    rule:
      @escaping @Sendable (
        _ logProbability: Double, _ logRatio: Double, _ advantage: Double
      ) -> MaskedToken
  ) {
    self.name = name
    self.equation = equation
    self.rule = rule
  }

  var clamp: Double { .infinity }

  func callAsFunction(logProbability: Double, logRatio: Double, advantage: Double) -> MaskedToken {
    rule(logProbability, logRatio, advantage)
  }

  public static func == (left: CustomTokenRule, right: CustomTokenRule) -> Bool {
    left.name == right.name
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
