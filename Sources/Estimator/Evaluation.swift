/// What an algorithm makes of one micro-batch. Evaluations of the micro-batches of one mini-batch add
/// up to that of the mini-batch.
public struct Evaluation: Sendable, Equatable {
  /// `dL/dlog π_t`, one per token, 0 at untrained tokens.
  public var gradLogProbability: [Double]
  /// `dL/dentropy_t`, one per token; empty without an entropy bonus.
  public var gradEntropy: [Double]
  public var terms: LossTerms
  public var diagnostics: Diagnostics
  /// The estimator's parts, where they were asked for.
  public var parts: TokenParts?

  /// The scalar to minimise.
  public var loss: Double { terms.loss }

  init(tokens: Int, recordingParts: Bool) {
    gradLogProbability = Array(repeating: 0, count: tokens)
    gradEntropy = []
    terms = LossTerms()
    diagnostics = Diagnostics()
    parts = recordingParts ? TokenParts(tokens: tokens) : nil
  }

  /// The gradient for an engine in single precision: rounded once, here.
  public func gradLogProbabilityFloat() -> [Float] { gradLogProbability.map { Float($0) } }
  /// As above; empty without an entropy bonus.
  public func gradEntropyFloat() -> [Float] { gradEntropy.map { Float($0) } }
}

/// The loss by its terms. They add up over micro-batches.
public struct LossTerms: Sendable, Equatable {
  /// The rollouts' term, weighted.
  public var policy = 0.0
  /// The term of demonstrations that join their group, weighted.
  public var offPolicy = 0.0
  /// The term of demonstrations that are imitated, weighted.
  public var imitation = 0.0
  /// The aggregated token entropy, unweighted.
  public var entropy = 0.0
  /// The aggregated KL estimate, unweighted; 0 when it is part of the reward.
  public var kl = 0.0
  public var entropyWeight = 0.0
  public var klWeight = 0.0

  public init() {}

  /// `policy + offPolicy + imitation − entropyWeight · entropy + klWeight · kl`.
  public var loss: Double {
    policy + offPolicy + imitation - entropyWeight * entropy + klWeight * kl
  }

  public mutating func add(_ other: LossTerms) {
    policy += other.policy
    offPolicy += other.offPolicy
    imitation += other.imitation
    entropy += other.entropy
    kl += other.kl
    entropyWeight = other.entropyWeight
    klWeight = other.klWeight
  }
}

/// Sums from which the shares and means of a step's metrics are formed; they add up over micro-batches
/// and updates. Trained tokens only.
public struct Diagnostics: Sendable, Equatable {
  public var rolloutTokens = 0
  public var demonstrationTokens = 0
  /// Tokens of demonstrations that joined their group, and the sum of `π_θ / π_ref`, or of its shape,
  /// over them.
  public var offPolicyTokens = 0
  public var offPolicyRatioSum = 0.0
  /// Tokens of rollouts whose gradient a mask zeroed.
  public var maskedTokens = 0
  /// Of these, `l₂ > l₁` (verl's `pg_clipfrac`).
  public var clippedTokens = 0
  /// Of these, the dual clip (verl's `pg_clipfrac_lower`).
  public var dualClippedTokens = 0
  /// Over the rollouts' tokens: `r`, and `log π_θ − log π_ref` after its clamp. Where π_ref is the
  /// current policy, `r` is 1 and the second is against the policy at the start of the step, if the
  /// batch carries it.
  public var ratioSum = 0.0
  public var logRatioSum = 0.0
  /// The largest ratio; 0 without a token that has one.
  public var ratioMaximum = 0.0
  /// Over all trained tokens; 0 when the batch carries no entropies.
  public var entropySum = 0.0
  public var entropyTokens = 0
  /// Over the demonstrations' tokens: `−log π_θ`.
  public var demonstrationSurprisalSum = 0.0
  /// Over the rollouts' tokens with a penalty in the loss: the KL estimate.
  public var klSum = 0.0
  /// Σ (dL/dlog π_t)².
  public var squaredGradientSum = 0.0

  public init() {}

  public var clipShare: Double { share(clippedTokens) }
  public var dualClipShare: Double { share(dualClippedTokens) }
  public var maskedShare: Double { share(maskedTokens) }
  /// 1 where there is no rollout token.
  public var meanRatio: Double {
    rolloutTokens == 0 ? 1 : ratioSum / Double(rolloutTokens)
  }
  /// verl's `ppo_kl`: mean of `log π_ref − log π_θ` over the rollouts' tokens.
  public var referenceKL: Double {
    rolloutTokens == 0 ? 0 : -logRatioSum / Double(rolloutTokens)
  }
  public var meanEntropy: Double {
    entropyTokens == 0 ? 0 : entropySum / Double(entropyTokens)
  }
  public var meanKL: Double { rolloutTokens == 0 ? 0 : klSum / Double(rolloutTokens) }
  /// Mean negative log-likelihood of the demonstrations' tokens, in nats; 0 without one.
  public var demonstrationSurprisal: Double {
    demonstrationTokens == 0 ? 0 : demonstrationSurprisalSum / Double(demonstrationTokens)
  }
  /// √Σ (dL/dlog π_t)².
  public var weightNorm: Double { squaredGradientSum.squareRoot() }

  private func share(_ count: Int) -> Double {
    rolloutTokens == 0 ? 0 : Double(count) / Double(rolloutTokens)
  }

  public mutating func add(_ other: Diagnostics) {
    rolloutTokens += other.rolloutTokens
    demonstrationTokens += other.demonstrationTokens
    offPolicyTokens += other.offPolicyTokens
    offPolicyRatioSum += other.offPolicyRatioSum
    maskedTokens += other.maskedTokens
    clippedTokens += other.clippedTokens
    dualClippedTokens += other.dualClippedTokens
    ratioSum += other.ratioSum
    logRatioSum += other.logRatioSum
    ratioMaximum = max(ratioMaximum, other.ratioMaximum)
    entropySum += other.entropySum
    entropyTokens += other.entropyTokens
    demonstrationSurprisalSum += other.demonstrationSurprisalSum
    klSum += other.klSum
    squaredGradientSum += other.squaredGradientSum
  }
}

/// The factors of every token's weight, one by one:
/// `weight_t = mask_t · ratio_t · shape_t · Â_t · norm_t + added_t`, 0 at untrained tokens.
public struct TokenParts: Sendable, Equatable {
  public var mask: [Double]
  /// `π_θ / π_ref`, a rollout correction included.
  public var ratio: [Double]
  /// `f′(p)` of ``ShapingFunction``; 1 elsewhere.
  public var shape: [Double]
  public var advantage: [Double]
  /// Aggregation × weight of the term × α or β.
  public var norm: [Double]
  /// `log π_ref`.
  public var logReference: [Double]
  /// What is no product: a KL penalty in the loss, the pull on selected tokens, and the imitation of a
  /// demonstration that is a member of its group besides.
  public var added: [Double]

  init(tokens: Int) {
    mask = Array(repeating: 0, count: tokens)
    ratio = mask
    shape = mask
    advantage = mask
    norm = mask
    logReference = mask
    added = mask
  }

  public func weight(_ token: Int) -> Double {
    mask[token] * ratio[token] * shape[token] * advantage[token] * norm[token] + added[token]
  }
}
