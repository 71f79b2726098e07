import Estimator

// From the hyperparameters of a case to an algorithm of the catalogue.
extension EstimatorCheck {
  func algorithm(
    _ name: String, _ hyperparameters: GoldenValue, _ layout: GoldenLayout, _ inputs: GoldenValue
  ) throws -> Algorithm {
    var parameters = AlgorithmParameters()
    let mode = try hyperparameters["aggregation"]?.string() ?? "token-mean"
    parameters.aggregation = try aggregationParameters(mode, hyperparameters, layout)
    parameters.sftAggregation = parameters.aggregation
    parameters.sftWeight = try hyperparameters["sft_coef"]?.number()
    parameters.entropyWeight = try hyperparameters["entropy_coef"]?.number()
    parameters.kl = try klParameters(hyperparameters)
    switch name {
    case "sft": break
    case "reinforce", "rloo":
      parameters.advantage.kind =
        name == "rloo" ? "leave_one_out" : try baseline(hyperparameters)
      return try Algorithm.named("reinforce", parameters: parameters)
    default:
      parameters.mask = try maskParameters(hyperparameters)
      parameters.advantage = try groupAdvantage(name, hyperparameters)
    }
    return try Algorithm.named(name, parameters: parameters)
  }

  private func baseline(_ hyperparameters: GoldenValue) throws(GoldenProblem) -> String {
    let known = [
      "no-baseline": "reward", "plus-minus-one": "signed", "group-mean-baseline": "centered",
    ]
    let name = try hyperparameters["baseline"]?.string() ?? "no-baseline"
    guard let kind = known[name] else {
      throw GoldenProblem("the baseline \(name) is not understood")
    }
    return kind
  }

  private func groupAdvantage(_ name: String, _ hyperparameters: GoldenValue)
    throws(GoldenProblem) -> AlgorithmParameters.AdvantageParameters
  {
    let normalised = try hyperparameters["normalise_by_std"]?.bool() ?? (name == "grpo")
    guard normalised else { return .init(kind: "centered") }
    let population = try hyperparameters["std"]?.string().contains("population") ?? false
    return .init(
      kind: "normalized", stdEpsilon: try hyperparameters["epsilon"]?.number() ?? 1e-6,
      bessel: !population)
  }

  /// `null` switches a bound off, as 0 does in a definition.
  func maskParameters(_ hyperparameters: GoldenValue) throws(GoldenProblem)
    -> AlgorithmParameters.MaskParameters
  {
    if try hyperparameters["clip"]?.bool() == false { return .init(kind: "none") }
    return .init(
      kind: "clip", clipLow: try hyperparameters["clip_low"]?.number(),
      clipHigh: try hyperparameters["clip_high"]?.number(),
      dualClip: try hyperparameters["dual_clip"]?.number() ?? 0,
      logRatioClamp: try hyperparameters["log_ratio_clamp"]?.number() ?? 0,
      ratioCap: try hyperparameters["two_sided_delta"]?.number() ?? 0)
  }

  /// `k3` is verl's, clamped twice; `k3-unclamped` is TRL's.
  private func klParameters(_ hyperparameters: GoldenValue) throws(GoldenProblem)
    -> AlgorithmParameters.KLParameters
  {
    guard let weight = try hyperparameters["kl_coef"]?.number(), weight != 0 else {
      return .init(kind: "none")
    }
    let name = try hyperparameters.required("kl_kind").string()
    let bare = name.hasSuffix("-unclamped") ? String(name.dropLast(10)) : name
    let kind = try klKind(bare)
    let clamps = (kind == .k3 || kind == .k3Plus) && bare == name
    return .init(
      kind: kind.rawValue, weight: weight, place: "loss", logRatioClamp: clamps ? 20 : 0,
      valueClamp: clamps ? 10 : 0)
  }

  /// A file's `seq-mean-token-sum-norm` is our `seq_mean_token_sum_norm`; where no constant is given it
  /// is the width to which the peer padded.
  func aggregationParameters(
    _ name: String, _ hyperparameters: GoldenValue, _ layout: GoldenLayout
  ) throws(GoldenProblem) -> AlgorithmParameters.AggregationParameters {
    let word = name.prefix { $0 != " " }
    return .init(
      kind: String(word.map { $0 == "-" ? "_" : $0 }),
      constant: try hyperparameters["constant"]?.number() ?? layout.paddedLength)
  }

  func aggregation(_ name: String, _ hyperparameters: GoldenValue, _ layout: GoldenLayout) throws
    -> Aggregation
  {
    let parameters = try aggregationParameters(name, hyperparameters, layout)
    return try Aggregation(named: parameters.kind ?? name, constant: parameters.constant)
  }
}
