/// An estimate of KL(π_θ ‖ π_anchor) from one sampled token, `d = log π_θ − log π_anchor`.
///
///     kind   value            gradient wrt log π_θ
///     k1     d                1
///     abs    |d|              sign(d)
///     k2     d² / 2           d
///     k3     exp(−d) − 1 + d  1 − exp(−d)
///     k1+    d                d       value of k1, gradient of k2
///     k3+    exp(−d) − 1 + d  d       value of k3, gradient of k2
///
/// Outside a clamp the gradient of the clamped value is 0: a policy that ran far away is not pulled
/// back (current verl's k3 clamps d to ±20 and the value to ±10). The gradient of the + kinds is that
/// of an unclamped k2. Scope: token.
public struct KLPenalty: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case k1
    case abs
    case k2
    case k3
    case k1Plus = "k1+"
    case k3Plus = "k3+"
  }

  public enum Place: String, Sendable, CaseIterable {
    /// `loss += weight · aggregated KL(current, anchor)` over the rollouts.
    case loss
    /// `reward −= weight · Σ_t KL(update start, anchor)` before the advantage.
    case reward
  }

  public var kind: Kind
  public var weight: Double
  public var place: Place
  /// Bound on |d|, or nil.
  public var logRatioClamp: Double?
  /// Bound on |value|, or nil.
  public var valueClamp: Double?

  public init(
    _ kind: Kind, weight: Double, place: Place = .loss, logRatioClamp: Double? = nil,
    valueClamp: Double? = nil
  ) {
    self.kind = kind
    self.weight = weight
    self.place = place
    self.logRatioClamp = logRatioClamp
    self.valueClamp = valueClamp
  }

  /// k3 as current verl computes it.
  public static func verlK3(weight: Double, place: Place = .loss) -> KLPenalty {
    KLPenalty(.k3, weight: weight, place: place, logRatioClamp: 20, valueClamp: 10)
  }

  public var scope: PartScope { place == .loss ? .token : .sequence }

  /// Value and gradient wrt log π_θ at one token.
  public func callAsFunction(logProbability: Double, anchor: Double) -> (
    value: Double, gradient: Double
  ) {
    let difference = logProbability - anchor
    let bound = logRatioClamp ?? .infinity
    let d = Swift.max(-bound, Swift.min(bound, difference))
    var value: Double
    var gradient: Double
    switch kind {
    case .k1, .k1Plus: (value, gradient) = (d, 1)
    case .abs: (value, gradient) = (Swift.abs(d), d > 0 ? 1 : (d < 0 ? -1 : 0))
    case .k2: (value, gradient) = (d * d / 2, d)
    case .k3, .k3Plus:
      let inverse = exponential(-d)
      (value, gradient) = (inverse - 1 + d, 1 - inverse)
    }
    if d != difference { gradient = 0 }
    if let valueClamp {
      let clamped = Swift.max(-valueClamp, Swift.min(valueClamp, value))
      if clamped != value { gradient = 0 }
      value = clamped
    }
    if kind == .k1Plus || kind == .k3Plus { gradient = difference }
    return (value, gradient)
  }

  /// `reward − weight · Σ_t KL_t` over the trained tokens of one response.
  ///
  /// - Parameters:
  ///   - logProbability: under the policy at the start of the step, one per token.
  ///   - anchor: under the KL anchor, one per token.
  ///   - trained: which tokens count; empty for all.
  public func shaped(
    reward: Double, logProbability: [Double], anchor: [Double], trained: [Bool] = []
  ) throws(EstimatorError) -> Double {
    guard anchor.count == logProbability.count else {
      throw .shape("anchor log-probabilities", anchor.count, expected: logProbability.count)
    }
    guard trained.isEmpty || trained.count == logProbability.count else {
      throw .shape("trained mask", trained.count, expected: logProbability.count)
    }
    var sum = 0.0
    for token in logProbability.indices where trained.isEmpty || trained[token] {
      sum += self(logProbability: logProbability[token], anchor: anchor[token]).value
    }
    guard sum.isFinite else { throw .notFinite("the KL penalty", sum, row: 0, token: 0) }
    return reward - weight * sum
  }
}

/// verl's controller of a KL coefficient that aims at a target:
/// `weight ← weight · (1 + clip(KL / target − 1, −0.2, 0.2) · steps / horizon)`.
public struct AdaptiveKLController: Sendable, Equatable {
  public var weight: Double
  public let target: Double
  public let horizon: Double

  public init(initial: Double, target: Double, horizon: Double) {
    weight = initial
    self.target = target
    self.horizon = horizon
  }

  public mutating func update(observed: Double, steps: Double) {
    let error = max(-0.2, min(0.2, observed / target - 1))
    weight *= 1 + error * steps / horizon
  }
}
