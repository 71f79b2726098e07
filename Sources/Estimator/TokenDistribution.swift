/// The policy at one position, `softmax(z / T)`, in double precision: the specification of the loss
/// head, kept for its golden vectors.
///
/// Logits are divided by the sampling temperature before everything else, in rollouts and in training
/// alike, so that all log-probabilities of a token are comparable.
///
///     log p_v = z_v/T − logsumexp(z/T)          d log p_y / d z_v = (1[v = y] − p_v) / T
///     H = −Σ p_v log p_v                        dH / d z_v = −p_v (log p_v + H) / T
public struct TokenDistribution: Sendable, Equatable {
  public let temperature: Double
  /// `log p`, over the vocabulary.
  public let logProbabilities: [Double]
  /// `H`, in nats.
  public let entropy: Double

  /// - Throws: `.notFinite` for a logit that is NaN or infinite, `.badParameter` for a temperature that is
  ///   not positive or an empty vocabulary.
  public init(logits: [Double], temperature: Double = 1) throws(EstimatorError) {
    guard temperature > 0, temperature.isFinite else {
      throw .parameter(
        "temperature", "\(temperature) is not positive", remedy: "Give a temperature above 0.")
    }
    for (index, logit) in logits.enumerated() where !logit.isFinite {
      throw .notFinite("the logit", logit, row: 0, token: index)
    }
    guard let largest = logits.max() else {
      throw .parameter("logits", "there are none", remedy: "Give one per token of the vocabulary.")
    }
    self.temperature = temperature
    var sum = 0.0
    for logit in logits { sum += exponential((logit - largest) / temperature) }
    let logSum = naturalLogarithm(sum)
    let logProbabilities = logits.map { ($0 - largest) / temperature - logSum }
    self.logProbabilities = logProbabilities
    entropy = -logProbabilities.reduce(0) { $0 + exponential($1) * $1 }
  }

  /// `d log p_target / d z`, over the vocabulary.
  public func logProbabilityGradient(target: Int) -> [Double] {
    logProbabilities.enumerated().map { index, value in
      ((index == target ? 1 : 0) - exponential(value)) / temperature
    }
  }

  /// `dH / d z`, over the vocabulary.
  public func entropyGradient() -> [Double] {
    logProbabilities.map { -exponential($0) * ($0 + entropy) / temperature }
  }
}
