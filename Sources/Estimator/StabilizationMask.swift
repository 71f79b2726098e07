/// `𝟙_stable`: which tokens may push the policy. Scope: token.
///
/// In this order, with `d = log π_θ − log π_ref`, each step left out when it is nil:
///
///     d  ← clamp(d, −logRatioClamp, logRatioClamp),  r = exp(d)
///     l₁ = −Â · min(r, ratioCap)                      TRL's `delta`
///     l₂ = −Â · clamp(r, 1 − clipLow, 1 + clipHigh)   PPO, arXiv 1707.06347
///     l  = max(l₁, l₂)
///     l  = min(l, −Â · dualClip)   where Â < 0        dual clip, arXiv 1912.09729
///
/// The gradient of a token is 0 where l does not move with r: Â > 0 and r above its upper edge, Â < 0
/// and r below its lower edge or above the dual clip, a clamped log-ratio, a capped ratio. A token
/// with Â > 0 and a tiny r, or Â < 0 and a large r below the dual clip, still pushes.
///
/// It applies to terms with a ratio; with π_ref = π_θ the ratio is 1 and never leaves the region.
public struct StabilizationMask: Sendable, Equatable {
  /// `ε_low`; nil together with `clipHigh`: no clip.
  public var clipLow: Double?
  /// `ε_high`; larger than `clipLow`: clip-higher (DAPO).
  public var clipHigh: Double?
  /// `c` of the dual clip; verl uses 3, DAPO's recipe 10.
  public var dualClip: Double?
  /// Bound on |log ratio|; verl and OpenRLHF use 20, the HPT release, TRL and oat none.
  public var logRatioClamp: Double?
  /// TRL's two-sided clipping: an upper bound on the ratio of l₁.
  public var ratioCap: Double?

  public init(
    clipLow: Double? = nil, clipHigh: Double? = nil, dualClip: Double? = nil,
    logRatioClamp: Double? = nil, ratioCap: Double? = nil
  ) {
    self.clipLow = clipLow
    self.clipHigh = clipHigh
    self.dualClip = dualClip
    self.logRatioClamp = logRatioClamp
    self.ratioCap = ratioCap
  }

  /// 1 everywhere.
  public static let none = StabilizationMask()

  /// PPO's clip.
  public static func clip(_ low: Double, _ high: Double) -> StabilizationMask {
    StabilizationMask(clipLow: low, clipHigh: high)
  }

  /// The clip as verl ships it: with dual clip 3 and log-ratios clamped to ±20.
  public static let verl = StabilizationMask(
    clipLow: 0.2, clipHigh: 0.2, dualClip: 3, logRatioClamp: 20)

  public var scope: PartScope { .token }
  public var isClipped: Bool { clipLow != nil || clipHigh != nil }

  func validate(_ key: String) throws(EstimatorError) {
    if let clipLow, !(clipLow >= 0) {
      throw .parameter(
        "\(key).clip_low", "\(clipLow) is negative", remedy: "Give a number from 0 on.")
    }
    if let clipHigh, !(clipHigh >= 0) {
      throw .parameter(
        "\(key).clip_high", "\(clipHigh) is negative", remedy: "Give a number from 0 on.")
    }
    if let dualClip, !(dualClip > 1 + (clipHigh ?? 0)) {
      throw .parameter(
        "\(key).dual_clip", "\(dualClip) is not above 1 + clip_high",
        remedy: "Give a larger bound (verl uses 3), or leave it out.")
    }
    if let logRatioClamp, !(logRatioClamp > 0) {
      throw .parameter(
        "\(key).log_ratio_clamp", "\(logRatioClamp) is not positive",
        remedy: "Give a positive bound (verl uses 20), or leave it out.")
    }
    if let ratioCap, !(ratioCap > 0) {
      throw .parameter(
        "\(key).ratio_cap", "\(ratioCap) is not positive",
        remedy: "Give a positive bound, or leave it out.")
    }
  }
}

/// One token under a mask: the slow obvious version, straight from the equations. The loop over a
/// batch inlines it.
public struct MaskedToken: Sendable, Equatable {
  /// `𝟙_stable`, 0 or 1.
  public var mask: Double
  /// `r` after the clamp of the log-ratio.
  public var ratio: Double
  /// `l`, the token's part of the surrogate loss before aggregation.
  public var loss: Double
  /// `l₂ > l₁`, strictly: verl's `pg_clipfrac` counts these.
  public var clipped: Bool
  /// The dual clip won: verl's `pg_clipfrac_lower`.
  public var dualClipped: Bool
}

extension StabilizationMask {
  /// Evaluates one token.
  ///
  /// - Parameters:
  ///   - logRatio: `log π_θ − log π_ref`, finite.
  ///   - advantage: `Â`.
  public func callAsFunction(logRatio: Double, advantage: Double) -> MaskedToken {
    Bounds(self).evaluate(logRatio: logRatio, advantage: advantage)
  }

  /// The mask with its absent bounds put at infinity, so that the loop over tokens has no optionals.
  struct Bounds {
    let low: Double
    let high: Double
    let dual: Double
    let clamp: Double
    let cap: Double
    let clips: Bool

    init(_ mask: StabilizationMask) {
      low = mask.clipLow.map { 1 - $0 } ?? -.infinity
      high = mask.clipHigh.map { 1 + $0 } ?? .infinity
      dual = mask.dualClip ?? .infinity
      clamp = mask.logRatioClamp ?? .infinity
      cap = mask.ratioCap ?? .infinity
      clips = mask.isClipped
    }

    @inline(__always)
    func evaluate(logRatio: Double, advantage: Double) -> MaskedToken {
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
        mask: stable ? 1 : 0, ratio: ratio, loss: loss,
        clipped: clipped, dualClipped: dualClipped)
    }
  }
}
