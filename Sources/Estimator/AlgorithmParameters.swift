/// How a definition writes an algorithm: every field stands for one YAML key of the same name in
/// snake_case, and what is left out keeps the value of the named algorithm.
///
///     name: hpt                      form: released | paper
///     gate: {kind, threshold_count, threshold_off_count, threshold_share, component,
///            rl_weight, sft_weight}
///     advantage: {kind, std_epsilon, bessel, singleton}
///     reference: update_start        rl_weight: 1        sft_weight: 1
///     mask: {kind, clip_low, clip_high, dual_clip, log_ratio_clamp, ratio_cap}
///     aggregation: {kind, constant}  sft_aggregation: {kind, constant}
///     entropy_weight: 0.001          entropy_aggregation: {kind, constant}
///     kl: {kind, weight, place, log_ratio_clamp, value_clamp}
///     normalizers: mini_batch
public struct AlgorithmParameters: Sendable, Equatable {
  public struct GateParameters: Sendable, Equatable {
    /// `switch`, `rl` or `sft`.
    public var kind: String?
    /// Imitate at this number of solved rollouts and below.
    public var thresholdCount: Int?
    /// The released trainer's second threshold.
    public var thresholdOffCount: Int?
    /// Imitate at this share of solved rollouts and below; excludes the counts.
    public var thresholdShare: Double?
    /// The component of the verdict that says *solved*.
    public var component: String?
    /// α and β as the gate hands them out.
    public var rlWeight: Double?
    public var sftWeight: Double?

    public init(
      kind: String? = nil, thresholdCount: Int? = nil, thresholdOffCount: Int? = nil,
      thresholdShare: Double? = nil, component: String? = nil, rlWeight: Double? = nil,
      sftWeight: Double? = nil
    ) {
      self.kind = kind
      self.thresholdCount = thresholdCount
      self.thresholdOffCount = thresholdOffCount
      self.thresholdShare = thresholdShare
      self.component = component
      self.rlWeight = rlWeight
      self.sftWeight = sftWeight
    }
  }

  public struct AdvantageParameters: Sendable, Equatable {
    /// `reward`, `signed`, `centered`, `normalized` or `leave_one_out`.
    public var kind: String?
    public var stdEpsilon: Double?
    public var bessel: Bool?
    /// `reward` or `zero`.
    public var singleton: String?

    public init(
      kind: String? = nil, stdEpsilon: Double? = nil, bessel: Bool? = nil, singleton: String? = nil
    ) {
      self.kind = kind
      self.stdEpsilon = stdEpsilon
      self.bessel = bessel
      self.singleton = singleton
    }
  }

  public struct MaskParameters: Sendable, Equatable {
    /// `none`, or `clip` (0.2 on both sides unless given).
    public var kind: String?
    public var clipLow: Double?
    public var clipHigh: Double?
    /// 0 switches it off, as with the two bounds below.
    public var dualClip: Double?
    public var logRatioClamp: Double?
    public var ratioCap: Double?

    public init(
      kind: String? = nil, clipLow: Double? = nil, clipHigh: Double? = nil,
      dualClip: Double? = nil, logRatioClamp: Double? = nil, ratioCap: Double? = nil
    ) {
      self.kind = kind
      self.clipLow = clipLow
      self.clipHigh = clipHigh
      self.dualClip = dualClip
      self.logRatioClamp = logRatioClamp
      self.ratioCap = ratioCap
    }
  }

  public struct AggregationParameters: Sendable, Equatable {
    public var kind: String?
    public var constant: Double?

    public init(kind: String? = nil, constant: Double? = nil) {
      self.kind = kind
      self.constant = constant
    }
  }

  public struct KLParameters: Sendable, Equatable {
    /// `none`, `k1`, `abs`, `k2`, `k3`, `k1+` or `k3+`.
    public var kind: String?
    public var weight: Double?
    /// `loss` or `reward`.
    public var place: String?
    /// 0 switches a clamp off.
    public var logRatioClamp: Double?
    public var valueClamp: Double?

    public init(
      kind: String? = nil, weight: Double? = nil, place: String? = nil,
      logRatioClamp: Double? = nil, valueClamp: Double? = nil
    ) {
      self.kind = kind
      self.weight = weight
      self.place = place
      self.logRatioClamp = logRatioClamp
      self.valueClamp = valueClamp
    }
  }

  public var form: String?
  public var gate = GateParameters()
  public var advantage = AdvantageParameters()
  public var reference: String?
  public var rlWeight: Double?
  public var sftWeight: Double?
  public var mask = MaskParameters()
  public var aggregation = AggregationParameters()
  public var sftAggregation = AggregationParameters()
  public var entropyWeight: Double?
  public var entropyAggregation = AggregationParameters()
  public var kl = KLParameters()
  public var normalizers: String?

  /// Everything left to the named algorithm.
  public init() {}
}
