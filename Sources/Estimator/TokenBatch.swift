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
    /// α of the group for a rollout; for a demonstration its weight as an off-policy member of the
    /// group, 0 if it does not join.
    public var weight: Double
    /// β of the group for a demonstration, 0 if it is not imitated; not read at rollouts.
    public var imitationWeight: Double
    /// What the verifier gave the response; read where an algorithm asks whether it is right.
    public var reward: Double
    /// Counts in the normalisers, and nothing more: a rollout that a filter rejected.
    public var isIdle: Bool
    /// Leading tokens of a rollout that come from a demonstration: trained off-policy, with the
    /// row's Â (LUFFY with a prefix ratio below 1).
    public var prefix: Int

    public init(
      kind: RowKind, group: Int, weight: Double, imitationWeight: Double = 0,
      reward: Double = 0, isIdle: Bool = false, prefix: Int = 0
    ) {
      self.kind = kind
      self.group = group
      self.weight = weight
      self.imitationWeight = imitationWeight
      self.reward = reward
      self.isIdle = isIdle
      self.prefix = prefix
    }

    /// A row of the kind, with weight 1: a demonstration is one to imitate.
    public init(kind: RowKind, group: Int) {
      self.init(
        kind: kind, group: group, weight: kind == .rollout ? 1 : 0,
        imitationWeight: kind == .rollout ? 0 : 1)
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
  /// As assembled. A demonstration that is only imitated has none.
  public var advantages: Advantages
  public var pairs: [PreferencePair] = []
  /// Under π_θ; empty until the policy has been scored.
  public var logProbability: [Double]
  /// Under the policy at the start of the step.
  public var logProbabilityOld: [Double]?
  /// Under the rollout policy; not read at demonstrations.
  public var logProbabilityRollout: [Double]?
  /// Under the KL anchor.
  public var logProbabilityAnchor: [Double]?
  /// Under the author of a demonstration, where that is known.
  public var logProbabilityBehaviour: [Double]?
  /// Of π_θ at the token, in nats.
  public var entropy: [Double]?
  /// Weights of a ``RolloutCorrection``, from ``Algorithm/correct(_:)``.
  public var correction: [Double]?
  /// Tokens of a ``TokenSelection``, from ``Algorithm/select(_:stream:key:)``.
  public var selection: [Bool]?

  public init(
    rows: [Row], rowStarts: [Int], trained: [Bool], advantages: Advantages,
    logProbability: [Double], logProbabilityOld: [Double]? = nil,
    logProbabilityRollout: [Double]? = nil, logProbabilityAnchor: [Double]? = nil,
    logProbabilityBehaviour: [Double]? = nil, entropy: [Double]? = nil
  ) {
    self.rows = rows
    self.rowStarts = rowStarts
    self.trained = trained
    self.advantages = advantages
    self.logProbability = logProbability
    self.logProbabilityOld = logProbabilityOld
    self.logProbabilityRollout = logProbabilityRollout
    self.logProbabilityAnchor = logProbabilityAnchor
    self.logProbabilityBehaviour = logProbabilityBehaviour
    self.entropy = entropy
  }

  public var tokenCount: Int { trained.count }

  /// Widens an engine's numbers at the border, once.
  public static func widened(_ values: [Float]) -> [Double] { values.map(Double.init) }

  func range(_ row: Int) -> Range<Int> { rowStarts[row]..<rowStarts[row + 1] }

  func shape(_ row: Int) -> RowShape {
    var valid = 0
    for token in range(row) where trained[token] { valid += 1 }
    return rows[row].shape(trainedTokens: valid)
  }

  /// The rows as the normalisers see them.
  public func shapes() -> [RowShape] { rows.indices.map(shape) }

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
      ("logprob_behaviour", logProbabilityBehaviour), ("entropy", entropy),
      ("correction weights", correction), ("selected tokens", selection.map { $0.map { _ in 0 } }),
    ]
    for (name, values) in arrays {
      if let values, values.count != tokenCount {
        throw .shape(name, values.count, expected: tokenCount)
      }
    }
    for pair in pairs
    where !rows.indices.contains(pair.chosen)
      || !rows.indices.contains(pair.rejected)
    {
      throw .pair(pair, rows: rows.count)
    }
  }
}

extension TokenBatch.Row {
  /// The row as the normalisers see it.
  public func shape(trainedTokens: Int) -> RowShape {
    RowShape(
      kind: kind, group: group, trainedTokens: trainedTokens,
      isMember: kind == .rollout || weight != 0,
      isImitated: kind == .demonstration && imitationWeight != 0)
  }
}
