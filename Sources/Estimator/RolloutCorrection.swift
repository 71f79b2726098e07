/// What to do when the policy that sampled (μ) is not the one whose log-probabilities the ratio is
/// taken against: truncated importance sampling and rejection, as verl has them.
///
///     w_t = min(exp(clamp(log π_num − log μ, ±clamp)), cap)     token; sequence: of the summed log ratio
///
/// The weight multiplies the token loss and carries no gradient; the normaliser does not change. What
/// a rejection rule drops leaves mask *and* normaliser.
///
/// With one engine for rollouts and training, on-policy, every weight is 1.
public struct RolloutCorrection: Sendable, Equatable {
  public enum Level: String, Sendable, CaseIterable {
    /// Weight 1: rejection only.
    case rejection
    case token
    case sequence
  }

  /// `π_num`.
  public enum Numerator: String, Sendable, CaseIterable {
    /// The policy at the start of the step: three policies, verl's decoupled mode.
    case updateStart = "update_start"
    /// The policy being trained, without gradient: with `reference: current` this is verl's bypass of
    /// the third policy by REINFORCE.
    case current
  }

  public var level: Level
  /// `C`, an upper bound only.
  public var cap: Double
  /// Divide the truncated weights by their mean: over tokens, or over sequences.
  public var isNormalized: Bool
  public var numerator: Numerator
  /// Bound on |log ratio| before the exponential.
  public var clamp: Double
  public var rejections: [Rejection]

  public init(
    _ level: Level = .token, cap: Double = 2, isNormalized: Bool = false,
    numerator: Numerator = .updateStart, clamp: Double = 20, rejections: [Rejection] = []
  ) {
    self.level = level
    self.cap = cap
    self.isNormalized = isNormalized
    self.numerator = numerator
    self.clamp = clamp
    self.rejections = rejections
  }

  /// Drops tokens or whole responses whose divergence between μ and π_num is out of bounds.
  ///
  ///     k1 = −log(π_num/μ)      k2 = ½ log²      k3 = r − 1 − log r,   r = π_num/μ
  ///
  /// For k1 the bounds are given as ratios and compared as logarithms; since the statistic is that of
  /// the inverse ratio, asymmetric bounds act on μ/π_num, as in verl.
  public struct Rejection: Sendable, Equatable {
    public enum Statistic: String, Sendable, CaseIterable {
      case k1
      case k2
      case k3
    }

    public enum Level: String, Sendable, CaseIterable {
      case token
      case sequenceSum = "seq_sum"
      case sequenceMean = "seq_mean"
      case sequenceMax = "seq_max"
    }

    public var statistic: Statistic
    public var level: Level
    /// Only for k1.
    public var lower: Double?
    public var upper: Double

    public init(_ statistic: Statistic, _ level: Level, lower: Double? = nil, upper: Double) {
      self.statistic = statistic
      self.level = level
      self.lower = lower
      self.upper = upper
    }

    /// `LEVEL_STATISTIC UPPER`, or `LEVEL_k1 LOWER UPPER`: `token_k1 0.5 2`, `seq_mean_k3 0.2`.
    public init(_ text: String) throws(EstimatorError) {
      let words = text.split(separator: " ").map(String.init)
      let name = words.first ?? ""
      let levels = Level.allCases.sorted { $0.rawValue.count > $1.rawValue.count }
      guard
        let level = levels.first(where: { name.hasPrefix($0.rawValue + "_") }),
        let statistic = Statistic(rawValue: String(name.dropFirst(level.rawValue.count + 1)))
      else {
        throw .unknown(
          "rejection rule", name,
          known: Level.allCases.flatMap { level in
            Statistic.allCases.map { "\(level.rawValue)_\($0.rawValue)" }
          })
      }
      let bounds = words.dropFirst().compactMap(Double.init)
      let wanted = statistic == .k1 ? [1, 2] : [1]
      guard wanted.contains(bounds.count), bounds.count == words.count - 1,
        bounds.allSatisfy({ $0 > 0 && $0.isFinite })
      else {
        throw .parameter(
          "correction.rejection", "\"\(text)\" has no bounds that \(name) takes",
          remedy: statistic == .k1
            ? "Write a lower and an upper ratio, for example \"\(name) 0.5 2\"."
            : "Write one upper bound, for example \"\(name) 0.2\".")
      }
      self.init(
        statistic, level, lower: bounds.count == 2 ? bounds[0] : nil, upper: bounds.last ?? 0)
    }

    public var text: String {
      "\(level.rawValue)_\(statistic.rawValue)" + (lower.map { " \($0)" } ?? "") + " \(upper)"
    }

    func value(logRatio: Double) -> Double {
      switch statistic {
      case .k1: -logRatio
      case .k2: 0.5 * logRatio * logRatio
      case .k3: exponential(logRatio) - 1 - logRatio
      }
    }

    func keeps(_ value: Double) -> Bool {
      guard statistic == .k1 else { return value <= upper }
      // verl: one number C means the symmetric bounds 1/C and C.
      let bottom = naturalLogarithm(lower ?? 1 / upper)
      return value >= bottom && value <= naturalLogarithm(upper)
    }
  }

  public var scope: PartScope {
    isNormalized ? .batch : level == .sequence ? .sequence : .token
  }

  func validate(_ key: String) throws(EstimatorError) {
    guard cap > 0, clamp > 0 else {
      throw .parameter(
        "\(key).cap", "\(min(cap, clamp)) is not positive", remedy: "Give a positive bound.")
    }
    if numerator == .current, isNormalized || !rejections.isEmpty {
      throw .parameter(
        "\(key).numerator", "means and rejections are taken before the policy is scored",
        remedy: "Choose `numerator: update_start`, or leave normalisation and rejection out.")
    }
  }
}

extension RolloutCorrection {
  /// Drops from `trained` what a rejection rule drops, and sets the weights.
  ///
  /// - Parameters:
  ///   - batch: with the log-probabilities under μ.
  ///   - numerator: `log π_num`, one per token.
  /// - Throws: `.missingQuantity`, `.shapeMismatch`, `.notFinite` with row and token.
  public func apply(
    to batch: inout TokenBatch, numerator: [Double]
  ) throws(EstimatorError) {
    guard let rollout = batch.logProbabilityRollout else {
      throw .missing("logprob_rollout", needed: "a rollout correction")
    }
    guard numerator.count == batch.tokenCount else {
      throw .shape("numerator", numerator.count, expected: batch.tokenCount)
    }
    var weights = Array(repeating: 1.0, count: batch.tokenCount)
    var (sum, count) = (0.0, 0.0)
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      let range = batch.range(row)
      let trained = Array(batch.trained[range])
      let logRatios = range.map { batch.trained[$0] ? numerator[$0] - rollout[$0] : 0 }
      if let bad = logRatios.firstIndex(where: { !$0.isFinite }) {
        throw .notFinite("log π − log μ", logRatios[bad], row: row, token: bad)
      }
      let own = self.weights(logRatios: logRatios, trained: trained)
      let kept = kept(logRatios: logRatios, trained: trained)
      for (index, token) in range.enumerated() {
        weights[token] = own[index]
        batch.trained[token] = kept[index]
      }
      let valid = trained.indices.filter { trained[$0] }
      guard let first = valid.first else { continue }
      // A sequence's weight counts once, whatever its length.
      sum += level == .sequence ? own[first] : valid.reduce(0) { $0 + own[$1] }
      count += level == .sequence ? 1 : Double(valid.count)
    }
    if isNormalized, sum > 0 {
      for token in weights.indices { weights[token] *= count / sum }
    }
    batch.correction = weights
  }

  /// Weights of one row's tokens from their log ratios `log π_num − log μ`; 1 at untrained tokens.
  func weights(logRatios: [Double], trained: [Bool]) -> [Double] {
    switch level {
    case .rejection: return logRatios.map { _ in 1 }
    case .token:
      return logRatios.indices.map { trained[$0] ? weight(logRatios[$0]) : 1 }
    case .sequence:
      var sum = 0.0
      for token in logRatios.indices where trained[token] { sum += logRatios[token] }
      let shared = weight(sum)
      return logRatios.indices.map { trained[$0] ? shared : 1 }
    }
  }

  private func weight(_ logRatio: Double) -> Double {
    min(exponential(max(-clamp, min(clamp, logRatio))), cap)
  }

  /// Which of one row's tokens stay: those that were trained and that no rule drops.
  func kept(logRatios: [Double], trained: [Bool]) -> [Bool] {
    var kept = trained
    for rule in rejections {
      let values = logRatios.map(rule.value)
      let valid = trained.indices.filter { trained[$0] }
      guard !valid.isEmpty else { continue }
      let sum = valid.reduce(0) { $0 + values[$1] }
      switch rule.level {
      case .token:
        for token in valid where !rule.keeps(values[token]) { kept[token] = false }
        continue
      case .sequenceSum where rule.keeps(sum): continue
      case .sequenceMean where rule.keeps(sum / Double(valid.count)): continue
      case .sequenceMax where rule.keeps(valid.map { values[$0] }.max() ?? 0): continue
      case .sequenceSum, .sequenceMean, .sequenceMax: return trained.map { _ in false }
      }
    }
    return kept
  }
}
