import Definition
public import Estimator

/// Section `algorithm`: a named algorithm, and the parts that the definition replaces.
public struct AlgorithmSettings: Sendable, Equatable {
  public var algorithm: Algorithm
  public var name: String { algorithm.name }

  /// Whether some group may train on rollouts.
  public var needsRollouts: Bool { algorithm.gate.rule != .imitate }

  static let keys: [Key] =
    [
      Key(
        "algorithm.name", .choice(Algorithm.names),
        meaning: "The algorithm whose parts the other keys of this section replace."),
      part("form", .choice(["paper", "released"]), "Where paper and released code differ: which."),
      part(
        "reference", .choice(ReferenceDenominator.allCases.map(\.rawValue)),
        "Denominator of the ratio for rollouts: the estimator's reference policy."),
      part("rl_weight", anyNumber, "Factor on the rollouts' term."),
      part("sft_weight", anyNumber, "Factor on the demonstrations' term."),
      part("entropy_weight", anyNumber, "Weight of the entropy bonus; 0 for none."),
      part(
        "normalizers", .choice(NormalizerScope.allCases.map(\.rawValue)),
        "Over which rows the loss's means run."),
    ] + gateKeys + partKeys

  private static let anyNumber = Key.Kind.number(-Double.infinity ... .infinity)

  private static let gateKeys: [Key] = [
    part(
      "gate.kind", .choice(["switch", "rl", "sft"]),
      "Who decides between rollouts and demonstration."),
    part(
      "gate.threshold_count", .integer(-1...1_000_000),
      "γ as a count: a group with this many solved rollouts or fewer imitates."),
    part(
      "gate.threshold_off_count", .integer(-1...1_000_000),
      "The released trainer's second threshold; the larger of the two counts."),
    part(
      "gate.threshold_share", anyNumber,
      "γ as a share: a group with at most this share of solved rollouts imitates."),
    part("gate.component", .text, "Component of the verdict that says solved by being exactly 1."),
    part("gate.rl_weight", anyNumber, "α of a group that trains on its rollouts."),
    part("gate.sft_weight", anyNumber, "β of a group that trains on its demonstration."),
  ]

  private static let partKeys: [Key] = [
    part(
      "advantage.kind", .choice(AdvantageEstimate.Kind.names),
      "How a rollout's advantage comes from its group's rewards."),
    part("advantage.std_epsilon", anyNumber, "Added to the standard deviation (normalized only)."),
    part("advantage.bessel", .flag, "Divide the squares by n − 1 (normalized only)."),
    part(
      "advantage.singleton", .choice(AdvantageEstimate.Singleton.allCases.map(\.rawValue)),
      "Advantage of a group of one: its reward, or zero."),
    part("mask.kind", .choice(["none", "clip"]), "Stabilization mask of the rollouts' tokens."),
    part(
      "mask.clip_low", anyNumber,
      "A ratio below 1 minus this is masked if the advantage is negative."),
    part(
      "mask.clip_high", anyNumber,
      "A ratio above 1 plus this is masked if the advantage is positive."),
    part("mask.dual_clip", anyNumber, "Largest ratio with a negative advantage; 0 for none."),
    part("mask.log_ratio_clamp", anyNumber, "Clamp of the log-ratio; 0 for none."),
    part("mask.ratio_cap", anyNumber, "Cap of the ratio before everything else; 0 for none."),
    part("aggregation.kind", .choice(Aggregation.names), "How rollout tokens add up to a loss."),
    part("aggregation.constant", anyNumber, "C of the aggregations that divide by a constant."),
    part(
      "sft_aggregation.kind", .choice(Aggregation.names),
      "How demonstration tokens add up to a loss."),
    part("sft_aggregation.constant", anyNumber, "C of the aggregations that divide by a constant."),
    part(
      "entropy_aggregation.kind", .choice(Aggregation.names), "How token entropies add up."),
    part("entropy_aggregation.constant", anyNumber, "C, as above."),
    part(
      "kl.kind", .choice(["none", "k1", "abs", "k2", "k3", "k1+", "k3+"]),
      "Estimate of the KL penalty against the anchor."),
    part("kl.weight", anyNumber, "Weight of the KL penalty."),
    part(
      "kl.place", .choice(["loss", "reward"]), "Whether the penalty is part of loss or reward."),
    part("kl.log_ratio_clamp", anyNumber, "Clamp of the penalty's log-ratio; 0 for none."),
    part("kl.value_clamp", anyNumber, "Clamp of the penalty's value; 0 for none."),
  ]

  private static func part(_ name: String, _ kind: Key.Kind, _ meaning: String) -> Key {
    Key(
      "algorithm.\(name)", kind, default: .absent,
      meaning: meaning + " Default: the named algorithm's own.")
  }

  init(_ definition: Definition) throws {
    let name = definition.text("algorithm.name")
    do {
      algorithm = try Algorithm.named(name, parameters: Self.parameters(definition))
    } catch {
      throw definition.error(
        at: "algorithm.name", "\(error.location): \(error.problem)", remedy: error.remedy)
    }
    guard !algorithm.quantities.contains(.logProbabilityAnchor) else {
      throw definition.error(
        at: "algorithm.name",
        "\(name) in its \(algorithm.form.rawValue) form has a KL penalty, and no stage scores an "
          + "anchor", remedy: "Set algorithm.kl.kind to none.")
    }
  }

  private static func parameters(_ definition: Definition) -> AlgorithmParameters {
    func text(_ name: String) -> String? { definition.textIfSet("algorithm.\(name)") }
    func number(_ name: String) -> Double? { definition.numberIfSet("algorithm.\(name)") }
    func flag(_ name: String) -> Bool? {
      if case .flag(let flag) = definition.value("algorithm.\(name)") { flag } else { nil }
    }
    func aggregation(_ name: String) -> AlgorithmParameters.AggregationParameters {
      .init(kind: text("\(name).kind"), constant: number("\(name).constant"))
    }
    var parameters = AlgorithmParameters()
    parameters.form = text("form")
    parameters.gate = .init(
      kind: text("gate.kind"),
      thresholdCount: definition.integerIfSet("algorithm.gate.threshold_count"),
      thresholdOffCount: definition.integerIfSet("algorithm.gate.threshold_off_count"),
      thresholdShare: number("gate.threshold_share"), component: text("gate.component"),
      rlWeight: number("gate.rl_weight"), sftWeight: number("gate.sft_weight"))
    parameters.advantage = .init(
      kind: text("advantage.kind"), stdEpsilon: number("advantage.std_epsilon"),
      bessel: flag("advantage.bessel"),
      singleton: text("advantage.singleton"))
    parameters.reference = text("reference")
    parameters.rlWeight = number("rl_weight")
    parameters.sftWeight = number("sft_weight")
    parameters.mask = .init(
      kind: text("mask.kind"), clipLow: number("mask.clip_low"),
      clipHigh: number("mask.clip_high"), dualClip: number("mask.dual_clip"),
      logRatioClamp: number("mask.log_ratio_clamp"), ratioCap: number("mask.ratio_cap"))
    parameters.aggregation = aggregation("aggregation")
    parameters.sftAggregation = aggregation("sft_aggregation")
    parameters.entropyWeight = number("entropy_weight")
    parameters.entropyAggregation = aggregation("entropy_aggregation")
    parameters.kl = .init(
      kind: text("kl.kind"), weight: number("kl.weight"), place: text("kl.place"),
      logRatioClamp: number("kl.log_ratio_clamp"), valueClamp: number("kl.value_clamp"))
    parameters.normalizers = text("normalizers")
    return parameters
  }
}
