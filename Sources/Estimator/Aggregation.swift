/// How token losses become one number: the only place where lengths and batch sizes enter.
///
/// Every mode gives all valid tokens of a row the same weight, so that it is a number per row. Letters:
/// `T` valid tokens, `S` rows with at least one valid token, `B` rows, `T_i` valid tokens of row i,
/// `n` rows and `T_q` valid tokens of the row's group, `Q` groups, `P` preference pairs; all over the
/// rows of the term.
///
///     token_mean                 1 / T
///     seq_mean_token_mean        1 / ((T_i + 1e-8) · S)     verl; a fully masked row is no row
///     seq_mean_token_sum         1 / S
///     seq_mean_token_sum_norm    1 / C                      verl, HPT release: *not* divided by rows
///     batch_mean_token_sum_norm  1 / (C · B)                oat (Dr. GRPO's authors), TRL
///     group_mean_token_sum       1 / (n · Q)                HPT paper, RL part: 1/n per question
///     group_mean_token_mean      1 / (T_i · n · Q)          HPT paper, SFT part: 1/|τ*| per question
///     group_token_mean           1 / (T_q · Q)              DAPO paper: token mean per question
///     group_sum                  1 / Q                      GVPO paper: sums, mean over questions
///     pair_sum                   1 / P                      DPO: sums, mean over pairs
///     sum                        1                          GVPO release
///
/// `C` is the longest response that the definition allows, the width to which the published codes
/// pad; here nothing is padded, so the constant is always given.
public struct Aggregation: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case tokenMean = "token_mean"
    case sequenceMeanTokenMean = "seq_mean_token_mean"
    case sequenceMeanTokenSum = "seq_mean_token_sum"
    case sequenceMeanTokenSumNorm = "seq_mean_token_sum_norm"
    case batchMeanTokenSumNorm = "batch_mean_token_sum_norm"
    case groupMeanTokenSum = "group_mean_token_sum"
    case groupMeanTokenMean = "group_mean_token_mean"
    case groupTokenMean = "group_token_mean"
    case groupSum = "group_sum"
    case pairSum = "pair_sum"
    case sum
  }

  public var kind: Kind
  /// `C` of the two modes that divide by one; the others do not read it.
  public var constant: Double?

  public init(_ kind: Kind, constant: Double? = nil) {
    self.kind = kind
    self.constant = constant
  }

  public static let tokenMean = Aggregation(.tokenMean)
  public static let sequenceMeanTokenMean = Aggregation(.sequenceMeanTokenMean)
  public static let sequenceMeanTokenSum = Aggregation(.sequenceMeanTokenSum)
  public static let groupMeanTokenSum = Aggregation(.groupMeanTokenSum)
  public static let groupMeanTokenMean = Aggregation(.groupMeanTokenMean)

  public var dividesByConstant: Bool {
    kind == .sequenceMeanTokenSumNorm || kind == .batchMeanTokenSumNorm
  }

  public var scope: PartScope {
    kind == .sequenceMeanTokenSumNorm || kind == .sum ? .token : .batch
  }

  public var equation: String {
    let c = constant.map { "\($0)" } ?? "C"
    switch kind {
    case .tokenMean: return "1 / T"
    case .sequenceMeanTokenMean: return "1 / (T_i · S)"
    case .sequenceMeanTokenSum: return "1 / S"
    case .sequenceMeanTokenSumNorm: return "1 / \(c)"
    case .batchMeanTokenSumNorm: return "1 / (\(c) · B)"
    case .groupMeanTokenSum: return "1 / (n · Q)"
    case .groupMeanTokenMean: return "1 / (T_i · n · Q)"
    case .groupTokenMean: return "1 / (T_q · Q)"
    case .groupSum: return "1 / Q"
    case .pairSum: return "1 / P"
    case .sum: return "1"
    }
  }

  func validate(_ key: String) throws(EstimatorError) {
    guard dividesByConstant else { return }
    guard let constant, constant > 0, constant.isFinite else {
      throw .parameter(
        "\(key).constant",
        "\(kind.rawValue) divides by a constant, and \(constant.map { "\($0)" } ?? "none") is given",
        remedy: "Give the longest response that the definition allows.")
    }
  }

  /// The weight of each valid token of a row.
  ///
  /// - Parameters:
  ///   - tokens: valid tokens of the row.
  ///   - rowsInGroup: rows of the term in the row's group.
  ///   - tokensInGroup: their valid tokens.
  ///   - totals: over the rows that the means run over.
  ///   - workers: data-parallel workers. The means are multiplied by it, so that averaging gradients
  ///     over workers gives the global mean (verl); a division by a constant is not.
  /// - Returns: 0 for a row without valid tokens.
  public func weight(
    tokens: Int, rowsInGroup: Int, tokensInGroup: Int, totals: Normalizers.Totals,
    workers: Double = 1
  ) -> Double {
    guard tokens > 0 else { return 0 }
    switch kind {
    case .tokenMean: return workers / totals.tokens
    case .sequenceMeanTokenMean: return workers / (Double(tokens) + 1e-8) / totals.sequences
    case .sequenceMeanTokenSum: return workers / totals.sequences
    case .sequenceMeanTokenSumNorm: return 1 / (constant ?? .nan)
    case .batchMeanTokenSumNorm: return workers / ((constant ?? .nan) * totals.rows)
    case .groupMeanTokenSum: return workers / (Double(rowsInGroup) * totals.groups)
    case .groupMeanTokenMean:
      return workers / (Double(tokens) * Double(rowsInGroup) * totals.groups)
    case .groupTokenMean: return workers / (Double(tokensInGroup) * totals.groups)
    case .groupSum: return workers / totals.groups
    case .pairSum: return workers / max(totals.pairs, 1)
    case .sum: return 1
    }
  }
}
