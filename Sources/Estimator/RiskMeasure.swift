/// RiskPO's advantage: mixed value-at-risk of bundles of questions (arXiv 2510.00911).
///
/// Rewards of single questions are binary, so `bundleSize` consecutive groups of a step form a bundle;
/// a *paper* takes one response of each of its questions, each response at most once; the paper's score
/// R is the sum of their rewards. With Q_α, Q_β the quantiles of R:
///
///     paper      Â = −(1 + ω)(Q_α − R)+ + g(R, Q_α, Q_β)      g(z, a, b) = (z − a)+ − (z − b)+ + a − b
///                  = −ω(Q_α − R)+ − (Q_β − R)+                 the same, and never above 0
///     released   x = [g, or g + Q_β − Q_α without `naturalBaseline`, less its mean with `meanBaseline`]
///                    / (β − α + 1e-6)
///                mixing:     x ← (w·c + x) / (w + 1),  c = −(Q_α − R)+ / (α + 1e-6)
///                upperTail:  x ← (w'·(R − Q_β)+ / (1 − β + 1e-6) + x) / (w' + 1)
///                normalizeByStd:  x ← x / (std of the bundle's scores + 1e-6), std 1 for one paper
///                and each response of the paper gets its ``Credit``
///
/// `paper` draws the papers by independent permutations of each question's responses, and its quantiles
/// are tracked over the run. `released` takes the j-th response of every question, and its quantiles
/// come by ``QuantileMode``. The shipped trainer loses the tracked ones between steps, so that its
/// `track` is what `batch` is here.
///
/// Decision: scores of a bundle that are all equal have a standard deviation of 0. In the paper form
/// `normalizeByStd` then skips the bundle (Â = 0); the released form divides by 1e-6 as published, which
/// makes advantages of the size of a million where tracked quantiles differ from the scores.
public struct RiskMeasure: Sendable, Equatable {
  public enum Form: String, Sendable, CaseIterable {
    case paper
    case released
  }

  /// How the released form hands a paper's x to its responses.
  public enum Credit: String, Sendable, CaseIterable {
    /// x to each.
    case uniform
    /// 0.5·x to a response with a reward above 0, 1.5·x to the others.
    case score
    /// x / (std of the question's rewards + 1e-6), with 1 for a std of at most 1e-3.
    case std
    /// x in shares of the rewards' distances from their question's means; equal shares where these
    /// sum to no more than 1e-6.
    case sumMean = "sum_mean"
  }

  /// Where the released form takes Q_α and Q_β from.
  public enum QuantileMode: String, Sendable, CaseIterable {
    /// The tracked ones, those of the bundle's own papers while there are none.
    case track
    /// Those of the bundle's own papers.
    case batch
    /// The mean of both.
    case mix
  }

  public var form: Form
  /// α, the level below which lies the tail.
  public var lowerLevel: Double
  /// β, the level above which a score counts nothing.
  public var upperLevel: Double
  /// `paper`: the tail counts 1 + ω.
  public var omega: Double
  /// Questions in a bundle; the last bundle of a step may be short.
  public var bundleSize: Int
  public var credit: Credit
  public var quantiles: QuantileMode
  /// `released`: mix the lower tail in, with `mixingWeight`.
  public var mixing: Bool
  public var mixingWeight: Double
  /// `released`: seek risk, mixing the upper tail in with `upperWeight`; excludes `mixing`.
  public var upperTail: Bool
  public var upperWeight: Double
  /// `released`: keep the term Q_α − Q_β of g.
  public var naturalBaseline: Bool
  /// `released`: subtract the mean that the tracked quantiles give for g and c. The mean keeps the
  /// term Q_α − Q_β whenever g does, for which the release has one more key.
  public var meanBaseline: Bool
  public var normalizeByStd: Bool
  /// η of the tracked quantiles.
  public var quantileLearningRate: Double

  public init(
    form: Form = .paper, lowerLevel: Double = 0.2, upperLevel: Double = 0.8, omega: Double = 0.5,
    bundleSize: Int = 5, credit: Credit = .uniform, quantiles: QuantileMode = .track,
    mixing: Bool = false, mixingWeight: Double = 1.5, upperTail: Bool = false,
    upperWeight: Double = 1.5, naturalBaseline: Bool = false, meanBaseline: Bool = false,
    normalizeByStd: Bool = false, quantileLearningRate: Double = 0.1
  ) {
    self.form = form
    self.lowerLevel = lowerLevel
    self.upperLevel = upperLevel
    self.omega = omega
    self.bundleSize = bundleSize
    self.credit = credit
    self.quantiles = quantiles
    self.mixing = mixing
    self.mixingWeight = mixingWeight
    self.upperTail = upperTail
    self.upperWeight = upperWeight
    self.naturalBaseline = naturalBaseline
    self.meanBaseline = meanBaseline
    self.normalizeByStd = normalizeByStd
    self.quantileLearningRate = quantileLearningRate
  }

  /// The authors' script for hard mathematics.
  public static let releasedHard = RiskMeasure(
    form: .released, credit: .sumMean, mixing: true, normalizeByStd: true)
  /// The authors' script for easy mathematics.
  public static let releasedEasy = RiskMeasure(
    form: .released, upperLevel: 0.9, credit: .std, mixing: true, naturalBaseline: true,
    normalizeByStd: true)
  /// The authors' risk-seeking script.
  public static let releasedSeeking = RiskMeasure(
    form: .released, credit: .std, upperTail: true, naturalBaseline: true, normalizeByStd: true)

  /// The ε of every denominator of the released form.
  static let epsilon = 1e-6

  var equation: String {
    switch form {
    case .paper:
      "Â = −\(omega)·(Q_\(lowerLevel) − R)+ − (Q_\(upperLevel) − R)+ of the paper's score R"
    case .released:
      "x = g(R, Q_\(lowerLevel), Q_\(upperLevel)) / (β − α)\(mixing ? ", lower tail mixed in" : "")"
        + "\(upperTail ? ", upper tail mixed in" : "")\(normalizeByStd ? ", / std" : ""), "
        + "credit \(credit.rawValue)"
    }
  }

  func validate() throws(EstimatorError) {
    if !(lowerLevel >= 0 && lowerLevel < upperLevel && upperLevel <= 1) {
      throw .parameter(
        "advantage.risk", "its levels \(lowerLevel) and \(upperLevel) do not ascend within 0...1",
        remedy: "Give 0 ≤ lower < upper ≤ 1 (published: 0.2 and 0.8).")
    }
    if bundleSize < 1 {
      throw .parameter(
        "advantage.risk", "a bundle of \(bundleSize) questions", remedy: "Give at least 1.")
    }
    for (name, value) in [
      ("omega", omega), ("mixing weight", mixingWeight), ("upper weight", upperWeight),
      ("quantile learning rate", quantileLearningRate),
    ] where !(value >= 0 && value.isFinite) {
      throw .parameter(
        "advantage.risk", "its \(name) \(value) is not a number from 0 on",
        remedy: "Give a number from 0 on.")
    }
    if mixing, upperTail {
      throw .parameter(
        "advantage.risk", "it mixes in the lower and the upper tail", remedy: "Choose one of them.")
    }
  }
}
