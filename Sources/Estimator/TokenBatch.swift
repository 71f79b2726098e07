/// A micro-batch as the estimator reads it: flat arrays over all tokens, rows one after the other,
/// nothing padded.
///
/// Row i holds the tokens `rowStarts[i] ..< rowStarts[i + 1]`. Natural logarithms, in nats. Values at
/// untrained tokens are never read.
public struct TokenBatch: Sendable {
  public struct Row: Sendable, Equatable {
    public var kind: RowKind
    /// Index of the row's group in the mini-batch, as in ``RowShape``.
    public var group: Int
    /// α of the group for a rollout, β for a demonstration.
    public var weight: Double

    public init(kind: RowKind, group: Int, weight: Double = 1) {
      self.kind = kind
      self.group = group
      self.weight = weight
    }
  }

  /// Â as one number per row, or one per token.
  public enum Advantages: Sendable, Equatable {
    case perRow([Double])
    case perToken([Double])
  }

  public var rows: [Row]
  /// One entry more than there are rows: 0 first, the number of tokens last, ascending.
  public var rowStarts: [Int]
  /// Which tokens carry a loss.
  public var trained: [Bool]
  public var advantages: Advantages
  /// Under π_θ.
  public var logProbability: [Double]
  /// Under the policy at the start of the step.
  public var logProbabilityOld: [Double]?
  /// Under the rollout policy; not read at demonstrations.
  public var logProbabilityRollout: [Double]?
  /// Under the KL anchor.
  public var logProbabilityAnchor: [Double]?
  /// Of π_θ at the token, in nats.
  public var entropy: [Double]?

  public init(
    rows: [Row], rowStarts: [Int], trained: [Bool], advantages: Advantages,
    logProbability: [Double], logProbabilityOld: [Double]? = nil,
    logProbabilityRollout: [Double]? = nil, logProbabilityAnchor: [Double]? = nil,
    entropy: [Double]? = nil
  ) {
    self.rows = rows
    self.rowStarts = rowStarts
    self.trained = trained
    self.advantages = advantages
    self.logProbability = logProbability
    self.logProbabilityOld = logProbabilityOld
    self.logProbabilityRollout = logProbabilityRollout
    self.logProbabilityAnchor = logProbabilityAnchor
    self.entropy = entropy
  }

  public var tokenCount: Int { trained.count }

  /// Widens an engine's numbers at the border, once.
  public static func widened(_ values: [Float]) -> [Double] { values.map(Double.init) }

  /// The rows as the normalisers see them.
  public func shapes() -> [RowShape] {
    rows.indices.map { row in
      var valid = 0
      for token in rowStarts[row]..<rowStarts[row + 1] where trained[token] { valid += 1 }
      return RowShape(kind: rows[row].kind, group: rows[row].group, trainedTokens: valid)
    }
  }

  /// Refuses arrays that do not fit one another.
  func validate() throws(EstimatorError) {
    guard rowStarts.count == rows.count + 1 else {
      throw .shape("row starts", rowStarts.count, expected: rows.count + 1)
    }
    let ascending = zip(rowStarts, rowStarts.dropFirst()).allSatisfy { $0 <= $1 }
    guard rowStarts[0] == 0, ascending, rowStarts[rows.count] == tokenCount else {
      throw .rowStarts(tokens: tokenCount)
    }
    switch advantages {
    case .perRow(let values) where values.count != rows.count:
      throw .shape("advantages per row", values.count, expected: rows.count)
    case .perToken(let values) where values.count != tokenCount:
      throw .shape("advantages per token", values.count, expected: tokenCount)
    default: break
    }
    let arrays: [(String, [Double]?)] = [
      ("logprob", logProbability), ("logprob_old", logProbabilityOld),
      ("logprob_rollout", logProbabilityRollout), ("logprob_anchor", logProbabilityAnchor),
      ("entropy", entropy),
    ]
    for (name, values) in arrays {
      if let values, values.count != tokenCount {
        throw .shape(name, values.count, expected: tokenCount)
      }
    }
  }
}
