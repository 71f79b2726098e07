import Estimator
import Foundation
import Testing

/// Gradients that are no slope of their loss, each token's worked out by itself from the published
/// formula; and the losses of released forms that depend on how a mini-batch is cut.
@Suite struct StopGradientTests {
  static let seeds: Range<UInt64> = 1..<9

  /// Every trained token of a batch: its row, its Â, and the number of the row's trained tokens.
  private func tokens(
    _ batch: TokenBatch
  ) -> [(token: Int, row: Int, advantage: Double, length: Double)] {
    batch.rows.indices.flatMap { row in
      let range = batch.rowStarts[row]..<batch.rowStarts[row + 1]
      let trained = range.filter { batch.trained[$0] }
      return trained.map { token in
        let advantage: Double
        switch batch.advantages {
        case .perRow(let values): advantage = values[row]
        case .perToken(let values): advantage = values[token]
        }
        return (token, row, advantage, Double(trained.count))
      }
    }
  }

  /// −w·Â / T with w = min(r, 5), or min(r, 1.2).
  @Test func cispoCapsTheWeightAndKeepsTheGradient() throws {
    var worst = 0.0
    for (form, cap) in [(Algorithm.Form.paper, 5.0), (.released, 1.2)] {
      let cispo = try Algorithm.ready("cispo", form)
      for seed in Self.seeds {
        let batch = try RandomGroups(seed: seed).batch(cispo)
        let old = try #require(batch.logProbabilityOld)
        let ours = try cispo.evaluate(batch).gradLogProbability
        let all = tokens(batch)
        for one in all {
          let weight = min(exp(batch.logProbability[one.token] - old[one.token]), cap)
          let expected = -weight * one.advantage / Double(all.count)
          worst = max(worst, abs(ours[one.token] - expected))
        }
      }
    }
    #expect(worst < 1e-15)
  }

  /// −s·Â_t / (S·T_i) unless the clip of the response's s holds for the token's sign.
  @Test func gspoTokenSharesTheRatioAndClipsBySign() throws {
    var worst = 0.0
    var gspo = try Algorithm.ready("gspo_token")
    for width in [(3e-4, 4e-4), (0.1, 0.15)] {
      gspo.rollouts.mask = .clip(width.0, width.1)
      for seed in Self.seeds {
        var batch = try RandomGroups(seed: seed).batch(gspo)
        var random = TestRandom(seed: seed)
        batch.advantages = .perToken(
          batch.trained.map { _ in Double.random(in: -1...1, using: &random) })
        let old = try #require(batch.logProbabilityOld)
        let ours = try gspo.evaluate(batch).gradLogProbability
        let all = tokens(batch)
        let rows = Set(all.map(\.row))
        for one in all {
          let mean =
            all.filter { $0.row == one.row }
            .reduce(0) { $0 + batch.logProbability[$1.token] - old[$1.token] } / one.length
          let clipped =
            one.advantage > 0 ? exp(mean) > 1 + width.1 : exp(mean) < 1 - width.0
          let expected =
            clipped ? 0 : -exp(mean) * one.advantage / (one.length * Double(rows.count))
          worst = max(worst, abs(ours[one.token] - expected))
        }
      }
    }
    #expect(worst < 1e-9)
  }

  /// −min(π/μ, 2)·Â / S.
  @Test func reinforceWithItsOwnCorrectionWeighsWithoutGradient() throws {
    var worst = 0.0
    var reinforce = try Algorithm.ready("reinforce")
    reinforce.rollouts.correction = RolloutCorrection(.token, numerator: .current)
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(reinforce)
      let rollout = try #require(batch.logProbabilityRollout)
      let ours = try reinforce.evaluate(batch).gradLogProbability
      let all = tokens(batch)
      let rows = Set(all.map(\.row))
      for one in all {
        let weight = min(exp(batch.logProbability[one.token] - rollout[one.token]), 2)
        worst = max(worst, abs(ours[one.token] + weight * one.advantage / Double(rows.count)))
      }
    }
    #expect(worst < 1e-15)
  }

  /// Rollouts −c/C with c = 0.1·exp(H) if right, else −1; demonstrations −Â·p·0.1/(p+0.1)²/C
  /// − 0.5·exp(−H)/T with T all demonstration tokens.
  @Test func srftWeighsByEntropyWithoutGradient() throws {
    var worst = 0.0
    let srft = try Algorithm.ready("srft")
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(srft)
      let entropy = try #require(batch.entropy)
      let ours = try srft.evaluate(batch)
      #expect(ours.gradEntropy.isEmpty)
      let all = tokens(batch)
      let demonstrated = all.count { batch.rows[$0.row].kind == .demonstration }
      for one in all {
        let row = all.filter { $0.row == one.row }
        let mean = row.reduce(0) { $0 + entropy[$1.token] } / one.length
        var expected: Double
        if batch.rows[one.row].kind == .rollout {
          expected = -(batch.rows[one.row].reward == 1 ? 0.1 * exp(mean) : -1) / 9
        } else {
          let p = exp(batch.logProbability[one.token])
          expected = -one.advantage * p * 0.1 / ((p + 0.1) * (p + 0.1)) / 9
          expected -= 0.5 * exp(-mean) / Double(demonstrated)
        }
        worst = max(worst, abs(ours.gradLogProbability[one.token] - expected))
      }
    }
    #expect(worst < 1e-15)
  }

  /// The HPT release: SFT and entropy are means of each micro-batch, added up or averaged; the RL
  /// term, a sum over a constant, is averaged with them.
  @Test func theReleasedHPTDependsOnTheCut() throws {
    for (scope, share) in [(NormalizerScope.microBatchSum, 1.0), (.microBatchMean, 0.5)] {
      var hpt = try Algorithm.ready("hpt", .released)
      hpt.gate = Gate(.switch, thresholdShare: 0.4)
      hpt.normalizerScope = scope
      var sawDifference = false
      for seed in Self.seeds {
        let batch = try RandomGroups(seed: seed).batch(hpt)
        let rows = batch.shapes()
        let cut = rows.count / 2
        let ranges = [0..<cut, cut..<rows.count]
        let normalizers = hpt.normalizers(rows: rows, microBatches: ranges)
        let pieces = try zip(ranges, normalizers).map {
          try hpt.evaluate(batch.selecting(Array($0)), normalizers: $1)
        }
        let expected = try ranges.reduce(0) { sum, range in
          sum + share * (try releasedLoss(batch.selecting(Array(range))))
        }
        #expect(abs(pieces[0].loss + pieces[1].loss - expected) < 1e-12)
        sawDifference =
          try sawDifference || abs(expected - releasedLoss(batch)) > 1e-6
      }
      #expect(sawDifference)
    }
  }

  /// `Σ_rollouts −Â·r / 9 + mean of −log π over demonstrations − 0.001 · mean entropy`.
  private func releasedLoss(_ batch: TokenBatch) throws -> Double {
    let (old, entropy) = try (#require(batch.logProbabilityOld), #require(batch.entropy))
    let all = tokens(batch)
    let imitated = all.filter { batch.rows[$0.row].kind == .demonstration }
    let policy = all.reduce(0) { sum, one in
      guard batch.rows[one.row].kind == .rollout else { return sum }
      return sum - one.advantage * exp(batch.logProbability[one.token] - old[one.token]) / 9
    }
    let imitation = imitated.reduce(0) { $0 - batch.logProbability[$1.token] }
    let spread = all.reduce(0) { $0 + entropy[$1.token] }
    return policy + imitation / Double(max(1, imitated.count))
      - 0.001 * spread / Double(max(1, all.count))
  }

  /// GVPO's code sums over questions and averages over micro-batches; its paper averages over
  /// questions.
  @Test func theReleasedGVPODependsOnTheCut() throws {
    let (paper, released) = try (
      Algorithm.ready("gvpo", .paper), Algorithm.ready("gvpo", .released)
    )
    for seed in Self.seeds {
      let batch = try RandomGroups(seed: seed).batch(paper)
      let rows = batch.shapes()
      let groups = Set(rows.map(\.group)).count
      let border = try #require(rows.firstIndex { $0.group == 2 })
      let ranges = [0..<border, border..<rows.count]
      let normalizers = released.normalizers(rows: rows, microBatches: ranges)
      let pieces = try zip(ranges, normalizers).map {
        try released.evaluate(batch.selecting(Array($0)), normalizers: $1)
      }
      let whole = try paper.evaluate(batch)
      let scale = Double(groups) / 2
      #expect(abs(pieces[0].loss + pieces[1].loss - scale * whole.loss) < 1e-12)
      #expect(
        difference(
          pieces.flatMap(\.gradLogProbability), whole.gradLogProbability.map { $0 * scale }) < 1e-15
      )
    }
  }
}
