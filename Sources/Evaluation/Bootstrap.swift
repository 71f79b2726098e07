import Randomness

/// Percentile intervals of means over questions, by resampling questions with replacement (Efron 1979).
///
/// A question is drawn with all of its samples: those are not independent, so the questions are the
/// clusters. Draws depend on the name of the suite and the number of questions alone, never on the order
/// in which suites are asked for.
public struct Bootstrap: Sendable {
  public static let replicates = 10_000
  /// Of intervals.
  public static let level = 0.95
  private static let seed: UInt64 = 2107_03374

  private let stream = RandomStream(seed: Self.seed, purpose: .statistics)
  private let lane: UInt32

  /// - Parameter name: of the suite: suites' draws are independent of one another.
  public init(_ name: String) {
    // FNV-1a: fixed for ever, which `hashValue` is not.
    lane = name.utf8.reduce(0x811C_9DC5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
  }

  /// The means of each column over the questions of each resample.
  ///
  /// - Parameter columns: each with a value for every question; NaN where it has none, which takes no
  ///   part in the column's mean.
  /// - Returns: for each column a mean for each resample; NaN where no question of it has a value.
  public func means(_ columns: [[Double]]) -> [[Double]] {
    guard let questions = columns.first?.count, questions > 0 else { return columns }
    precondition(columns.allSatisfy { $0.count == questions }, "columns of unequal lengths")
    // Row by row, so that a drawn question's values lie together.
    let width = columns.count
    let values = (0..<questions).flatMap { question in columns.map { $0[question] } }
    let isWhole = !values.contains(where: \.isNaN)
    var means = Array(repeating: [Double](repeating: 0, count: Self.replicates), count: width)
    var sums = [Double](repeating: 0, count: width)
    var counts = [Double](repeating: Double(questions), count: width)
    for replicate in 0..<Self.replicates {
      for column in 0..<width { sums[column] = 0 }
      if !isWhole { for column in 0..<width { counts[column] = 0 } }
      draw(questions, replicate) { question in
        let start = question * width
        for column in 0..<width {
          let value = values[start + column]
          if isWhole {
            sums[column] += value
          } else if !value.isNaN {
            sums[column] += value
            counts[column] += 1
          }
        }
      }
      for column in 0..<width { means[column][replicate] = sums[column] / counts[column] }
    }
    return means
  }

  /// Draws `count` of `count` questions with replacement.
  private func draw(_ count: Int, _ replicate: Int, _ body: (Int) -> Void) {
    var block = SIMD4<UInt32>()
    for index in 0..<count {
      if index & 3 == 0 {
        block = stream.block(UInt64(replicate) << 32 | UInt64(index >> 2), lane)
      }
      // Lemire's multiply-shift: of 2^32 numbers none is favoured by more than count / 2^32.
      body(Int((UInt64(block[index & 3]) &* UInt64(count)) >> 32))
    }
  }

  /// The interval that holds the middle 95 % of `means`, by linear interpolation between order
  /// statistics; nil where there is none.
  public static func interval(of means: [Double]) -> (low: Double, high: Double)? {
    let sorted = means.filter { !$0.isNaN }.sorted()
    guard !sorted.isEmpty else { return nil }
    func quantile(_ share: Double) -> Double {
      let place = share * Double(sorted.count - 1)
      let below = Int(place.rounded(.down))
      let above = min(below + 1, sorted.count - 1)
      return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
    }
    return (quantile((1 - level) / 2), quantile((1 + level) / 2))
  }
}
