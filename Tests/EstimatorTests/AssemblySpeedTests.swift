import Estimator
import Testing

@Suite struct AssemblySpeedTests {
  /// 1,024 rollouts of 512 tokens in groups of 8, the size that the whole assembly has 50 ms for.
  @Test func theLargeStepIsAssembledInMilliseconds() throws {
    var random = TestRandom(seed: 9)
    let groups = (0..<128).map { id in
      AssemblyGroup(
        id: UInt64(id),
        rows: (0..<8).map { _ in
          AssemblyRow(
            reward: Double(Int.random(in: 0...1, using: &random)), tokens: 512,
            trained: Array(repeating: true, count: 512),
            penalties: (0..<512).map { _ in Double.random(in: 0...0.01, using: &random) },
            values: (0..<512).map { _ in Double.random(in: 0...1, using: &random) })
        })
    }
    for estimate in [
      AdvantageEstimate(.normalized), AdvantageEstimate(.gae, whiten: .bessel),
      AdvantageEstimate(.riskBundle),
    ] {
      var best = Duration.seconds(1)
      for _ in 0..<5 {
        let start = ContinuousClock.now
        let ours = try estimate.step(groups)
        best = min(best, ContinuousClock.now - start)
        #expect(ours.count == 128)
      }
      print("assembly of 1024 × 512 by \(estimate.kind.rawValue): \(best)")
      // Generous, so that a busy machine does not fail it; the figures stand in docs/algorithms.md.
      #expect(best < .milliseconds(250))
    }
  }
}
