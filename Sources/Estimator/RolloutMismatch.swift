/// How far the policy that sampled (μ) is from another (π) on the tokens that it sampled: the
/// self-check of two engines, and of replayed trajectories. Rollouts' trained tokens only.
///
/// With `d_t = log π − log μ` of a token:
public struct RolloutMismatch: Sendable, Equatable {
  /// Mean of `−d_t` over tokens: an estimate of KL(μ ‖ π), which can be negative.
  public var kl = 0.0
  /// Mean of `exp(d_t) − d_t − 1` over tokens: the same, never negative.
  public var k3 = 0.0
  /// Mean over responses of `m = mean_t(−d_t)`: log perplexity under π less that under μ.
  public var logPerplexityDifference = 0.0
  /// Mean over responses of `exp(m)`.
  public var perplexityRatio = 1.0
  /// `mean exp(2d) − 1` over tokens, and over responses with d summed: χ²(π ‖ μ).
  public var chiSquareOfTokens = 0.0
  public var chiSquareOfSequences = 0.0
  /// How many there were.
  public var tokens = 0
  public var sequences = 0

  /// Bound on |d| in the two χ², as the corrections have it.
  static let clamp = 20.0

  /// - Parameters:
  ///   - batch: with the log-probabilities under μ.
  ///   - policy: `log π`, one per token.
  /// - Throws: `.missingQuantity`, `.shapeMismatch`, `.notFinite` with row and token.
  public init(_ batch: TokenBatch, policy: [Double]) throws(EstimatorError) {
    guard let rollout = batch.logProbabilityRollout else {
      throw .missing("logprob_rollout", needed: "a comparison with the rollout policy")
    }
    guard policy.count == batch.tokenCount else {
      throw .shape("policy", policy.count, expected: batch.tokenCount)
    }
    var ratios = 0.0
    func bounded(_ d: Double) -> Double { max(-Self.clamp, min(Self.clamp, d)) }
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      var (sum, count) = (0.0, 0)
      for token in batch.range(row) where batch.trained[token] {
        let d = policy[token] - rollout[token]
        guard d.isFinite else {
          throw .notFinite("log π − log μ", d, row: row, token: token - batch.rowStarts[row])
        }
        sum += d
        count += 1
        k3 += exponential(d) - d - 1
        chiSquareOfTokens += exponential(2 * bounded(d))
      }
      guard count > 0 else { continue }
      kl -= sum
      tokens += count
      sequences += 1
      logPerplexityDifference -= sum / Double(count)
      ratios += exponential(-sum / Double(count))
      chiSquareOfSequences += exponential(2 * bounded(sum))
    }
    guard tokens > 0 else { return }
    kl /= Double(tokens)
    k3 /= Double(tokens)
    chiSquareOfTokens = chiSquareOfTokens / Double(tokens) - 1
    logPerplexityDifference /= Double(sequences)
    perplexityRatio = ratios / Double(sequences)
    chiSquareOfSequences = chiSquareOfSequences / Double(sequences) - 1
  }
}

extension RolloutCorrection {
  /// What the importance weights of a batch look like, and what the rejection rules drop.
  public struct Summary: Sendable, Equatable {
    /// Over tokens, before the cap.
    public var mean = 1.0
    public var least = 1.0
    public var largest = 1.0
    /// `(mean w)² / mean w²` of the weights within [1/cap, cap], over tokens: 1 when all are equal.
    public var effectiveSampleShare = 1.0
    /// Mean of the capped weights, over tokens or over sequences: what a normalised correction divides
    /// by.
    public var normalizer = 1.0
    /// Shares of tokens that a rule drops, and of responses that lose one or more.
    public var rejectedTokens = 0.0
    public var touchedSequences = 0.0
  }

  /// - Parameters:
  ///   - batch: with the log-probabilities under μ, before the correction.
  ///   - numerator: `log π_num`, one per token.
  /// - Throws: as ``apply(to:numerator:)``.
  public func summary(of batch: TokenBatch, numerator: [Double]) throws(EstimatorError) -> Summary {
    var corrected = batch
    var plain = self
    plain.cap = .infinity
    plain.isNormalized = false
    try plain.apply(to: &corrected, numerator: numerator)
    let weights = corrected.correction ?? []
    var summary = Summary(mean: 0, least: .infinity, largest: 0)
    var (tokens, kept, sequences, touched) = (0.0, 0.0, 0.0, 0.0)
    var (sum, squares, capped, cappedOnce) = (0.0, 0.0, 0.0, 0.0)
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      let trained = batch.range(row).filter { batch.trained[$0] }
      guard let first = trained.first else { continue }
      sequences += 1
      cappedOnce += min(weights[first], cap)
      if trained.contains(where: { !corrected.trained[$0] }) { touched += 1 }
      for token in trained {
        let weight = weights[token]
        tokens += 1
        kept += corrected.trained[token] ? 1 : 0
        summary.mean += weight
        summary.least = min(summary.least, weight)
        summary.largest = max(summary.largest, weight)
        capped += min(weight, cap)
        let bounded = max(1 / cap, min(cap, weight))
        sum += bounded
        squares += bounded * bounded
      }
    }
    guard tokens > 0 else { return Summary() }
    summary.mean /= tokens
    summary.effectiveSampleShare = sum * sum / (tokens * squares)
    summary.normalizer = level == .sequence ? cappedOnce / sequences : capped / tokens
    summary.rejectedTokens = 1 - kept / tokens
    summary.touchedSequences = touched / sequences
    return summary
  }
}
