/// What random numbers are for. Two purposes never share a stream; raw values are part of every
/// stored result, so they are never renumbered.
public enum RandomPurpose: UInt32, Sendable {
  case shuffle = 1
  case rollout = 2
  case initialWeights = 3
  case mixing = 4
  case evaluation = 5
  case dataset = 6
  case updates = 7
  case bundles = 8
  case selection = 9
  case initialAdapter = 10
  case dropout = 11
  case statistics = 12
}

/// Counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
///
/// A number is a pure function of (seed, purpose, a, b, c): there is no state to save, and a number
/// can be drawn again at any time, in any order and on any thread. The rollout generator uses
/// a = GroupID, b = rollout, c = position.
public struct RandomStream: Sendable {
  private let key: (UInt32, UInt32)

  public init(seed: UInt64, purpose: RandomPurpose) {
    // SplitMix64's finalizer (Steele et al., OOPSLA 2014) spreads seed and purpose over the key.
    var z = seed &+ 0x9E37_79B9_7F4A_7C15 &* (UInt64(purpose.rawValue) &+ 1)
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    z ^= z >> 31
    key = (UInt32(truncatingIfNeeded: z), UInt32(truncatingIfNeeded: z >> 32))
  }

  /// 128 random bits at the counter (a, b, c).
  public func block(_ a: UInt64, _ b: UInt32 = 0, _ c: UInt32 = 0) -> SIMD4<UInt32> {
    // Four numbers and not one vector, whose lanes the products would have to be put together from.
    var (x0, x1) = (UInt32(truncatingIfNeeded: a), UInt32(truncatingIfNeeded: a >> 32))
    var (x2, x3) = (b, c)
    var (k0, k1) = key
    for _ in 0..<10 {
      let p0 = UInt64(x0) &* 0xD251_1F53
      let p1 = UInt64(x2) &* 0xCD9E_8D57
      (x0, x1) = (UInt32(truncatingIfNeeded: p1 >> 32) ^ x1 ^ k0, UInt32(truncatingIfNeeded: p1))
      (x2, x3) = (UInt32(truncatingIfNeeded: p0 >> 32) ^ x3 ^ k1, UInt32(truncatingIfNeeded: p0))
      k0 = k0 &+ 0x9E37_79B9
      k1 = k1 &+ 0xBB67_AE85
    }
    return SIMD4(x0, x1, x2, x3)
  }

  /// 64 random bits at the counter (a, b, c).
  public func bits(_ a: UInt64, _ b: UInt32 = 0, _ c: UInt32 = 0) -> UInt64 {
    let x = block(a, b, c)
    return UInt64(x[1]) << 32 | UInt64(x[0])
  }

  /// A uniform number in [0, 1) with 53 random bits.
  public func uniform(_ a: UInt64, _ b: UInt32 = 0, _ c: UInt32 = 0) -> Double {
    Double(bits(a, b, c) >> 11) * 0x1p-53
  }

  /// A uniform integer in 0..<bound, without bias beyond 2^-64 (Lemire's multiply-shift).
  public func integer(below bound: UInt64, _ a: UInt64, _ b: UInt32 = 0, _ c: UInt32 = 0) -> UInt64
  {
    precondition(bound > 0, "RandomStream.integer: bound is 0")
    return bits(a, b, c).multipliedFullWidth(by: bound).high
  }

  /// Two independent uniform numbers, the first in (0, 1], the second in [0, 1): what Box and
  /// Muller's transform needs.
  public func uniformPair(_ a: UInt64, _ b: UInt32 = 0, _ c: UInt32 = 0) -> (Double, Double) {
    let x = block(a, b, c)
    let first = UInt64(x[1]) << 32 | UInt64(x[0])
    let second = UInt64(x[3]) << 32 | UInt64(x[2])
    return ((Double(first >> 11) + 1) * 0x1p-53, Double(second >> 11) * 0x1p-53)
  }
}
