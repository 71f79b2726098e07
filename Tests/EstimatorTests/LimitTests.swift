import Estimator
import Foundation
import Testing

/// Where two algorithms are the same, they give the same numbers.
@Suite struct LimitTests {
  static let seeds: Range<UInt64> = 1..<9

  private func gradient(_ algorithm: Algorithm, _ batch: TokenBatch) throws -> [Double] {
    try algorithm.evaluate(batch).gradLogProbability
  }

  @Test func hptBelowZeroIsItsRLPartAndFromOneOnItIsSFT() throws {
    for form in Algorithm.Form.allCases {
      for seed in Self.seeds {
        let groups = RandomGroups(seed: seed)
        var below = try Algorithm.ready("hpt", form)
        below.entropy = nil
        var above = below
        below.gate = Gate(.switch, thresholdShare: -0.01)
        above.gate = Gate(.switch, thresholdShare: 1)
        var reinforcement = below
        reinforcement.gate = Gate(.reinforce)
        let rl = try below.evaluate(groups.batch(below))
        #expect(rl == (try reinforcement.evaluate(groups.batch(reinforcement))))
        #expect(rl.terms.imitation == 0)

        var sft = try Algorithm.ready("sft", .released)
        if form == .paper { sft.imitation.aggregation = .groupMeanTokenMean }
        let sfted = try above.evaluate(groups.batch(above))
        #expect(try sfted.gradLogProbability == gradient(sft, groups.batch(sft)))
        #expect(sfted.terms.policy == 0)
      }
    }
  }

  @Test func sftThenRLIsOneAndThenTheOther() throws {
    let scheduled = try Algorithm.ready("sft_rl")
    let sft = try Algorithm.ready("sft", .released)
    var rl = scheduled
    rl.gate = Gate(.reinforce)
    let groups = RandomGroups(seed: 3)
    #expect(
      try gradient(scheduled, groups.batch(scheduled, step: 49)) == gradient(sft, groups.batch(sft))
    )
    #expect(
      try gradient(scheduled, groups.batch(scheduled, step: 50)) == gradient(rl, groups.batch(rl)))
  }

  @Test func aClipSoWideThatItNeverClipsIsNoClip() throws {
    for seed in Self.seeds {
      for name in ["grpo", "gspo", "dapo"] {
        var wide = try Algorithm.ready(name)
        wide.rollouts.mask = StabilizationMask(
          .clip, clipLow: 1, clipHigh: 1e9, dualClip: 1e12, logRatioClamp: 700, ratioCap: 1e12)
        var none = wide
        none.rollouts.mask = .none
        let batch = try RandomGroups(seed: seed).batch(wide)
        #expect(try wide.evaluate(batch) == none.evaluate(batch))
      }
    }
  }

  @Test func onPolicyGRPOIsREINFORCEWithItsAdvantage() throws {
    let grpo = try Algorithm.ready("grpo")
    var batch = try RandomGroups(seed: 5).batch(grpo)
    batch.logProbabilityOld = batch.logProbability
    var reinforce = grpo
    reinforce.rollouts = PolicyTerm(reference: .current, aggregation: .tokenMean)
    #expect(try gradient(grpo, batch) == gradient(reinforce, batch))
  }

  /// λ = 1, γ = 1 and V = 0 leave the sum of what follows: REINFORCE++ before its whitening.
  @Test func ppoWithoutACriticIsMonteCarlo() throws {
    var ppo = try Algorithm.ready("ppo")
    ppo.advantage.whiten = .none
    var returns = try Algorithm.ready("reinforce_plus_plus")
    returns.advantage.whiten = .none
    for seed in Self.seeds {
      var groups = RandomGroups(seed: seed)
      for group in groups.rollouts.indices {
        for index in groups.rollouts[group].indices {
          groups.rollouts[group][index].values = groups.rollouts[group][index].values.map { _ in 0 }
        }
      }
      #expect(
        try ppo.evaluate(groups.batch(ppo)) == returns.evaluate(groups.batch(returns)))
    }
  }

  @Test func gspoOfOneTokenIsGRPO() throws {
    let gspo = try Algorithm.ready("gspo")
    var grpo = try Algorithm.ready("grpo")
    grpo.rollouts.mask = gspo.rollouts.mask
    grpo.rollouts.aggregation = gspo.rollouts.aggregation
    for width in [(3e-4, 4e-4), (0.2, 0.28)] {
      var (sequence, token) = (gspo, grpo)
      sequence.rollouts.mask = .clip(width.0, width.1)
      token.rollouts.mask = .clip(width.0, width.1)
      for seed in Self.seeds {
        let batch = try RandomGroups(seed: seed, longest: 1).batch(gspo)
        #expect(try difference(gradient(sequence, batch), gradient(token, batch)) < 1e-15)
      }
    }
  }

  @Test func gspoTokenWithOneAdvantageIsGSPO() throws {
    let gspo = try Algorithm.named("gspo")
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(gspo)
      guard case .perRow(let values) = batch.advantages else { continue }
      var spread = batch
      spread.advantages = .perToken(
        batch.rows.indices.flatMap { row in
          (batch.rowStarts[row]..<batch.rowStarts[row + 1]).map { _ in values[row] }
        })
      #expect(try gspo.evaluate(batch) == gspo.evaluate(spread))
    }
  }

  @Test func uncappedCISPOIsREINFORCEWithAnImportanceWeight() throws {
    var cispo = try Algorithm.ready("cispo")
    cispo.rollouts.mask = StabilizationMask(.cap)
    var surrogate = cispo
    surrogate.rollouts.mask = .none
    // The same weight as a correction: π over the policy that sampled, without gradient.
    var corrected = cispo
    corrected.rollouts = PolicyTerm(
      reference: .current,
      correction: RolloutCorrection(.token, cap: .infinity, numerator: .current),
      aggregation: .tokenMean)
    for seed in Self.seeds {
      var batch = try RandomGroups(seed: seed).batch(cispo)
      batch.logProbabilityRollout = batch.logProbabilityOld
      let ours = try gradient(cispo, batch)
      #expect(try difference(ours, gradient(surrogate, batch)) < 1e-15)
      #expect(try difference(ours, gradient(corrected, batch)) < 1e-15)
    }
  }

  @Test func sapoOnPolicyIsGRPO() throws {
    let sapo = try Algorithm.ready("sapo")
    var grpo = try Algorithm.ready("grpo")
    grpo.rollouts.aggregation = sapo.rollouts.aggregation
    for seed in Self.seeds {
      var batch = try RandomGroups(seed: seed).batch(sapo)
      batch.logProbabilityOld = batch.logProbability
      #expect(try difference(gradient(sapo, batch), gradient(grpo, batch)) < 1e-15)
    }
  }

  @Test func gvpoHasWeightsThatSumToZeroInEachGroup() throws {
    for form in Algorithm.Form.allCases {
      let gvpo = try Algorithm.ready("gvpo", form)
      for seed in Self.seeds {
        let batch = try RandomGroups(seed: seed).batch(gvpo)
        let parts = try #require(try gvpo.evaluate(batch, recordingParts: true).parts)
        var sums: [Int: Double] = [:]
        var hasUntrained: Set<Int> = []
        for row in batch.rows.indices {
          let trained = (batch.rowStarts[row]..<batch.rowStarts[row + 1]).first {
            batch.trained[$0]
          }
          guard let trained else {
            hasUntrained.insert(batch.rows[row].group)
            continue
          }
          sums[batch.rows[row].group, default: 0] += parts.advantage[trained]
        }
        // A row that trains nothing keeps its weight to itself.
        #expect(
          sums.filter { !hasUntrained.contains($0.key) }.allSatisfy { abs($0.value) < 1e-14 })
      }
    }
  }

  /// ½ of β for each pair, and log 2 of loss.
  @Test func dpoAtItsAnchorPullsEveryPairAlike() throws {
    let dpo = try Algorithm.ready("dpo")
    for seed in Self.seeds {
      var batch = try RandomGroups(seed: seed).batch(dpo)
      batch.logProbabilityAnchor = batch.logProbability
      try #require(!batch.pairs.isEmpty)
      let ours = try dpo.evaluate(batch, recordingParts: true)
      let parts = try #require(ours.parts)
      #expect(abs(ours.loss - log(2)) < 1e-14)
      for pair in batch.pairs {
        for (row, sign) in [(pair.chosen, 1.0), (pair.rejected, -1)] {
          for token in batch.rowStarts[row]..<batch.rowStarts[row + 1] where batch.trained[token] {
            #expect(abs(parts.advantage[token] - sign * 0.05) < 1e-15)
          }
        }
      }
    }
  }

  /// oat divides by the rows as well, verl does not.
  @Test func theFormsOfDrGRPODifferByTheNumberOfRows() throws {
    let paper = try Algorithm.ready("dr_grpo", .paper)
    var released = try Algorithm.ready("dr_grpo", .released)
    released.rollouts.mask = paper.rollouts.mask
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(paper)
      let scaled = try gradient(paper, batch).map { $0 * Double(batch.rows.count) }
      #expect(try difference(scaled, gradient(released, batch)) < 1e-15)
    }
  }

  /// LUFFY's demonstrations without a shape, and the same rows as offline data.
  @Test func luffyWithoutShapeIsOfflineREINFORCEOnItsDemonstrations() throws {
    var luffy = try Algorithm.ready("luffy")
    luffy.offPolicy.shape = .none
    luffy.entropy = nil
    let offline = try Algorithm.ready("offline_reinforce")
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(luffy)
      let wanted = batch.rows.indices.filter { batch.rows[$0].kind == .demonstration }
      let mixed = try gradient(luffy, batch)
      var alone = batch.selecting(wanted)
      for row in alone.rows.indices { alone.rows[row].kind = .rollout }
      let ours = wanted.flatMap { mixed[batch.rowStarts[$0]..<batch.rowStarts[$0 + 1]] }
      #expect(try difference(ours, gradient(offline, alone)) < 1e-15)
    }
  }

  /// With μ the policy at the start of the step nothing is left to correct.
  @Test func aCorrectionOfOneEngineIsNone() throws {
    let plain = try Algorithm.ready("grpo")
    for level in RolloutCorrection.Level.allCases {
      var corrected = plain
      corrected.rollouts.correction = RolloutCorrection(
        level, isNormalized: true, rejections: [.init(.k1, .token, upper: 1.01)])
      var batch = try RandomGroups(seed: 6).batch(plain)
      batch.logProbabilityRollout = batch.logProbabilityOld
      #expect(try difference(gradient(plain, batch), gradient(corrected, batch)) < 1e-15)
      let mismatch = try RolloutMismatch(batch, policy: try #require(batch.logProbabilityOld))
      #expect(mismatch.k3 == 0 && mismatch.kl == 0 && mismatch.chiSquareOfSequences == 0)
      let summary = try #require(corrected.rollouts.correction).summary(
        of: batch, numerator: try #require(batch.logProbabilityOld))
      #expect(summary.mean == 1 && summary.effectiveSampleShare == 1 && summary.largest == 1)
      #expect(summary.rejectedTokens == 0 && summary.normalizer == 1)
    }
  }

  /// With the paper's token mean per question and questions of equally many tokens.
  @Test func dapoOverQuestionsOfOneLengthIsDAPOOverTokens() throws {
    var paper = try Algorithm.ready("dapo", .paper)
    let batch = try RandomGroups(seed: 4, longest: 1).batch(paper)
    var trained = batch
    trained.trained = batch.trained.map { _ in true }
    let perQuestion = try gradient(paper, trained)
    paper.rollouts.aggregation = .tokenMean
    #expect(try difference(perQuestion, gradient(paper, trained)) < 1e-15)
  }
}

/// An algorithm from outside the module: no part of it is known there, and no stage is touched.
@Suite struct OutsideTests {
  /// Median-centred rewards under a linear fade of the ratio.
  private var toy: Algorithm {
    Algorithm(
      name: "median_fade", advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(
        reference: .updateStart, aggregation: .tokenMean,
        custom: CustomTokenRule(name: "fade", equation: "max(0, 1 − |log r|)") { _, logRatio, a in
          let mask = max(0, 1 - abs(logRatio))
          return MaskedToken(mask: mask, ratio: exp(logRatio), loss: -a * mask * exp(logRatio))
        }),
      customAdvantage: CustomAdvantage(name: "median", equation: "Â = R − median(R)") { rewards in
        let sorted = rewards.sorted()
        let median = sorted.isEmpty ? 0 : sorted[sorted.count / 2]
        return rewards.map { $0 - median }
      })
  }

  @Test func aToyAlgorithmRunsLikeAnyOther() throws {
    let algorithm = toy
    try algorithm.validate()
    let batch = try RandomGroups(seed: 1).batch(algorithm)
    let ours = try algorithm.evaluate(batch, recordingParts: true)
    let parts = try #require(ours.parts)
    let count = Double(batch.trained.count { $0 })
    guard case .perRow(let advantages) = batch.advantages, let old = batch.logProbabilityOld else {
      Issue.record("the batch has another shape")
      return
    }
    for row in batch.rows.indices {
      for token in batch.rowStarts[row]..<batch.rowStarts[row + 1] where batch.trained[token] {
        let logRatio = batch.logProbability[token] - old[token]
        let weight = max(0, 1 - abs(logRatio)) * exp(logRatio) * advantages[row] / count
        #expect(abs(ours.gradLogProbability[token] + weight) < 1e-15)
      }
    }
    #expect(parts.mask.contains { $0 > 0 && $0 < 1 })
    #expect(algorithm.parts.contains { $0.name == "fade" && $0.equation.contains("log r") })
    #expect(algorithm.parts.contains { $0.name == "median" })
  }
}
