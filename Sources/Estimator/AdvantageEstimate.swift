/// `Â` of the rows of a step, from their rewards.
///
/// With R a row's reward after shaping (less its KL penalties, where the KL is taken in the reward)
/// and all statistics over the members of its group:
///
///     reward            Â_i = R_i                                  REINFORCE without baseline
///     signed            Â_i = +1 if R_i > 0, otherwise −1          REINFORCE as in Table 1 of HPT
///     centered          Â_i = R_i − mean(R)                        Dr. GRPO, arXiv 2503.20783
///     normalized        Â_i = (R_i − mean(R)) / (std(R) + ε)       GRPO, arXiv 2402.03300
///     leave_one_out     Â_i = R_i − mean of the others' rewards    RLOO, arXiv 2402.14740
///     log_average_exp   Â_i = R_i − τ·log mean(exp(R / τ))         OPMD (Trinity-RFT)
///     gae               Â_t = δ_t + γλ·Â_(t+1)                     PPO, arXiv 1506.02438
///     risk_bundle       Â of a bundle's paper, ``RiskMeasure``     RiskPO, arXiv 2510.00911
///     preference        0: the pairs of DPO carry the number       DPO, arXiv 2305.18290
///
/// Two steps may follow: ``discounted`` spreads a row's number over its tokens, ``whiten`` brings
/// the whole step to mean 0 and variance 1.
///
/// Decisions where the published codes are silent or differ:
/// - All rewards of a group equal: Â of the kinds that subtract a baseline is exactly 0, not the
///   rounding error of a mean.
/// - A group of one has no mean to speak of; `singleton` says what its Â is.
/// - A spread and an ε of 0 together give Â = 0 (GFPO prints 0 / 0).
public struct AdvantageEstimate: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case reward
    case signed
    case centered
    case normalized
    case leaveOneOut = "leave_one_out"
    case logAverageExp = "log_average_exp"
    case gae
    case riskBundle = "risk_bundle"
    case preference
  }

  /// What a group of one gets from the kinds that subtract a baseline.
  public enum Singleton: String, Sendable, CaseIterable {
    /// Baseline 0 and standard deviation 1, as in verl: Â = R, or R / (1 + ε).
    case reward
    /// No signal: Â = 0.
    case zero
  }

  public var kind: Kind
  /// `normalized`: added to the standard deviation, not to the variance.
  public var stdEpsilon: Double
  /// `normalized`: divide the sum of squares by n − 1 (verl, TRL, oat, OpenRLHF and the HPT release
  /// all do), not by n (GFPO's paper).
  public var bessel: Bool
  /// The kinds that subtract a group's baseline.
  public var singleton: Singleton
  /// `log_average_exp`: τ.
  public var temperature: Double
  /// `gae` and `discounted`: γ.
  public var discount: Double
  /// `gae`: λ.
  public var lambda: Double
  /// The row's number is the outcome on its last trained token, every token's penalty its own, and
  /// Â_t the discounted sum from t on (REINFORCE++, arXiv 2501.03262). Any kind with a number per
  /// row: not `gae`, `risk_bundle` and `preference`.
  public var discounted: Bool
  /// Over all tokens of the step; not for `risk_bundle` and `preference`.
  public var whiten: Whitening
  /// `risk_bundle`.
  public var risk: RiskMeasure

  public init(
    _ kind: Kind, stdEpsilon: Double = 1e-6, bessel: Bool = true, singleton: Singleton = .reward,
    temperature: Double = 1, discount: Double = 1, lambda: Double = 1, discounted: Bool = false,
    whiten: Whitening = .none, risk: RiskMeasure = RiskMeasure()
  ) {
    self.kind = kind
    self.stdEpsilon = stdEpsilon
    self.bessel = bessel
    self.singleton = singleton
    self.temperature = temperature
    self.discount = discount
    self.lambda = lambda
    self.discounted = discounted
    self.whiten = whiten
    self.risk = risk
  }
}

extension AdvantageEstimate {
  /// How far the estimate looks around a token.
  public var scope: PartScope {
    switch kind {
    case .riskBundle: return .bundle
    case .preference: return .group
    default: break
    }
    if whiten != .none { return .batch }
    switch kind {
    case .reward, .signed, .gae: return .sequence
    default: return .group
    }
  }

  /// Whether rows get one number per token, not one for the row.
  public var isPerToken: Bool { kind == .gae || isDiscounted }

  /// Whether rows must carry the critic's values.
  public var needsValues: Bool { kind == .gae }

  var isDiscounted: Bool {
    discounted && kind != .gae && kind != .riskBundle && kind != .preference
  }

  var whitens: Bool { whiten != .none && kind != .riskBundle && kind != .preference }

  /// As a reader of a table of algorithms sees it.
  public var equation: String {
    var text = kindEquation
    if isDiscounted { text = "Â_t = Σ_(s≥t) γ^(s−t)·r_s with r_T = (\(text)), γ = \(discount)" }
    if whitens { text += "; then \(whiten.equation)" }
    return text
  }

  private var kindEquation: String {
    switch kind {
    case .reward: "Â = R"
    case .signed: "Â = +1 if R > 0, else −1"
    case .centered: "Â = R − mean(R)"
    case .normalized: "Â = (R − mean(R)) / (std_\(bessel ? "(n−1)" : "n")(R) + \(stdEpsilon))"
    case .leaveOneOut: "Â = R − mean of the others' R"
    case .logAverageExp: "Â = R − τ·log mean(exp(R / τ)), τ = \(temperature)"
    case .gae: "Â_t = δ_t + γλ·Â_(t+1), δ_t = r_t + γ·V_(t+1) − V_t, γ = \(discount), λ = \(lambda)"
    case .riskBundle: risk.equation
    case .preference: "Â = ±β·σ(−margin) of the pair"
    }
  }

  /// Refuses parameters out of their range; keys are named as below `advantage`.
  public func validate() throws(EstimatorError) {
    if !(stdEpsilon >= 0 && stdEpsilon.isFinite) {
      throw .parameter(
        "advantage.std_epsilon", "\(stdEpsilon) is not a number from 0 on",
        remedy: "Give a small positive number (verl: 1e-6).")
    }
    if !(temperature > 0 && temperature.isFinite) {
      throw .parameter(
        "advantage.temperature", "\(temperature) is not a positive number",
        remedy: "Give a positive temperature (OPMD: 1).")
    }
    for (key, value) in [("discount", discount), ("lambda", lambda)] where !(0...1).contains(value)
    {
      throw .parameter(
        "advantage.\(key)", "\(value) is not between 0 and 1", remedy: "Give a number from 0 to 1.")
    }
    if kind == .riskBundle { try risk.validate() }
  }
}
