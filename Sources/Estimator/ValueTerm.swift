/// The critic's loss: squared error with a clipped step (arXiv 1707.06347, as verl and OpenRLHF train
/// it). Scope: token.
///
///     L = ½ · agg max((v − R)², (clamp(v, v_old − c, v_old + c) − R)²)
public struct ValueTerm: Sendable, Equatable {
  /// `c`; nil: no clip.
  public var clip: Double?
  public var aggregation: Aggregation

  public init(clip: Double? = 0.5, aggregation: Aggregation = .tokenMean) {
    self.clip = clip
    self.aggregation = aggregation
  }

  /// The value loss of one micro-batch and its gradient.
  public struct Evaluation: Sendable, Equatable {
    public var loss: Double
    /// `dL/dv_t`, one per token, 0 at untrained tokens.
    public var gradient: [Double]
    /// Trained tokens at which the clipped error was the larger one.
    public var clippedTokens: Int
    public var tokens: Int
    /// Sums over the trained tokens: value, return, and squared error.
    public var valueSum: Double
    public var returnSum: Double
    public var squaredErrorSum: Double
  }

  /// - Parameters:
  ///   - values: `v` of the critic being trained, one per token, rows one after the other.
  ///   - old: `v_old` at rollout time.
  ///   - returns: `R`.
  ///   - batch: rows and the tokens that count; demonstrations take no part.
  /// - Throws: `.shapeMismatch`, `.notFinite` with row and token.
  public func evaluate(
    values: [Double], old: [Double], returns: [Double], of batch: TokenBatch,
    normalizers: Normalizers
  ) throws(EstimatorError) -> Evaluation {
    for (name, array) in [("values", values), ("values_old", old), ("returns", returns)]
    where array.count != batch.tokenCount {
      throw .shape(name, array.count, expected: batch.tokenCount)
    }
    var result = Evaluation(
      loss: 0, gradient: Array(repeating: 0, count: values.count), clippedTokens: 0, tokens: 0,
      valueSum: 0, returnSum: 0, squaredErrorSum: 0)
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      let range = batch.rowStarts[row]..<batch.rowStarts[row + 1]
      let norm =
        normalizers.share
        * normalizers.weight(of: aggregation, totals: normalizers.rollouts, batch.shape(row))
      for token in range where batch.trained[token] {
        let (value, target) = (values[token], returns[token])
        guard (value + target + old[token]).isFinite else {
          throw .notFinite(
            "the value or the return", value + target + old[token], row: row,
            token: token - range.lowerBound)
        }
        let bound = clip ?? .infinity
        let clipped = max(old[token] - bound, min(old[token] + bound, value))
        let plain = (value - target) * (value - target)
        let bounded = (clipped - target) * (clipped - target)
        result.loss += norm * 0.5 * max(plain, bounded)
        // Where the clipped error wins, the value moves it only inside the clip.
        let isClipped = bounded > plain
        let slope = isClipped ? (clipped == value ? clipped - target : 0) : value - target
        result.gradient[token] = norm * slope
        result.clippedTokens += isClipped ? 1 : 0
        result.tokens += 1
        result.valueSum += value
        result.returnSum += target
        result.squaredErrorSum += plain
      }
    }
    return result
  }
}
