import Estimator
import Testing

/// The figure that the design asks for: 1,024 rollouts of 512 tokens in under 50 ms on one core.
@Suite struct SpeedTests {
  @Test func aThousandRolloutsTakeMilliseconds() throws {
    var random = TestRandom(seed: 1)
    let (rows, length) = (1024, 512)
    let current = (0..<rows * length).map { _ in Double.random(in: -3...0, using: &random) }
    let old = current.map { $0 + Double.random(in: -0.3...0.3, using: &random) }
    let batch = TokenBatch(
      rows: (0..<rows).map { TokenBatch.Row(kind: .rollout, group: $0 / 8) },
      rowStarts: (0...rows).map { $0 * length }, trained: current.map { _ in true },
      advantages: .perRow((0..<rows).map { $0 % 2 == 0 ? 0.5 : -0.5 }), logProbability: current,
      logProbabilityOld: old, entropy: current.map { -$0 })
    var algorithm = try Algorithm.named("grpo")
    algorithm.entropy = EntropyBonus(weight: 0.001)
    let clock = ContinuousClock()
    var best = Duration.seconds(1)
    for _ in 0..<9 {
      best = try min(
        best, clock.measure { _ = try algorithm.evaluate(batch).gradLogProbabilityFloat() })
    }
    print("weights of \(rows) rollouts of \(length) tokens: \(best), best of 9")
    #expect(best < .milliseconds(50))
  }
}
