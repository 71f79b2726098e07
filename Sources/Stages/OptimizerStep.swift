import Estimator
import Policy
import Queue
import Records

/// A group of a loss batch with the tokens of its rows.
struct TrainedGroup {
  var loss: LossGroup
  var training: TrainingGroup
  var trajectories: [Trajectory]
  /// Digest of the weights that sampled its rollouts.
  var weightsDigest: [UInt8]
  /// Flat over the rows; empty until scored.
  var updateStart: [Float] = []

  var tokenCount: Int { trajectories.reduce(0) { $0 + $1.tokens.count } }

  init(_ loss: LossGroup, _ ledger: Ledger) throws {
    let record = try ledger.existing(RolloutRecord.self, .rollouts, loss.group)
    self.loss = loss
    trajectories = try loss.rows.map { row in
      switch row.source {
      case .rollout(let index): try Self.element(record.rollouts, index, "rollout", loss.group)
      case .demonstration(let index):
        try Self.element(record.demonstrations, index, "demonstration", loss.group)
      }
    }
    training = TrainingGroup(
      prompt: record.promptTokens, responses: trajectories.map(\.tokens))
    weightsDigest = record.weightsDigest
  }

  private static func element(
    _ all: [Trajectory], _ index: UInt32, _ what: String, _ group: GroupID
  ) throws -> Trajectory {
    guard index < all.count else {
      throw StageError(
        .badData, at: "rollouts/\(group)", "the loss batch names \(what) \(index) of \(all.count)",
        remedy: "Restore the run from a copy.")
    }
    return all[Int(index)]
  }
}

/// How the groups of an update fall into forward and backward passes: by index alone.
struct MicroBatches {
  var groups: [Range<Int>] = []
  /// The rows of each range of groups.
  var rows: [Range<Int>] = []
  var shapes: [RowShape] = []

  init(_ all: [TrainedGroup], size: Int) {
    for start in stride(from: 0, to: all.count, by: size) {
      let range = start..<min(start + size, all.count)
      let firstRow = shapes.count
      for index in range {
        for (row, trajectory) in zip(all[index].loss.rows, all[index].trajectories) {
          shapes.append(
            RowShape(
              kind: row.kind, group: index, trainedTokens: trajectory.trained.count { $0 }))
        }
      }
      groups.append(range)
      rows.append(firstRow..<shapes.count)
    }
  }
}

extension LossRow {
  var kind: RowKind {
    if case .rollout = source { .rollout } else { .demonstration }
  }
}

extension TokenBatch {
  /// The rows of a micro-batch with what was stored at generation and what the pass just scored.
  init(_ groups: [TrainedGroup], firstGroup: Int, scores: TokenScores) {
    var rows: [Row] = []
    var starts = [0]
    var trained: [Bool] = []
    var advantages: [Double] = []
    var rollout: [Double] = []
    var updateStart: [Double] = []
    for (index, group) in groups.enumerated() {
      for (row, trajectory) in zip(group.loss.rows, group.trajectories) {
        let weight =
          row.kind == .rollout ? group.loss.rolloutWeight : group.loss.demonstrationWeight
        rows.append(Row(kind: row.kind, group: firstGroup + index, weight: weight))
        starts.append(starts[starts.count - 1] + trajectory.tokens.count)
        trained += trajectory.trained
        advantages +=
          row.advantages.count == trajectory.tokens.count
          ? row.advantages
          : Array(repeating: row.advantages.first ?? 0, count: trajectory.tokens.count)
        rollout +=
          trajectory.logProbabilities.isEmpty
          ? Array(repeating: 0, count: trajectory.tokens.count)
          : trajectory.logProbabilities.map(Double.init)
      }
      updateStart += group.updateStart.map(Double.init)
    }
    let current = scores.logProbabilities.map(Double.init)
    self.init(
      rows: rows, rowStarts: starts, trained: trained, advantages: .perToken(advantages),
      logProbability: current,
      // Before the first update of a step the policy is the one at the step's start.
      logProbabilityOld: updateStart.isEmpty ? current : updateStart,
      logProbabilityRollout: rollout, entropy: scores.entropies.map(Double.init))
  }
}

/// What one update did to the weights.
struct AppliedUpdate {
  var norm: Double
  var learningRate: Double
  var isSkipped: Bool
}

/// The sums of a step's updates.
struct StepTotals {
  private(set) var updates: [[Measurement]] = []
  /// Largest |stored − recomputed| over the first update's on-policy rollout tokens, in nats.
  private(set) var mismatch = 0.0
  private var compared = 0
  private var diagnostics = Diagnostics()
  private var loss = 0.0
  private var norm = 0.0
  private var skipped = 0
  private var learningRate = 0.0

  var tokens: Int { diagnostics.rolloutTokens + diagnostics.demonstrationTokens }

  /// Compares what the sampler stored with what the forward pass found on equal weights.
  mutating func measure(_ scores: TokenScores, against groups: [TrainedGroup], digest: [UInt8]) {
    var offset = 0
    for group in groups {
      for trajectory in group.trajectories {
        if !trajectory.logProbabilities.isEmpty, group.weightsDigest == digest {
          for (index, stored) in trajectory.logProbabilities.enumerated() {
            let difference = abs(Double(stored) - Double(scores.logProbabilities[offset + index]))
            // A NaN must hide neither behind a comparison that is false nor behind a later number.
            if !mismatch.isNaN, !(difference <= mismatch) { mismatch = difference }
          }
          compared += trajectory.tokens.count
        }
        offset += trajectory.tokens.count
      }
    }
  }

  mutating func add(_ applied: AppliedUpdate, _ terms: LossTerms, _ update: Diagnostics) {
    updates.append([
      Measurement("loss", terms.loss), Measurement("loss/policy", terms.policy),
      Measurement("loss/imitation", terms.imitation), Measurement("gradient_norm", applied.norm),
      Measurement("learning_rate", applied.learningRate),
      Measurement("clip_share", update.clipShare), Measurement("ratio/mean", update.meanRatio),
      Measurement("ratio/max", update.ratioMaximum),
      Measurement("skipped", applied.isSkipped ? 1 : 0),
    ])
    diagnostics.add(update)
    loss += terms.loss
    norm += applied.norm
    skipped += applied.isSkipped ? 1 : 0
    learningRate = applied.learningRate
  }

  var metrics: [Measurement] {
    let count = Double(max(updates.count, 1))
    return [
      Measurement("loss", loss / count), Measurement("gradient_norm", norm / count),
      Measurement("learning_rate", learningRate),
      Measurement("policy/entropy", diagnostics.meanEntropy),
      Measurement("policy/clip_share", diagnostics.clipShare),
      Measurement("policy/ratio_mean", diagnostics.meanRatio),
      Measurement("policy/reference_kl", diagnostics.referenceKL),
      Measurement("imitation/surprisal", diagnostics.demonstrationSurprisal),
      Measurement("tokens/rollout", Double(diagnostics.rolloutTokens)),
      Measurement("tokens/demonstration", Double(diagnostics.demonstrationTokens)),
      Measurement("updates", Double(updates.count)),
      Measurement("updates/skipped", Double(skipped)),
      Measurement("mismatch/max", mismatch), Measurement("mismatch/tokens", Double(compared)),
    ]
  }
}
