import Estimator
import Testing

/// The figure that the design asks for: assembly and weights of 1,024 rollouts of 512 tokens in under
/// 50 ms on one core. The bound here is generous, so that a busy machine does not fail it; the figures
/// are printed.
@Suite(.serialized) struct SpeedTests {
  private struct Step {
    var groups: [AssemblyGroup] = []
    var batch: TokenBatch
    var values: [[Double]]
  }

  /// Rollouts in groups of 8; with `demonstrations` the last row of each group is one.
  private func step(rows: Int, length: Int = 512, demonstrations: Bool) -> Step {
    var random = TestRandom(seed: 1)
    let current = (0..<rows * length).map { _ in Double.random(in: -3...0, using: &random) }
    func near() -> [Double] { current.map { $0 + Double.random(in: -0.3...0.3, using: &random) } }
    var batch = TokenBatch(
      rows: (0..<rows).map { row in
        demonstrations && row % 8 == 7
          ? TokenBatch.Row(
            kind: .demonstration, group: row / 8, weight: 1, imitationWeight: 1, reward: 1)
          : TokenBatch.Row(kind: .rollout, group: row / 8, weight: 1, reward: Double(row % 2))
      },
      rowStarts: (0...rows).map { $0 * length }, trained: current.map { _ in true },
      advantages: .perRow(Array(repeating: 0, count: rows)), logProbability: current,
      logProbabilityOld: near(), logProbabilityRollout: near(), logProbabilityAnchor: near(),
      logProbabilityBehaviour: near(), entropy: current.map { -$0 })
    batch.pairs = (0..<rows / 8).map { PreferencePair(chosen: 8 * $0 + 1, rejected: 8 * $0) }
    return Step(batch: batch, values: (0..<rows).map { _ in Array(repeating: 0.5, count: length) })
  }

  /// Assembly, correction, selection, normalisers and weights: everything between the verdicts and the
  /// backward pass.
  private func run(_ algorithm: Algorithm, _ step: Step) throws -> [Float] {
    var batch = step.batch
    var groups: [AssemblyGroup] = []
    for row in batch.rows.indices {
      let one = batch.rows[row]
      if groups.count <= one.group { groups.append(AssemblyGroup(id: UInt64(one.group), rows: [])) }
      groups[one.group].rows.append(
        AssemblyRow(
          kind: one.kind, reward: one.reward, tokens: 512,
          values: algorithm.advantage.needsValues ? step.values[row] : []))
    }
    var memory: [Double] = []
    let made = try algorithm.assemble(groups, seed: 1, step: 0, memory: &memory)
    if algorithm.advantage.isPerToken {
      var flat: [Double] = []
      flat.reserveCapacity(batch.tokenCount)
      for group in made { for row in group.rows { flat += row.advantages } }
      batch.advantages = .perToken(flat)
    } else {
      batch.advantages = .perRow(made.flatMap { $0.rows.map { $0.advantages[0] } })
    }
    return try algorithm.evaluate(batch).gradLogProbabilityFloat()
  }

  private func best(_ algorithm: Algorithm, _ step: Step, runs: Int) throws -> Duration {
    let clock = ContinuousClock()
    var best = Duration.seconds(9)
    for _ in 0..<runs {
      let time = try clock.measure { _ = try run(algorithm, step) }
      best = min(best, time)
    }
    return best
  }

  @Test func aThousandRolloutsTakeMilliseconds() throws {
    let (plain, mixed) = (
      step(rows: 1024, demonstrations: false), step(rows: 1024, demonstrations: true)
    )
    for entry in Algorithm.catalog {
      let algorithm = entry.ready(constant: 512)
      let imitates = algorithm.gate.joinsDemonstrations || algorithm.gate.imitates
      let time = try best(algorithm, imitates ? mixed : plain, runs: 5)
      print("1024 × 512 by \(algorithm.label): \(time)")
      #expect(time < .milliseconds(250), "\(algorithm.label)")
    }
  }

  /// Eight times the rows take eight times as long, give or take what caches do.
  @Test func theTimeIsLinearInTheTokens() throws {
    let (small, large) = (
      step(rows: 256, demonstrations: false), step(rows: 2048, demonstrations: false)
    )
    for name in ["grpo", "gspo", "hpt"] {
      let algorithm = try Algorithm.ready(name)
      let one = try best(algorithm, small, runs: 5)
      let eight = try best(algorithm, large, runs: 3)
      print("\(name): \(one) for 256 rows, \(eight) for 2048")
      #expect(eight < one * 24)
    }
  }
}
