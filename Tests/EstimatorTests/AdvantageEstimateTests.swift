import Estimator
import Testing

/// What must hold of the kinds with a number per row.
@Suite struct AdvantageEstimateTests {
  static let withBaseline: [AdvantageEstimate.Kind] = [
    .centered, .normalized, .leaveOneOut, .logAverageExp,
  ]

  private func rewards(_ seed: UInt64) -> [Double] {
    var random = TestRandom(seed: seed)
    let size = [1, 2, 3, 8, 17][Int(seed % 5)]
    return (0..<size).map { _ in Double.random(in: -2...2, using: &random) }
  }

  @Test func shiftingAllRewardsChangesNothing() {
    var failures: [String] = []
    for seed in UInt64(1)..<60 where rewards(seed).count > 1 {
      for kind in Self.withBaseline {
        let estimate = AdvantageEstimate(kind, temperature: 0.5)
        let plain = estimate.advantages(rewards: rewards(seed))
        let shifted = estimate.advantages(rewards: rewards(seed).map { $0 + 100 })
        if zip(plain, shifted).contains(where: { abs($0 - $1) > 1e-9 }) {
          failures.append("seed \(seed) \(kind)")
        }
      }
    }
    #expect(failures == [])
  }

  @Test func advantagesSumToZero() {
    var failures: [String] = []
    for seed in UInt64(1)..<60 where rewards(seed).count > 1 {
      for kind in [AdvantageEstimate.Kind.centered, .normalized, .leaveOneOut] {
        let sum = AdvantageEstimate(kind).advantages(rewards: rewards(seed)).reduce(0, +)
        if abs(sum) > 1e-12 { failures.append("seed \(seed) \(kind): \(sum)") }
      }
    }
    #expect(failures == [])
  }

  /// Cold, the baseline of `log_average_exp` is the best reward; hot, it is the mean.
  @Test func logAverageExpRunsFromMaximumToMean() {
    let rewards = [0.0, 1, 3]
    let cold = AdvantageEstimate(.logAverageExp, temperature: 1e-3).advantages(rewards: rewards)
    let hot = AdvantageEstimate(.logAverageExp, temperature: 1e6).advantages(rewards: rewards)
    let centered = AdvantageEstimate(.centered).advantages(rewards: rewards)
    #expect(zip(cold, [-3, -2, 0]).allSatisfy { abs($0 - $1) < 2e-3 })
    #expect(zip(hot, centered).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  /// 0.1 three times has a mean that is not 0.1.
  @Test func equalRewardsGiveExactlyZero() {
    for kind in Self.withBaseline {
      #expect(AdvantageEstimate(kind).advantages(rewards: [0.1, 0.1, 0.1]) == [0, 0, 0])
    }
  }

  @Test func aGroupOfOneFollowsItsSetting() {
    for kind in Self.withBaseline {
      let kept = AdvantageEstimate(kind).advantages(rewards: [0.5])
      #expect(kept == [kind == .normalized ? 0.5 / (1 + 1e-6) : 0.5])
      #expect(AdvantageEstimate(kind, singleton: .zero).advantages(rewards: [0.5]) == [0])
      #expect(AdvantageEstimate(kind).advantages(rewards: []) == [])
    }
  }

  /// The squares of such a spread underflow; without ε there is nothing to divide by.
  @Test func noSpreadAndNoEpsilonGiveZero() {
    let estimate = AdvantageEstimate(.normalized, stdEpsilon: 0, bessel: false)
    #expect(estimate.advantages(rewards: [0, 1e-200]) == [0, 0])
  }

  @Test func parametersOutOfRangeAreRefused() {
    for bad in [
      AdvantageEstimate(.normalized, stdEpsilon: -1),
      AdvantageEstimate(.normalized, stdEpsilon: .nan),
      AdvantageEstimate(.logAverageExp, temperature: 0), AdvantageEstimate(.gae, discount: 1.5),
      AdvantageEstimate(.gae, lambda: .nan),
    ] {
      #expect(throws: EstimatorError.self) { try bad.validate() }
    }
  }

  @Test func scopeSaysHowFarAnEstimateLooks() {
    #expect(AdvantageEstimate(.reward).scope == .sequence)
    #expect(AdvantageEstimate(.gae).scope == .sequence)
    #expect(AdvantageEstimate(.centered).scope == .group)
    #expect(AdvantageEstimate(.riskBundle, whiten: .plain).scope == .bundle)
    #expect(AdvantageEstimate(.gae, whiten: .bessel).scope == .batch)
  }
}
