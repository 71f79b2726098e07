import Estimator
import Testing

/// What must hold for every algorithm, on seeded random groups.
@Suite struct PropertyTests {
  static let seeds: Range<UInt64> = 1..<13

  private func difference(_ left: [Double], _ right: [Double]) -> Double {
    guard left.count == right.count else { return .infinity }
    return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }

  /// Central differences, h = 1e-5, of the loss with respect to every log-probability and entropy. With
  /// π_ref = π_θ the loss is Â·log π, whose derivative needs no stop-gradient.
  @Test func weightsEqualFiniteDifferencesOfTheLoss() throws {
    var failures: [String] = []
    for seed in Self.seeds {
      let groups = RandomGroups(seed: seed)
      for algorithm in try Algorithm.everyOne() {
        let batch = try groups.batch(algorithm)
        let ours = try algorithm.evaluate(batch)
        for token in 0..<batch.tokenCount {
          func loss(_ shift: Double, entropy: Bool) throws -> Double {
            var moved = batch
            if entropy {
              moved.entropy?[token] += shift
            } else {
              moved.logProbability[token] += shift
            }
            return try algorithm.evaluate(moved).loss
          }
          let slope = try (loss(1e-5, entropy: false) - loss(-1e-5, entropy: false)) / 2e-5
          if abs(slope - ours.gradLogProbability[token]) > 1e-7 {
            failures.append("seed \(seed) \(algorithm.name) \(algorithm.form) token \(token)")
          }
          guard !ours.gradEntropy.isEmpty else { continue }
          let spread = try (loss(1e-5, entropy: true) - loss(-1e-5, entropy: true)) / 2e-5
          if abs(spread - ours.gradEntropy[token]) > 1e-7 {
            failures.append("seed \(seed) \(algorithm.name) \(algorithm.form) entropy \(token)")
          }
        }
      }
    }
    #expect(failures == [])
  }

  /// `weight_t = mask · ratio · Â · norm`, with no regulariser beside it.
  @Test func theFourPartsMultiplyToTheWeight() throws {
    var worst = 0.0
    for seed in Self.seeds {
      for var algorithm in try Algorithm.everyOne() {
        algorithm.kl = nil
        let batch = try RandomGroups(seed: seed).batch(algorithm)
        let ours = try algorithm.evaluate(batch, recordingParts: true)
        let parts = try #require(ours.parts)
        worst = max(
          worst,
          difference(
            ours.gradLogProbability, (0..<batch.tokenCount).map { -parts.weight($0) }))
      }
    }
    #expect(worst < 1e-15)
  }

  @Test func cuttingAndReorderingChangesNothing() throws {
    var failures: [String] = []
    for seed in Self.seeds {
      var random = TestRandom(seed: seed)
      for algorithm in try Algorithm.everyOne() {
        let batch = try RandomGroups(seed: seed).batch(algorithm)
        let whole = try algorithm.evaluate(batch)
        let order = Array(batch.rows.indices).shuffled(using: &random)
        let cut = Int.random(in: 0...order.count, using: &random)
        let shuffled = batch.selecting(order)
        let normalizers = algorithm.normalizers(
          rows: shuffled.shapes(), microBatches: [0..<cut, cut..<order.count])
        let first = try algorithm.evaluate(
          batch.selecting(Array(order[..<cut])), normalizers: normalizers[0])
        let second = try algorithm.evaluate(
          batch.selecting(Array(order[cut...])), normalizers: normalizers[1])
        var gradient = Array(repeating: 0.0, count: batch.tokenCount)
        let joined = first.gradLogProbability + second.gradLogProbability
        var next = 0
        for row in order {
          for token in batch.rowStarts[row]..<batch.rowStarts[row + 1] {
            gradient[token] = joined[next]
            next += 1
          }
        }
        if gradient != whole.gradLogProbability {
          failures.append("seed \(seed) \(algorithm.name): gradient")
        }
        if abs(first.loss + second.loss - whole.loss) > 1e-12 {
          failures.append("seed \(seed) \(algorithm.name): loss")
        }
        var diagnostics = first.diagnostics
        diagnostics.add(second.diagnostics)
        if diagnostics.clippedTokens != whole.diagnostics.clippedTokens {
          failures.append("seed \(seed) \(algorithm.name): clip share")
        }
      }
    }
    #expect(failures == [])
  }

  @Test func theReleasedMicroBatchFormDependsOnTheCut() throws {
    var parameters = AlgorithmParameters()
    parameters.aggregation.constant = 9
    parameters.gate.thresholdShare = 1
    parameters.normalizers = "micro_batch_sum"
    let algorithm = try Algorithm.named("hpt", parameters: parameters)
    let batch = try RandomGroups(seed: 3).batch(algorithm)
    let rows = batch.shapes()
    let normalizers = algorithm.normalizers(rows: rows, microBatches: [0..<2, 2..<rows.count])
    let first = try algorithm.evaluate(batch.selecting([0, 1]), normalizers: normalizers[0])
    let whole = try algorithm.evaluate(batch)
    #expect(
      abs(first.gradLogProbability[0]) > abs(whole.gradLogProbability[0])
        || batch.trained[0] == false)
  }

  @Test func hptBelowZeroIsItsRLPartAndFromOneOnItIsSFT() throws {
    for form in ["paper", "released"] {
      for seed in Self.seeds {
        let groups = RandomGroups(seed: seed)
        var parameters = AlgorithmParameters()
        parameters.form = form
        parameters.aggregation.constant = 9
        parameters.entropyWeight = 0
        parameters.gate.thresholdShare = -0.01
        let below = try Algorithm.named("hpt", parameters: parameters)
        parameters.gate.thresholdShare = 1
        let above = try Algorithm.named("hpt", parameters: parameters)

        var reinforcement = below
        reinforcement.gate = Gate(.reinforce)
        let rl = try below.evaluate(groups.batch(below))
        #expect(rl == (try reinforcement.evaluate(groups.batch(reinforcement))))
        #expect(rl.terms.imitation == 0)

        var imitation = AlgorithmParameters()
        imitation.form = "released"
        if form == "paper" { imitation.sftAggregation.kind = "group_mean_token_mean" }
        let sft = try Algorithm.named("sft", parameters: imitation)
        let sfted = try above.evaluate(groups.batch(above))
        #expect(
          sfted.gradLogProbability == (try sft.evaluate(groups.batch(sft)).gradLogProbability))
        #expect(sfted.terms.policy == 0)
      }
    }
  }

  @Test func aClipSoWideThatItNeverClipsIsNoClip() throws {
    for seed in Self.seeds {
      var wide = try Algorithm.named("grpo")
      wide.rollouts.mask = StabilizationMask(
        clipLow: 1e9, clipHigh: 1e9, dualClip: 1e12, logRatioClamp: 700, ratioCap: 1e12)
      var none = wide
      none.rollouts.mask = .none
      let batch = try RandomGroups(seed: seed).batch(wide)
      #expect(try wide.evaluate(batch) == none.evaluate(batch))
    }
  }

  @Test func onPolicyGRPOIsREINFORCEWithItsAdvantage() throws {
    let groups = RandomGroups(seed: 5)
    let grpo = try Algorithm.named("grpo")
    var batch = try groups.batch(grpo)
    batch.logProbabilityOld = batch.logProbability
    var reinforce = grpo
    reinforce.rollouts.reference = .current
    reinforce.rollouts.mask = .none
    #expect(
      try grpo.evaluate(batch).gradLogProbability
        == reinforce.evaluate(batch).gradLogProbability)
  }

  @Test func theFloatBorderKeepsFourDigits() throws {
    var worst = 0.0
    for seed in Self.seeds {
      for algorithm in try Algorithm.everyOne() {
        var batch = try RandomGroups(seed: seed).batch(algorithm)
        let exact = try algorithm.evaluate(batch).gradLogProbability
        batch.logProbability = TokenBatch.widened(batch.logProbability.map { Float($0) })
        batch.logProbabilityOld = TokenBatch.widened(
          (batch.logProbabilityOld ?? []).map { Float($0) })
        batch.logProbabilityAnchor = TokenBatch.widened(
          (batch.logProbabilityAnchor ?? []).map { Float($0) })
        let rounded = try algorithm.evaluate(batch).gradLogProbabilityFloat()
        for (one, other) in zip(exact, rounded) {
          worst = max(worst, abs(one - Double(other)) / (1e-6 + 1e-4 * abs(one)))
        }
      }
    }
    #expect(worst < 1)
  }

  @Test func writtenOutParametersBuildTheSameAlgorithm() throws {
    for algorithm in try Algorithm.everyOne() {
      #expect(try Algorithm.named(algorithm.name, parameters: algorithm.parameters) == algorithm)
    }
  }
}
