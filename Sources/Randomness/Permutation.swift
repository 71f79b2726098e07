/// A seeded permutation of 0..<count with O(1) access to any position, by a Feistel network over
/// the next power of four with cycle walking (Black and Rogaway, CT-RSA 2002).
///
/// An epoch's order is `Permutation(count:seed:epoch:)`; a position in it is all the state there is.
public struct Permutation: Sendable {
  public let count: UInt64
  private let epoch: UInt64
  private let half: UInt64
  private let mask: UInt64
  private let stream: RandomStream

  public init(count: UInt64, seed: UInt64, epoch: UInt64, purpose: RandomPurpose = .shuffle) {
    self.count = count
    self.epoch = epoch
    stream = RandomStream(seed: seed, purpose: purpose)
    var half: UInt64 = 1
    while half < 32, count > 1 << (2 * half) { half += 1 }
    self.half = half
    mask = 1 << half - 1
  }

  /// The element at `position`; each element of 0..<count stands at exactly one position.
  public subscript(position: UInt64) -> UInt64 {
    precondition(position < count, "Permutation: position \(position) of \(count)")
    var value = position
    // At most four values a domain element on average, since the domain is under 4 × count.
    repeat { value = scramble(value) } while value >= count
    return value
  }

  private func scramble(_ value: UInt64) -> UInt64 {
    var left = value >> half
    var right = value & mask
    for round in 0..<UInt32(6) {
      let mixed = stream.bits(
        right, round, UInt32(truncatingIfNeeded: epoch) ^ UInt32(truncatingIfNeeded: epoch >> 32))
      (left, right) = (right, (left ^ mixed) & mask)
    }
    return left << half | right
  }
}
