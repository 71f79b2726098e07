import Randomness
import Testing

/// Known answers of philox4x32-10, from Random123's `kat_vectors` (Salmon et al., SC 2011).
private struct KnownAnswer {
  var counter: SIMD4<UInt32>
  var key: UInt64
  var block: SIMD4<UInt32>

  static let all = [
    KnownAnswer(
      counter: SIMD4(repeating: 0), key: 0,
      block: SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8)),
    KnownAnswer(
      counter: SIMD4(repeating: .max), key: .max,
      block: SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD)),
    KnownAnswer(
      counter: SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
      key: 0x299F_31D0_A409_3822,
      block: SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1)),
  ]
}

/// The seed under which a purpose's stream has the key: the inverse of SplitMix64's finalizer, which
/// is a bijection.
private func seed(givingKey key: UInt64, purpose: RandomPurpose) -> UInt64 {
  var z = key
  z ^= z >> 31 ^ z >> 62
  z = z &* 0x3196_42B2_D24D_8EC3
  z ^= z >> 27 ^ z >> 54
  z = z &* 0x96DE_1B17_3F11_9089
  z ^= z >> 30 ^ z >> 60
  return z &- 0x9E37_79B9_7F4A_7C15 &* (UInt64(purpose.rawValue) &+ 1)
}

@Suite struct PhiloxTests {
  @Test func blocksAreThoseOfThePapersTestVectors() {
    var wrong: [String] = []
    for purpose in [RandomPurpose.shuffle, .rollout, .evaluation] {
      for answer in KnownAnswer.all {
        let stream = RandomStream(
          seed: seed(givingKey: answer.key, purpose: purpose), purpose: purpose)
        let block = stream.block(
          UInt64(answer.counter[1]) << 32 | UInt64(answer.counter[0]), answer.counter[2],
          answer.counter[3])
        if block != answer.block { wrong.append("\(purpose) \(answer.counter): \(block)") }
      }
    }
    #expect(wrong.isEmpty, "\(wrong)")
  }

  @Test func purposesSeedsAndCountersNeverShareNumbers() {
    var seen: [UInt64: String] = [:]
    var twice: [String] = []
    func note(_ bits: UInt64, _ name: String) {
      if let other = seen.updateValue(name, forKey: bits) { twice.append("\(other) and \(name)") }
    }
    for seed in UInt64(0)..<5 {
      for purpose in [RandomPurpose.shuffle, .rollout, .initialWeights, .mixing, .evaluation] {
        let stream = RandomStream(seed: seed, purpose: purpose)
        for a in [UInt64(0), 1, 1 << 32, .max] {
          for b in [UInt32(0), 1, .max] {
            for c in [UInt32(0), 1, .max] {
              note(stream.bits(a, b, c), "\(seed) \(purpose) \(a) \(b) \(c)")
            }
          }
        }
      }
    }
    #expect(twice.isEmpty, "\(twice.prefix(5))")
  }

  @Test func uniformNumbersFillTheirRangeEvenly() {
    let stream = RandomStream(seed: 3, purpose: .rollout)
    let count = 40_000
    var tenths = [Int](repeating: 0, count: 10)
    var outside = 0
    var sum = 0.0
    for index in 0..<UInt64(count) {
      let uniform = stream.uniform(index, 1, 2)
      if !(uniform >= 0 && uniform < 1) { outside += 1 }
      tenths[min(9, Int(uniform * 10))] += 1
      sum += uniform
      let (first, second) = stream.uniformPair(index)
      if !(first > 0 && first <= 1 && second >= 0 && second < 1) { outside += 1 }
    }
    #expect(outside == 0)
    // Six standard deviations of a binomial count.
    #expect(tenths.allSatisfy { abs($0 - count / 10) < 360 }, "\(tenths)")
    #expect(abs(sum / Double(count) - 0.5) < 0.009)
  }

  @Test func integersStayBelowTheirBoundAndReachAllOfIt() {
    let stream = RandomStream(seed: 9, purpose: .dataset)
    var wrong: [String] = []
    for bound in [UInt64(1), 2, 3, 7, 10, 1 << 40, .max] {
      var seen = Set<UInt64>()
      for index in UInt64(0)..<400 {
        let value = stream.integer(below: bound, index)
        seen.insert(value)
        if value >= bound { wrong.append("\(value) of \(bound)") }
      }
      if bound <= 10, seen.count != Int(bound) { wrong.append("\(seen.count) of \(bound) seen") }
    }
    #expect(wrong.isEmpty, "\(wrong)")
  }
}

@Suite struct PermutationTests {
  private func order(_ count: UInt64, epoch: UInt64, seed: UInt64 = 4) -> [UInt64] {
    let permutation = Permutation(count: count, seed: seed, epoch: epoch)
    return (0..<count).map { permutation[$0] }
  }

  @Test func eachElementStandsAtExactlyOnePosition() {
    var wrong: [UInt64] = []
    for count in Array(UInt64(1)...70) + [255, 256, 257, 1000, 4095, 4096, 4097, 10_007] {
      for epoch in [UInt64(0), 1, 1 << 40]
      where order(count, epoch: epoch).sorted() != Array(0..<count) {
        wrong.append(count)
      }
    }
    #expect(wrong.isEmpty, "\(wrong)")
  }

  @Test func epochsSeedsAndPurposesHaveOrdersOfTheirOwn() {
    let orders = (UInt64(0)..<20).map { order(100, epoch: $0) }
    #expect(Set(orders).count == orders.count)
    #expect(Set((UInt64(0)..<20).map { order(100, epoch: 3, seed: $0) }).count == 20)
    let other = Permutation(count: 100, seed: 4, epoch: 3, purpose: .updates)
    #expect((0..<100).map { other[$0] } != order(100, epoch: 3))
    // And none of them is the stored order.
    #expect(!orders.contains(Array(0..<100)))
  }

  /// With n = 4 all 24 orders must come up; a network with too few rounds misses some.
  @Test func smallSizesReachEveryOrder() {
    var seen = Set<[UInt64]>()
    for epoch in UInt64(0)..<2000 { seen.insert(order(4, epoch: epoch)) }
    #expect(seen.count == 24)
  }
}
