/// How token losses become one number: the only place where lengths and batch sizes enter.
///
/// Every mode gives all valid tokens of a row the same weight, so that it is a number per row. Letters:
/// `T` valid tokens, `S` rows with at least one valid token, `B` rows, `T_i` valid tokens of row i,
/// `n` rows of the row's group, `Q` groups; all over the rows of the term's own kind.
///
///     token_mean                 1 / T
///     seq_mean_token_mean        1 / ((T_i + 1e-8) · S)     verl; a fully masked row is no row
///     seq_mean_token_sum         1 / S
///     seq_mean_token_sum_norm    1 / C                      verl, HPT release: *not* divided by rows
///     batch_mean_token_sum_norm  1 / (C · B)                oat (Dr. GRPO's authors), TRL
///     group_mean_token_sum       1 / (n · Q)                HPT paper, RL part: 1/n per question
///     group_mean_token_mean      1 / (T_i · n · Q)          HPT paper, SFT part: 1/|τ*| per question
///
/// `C` is the longest response that the definition allows, the width to which the published codes
/// pad; here nothing is padded, so the constant is always given.
public enum Aggregation: Sendable, Equatable {
  case tokenMean
  case sequenceMeanTokenMean
  case sequenceMeanTokenSum
  case sequenceMeanTokenSumNorm(constant: Double)
  case batchMeanTokenSumNorm(constant: Double)
  case groupMeanTokenSum
  case groupMeanTokenMean

  /// The names by which YAML knows the modes.
  public static let names = [
    "token_mean", "seq_mean_token_mean", "seq_mean_token_sum", "seq_mean_token_sum_norm",
    "batch_mean_token_sum_norm", "group_mean_token_sum", "group_mean_token_mean",
  ]

  public var name: String {
    switch self {
    case .tokenMean: "token_mean"
    case .sequenceMeanTokenMean: "seq_mean_token_mean"
    case .sequenceMeanTokenSum: "seq_mean_token_sum"
    case .sequenceMeanTokenSumNorm: "seq_mean_token_sum_norm"
    case .batchMeanTokenSumNorm: "batch_mean_token_sum_norm"
    case .groupMeanTokenSum: "group_mean_token_sum"
    case .groupMeanTokenMean: "group_mean_token_mean"
    }
  }

  public var constant: Double? {
    switch self {
    case .sequenceMeanTokenSumNorm(let constant), .batchMeanTokenSumNorm(let constant): constant
    default: nil
    }
  }

  public var scope: PartScope {
    if case .sequenceMeanTokenSumNorm = self { return .token }
    return .batch
  }

  /// The mode called `name`.
  /// - Parameter constant: `C`, for the two modes that divide by one; the others ignore it.
  public init(named name: String, constant: Double?) throws(EstimatorError) {
    switch name {
    case "token_mean": self = .tokenMean
    case "seq_mean_token_mean": self = .sequenceMeanTokenMean
    case "seq_mean_token_sum": self = .sequenceMeanTokenSum
    case "seq_mean_token_sum_norm":
      self = .sequenceMeanTokenSumNorm(constant: try Self.checked(constant, name))
    case "batch_mean_token_sum_norm":
      self = .batchMeanTokenSumNorm(constant: try Self.checked(constant, name))
    case "group_mean_token_sum": self = .groupMeanTokenSum
    case "group_mean_token_mean": self = .groupMeanTokenMean
    default: throw .unknown("aggregation", name, known: Self.names)
    }
  }

  private static func checked(_ constant: Double?, _ name: String) throws(EstimatorError) -> Double
  {
    guard let constant, constant > 0, constant.isFinite else {
      throw .parameter(
        "aggregation.constant",
        "\(name) divides by a constant, and \(constant.map { "\($0)" } ?? "none") is given",
        remedy: "Give the longest response that the definition allows.")
    }
    return constant
  }

  /// The weight of each valid token of a row.
  ///
  /// - Parameters:
  ///   - tokens: valid tokens of the row.
  ///   - rowsInGroup: rows of the row's group and kind.
  ///   - totals: over the rows that the means run over.
  ///   - workers: data-parallel workers. The means are multiplied by it, so that averaging gradients
  ///     over workers gives the global mean (verl); a division by a constant is not.
  /// - Returns: 0 for a row without valid tokens.
  public func weight(
    tokens: Int, rowsInGroup: Int, totals: Normalizers.Totals, workers: Double = 1
  ) -> Double {
    guard tokens > 0 else { return 0 }
    switch self {
    case .tokenMean: return workers / totals.tokens
    case .sequenceMeanTokenMean: return workers / (Double(tokens) + 1e-8) / totals.sequences
    case .sequenceMeanTokenSum: return workers / totals.sequences
    case .sequenceMeanTokenSumNorm(let constant): return 1 / constant
    case .batchMeanTokenSumNorm(let constant): return workers / (constant * totals.rows)
    case .groupMeanTokenSum: return workers / (Double(rowsInGroup) * totals.groups)
    case .groupMeanTokenMean:
      return workers / (Double(tokens) * Double(rowsInGroup) * totals.groups)
    }
  }
}
