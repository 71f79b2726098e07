/// `𝟙_stable`: which tokens may push the policy, and how far. Scope: token, or sequence where the
/// ratio is one of sequences.
///
/// With `d = log π_θ − log π_ref` (of the token or of its sequence), first
/// `d ← clamp(d, −logRatioClamp, logRatioClamp)`, `r = exp(d)`, then by kind, each step left out when
/// its bound is nil:
///
///     none   ℓ = −Â·r
///     clip   l₁ = −Â·min(r, ratioCap)                      ratioCap: TRL's `delta`
///            l₂ = −Â·clamp(r, 1 − clipLow, 1 + clipHigh)   PPO, arXiv 1707.06347
///            ℓ  = max(l₁, l₂)
///            ℓ  = min(ℓ, −Â·dualClip)   where Â < 0        dual clip, arXiv 1912.09729
///     cap    ℓ = −w·Â·log π_θ,  w = clamp(r, weightMin, weightMax), without gradient
///                                                          CISPO, arXiv 2506.13585
///     smooth ℓ = −(4/τ)·σ(τ(r − 1))·Â,  τ by the sign of Â SAPO, arXiv 2511.20347
///
/// Under `clip` the gradient of a token is 0 where ℓ does not move with r: Â > 0 and r above its
/// upper edge, Â < 0 and r below its lower edge or above the dual clip, a clamped log-ratio, a capped
/// ratio. A token with Â > 0 and a tiny r, or Â < 0 and a large r below the dual clip, still pushes.
/// Under `cap` every token keeps a gradient; under `smooth` the gradient fades with the distance of r
/// from 1: the mask is `4σ(1 − σ)`, a number between 0 and 1.
///
/// It applies to terms with a ratio; with π_ref = π_θ the ratio is 1 and never leaves the region.
public struct StabilizationMask: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    case none
    case clip
    case cap
    case smooth
  }

  public var kind: Kind
  /// `ε_low`; nil: no lower edge.
  public var clipLow: Double?
  /// `ε_high`; larger than `clipLow`: clip-higher (DAPO).
  public var clipHigh: Double?
  /// `c` of the dual clip; verl uses 3, DAPO's recipe 10.
  public var dualClip: Double?
  /// Bound on |log ratio|; verl and OpenRLHF use 20, the HPT release, TRL and oat none.
  public var logRatioClamp: Double?
  /// TRL's two-sided clipping: an upper bound on the ratio of l₁.
  public var ratioCap: Double?
  /// Final bounds on CISPO's weight; nil: unbounded on that side.
  public var weightMin: Double?
  public var weightMax: Double?
  /// SAPO's temperatures for Â > 0 and for the rest.
  public var temperaturePositive: Double
  public var temperatureNegative: Double

  public init(
    _ kind: Kind = .none, clipLow: Double? = nil, clipHigh: Double? = nil,
    dualClip: Double? = nil, logRatioClamp: Double? = nil, ratioCap: Double? = nil,
    weightMin: Double? = nil, weightMax: Double? = nil, temperaturePositive: Double = 1,
    temperatureNegative: Double = 1.05
  ) {
    self.kind = kind
    self.clipLow = clipLow
    self.clipHigh = clipHigh
    self.dualClip = dualClip
    self.logRatioClamp = logRatioClamp
    self.ratioCap = ratioCap
    self.weightMin = weightMin
    self.weightMax = weightMax
    self.temperaturePositive = temperaturePositive
    self.temperatureNegative = temperatureNegative
  }

  /// 1 everywhere.
  public static let none = StabilizationMask()

  /// PPO's clip.
  public static func clip(_ low: Double, _ high: Double) -> StabilizationMask {
    StabilizationMask(.clip, clipLow: low, clipHigh: high)
  }

  /// The clip as verl ships it: with dual clip 3 and log-ratios clamped to ±20.
  public static let verl = StabilizationMask(
    .clip, clipLow: 0.2, clipHigh: 0.2, dualClip: 3, logRatioClamp: 20)

  func validate(_ key: String) throws(EstimatorError) {
    let fromZero = [
      ("clip_low", clipLow), ("clip_high", clipHigh), ("weight_min", weightMin),
    ]
    for (name, bound) in fromZero {
      if let bound, !(bound >= 0) {
        throw .parameter(
          "\(key).\(name)", "\(bound) is negative", remedy: "Give a number from 0 on.")
      }
    }
    let positive = [
      ("log_ratio_clamp", logRatioClamp), ("ratio_cap", ratioCap), ("weight_max", weightMax),
      ("temperature_positive", temperaturePositive), ("temperature_negative", temperatureNegative),
    ]
    for (name, bound) in positive {
      if let bound, !(bound > 0) {
        throw .parameter(
          "\(key).\(name)", "\(bound) is not positive",
          remedy: "Give a positive bound, or leave it out.")
      }
    }
    if let dualClip, !(dualClip > 1 + (clipHigh ?? 0)) {
      throw .parameter(
        "\(key).dual_clip", "\(dualClip) is not above 1 + clip_high",
        remedy: "Give a larger bound (verl uses 3), or leave it out.")
    }
    if kind == .cap, let weightMin, let weightMax, weightMin > weightMax {
      throw .parameter(
        "\(key).weight_min", "\(weightMin) is above weight_max, \(weightMax)",
        remedy: "Give bounds in ascending order.")
    }
  }
}

/// One token under a mask.
public struct MaskedToken: Sendable, Equatable {
  /// `𝟙_stable`, from 0 to 1.
  public var mask: Double
  /// The factor `π_θ / π_ref` that the gradient carries: `r` after the clamp of the log-ratio, or
  /// CISPO's capped weight.
  public var ratio: Double
  /// `ℓ`, the token's part of the surrogate loss before aggregation.
  public var loss: Double
  /// `l₂ > l₁`, strictly (verl's `pg_clipfrac` counts these), or a weight that was capped.
  public var clipped: Bool
  /// The dual clip won: verl's `pg_clipfrac_lower`.
  public var dualClipped: Bool

  public init(
    mask: Double, ratio: Double, loss: Double, clipped: Bool = false, dualClipped: Bool = false
  ) {
    self.mask = mask
    self.ratio = ratio
    self.loss = loss
    self.clipped = clipped
    self.dualClipped = dualClipped
  }
}

/// What the loop over tokens calls: a mask with its absent bounds put at infinity.
protocol TokenRule {
  /// - Parameters:
  ///   - logProbability: `log π_θ` of the token.
  ///   - logRatio: `log π_θ − log π_ref`, of the token or its sequence.
  func callAsFunction(logProbability: Double, logRatio: Double, advantage: Double) -> MaskedToken
  /// Bound on |log ratio|; the diagnostics clamp alike.
  var clamp: Double { get }
}

extension StabilizationMask {
  /// Evaluates one token: the slow obvious way in, for tables and tests.
  public func callAsFunction(
    logRatio: Double, advantage: Double, logProbability: Double = 0
  ) -> MaskedToken {
    switch kind {
    case .none, .clip:
      ClipRule(self)(logProbability: logProbability, logRatio: logRatio, advantage: advantage)
    case .cap:
      CapRule(self)(logProbability: logProbability, logRatio: logRatio, advantage: advantage)
    case .smooth:
      SmoothRule(self)(logProbability: logProbability, logRatio: logRatio, advantage: advantage)
    }
  }

  struct ClipRule: TokenRule {
    let low: Double
    let high: Double
    let dual: Double
    let clamp: Double
    let cap: Double
    let clips: Bool

    init(_ mask: StabilizationMask) {
      clips = mask.kind == .clip
      low = mask.clipLow.map { 1 - $0 } ?? -.infinity
      high = mask.clipHigh.map { 1 + $0 } ?? .infinity
      dual = clips ? mask.dualClip ?? .infinity : .infinity
      clamp = mask.logRatioClamp ?? .infinity
      cap = clips ? mask.ratioCap ?? .infinity : .infinity
    }

    @inline(__always)
    func callAsFunction(
      logProbability: Double, logRatio: Double, advantage: Double
    ) -> MaskedToken {
      let clamped = max(-clamp, min(clamp, logRatio))
      let ratio = exponential(clamped)
      let capped = min(ratio, cap)
      let plain = -advantage * capped
      // Without a clip there is no l₂, and l is l₁.
      let bounded = clips ? -advantage * max(low, min(high, ratio)) : plain
      let clipped = bounded > plain
      var loss = clipped ? bounded : plain
      var stable = !clipped && clamped == logRatio && capped == ratio
      var dualClipped = false
      // With Â < 0 an infinite bound would be a loss of +∞ that never wins; −Â·∞ is not formed for
      // Â = 0, where it would be NaN.
      if advantage < 0, -advantage * dual < loss {
        loss = -advantage * dual
        dualClipped = true
        stable = false
      }
      return MaskedToken(
        mask: stable ? 1 : 0, ratio: ratio, loss: loss, clipped: clipped,
        dualClipped: dualClipped)
    }
  }

  struct CapRule: TokenRule {
    let low: Double
    let high: Double
    let clamp: Double

    init(_ mask: StabilizationMask) {
      low = mask.weightMin ?? 0
      high = mask.weightMax ?? .infinity
      clamp = mask.logRatioClamp ?? .infinity
    }

    @inline(__always)
    func callAsFunction(
      logProbability: Double, logRatio: Double, advantage: Double
    ) -> MaskedToken {
      let ratio = exponential(max(-clamp, min(clamp, logRatio)))
      let weight = max(low, min(high, ratio))
      return MaskedToken(
        mask: 1, ratio: weight, loss: -weight * advantage * logProbability,
        clipped: weight != ratio)
    }
  }

  struct SmoothRule: TokenRule {
    let positive: Double
    let negative: Double
    let clamp: Double

    init(_ mask: StabilizationMask) {
      positive = mask.temperaturePositive
      negative = mask.temperatureNegative
      clamp = mask.logRatioClamp ?? .infinity
    }

    @inline(__always)
    func callAsFunction(
      logProbability: Double, logRatio: Double, advantage: Double
    ) -> MaskedToken {
      let clamped = max(-clamp, min(clamp, logRatio))
      let ratio = exponential(clamped)
      // Â = 0 takes the second temperature, as the peers do; nothing depends on it.
      let tau = advantage > 0 ? positive : negative
      let sigmoid = 1 / (1 + exponential(-tau * (ratio - 1)))
      return MaskedToken(
        mask: clamped == logRatio ? 4 * sigmoid * (1 - sigmoid) : 0, ratio: ratio,
        loss: -4 / tau * sigmoid * advantage)
    }
  }
}
