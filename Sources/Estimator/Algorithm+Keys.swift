// The parameters of an algorithm by name, in the order in which they are written and shown: a part's
// kind before what belongs to it.
extension Algorithm {
  /// Every parameter. `name` and `form` stand beside them: they choose the algorithm whose parameters
  /// these replace.
  public static let keys: [PartKey] =
    gateKeys + rewardKeys + advantageKeys + riskKeys
    + TermKeys("", \.rollouts, weight: "rl_weight") { $0.gate.usesRollouts }.all
    + TermKeys("off_", \.offPolicy, weight: "off_weight") { $0.gate.joinsDemonstrations }.all
    + TermKeys("sft_", \.imitation, weight: "sft_weight") { $0.gate.imitates }.all
    + batchKeys + pairingKeys + regulariserKeys

  private static let gateKeys: [PartKey] = [
    .choice("gate.kind", at(\.gate.kind), "Which of its trajectories a group trains on."),
    PartKey(
      "gate.threshold_count", .integer,
      "γ as a count: a group with this many solved rollouts or fewer imitates.",
      when: { $0.gate.kind == .switch },
      read: { $0.gate.thresholdShare == nil ? .integer($0.gate.thresholdCount) : nil },
      write: { (algorithm, value) throws(EstimatorError) in
        algorithm.gate.thresholdCount = try value.integer("gate.threshold_count")
        algorithm.gate.thresholdShare = nil
      }),
    PartKey(
      "gate.threshold_off_count", .integer,
      "The released trainer's second threshold; the larger of the two counts.",
      when: { $0.gate.kind == .switch },
      read: { $0.gate.thresholdOffCount.map { .integer($0) } },
      write: { (algorithm, value) throws(EstimatorError) in
        algorithm.gate.thresholdOffCount = try value.integer("gate.threshold_off_count")
      }),
    PartKey(
      "gate.threshold_share", .number,
      "γ as a share: a group with at most this share of solved rollouts imitates.",
      when: { $0.gate.kind == .switch }, read: { $0.gate.thresholdShare.map { .number($0) } },
      write: { (algorithm, value) throws(EstimatorError) in
        algorithm.gate.thresholdShare = try value.number("gate.threshold_share")
        algorithm.gate.thresholdCount = 0
      }),
    .integer("gate.soft_type", at(\.gate.softType), "The released table: 0, 1 or 2.") {
      $0.gate.kind == .soft
    },
    .numbers("gate.rl_table", at(\.gate.rolloutTable), "f(P): α at evenly spaced P from 0 to 1.") {
      $0.gate.kind == .table
    },
    .numbers("gate.off_table", at(\.gate.offPolicyTable), "The joined demonstration's weight by P.")
    {
      $0.gate.kind == .table
    },
    .numbers("gate.sft_table", at(\.gate.demonstrationTable), "g(P): β at evenly spaced P.") {
      $0.gate.kind == .table
    },
    PartKey(
      "gate.sft_steps", .integer, "At steps below this every group imitates: SFT, then the rest.",
      when: { _ in true }, read: { .integer(Int($0.gate.imitationSteps)) },
      write: { (algorithm, value) throws(EstimatorError) in
        algorithm.gate.imitationSteps = UInt64(max(0, try value.integer("gate.sft_steps")))
      }),
    .text(
      "gate.component", at(\.gate.component),
      "Component of the verdict that says solved by being exactly 1."),
    .number("gate.rl_weight", at(\.gate.rolloutWeight), "Factor on α.") {
      $0.gate.kind != .imitate
    },
    .number("gate.off_weight", at(\.gate.offPolicyWeight), "Factor on a joined demonstration.") {
      $0.gate.kind == .join || $0.gate.kind == .soft || $0.gate.kind == .table
    },
    .number("gate.sft_weight", at(\.gate.demonstrationWeight), "Factor on β.") {
      $0.gate.kind != .reinforce || $0.gate.imitationSteps > 0
    },
    .optional(
      "gate.spread.rule", "Leave out groups whose rollouts do not differ (dynamic sampling).",
      get: { $0.gate.spread?.rule }, none: { $0.gate.spread = nil },
      set: { $0.gate.spread.orDefault.rule = $1 }),
    .text("gate.spread.component", at(\.gate.spread.orDefault.component), "What must differ.") {
      $0.gate.spread != nil
    },
    .flag(
      "gate.spread.fill", at(\.gate.spread.orDefault.fill), "Sample more until the batch is full."
    ) {
      $0.gate.spread != nil
    },
    .integer(
      "gate.spread.maximum_waves", at(\.gate.spread.orDefault.maximumWaves),
      "Waves a step may take; 0: no limit."
    ) { $0.gate.spread?.fill == true },
    .choice(
      "gate.spread.when_short", at(\.gate.spread.orDefault.whenShort),
      "What to do when the waves are used up."
    ) { $0.gate.spread?.fill == true },
    PartKey(
      "gate.filter.keep", .integer, "Rollouts of a group that train, the best by score; 0: all.",
      when: { _ in true }, read: { .integer($0.gate.filter?.keep ?? 0) },
      write: { (algorithm, value) throws(EstimatorError) in
        let keep = try value.integer("gate.filter.keep")
        if keep == 0 {
          algorithm.gate.filter = nil
        } else {
          algorithm.gate.filter.orDefault.keep = keep
        }
      }),
    .text(
      "gate.filter.score", at(\.gate.filter.orDefault.score),
      "The score: an expression of reward, length and verdict components."
    ) { $0.gate.filter != nil },
    .flag(
      "gate.filter.counts_rejected", at(\.gate.filter.orDefault.keepsRejectedInNormalizer),
      "Rejected rollouts stay in the normalisers."
    ) { $0.gate.filter != nil },
    PartKey(
      "gate.filter.adaptive", .numbers,
      "keep of very hard, hard, medium and easy questions, by running percentiles.",
      when: { $0.gate.filter != nil },
      read: { .numbers(($0.gate.filter?.adaptive ?? []).map(Double.init)) },
      write: { (algorithm, value) throws(EstimatorError) in
        let numbers = try value.numbers("gate.filter.adaptive")
        let whole = numbers.compactMap { Int(exactly: $0) }
        guard whole.count == numbers.count else {
          throw .parameter(
            "gate.filter.adaptive", "it has a number that is not whole",
            remedy: "Write four whole numbers.")
        }
        algorithm.gate.filter.orDefault.adaptive = whole
      }),
    .integer(
      "gate.filter.window", at(\.gate.filter.orDefault.window),
      "Groups that the percentiles remember."
    ) { $0.gate.filter?.adaptive.isEmpty == false },
    .integer(
      "gate.filter.warmup", at(\.gate.filter.orDefault.warmup),
      "Groups before the percentiles are used."
    ) { $0.gate.filter?.adaptive.isEmpty == false },
  ]

  private static let rewardKeys: [PartKey] = [
    PartKey(
      "reward.expression", .text,
      "The reward as an expression of reward, length and verdict components.",
      when: { _ in true }, read: { $0.reward.expression.map { .text($0) } },
      write: { (algorithm, value) throws(EstimatorError) in
        algorithm.reward.expression = try value.text("reward.expression")
      }),
    PartKey(
      "reward.overlong_limit", .integer,
      "Longest response without the full penalty, in tokens (soft overlong punishment). 0: none.",
      when: { _ in true }, read: { $0.reward.overlongLimit.map { .integer($0) } },
      write: { (algorithm, value) throws(EstimatorError) in
        let limit = try value.integer("reward.overlong_limit")
        algorithm.reward.overlongLimit = limit == 0 ? nil : limit
      }),
    .integer(
      "reward.overlong_buffer", at(\.reward.overlongBuffer),
      "Tokens before the limit over which the penalty grows."
    ) { $0.reward.overlongLimit != nil },
    .number("reward.overlong_factor", at(\.reward.overlongFactor), "Penalty at the limit.") {
      $0.reward.overlongLimit != nil
    },
    .flag(
      "reward.overlong_floor", at(\.reward.overlongFloor),
      "Past the limit the penalty stays flat (paper) instead of growing on (released)."
    ) { $0.reward.overlongLimit != nil },
  ]

  private static let advantageKeys: [PartKey] = [
    .choice(
      "advantage.kind", at(\.advantage.kind), "How a rollout's Â comes from its group's rewards."),
    .number("advantage.std_epsilon", at(\.advantage.stdEpsilon), "Added to the standard deviation.")
    {
      $0.advantage.kind == .normalized
    },
    .flag("advantage.bessel", at(\.advantage.bessel), "Divide the squares by n − 1, not by n.") {
      $0.advantage.kind == .normalized
    },
    .choice(
      "advantage.singleton", at(\.advantage.singleton), "Â of a group of one: its reward, or zero."
    ) { [.centered, .normalized, .leaveOneOut, .logAverageExp].contains($0.advantage.kind) },
    .number("advantage.temperature", at(\.advantage.temperature), "τ of log_average_exp.") {
      $0.advantage.kind == .logAverageExp
    },
    .flag(
      "advantage.discounted", at(\.advantage.discounted),
      "Â per token: the discounted sum of what follows it."
    ) { $0.advantage.takesDiscounting },
    .number("advantage.discount", at(\.advantage.discount), "γ of discounted sums.") {
      $0.advantage.kind == .gae || ($0.advantage.discounted && $0.advantage.takesDiscounting)
    },
    .number("advantage.lambda", at(\.advantage.lambda), "λ of generalised advantage estimation.") {
      $0.advantage.kind == .gae
    },
    .choice(
      "advantage.whiten", at(\.advantage.whiten), "Whitening over all tokens of the step."
    ) { $0.advantage.kind != .riskBundle && $0.advantage.kind != .preference },
  ]

  private static func isRisk(_ algorithm: Algorithm) -> Bool {
    algorithm.advantage.kind == .riskBundle
  }

  private static func isReleasedRisk(_ algorithm: Algorithm) -> Bool {
    isRisk(algorithm) && algorithm.advantage.risk.form == .released
  }

  private static let riskKeys: [PartKey] = [
    .choice(
      "advantage.risk.form", at(\.advantage.risk.form), "Whose bundle advantage.", when: isRisk),
    .number(
      "advantage.risk.lower", at(\.advantage.risk.lowerLevel), "Lower quantile level.", when: isRisk
    ),
    .number(
      "advantage.risk.upper", at(\.advantage.risk.upperLevel), "Upper quantile level.", when: isRisk
    ),
    .number("advantage.risk.omega", at(\.advantage.risk.omega), "Extra weight of the lower tail.") {
      isRisk($0) && $0.advantage.risk.form == .paper
    },
    .integer(
      "advantage.risk.bundle", at(\.advantage.risk.bundleSize), "Questions of a bundle.",
      when: isRisk),
    .number(
      "advantage.risk.quantile_rate", at(\.advantage.risk.quantileLearningRate),
      "Learning rate of the tracked quantiles.", when: isRisk),
    .choice(
      "advantage.risk.credit", at(\.advantage.risk.credit),
      "How a paper's Â falls to its responses.",
      when: isReleasedRisk),
    .choice(
      "advantage.risk.quantiles", at(\.advantage.risk.quantiles), "Where the quantiles come from.",
      when: isReleasedRisk),
    .flag(
      "advantage.risk.mixing", at(\.advantage.risk.mixing), "Mix in the lower tail.",
      when: isReleasedRisk),
    .number("advantage.risk.mixing_weight", at(\.advantage.risk.mixingWeight), "Its weight.") {
      isReleasedRisk($0) && $0.advantage.risk.mixing
    },
    .flag(
      "advantage.risk.upper_tail", at(\.advantage.risk.upperTail), "Mix in the upper tail.",
      when: isReleasedRisk),
    .number("advantage.risk.upper_weight", at(\.advantage.risk.upperWeight), "Its weight.") {
      isReleasedRisk($0) && $0.advantage.risk.upperTail
    },
    .flag(
      "advantage.risk.natural_baseline", at(\.advantage.risk.naturalBaseline),
      "Count the middle part from its lower edge.", when: isReleasedRisk),
    .flag(
      "advantage.risk.mean_baseline", at(\.advantage.risk.meanBaseline),
      "Subtract tracked means.", when: isReleasedRisk),
    .flag(
      "advantage.risk.std", at(\.advantage.risk.normalizeByStd),
      "Divide by the standard deviation of the bundle's papers.", when: isReleasedRisk),
  ]

  private static let batchKeys: [PartKey] = [
    .choice("normalizers", at(\.normalizerScope), "Over which rows the loss's means run.")
  ]

  private static let pairingKeys: [PartKey] = [
    .choice("pairing.kind", at(\.pairing.kind), "How preference pairs come from a group's rewards.")
    {
      $0.advantage.kind == .preference
    },
    .number("pairing.margin", at(\.pairing.margin), "Least difference of rewards of a pair.") {
      $0.advantage.kind == .preference
    },
  ]

  private static let regulariserKeys: [PartKey] = [
    PartKey(
      "entropy_weight", .number, "Weight of the entropy bonus; 0: none.", when: { _ in true },
      read: { .number($0.entropy?.weight ?? 0) },
      write: { (algorithm, value) throws(EstimatorError) in
        let weight = try value.number("entropy_weight")
        let aggregation = algorithm.entropy?.aggregation ?? .tokenMean
        algorithm.entropy =
          weight == 0 ? nil : EntropyBonus(weight: weight, aggregation: aggregation)
      }),
    .choice(
      "entropy_aggregation.kind", at(\.entropy.orDefault.aggregation.kind),
      "How token entropies add up."
    ) { $0.entropy != nil },
    .bound(
      "entropy_aggregation.constant", at(\.entropy.orDefault.aggregation.constant), "C, as above."
    ) { $0.entropy?.aggregation.dividesByConstant == true },
    .optional(
      "kl.kind", "Estimate of the KL penalty against the anchor.", get: { $0.kl?.kind },
      none: { $0.kl = nil }, set: { $0.kl.orDefault.kind = $1 }),
    .number("kl.weight", at(\.kl.orDefault.weight), "Weight of the penalty.") { $0.kl != nil },
    .choice(
      "kl.place", at(\.kl.orDefault.place), "Whether it is part of the loss or of the reward."
    ) {
      $0.kl != nil
    },
    .bound(
      "kl.log_ratio_clamp", at(\.kl.orDefault.logRatioClamp), "Clamp of the penalty's log-ratio."
    ) { $0.kl != nil },
    .bound("kl.value_clamp", at(\.kl.orDefault.valueClamp), "Clamp of the penalty's value.") {
      $0.kl != nil
    },
    PartKey(
      "critic.trains", .flag, "Train a critic; gae needs one.", when: { $0.advantage.kind == .gae },
      read: { .flag($0.value != nil) },
      write: { (algorithm, value) throws(EstimatorError) in
        let trains = try value.flag("critic.trains")
        algorithm.value = trains ? algorithm.value ?? ValueTerm() : nil
      }),
    .bound("critic.value_clip", at(\.value.orDefault.clip), "Clip of the critic's step.") {
      $0.value != nil
    },
    .choice(
      "critic.aggregation.kind", at(\.value.orDefault.aggregation.kind), "How value losses add up."
    ) { $0.value != nil },
    .bound(
      "critic.aggregation.constant", at(\.value.orDefault.aggregation.constant), "C, as above."
    ) {
      $0.value?.aggregation.dividesByConstant == true
    },
  ]
}

// A part that is absent reads as its default and comes into being when it is written.
extension Optional where Wrapped == SpreadFilter {
  var orDefault: SpreadFilter {
    get { self ?? SpreadFilter() }
    set { self = newValue }
  }
}

extension Optional where Wrapped == SampleFilter {
  var orDefault: SampleFilter {
    get { self ?? SampleFilter() }
    set { self = newValue }
  }
}

extension Optional where Wrapped == EntropyBonus {
  var orDefault: EntropyBonus {
    get { self ?? EntropyBonus(weight: 0) }
    set { self = newValue }
  }
}

extension Optional where Wrapped == KLPenalty {
  var orDefault: KLPenalty {
    get { self ?? KLPenalty(.k3, weight: 0) }
    set { self = newValue }
  }
}

extension Optional where Wrapped == ValueTerm {
  var orDefault: ValueTerm {
    get { self ?? ValueTerm() }
    set { self = newValue }
  }
}
