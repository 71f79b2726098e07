/// `Â ← (Â − mean) / std` over all trained tokens of a step's members. Scope: batch.
///
/// A row with one number counts it once for each of its trained tokens, so long responses weigh more
/// (as in REINFORCE++). Imitated and idle rows neither count nor change. With fewer than two tokens
/// there is no variance: Â less its mean is 0, where verl raises an error.
public enum Whitening: String, Sendable, CaseIterable {
  case none
  /// verl: N + 1e-8 in both means, variance × N / (N − 1), and 1e-8 added to the variance.
  case bessel
  /// OpenRLHF: variance over N, not below 1e-8.
  case plain

  var equation: String {
    switch self {
    case .none: "as it is"
    case .bessel: "(Â − mean)·rsqrt(var_(n−1) + 1e-8) over the step's tokens"
    case .plain: "(Â − mean)·rsqrt(max(var_n, 1e-8)) over the step's tokens"
    }
  }

  /// What both means divide by.
  private func divisor(_ tokens: Double) -> Double { self == .bessel ? tokens + 1e-8 : tokens }

  /// `1 / std` from the mean square of the centred numbers.
  private func scale(_ meanSquare: Double, tokens: Double) -> Double {
    switch self {
    case .none: 1
    case .bessel: 1 / (meanSquare * tokens / (tokens - 1) + 1e-8).squareRoot()
    case .plain: 1 / max(meanSquare, 1e-8).squareRoot()
    }
  }

  /// - Parameter perToken: whether members carry a number per token, or one for the row.
  func apply(
    _ groups: [AssemblyGroup], _ assembled: inout [AssembledGroup], perToken: Bool
  ) {
    guard self != .none else { return }
    var tokens = 0.0
    for group in groups {
      for row in group.rows where row.standing == .member { tokens += Double(row.trainedTokens) }
    }
    let mean = Self.sum(groups, assembled, perToken) { $0 } / divisor(max(tokens, 1))
    let squares = Self.sum(groups, assembled, perToken) { ($0 - mean) * ($0 - mean) }
    let scale = tokens < 2 ? 0 : scale(squares / divisor(tokens), tokens: tokens)
    for index in groups.indices {
      for (position, row) in groups[index].rows.enumerated() where row.standing == .member {
        Self.shift(&assembled[index].rows[position].advantages, row, perToken, mean, scale)
      }
    }
  }

  private static func shift(
    _ numbers: inout [Double], _ row: AssemblyRow, _ perToken: Bool, _ mean: Double,
    _ scale: Double
  ) {
    for token in numbers.indices where !perToken || row.trains(token) {
      numbers[token] = (numbers[token] - mean) * scale
    }
  }

  /// Sum of `term` of every trained token's Â.
  @inline(__always) private static func sum(
    _ groups: [AssemblyGroup], _ assembled: [AssembledGroup], _ perToken: Bool,
    _ term: (Double) -> Double
  ) -> Double {
    var sum = 0.0
    for (group, result) in zip(groups, assembled) {
      for (row, made) in zip(group.rows, result.rows) where row.standing == .member {
        if perToken {
          for token in made.advantages.indices where row.trains(token) {
            sum += term(made.advantages[token])
          }
        } else {
          sum += Double(row.trainedTokens) * term(made.advantages[0])
        }
      }
    }
    return sum
  }
}
