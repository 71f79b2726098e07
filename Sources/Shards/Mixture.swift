import Randomness

/// Which dataset each place of a stream of prompts is read from, in fixed shares.
///
/// The stream is cut into blocks of as many places as the weights sum to; within a block each
/// dataset has exactly its weight of places, in a seeded order that differs from block to block. So
/// shares hold exactly over every block, each dataset is read in its own order without gap or
/// repetition, and any place is found in O(1): a reader resumes from the number of the place alone.
public struct Mixture: Sendable {
  /// What stands at a place of the stream.
  public struct Pick: Sendable, Hashable {
    /// The dataset's place in the list.
    public var dataset: Int
    /// How many prompts of this dataset stand before this one in its own sequence, over all its
    /// epochs: `DatasetPosition(ordinal:rows:)` turns it into epoch and position.
    public var ordinal: UInt64

    public init(dataset: Int, ordinal: UInt64) {
      self.dataset = dataset
      self.ordinal = ordinal
    }
  }

  /// Places per block of each dataset.
  public let weights: [UInt64]
  private let seed: UInt64
  private let total: UInt64

  /// - Parameter weights: whole numbers, at least one above 0, sum at most 2^32; `[9, 1]` reads
  ///   every tenth prompt from the second dataset.
  public init(weights: [UInt64], seed: UInt64) throws(ShardError) {
    var total: UInt64 = 0
    for weight in weights {
      let (sum, overflow) = total.addingReportingOverflow(weight)
      total = overflow ? .max : sum
    }
    guard (1...1 << 32).contains(total) else {
      throw .settings(
        "mixture", "the weights \(weights) make no mixture",
        "Give whole numbers whose sum is from 1 to \(1 << 32).")
    }
    self.weights = weights
    self.seed = seed
    self.total = total
  }

  /// The weights that come nearest to `shares` in thousandths, in lowest terms.
  public static func weights(shares: [Double]) throws(ShardError) -> [UInt64] {
    let sum = shares.reduce(0, +)
    guard sum.isFinite, sum > 0, shares.allSatisfy({ $0 >= 0 }) else {
      throw .settings("mixture", "the shares \(shares) make no mixture", "Give numbers above 0.")
    }
    // A dataset that is asked for gets at least one place, however small its share.
    let weights = shares.map { $0 == 0 ? 0 : max(1, UInt64(($0 / sum * 1000).rounded())) }
    let divisor = weights.reduce(0, greatestCommonDivisor)
    return weights.map { $0 / divisor }
  }

  /// What stands at `place`, counted from 0 over the whole run.
  public subscript(place: UInt64) -> Pick {
    let (block, offset) = place.quotientAndRemainder(dividingBy: total)
    let order = Permutation(count: total, seed: seed, epoch: block, purpose: .mixing)
    var slot = order[offset]
    for (dataset, weight) in weights.enumerated() {
      if slot < weight { return Pick(dataset: dataset, ordinal: block * weight + slot) }
      slot -= weight
    }
    preconditionFailure("Mixture: place \(place) lies behind all weights \(weights)")
  }
}

private func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
  b == 0 ? a : greatestCommonDivisor(b, a % b)
}
