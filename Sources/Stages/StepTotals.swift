import Estimator
import Policy
import Records

/// What one update did to the weights.
struct AppliedUpdate {
  var norm: Double
  var learningRate: Double
  var isSkipped: Bool
}

/// The sums of a step's updates.
struct StepTotals {
  var times = StepTimes()
  private(set) var updates: [[Measurement]] = []
  /// Largest |stored − recomputed| over the first update's on-policy rollout tokens, in nats.
  private(set) var mismatch = 0.0
  private var compared = 0
  private var diagnostics = Diagnostics()
  private var critic = CriticTotals()
  private var loss = 0.0
  private var norm = 0.0
  private var skipped = 0
  private var learningRate = 0.0

  var tokens: Int {
    diagnostics.rolloutTokens + diagnostics.offPolicyTokens + diagnostics.demonstrationTokens
  }

  /// Compares what the sampler stored with what the forward pass found on equal weights.
  mutating func measure(
    _ scores: TokenScores, against groups: ArraySlice<TrainedGroup>, digest: [UInt8]
  ) {
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
    var measured = [
      Measurement("loss", terms.loss), Measurement("loss/policy", terms.policy),
      Measurement("loss/imitation", terms.imitation), Measurement("gradient_norm", applied.norm),
      Measurement("learning_rate", applied.learningRate),
      Measurement("clip_share", update.clipShare), Measurement("ratio/mean", update.meanRatio),
      Measurement("ratio/max", update.ratioMaximum),
      Measurement("skipped", applied.isSkipped ? 1 : 0),
    ]
    if update.offPolicyTokens > 0 {
      measured.append(Measurement("loss/off_policy", terms.offPolicy))
    }
    if terms.klWeight != 0 { measured.append(Measurement("loss/kl", terms.kl)) }
    updates.append(measured)
    diagnostics.add(update)
    loss += terms.loss
    norm += applied.norm
    skipped += applied.isSkipped ? 1 : 0
    learningRate = applied.learningRate
  }

  mutating func add(_ evaluation: ValueTerm.Evaluation) { critic.add(evaluation) }

  mutating func addCritic(norm: Double) { critic.add(norm: norm) }

  var metrics: [Measurement] {
    let count = Double(max(updates.count, 1))
    var all = [
      Measurement("loss", loss / count), Measurement("gradient_norm", norm / count),
      Measurement("learning_rate", learningRate),
      Measurement("policy/entropy", diagnostics.meanEntropy),
      Measurement("policy/clip_share", diagnostics.clipShare),
      Measurement("policy/ratio_mean", diagnostics.meanRatio),
      Measurement("policy/reference_kl", diagnostics.referenceKL),
      Measurement("imitation/surprisal", diagnostics.demonstrationSurprisal),
      Measurement("tokens/rollout", Double(diagnostics.rolloutTokens)),
      Measurement("tokens/demonstration", Double(diagnostics.demonstrationTokens)),
    ]
    if diagnostics.offPolicyTokens > 0 {
      all.append(Measurement("tokens/off_policy", Double(diagnostics.offPolicyTokens)))
    }
    if diagnostics.klSum != 0 { all.append(Measurement("policy/anchor_kl", diagnostics.meanKL)) }
    return all + critic.metrics + [
      Measurement("updates", Double(updates.count)),
      Measurement("updates/skipped", Double(skipped)),
      Measurement("mismatch/max", mismatch), Measurement("mismatch/tokens", Double(compared)),
    ]
  }
}

/// The sums of a critic's passes over a step.
private struct CriticTotals {
  private var loss = 0.0
  private var clipped = 0
  private var tokens = 0
  private var values = 0.0
  private var returns = 0.0
  private var squares = 0.0
  private var norms: [Double] = []

  mutating func add(_ evaluation: ValueTerm.Evaluation) {
    loss += evaluation.loss
    clipped += evaluation.clippedTokens
    tokens += evaluation.tokens
    values += evaluation.valueSum
    returns += evaluation.returnSum
    squares += evaluation.squaredErrorSum
  }

  mutating func add(norm: Double) { norms.append(norm) }

  var metrics: [Measurement] {
    guard !norms.isEmpty else { return [] }
    let count = Double(max(tokens, 1))
    return [
      Measurement("critic/loss", loss / Double(norms.count)),
      Measurement("critic/value_mean", values / count),
      Measurement("critic/return_mean", returns / count),
      Measurement("critic/error", (squares / count).squareRoot()),
      Measurement("critic/clip_share", Double(clipped) / count),
      Measurement("critic/gradient_norm", norms.reduce(0, +) / Double(norms.count)),
    ]
  }
}
