public import Randomness

/// Tokens picked by the covariance of advantage and log-probability over the whole batch, because
/// they are the ones that make entropy fall (arXiv 2505.22617). Scope: batch.
///
///     C_t = (Â_t − mean Â) · (log π_t − mean log π)       means over the batch's valid tokens
///
///     clip_cov  among the tokens with lower < C_t < upper that the clip leaves alone, choose
///               max(1, ⌊ratio·T⌋) at random and zero their loss and gradient
///     kl_cov    the max(1, ⌊ratio·T⌋) tokens of largest C_t get + coefficient·|log r_t|
///
/// At least one token is always picked, so a batch cut into pieces picks more: the released forms do
/// so per micro-batch; here the batch is the whole mini-batch unless ``NormalizerScope`` says
/// otherwise.
public struct TokenSelection: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case clipCovariance = "clip_cov"
    case klCovariance = "kl_cov"
  }

  public var kind: Kind
  /// Share of the valid tokens.
  public var ratio: Double
  /// The open band of `clip_cov`.
  public var lower: Double
  public var upper: Double
  /// Of `kl_cov`.
  public var coefficient: Double

  public init(
    _ kind: Kind, ratio: Double = 0.0002, lower: Double = 1, upper: Double = 5,
    coefficient: Double = 0.1
  ) {
    self.kind = kind
    self.ratio = ratio
    self.lower = lower
    self.upper = upper
    self.coefficient = coefficient
  }

  func validate(_ key: String) throws(EstimatorError) {
    guard ratio > 0, ratio <= 1 else {
      throw .parameter("\(key).ratio", "\(ratio) is no share", remedy: "Give a share up to 1.")
    }
    guard lower < upper else {
      throw .parameter(
        "\(key).lower", "\(lower) is not below upper, \(upper)",
        remedy: "Give the edges in ascending order.")
    }
    guard coefficient.isFinite else {
      throw .parameter(
        "\(key).coefficient", "\(coefficient) is no number", remedy: "Give a finite number.")
    }
  }

  /// `C_t` of every candidate.
  ///
  /// - Parameters:
  ///   - advantages: one per candidate.
  ///   - logProbabilities: one per candidate, in nats.
  public static func covariances(advantages: [Double], logProbabilities: [Double]) -> [Double] {
    let count = Double(max(advantages.count, 1))
    let meanAdvantage = advantages.reduce(0, +) / count
    let meanLog = logProbabilities.reduce(0, +) / count
    return advantages.indices.map {
      (advantages[$0] - meanAdvantage) * (logProbabilities[$0] - meanLog)
    }
  }

  /// Indices of the `count` largest values, ascending; of equal values the earlier ones. Linear in
  /// the values on average: Hoare's selection, the middle value as its pivot.
  static func largest<Key: Comparable>(_ count: Int, of values: [Key]) -> [Int] {
    guard count < values.count else { return Array(values.indices) }
    var rest = values
    var (low, high) = (0, rest.count - 1)
    // Partitions, the larger ones first, until the place of the last one taken is settled.
    while low < high {
      let pivot = rest[(low + high) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while rest[left] > pivot { left += 1 }
        while rest[right] < pivot { right -= 1 }
        guard left <= right else { break }
        rest.swapAt(left, right)
        left += 1
        right -= 1
      }
      if count - 1 <= right {
        high = right
      } else if count - 1 >= left {
        low = left
      } else {
        break
      }
    }
    let bound = rest[count - 1]
    var ties = count - values.count { $0 > bound }
    return values.indices.filter { index in
      guard values[index] == bound else { return values[index] > bound }
      ties -= 1
      return ties >= 0
    }
  }

  /// Indices of the candidates that are picked, ascending.
  ///
  /// - Parameters:
  ///   - clipped: which candidates the clip has zeroed already (`clip_cov` passes over them).
  ///   - stream: where `clip_cov` draws from, at the counters (key, index).
  public func picks(
    covariances: [Double], clipped: [Bool], stream: RandomStream, key: UInt64
  ) -> [Int] {
    guard !covariances.isEmpty else { return [] }
    let quota = max(1, Int(ratio * Double(covariances.count)))
    switch kind {
    case .klCovariance:
      return Self.largest(quota, of: covariances)
    case .clipCovariance:
      let band = covariances.indices.filter {
        !clipped[$0] && covariances[$0] > lower && covariances[$0] < upper
      }
      let draws = band.map { stream.bits(key, UInt32(truncatingIfNeeded: $0)) }
      // The smallest draws, of equal ones the earlier tokens'.
      return Self.largest(quota, of: draws.map { ~$0 }).map { band[$0] }
    }
  }
}
