/// The parameters of one policy term, under a prefix: `""` for rollouts, `off_` for demonstrations
/// that join, `sft_` for those that are imitated.
struct TermKeys {
  private let prefix: String
  private let term: any WritableKeyPath<Algorithm, PolicyTerm> & Sendable
  private let weight: String
  private let isUsed: PartKey.Condition

  init(
    _ prefix: String, _ term: any WritableKeyPath<Algorithm, PolicyTerm> & Sendable, weight: String,
    isUsed: @escaping PartKey.Condition
  ) {
    self.prefix = prefix
    self.term = term
    self.weight = weight
    self.isUsed = isUsed
  }

  var all: [PartKey] {
    factorKeys + maskKeys + creditKeys + (prefix.isEmpty ? batchKeys : []) + sumKeys
  }

  private func when(_ test: @escaping @Sendable (PolicyTerm) -> Bool) -> PartKey.Condition {
    let (term, isUsed) = (term, isUsed)
    return { isUsed($0) && test($0[keyPath: term]) }
  }

  /// A term without ratio has nothing to mask.
  private var reference: Place<ReferenceDenominator> {
    let term = term
    return Place(
      get: { $0[keyPath: term].reference },
      set: { algorithm, reference in
        algorithm[keyPath: term].reference = reference
        guard !reference.hasRatio else { return }
        algorithm[keyPath: term].mask = .none
        algorithm[keyPath: term].level = .token
        algorithm[keyPath: term].selection = nil
      })
  }

  private var factorKeys: [PartKey] {
    [
      .choice(
        "\(prefix)reference", reference,
        "π_ref: the denominator of the ratio. Not the KL anchor. With current there is no ratio, and "
          + "mask and level fall away.", when: isUsed),
      .choice(
        "\(prefix)level", at(term, \.level), "Ratio of each token, or of its whole response.",
        when: when { $0.reference.hasRatio }),
      .choice(
        "\(prefix)shape.kind", at(term, \.shape.kind), "Policy shaping f(π_θ).",
        when: when { $0.reference == .one }),
      .number(
        "\(prefix)shape.constant", at(term, \.shape.constant), "c of the shape.",
        when: when { $0.reference == .one && $0.shape.hasConstant }),
    ]
  }

  private var maskKeys: [PartKey] {
    [
      .choice(
        "\(prefix)mask.kind", at(term, \.mask.kind), "The stabilization mask.",
        when: when { $0.reference.hasRatio }),
      .bound(
        "\(prefix)mask.clip_low", at(term, \.mask.clipLow),
        "A ratio below 1 minus this is masked where Â < 0.", when: when { $0.mask.kind == .clip }),
      .bound(
        "\(prefix)mask.clip_high", at(term, \.mask.clipHigh),
        "A ratio above 1 plus this is masked where Â > 0.", when: when { $0.mask.kind == .clip }),
      .bound(
        "\(prefix)mask.dual_clip", at(term, \.mask.dualClip), "Largest ratio where Â < 0.",
        when: when { $0.mask.kind == .clip }),
      .bound(
        "\(prefix)mask.ratio_cap", at(term, \.mask.ratioCap), "Cap of the ratio before the clip.",
        when: when { $0.mask.kind == .clip }),
      .bound(
        "\(prefix)mask.weight_min", at(term, \.mask.weightMin), "Least weight.",
        when: when { $0.mask.kind == .cap }),
      .bound(
        "\(prefix)mask.weight_max", at(term, \.mask.weightMax), "Largest weight.",
        when: when { $0.mask.kind == .cap }),
      .number(
        "\(prefix)mask.temperature_positive", at(term, \.mask.temperaturePositive),
        "τ of the smooth mask where Â > 0.", when: when { $0.mask.kind == .smooth }),
      .number(
        "\(prefix)mask.temperature_negative", at(term, \.mask.temperatureNegative),
        "τ of the smooth mask elsewhere.", when: when { $0.mask.kind == .smooth }),
      .bound(
        "\(prefix)mask.log_ratio_clamp", at(term, \.mask.logRatioClamp),
        "Clamp of the log-ratio.", when: when { $0.reference.hasRatio }),
    ]
  }

  private var creditKeys: [PartKey] {
    [
      .choice(
        "\(prefix)credit.kind", at(term, \.credit.kind), "How the assembled number becomes Â.",
        when: isUsed),
      .number(
        "\(prefix)credit.beta", at(term, \.credit.beta), "β of the implicit reward.",
        when: when { $0.credit.comparesPolicies }),
      .choice(
        "\(prefix)credit.against", at(term, \.credit.against),
        "π′, with which the policy is compared.", when: when { $0.credit.comparesPolicies }),
      .number(
        "\(prefix)credit.label_smoothing", at(term, \.credit.labelSmoothing),
        "Share of pairs thought to be labelled the wrong way round.",
        when: when { $0.credit.kind == .preference }),
      .number(
        "\(prefix)credit.positive", at(term, \.credit.positive), "Factor of exp(±H).",
        when: when { $0.credit.readsEntropy }),
      .number(
        "\(prefix)credit.negative", at(term, \.credit.negative), "Weight of a wrong response.",
        when: when { $0.credit.kind == .entropySign }),
    ]
  }

  private var sumKeys: [PartKey] {
    [
      .choice(
        "\(prefix)aggregation.kind", at(term, \.aggregation.kind), "How tokens add up to a loss.",
        when: isUsed),
      .bound(
        "\(prefix)aggregation.constant", at(term, \.aggregation.constant),
        "C of the aggregations that divide by a constant.",
        when: when { $0.aggregation.dividesByConstant }),
      .number(weight, at(term, \.weight), "Factor on the term.", when: isUsed),
    ]
  }
}

// Parts that only the rollouts' term has.
extension TermKeys {
  private var batchKeys: [PartKey] { selectionKeys + correctionKeys }

  private var selectionKeys: [PartKey] {
    let isSet = when { $0.selection != nil }
    return [
      .optional(
        "selection.kind", "Tokens picked by the covariance of advantage and log-probability.",
        when: when { $0.reference.hasRatio },
        get: { $0.rollouts.selection?.kind }, none: { $0.rollouts.selection = nil },
        set: { algorithm, kind in
          var selection = algorithm.rollouts.selection ?? TokenSelection(kind)
          selection.kind = kind
          algorithm.rollouts.selection = selection
        }),
      .number(
        "selection.ratio", at(\.rollouts.selection.orDefault.ratio), "Their share.", when: isSet),
      .number(
        "selection.lower", at(\.rollouts.selection.orDefault.lower), "Lower edge of the band.",
        when: when { $0.selection?.kind == .clipCovariance }),
      .number(
        "selection.upper", at(\.rollouts.selection.orDefault.upper), "Upper edge of the band.",
        when: when { $0.selection?.kind == .clipCovariance }),
      .number(
        "selection.coefficient", at(\.rollouts.selection.orDefault.coefficient),
        "Weight of |log r| at the picked tokens.",
        when: when { $0.selection?.kind == .klCovariance }),
    ]
  }

  private var correctionKeys: [PartKey] {
    let isSet = when { $0.correction != nil }
    return [
      .optional(
        "correction.kind",
        "Truncated importance sampling against the rollout policy; rejection: its rules alone.",
        when: isUsed, get: { $0.rollouts.correction?.level },
        none: { $0.rollouts.correction = nil },
        set: { $0.rollouts.correction.orDefault.level = $1 }),
      .number(
        "correction.cap", at(\.rollouts.correction.orDefault.cap), "Largest weight.", when: isSet),
      .flag(
        "correction.normalized", at(\.rollouts.correction.orDefault.isNormalized),
        "Divide the weights by their mean.", when: isSet),
      .choice(
        "correction.numerator", at(\.rollouts.correction.orDefault.numerator),
        "The policy above the rollout policy in the weight.", when: isSet),
      .number(
        "correction.clamp", at(\.rollouts.correction.orDefault.clamp), "Clamp of its log-ratio.",
        when: isSet),
      PartKey(
        "correction.rejection", .texts,
        "Rules that drop tokens or responses: \"token_k1 0.5 2\", \"seq_mean_k3 0.2\".",
        when: isSet,
        read: { .texts(($0.rollouts.correction?.rejections ?? []).map(\.text)) },
        write: { (algorithm, value) throws(EstimatorError) in
          var rules: [RolloutCorrection.Rejection] = []
          for text in try value.texts("correction.rejection") { rules.append(try .init(text)) }
          algorithm.rollouts.correction.orDefault.rejections = rules
        }),
    ]
  }
}

extension Optional where Wrapped == TokenSelection {
  var orDefault: TokenSelection {
    get { self ?? TokenSelection(.clipCovariance) }
    set { self = newValue }
  }
}

extension Optional where Wrapped == RolloutCorrection {
  var orDefault: RolloutCorrection {
    get { self ?? RolloutCorrection() }
    set { self = newValue }
  }
}
