/// What an update does with its gradient before Adam sees it.
public struct GradientRule: Sendable, Equatable {
  /// `grad_clip`: a larger global norm is scaled down to it; nil: never.
  public var clip: Double?
  /// `max_grad_norm`: above it the whole update is *skipped*. It is not the clip value. Nil: never.
  public var skipAbove: Double?

  public init(clip: Double? = nil, skipAbove: Double? = nil) {
    self.clip = clip
    self.skipAbove = skipAbove
  }

  /// What becomes of an update whose gradient has the global norm `norm`.
  public enum Verdict: Sendable, Equatable {
    /// Multiply the gradient by this and step.
    case step(scale: Double)
    /// The norm is infinite or NaN: parameters, moments and Adam's counter stay.
    case skipNotFinite
    /// The norm is above `skipAbove`: they stay as well.
    case skipTooLarge
  }

  /// `min(1, clip / (norm + 1e-6))`, as torch's `clip_grad_norm_` does.
  public func verdict(norm: Double) -> Verdict {
    guard norm.isFinite else { return .skipNotFinite }
    if let skipAbove, norm > skipAbove { return .skipTooLarge }
    guard let clip else { return .step(scale: 1) }
    return .step(scale: min(1, clip / (norm + 1e-6)))
  }
}

/// AdamW with decoupled weight decay (arXiv 1711.05101) in double precision: the specification of the
/// operator that trains, kept for its golden vectors.
///
///     θ ← θ · (1 − lr · decay)
///     m ← β₁ m + (1 − β₁) g,   v ← β₂ v + (1 − β₂) g²
///     θ ← θ − lr / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + ε)
///
/// `t` counts updates that were taken: a skipped one advances nothing.
public struct AdamW: Sendable, Equatable {
  public var beta1: Double
  public var beta2: Double
  public var adamEpsilon: Double
  public var weightDecay: Double
  public var rule: GradientRule
  /// `t`.
  public private(set) var updates = 0
  private var first: [Double]
  private var second: [Double]

  /// - Parameter count: number of parameters; the defaults are torch's, as the HPT recipe uses them.
  public init(
    count: Int, beta1: Double = 0.9, beta2: Double = 0.999, adamEpsilon: Double = 1e-8,
    weightDecay: Double = 0.01, rule: GradientRule = GradientRule()
  ) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.adamEpsilon = adamEpsilon
    self.weightDecay = weightDecay
    self.rule = rule
    first = Array(repeating: 0, count: count)
    second = first
  }

  public struct Outcome: Sendable, Equatable {
    /// Global, before clipping.
    public var gradientNorm: Double
    public var stepped: Bool
  }

  /// One update of `parameters`, in place.
  /// - Throws: `.shapeMismatch`.
  public mutating func update(
    _ parameters: inout [Double], gradient: [Double], learningRate: Double
  ) throws(EstimatorError) -> Outcome {
    guard parameters.count == first.count else {
      throw .shape("parameters", parameters.count, expected: first.count)
    }
    guard gradient.count == first.count else {
      throw .shape("gradient", gradient.count, expected: first.count)
    }
    let norm = gradient.reduce(0) { $0 + $1 * $1 }.squareRoot()
    guard case .step(let scale) = rule.verdict(norm: norm) else {
      return Outcome(gradientNorm: norm, stepped: false)
    }
    updates += 1
    let stepSize = learningRate / (1 - power(beta1, Double(updates)))
    let correction = (1 - power(beta2, Double(updates))).squareRoot()
    for index in parameters.indices {
      let g = gradient[index] * scale
      first[index] = beta1 * first[index] + (1 - beta1) * g
      second[index] = beta2 * second[index] + (1 - beta2) * g * g
      parameters[index] *= 1 - learningRate * weightDecay
      parameters[index] -=
        stepSize * first[index] / (second[index].squareRoot() / correction + adamEpsilon)
    }
    return Outcome(gradientNorm: norm, stepped: true)
  }
}
