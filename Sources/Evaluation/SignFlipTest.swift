import Randomness

/// Whether two models differ on the same questions: the paired sign-flip permutation test (Fisher 1935).
///
/// If they did not, the difference of a question would be as likely with the other sign, independently of
/// the other questions'. The p-value is the share of all 2^m sign patterns whose sum is at least as far
/// from 0 as the one seen. With one sample a question all differences are −1, 0 or 1, and this is McNemar's
/// exact test.
public enum SignFlipTest {
  /// Additions that an exact answer may cost.
  static let exactCost = 200_000_000
  /// Sign patterns drawn where it would cost more.
  static let drawn = 100_000
  private static let seed: UInt64 = 1935

  /// A difference of accuracies, (a / m) − (b / n), as its counts.
  public struct Difference: Sendable, Equatable {
    public var first: (right: Int, count: Int)
    public var second: (right: Int, count: Int)

    public init(first: (right: Int, count: Int), second: (right: Int, count: Int)) {
      self.first = first
      self.second = second
    }

    public var value: Double {
      Double(first.right) / Double(first.count) - Double(second.right) / Double(second.count)
    }

    public static func == (a: Difference, b: Difference) -> Bool {
      a.first == b.first && a.second == b.second
    }
  }

  public struct Result: Sendable, Equatable {
    /// Two-sided; 1 where no question differs.
    public var p: Double
    /// Whether all sign patterns were counted. If not, p is (1 + h) / (1 + 100,000) of as many drawn from
    /// a fixed seed, h of them as extreme.
    public var isExact: Bool
  }

  public static func test(_ differences: [Difference]) -> Result {
    guard let units = integers(differences) else { return draw(differences.map(\.value)) }
    let magnitudes = units.filter { $0 != 0 }.map { abs($0) }
    guard !magnitudes.isEmpty else { return Result(p: 1, isExact: true) }
    let total = magnitudes.reduce(0, +)
    guard total <= exactCost / magnitudes.count else { return draw(units.map(Double.init)) }
    return Result(p: exact(magnitudes, total, observed: abs(units.reduce(0, +))), isExact: true)
  }

  /// The differences as multiples of one unit, the largest possible; nil where there is none of moderate
  /// size, which takes many different numbers of samples.
  private static func integers(_ differences: [Difference]) -> [Int]? {
    var unit = 1
    for difference in differences {
      for count in [difference.first.count, difference.second.count] {
        unit = unit / divisor(unit, count) * count
        guard unit <= 1 << 20 else { return nil }
      }
    }
    let values = differences.map {
      $0.first.right * (unit / $0.first.count) - $0.second.right * (unit / $0.second.count)
    }
    let common = values.reduce(0) { divisor($0, abs($1)) }
    return common > 1 ? values.map { $0 / common } : values
  }

  private static func divisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
  }

  /// The share of sign patterns with |sum| ≥ observed: the distribution of the sum of those with a plus,
  /// one difference after the other.
  private static func exact(_ magnitudes: [Int], _ total: Int, observed: Int) -> Double {
    var chances = [Double](repeating: 0, count: total + 1)
    chances[0] = 1
    var reach = 0
    for magnitude in magnitudes.sorted() {
      reach += magnitude
      for sum in stride(from: reach, through: 0, by: -1) {
        let with = sum >= magnitude ? chances[sum - magnitude] : 0
        chances[sum] = 0.5 * (chances[sum] + with)
      }
    }
    var p = 0.0
    for (plus, chance) in chances.enumerated() where abs(2 * plus - total) >= observed {
      p += chance
    }
    return min(1, p)
  }

  private static func draw(_ differences: [Double]) -> Result {
    let magnitudes = differences.map(abs)
    // What rounding may take from a sum that equals the one seen.
    let slack = 1e-9 * (1 + magnitudes.reduce(0, +))
    let observed = abs(differences.reduce(0, +)) - slack
    let stream = RandomStream(seed: seed, purpose: .statistics)
    var extreme = 0
    for pattern in 0..<drawn {
      var sum = 0.0
      var bits: UInt64 = 0
      for (index, magnitude) in magnitudes.enumerated() {
        if index & 63 == 0 { bits = stream.bits(UInt64(pattern), UInt32(index >> 6)) }
        sum += bits & 1 == 1 ? magnitude : -magnitude
        bits >>= 1
      }
      if abs(sum) >= observed { extreme += 1 }
    }
    return Result(p: Double(1 + extreme) / Double(1 + drawn), isExact: false)
  }
}
