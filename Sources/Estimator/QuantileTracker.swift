/// Quantiles of a stream of scores, followed from step to step (RiskPO, arXiv 2510.00911).
///
///     first step    q_s = the s-quantile of the step's scores, linear between them
///     then          q_s += η · (s − mean 1{score < q_s})
///
/// Its values are its whole state.
public struct QuantileTracker: Sendable, Equatable {
  /// The levels s, ascending, in 0...1.
  public let levels: [Double]
  /// One per level; empty before the first scores.
  public private(set) var values: [Double]

  public init(levels: [Double], values: [Double] = []) {
    precondition(
      values.isEmpty || values.count == levels.count,
      "QuantileTracker: \(values.count) values for \(levels.count) levels")
    self.levels = levels
    self.values = values
  }

  public var isFresh: Bool { values.isEmpty }

  /// Takes in the scores of one step; none change nothing.
  public mutating func observe(_ scores: [Double], learningRate: Double) {
    guard !scores.isEmpty else { return }
    guard !isFresh else {
      let sorted = scores.sorted()
      values = levels.map { Self.quantile(ofSorted: sorted, level: $0) }
      return
    }
    let count = Double(scores.count)
    for index in levels.indices {
      let below = Double(scores.count { $0 < values[index] }) / count
      values[index] += learningRate * (levels[index] - below)
    }
  }

  /// The value at the level nearest to `level`, the lower of two as near; nil while fresh.
  public func value(nearest level: Double) -> Double? {
    guard !isFresh else { return nil }
    var best = 0
    for index in levels.indices where abs(levels[index] - level) < abs(levels[best] - level) {
      best = index
    }
    return values[best]
  }

  /// `∫ g(q_s) ds` over the levels by trapezoids, g being whatever is to be averaged; 0 while fresh.
  func integral(_ term: (Double) -> Double) -> Double {
    guard !isFresh else { return 0 }
    return levels.indices.dropFirst().reduce(0) {
      $0 + (levels[$1] - levels[$1 - 1]) * (term(values[$1]) + term(values[$1 - 1])) / 2
    }
  }

  /// The `level`-quantile of ascending numbers, linear between neighbours (torch, numpy).
  ///
  /// - Precondition: there is a number, and `level` is in 0...1.
  public static func quantile(ofSorted sorted: [Double], level: Double) -> Double {
    let rank = level * Double(sorted.count - 1)
    let lower = Int(rank)
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (rank - Double(lower)) * (sorted[upper] - sorted[lower])
  }
}
