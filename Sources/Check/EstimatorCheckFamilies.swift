import Estimator

/// How the files of one algorithm are read: which parameters and inputs they know, and which parts
/// of the estimator these stand for. Everything else is the same for all.
struct GoldenFamily: Sendable {
  typealias Step =
    @Sendable (EstimatorCheck) -> (inout GoldenRun, inout GoldenComparison) throws -> Void
  typealias Field =
    @Sendable (EstimatorCheck) -> (GoldenRun, GoldenValue, inout GoldenComparison) throws ->
    Void

  typealias Metric = @Sendable (GoldenRun) throws -> Double

  let parameters: Set<String>
  /// Beside ``commonInputs``.
  var inputs: Set<String> = []
  let build: @Sendable (GoldenCase, GoldenLayout) throws -> Algorithm
  /// Gate; nil: the algorithm's own, group by group.
  var route: Step?
  /// Advantages; nil: the algorithm's own estimate.
  var assemble: Step?
  /// Loss and gradients; nil: of the whole batch at once.
  var evaluate: Step?
  /// Fields of `expected` that no other family has, and those that it reads differently.
  var fields: [String: Field] = [:]
  /// Metrics that no other family has, and those that its peer counts differently.
  var metrics: [String: Metric] = [:]

  static let commonInputs: Set = [
    "groups", "rewards", "is_demo", "response_lengths", "padded_length", "mask", "logprob",
    "logprob_old", "logprob_ref", "entropy",
  ]
  private static let clip: Set = [
    "clip_low", "clip_high", "dual_clip", "log_ratio_clamp", "aggregation", "constant",
  ]
  private static let statistics: Set = ["normalise_by_std", "epsilon", "std"]
  private static let regularisers: Set = ["kl_kind", "kl_coef", "entropy_coef"]

  /// By the name that a file gives its algorithm.
  static let all: [String: GoldenFamily] = [
    "sft": sft, "reinforce": reinforce, "rloo": rloo, "OPMD": opmd,
    "reinforce_plus_plus": reinforcePlusPlus, "ppo": ppo,
    "grpo": group("grpo", normalised: true), "dr_grpo": group("dr_grpo", normalised: false),
    "DAPO": dapo, "GFPO": gfpo, "GSPO": gspo, "GSPO-token": gspoToken, "SAPO": sapo,
    "cispo": cispo, "CISPO (MiniMax-M1)": cispoVariants, "Clip-Cov and KL-Cov": entropyCovariance,
    "rollout correction (TIS, rejection)": rolloutCorrection, "GVPO": gvpo, "DPO": dpo,
    "RiskPO (author code)": riskReleased, "RiskPO (paper form)": riskPaper,
    "luffy": luffy, "offline_reinforce": offline, "srft": srft, "hpt": hpt,
  ]

  /// A catalogue entry as it stands, before a case's parameters.
  static func catalogue(
    _ name: String, _ form: Algorithm.Form? = nil
  ) throws -> Algorithm {
    try CatalogEntry.find(name, form: form).build()
  }

  private static let sft = GoldenFamily(
    parameters: ["aggregation", "constant", "sft_coef", "entropy_coef"],
    build: { golden, layout in
      var algorithm = try catalogue("sft")
      algorithm.imitation.aggregation = try golden.parameters.aggregation(layout)
      algorithm.imitation.weight = try golden.parameters.number("sft_coef") ?? 1
      algorithm.entropy = try golden.parameters.entropy()
      return algorithm
    })

  private static let reinforce = GoldenFamily(
    parameters: ["aggregation", "constant", "baseline"],
    build: { golden, layout in
      var algorithm = try catalogue("reinforce")
      let name = try golden.parameters.text("baseline") ?? "no-baseline"
      let known: [String: AdvantageEstimate.Kind] = [
        "no-baseline": .reward, "plus-minus-one": .signed, "group-mean-baseline": .centered,
      ]
      guard let kind = known[name] else {
        throw GoldenProblem("the baseline \(name) is not understood")
      }
      algorithm.advantage.kind = kind
      algorithm.rollouts.aggregation = try golden.parameters.aggregation(
        layout, else: "seq-mean-token-sum")
      return algorithm
    })

  private static let rloo = GoldenFamily(
    parameters: ["aggregation", "constant", "singleton_group"],
    build: { golden, layout in
      var algorithm = try catalogue("rloo")
      algorithm.rollouts.aggregation = try golden.parameters.aggregation(
        layout, else: "seq-mean-token-sum")
      return algorithm
    },
    fields: ["advantages_vectorized": EstimatorCheck.compareVectorized])

  private static let opmd = GoldenFamily(
    parameters: ["aggregation", "constant", "baseline", "tau"],
    build: { golden, layout in
      var algorithm = try catalogue("opmd")
      let tau = try golden.parameters.number("tau") ?? 1
      let name = try golden.parameters.text("baseline") ?? "mean"
      let known: [String: AdvantageEstimate.Kind] = [
        "mean": .centered, "logavgexp": .logAverageExp,
      ]
      guard let kind = known[name] else {
        throw GoldenProblem("the baseline \(name) is not understood")
      }
      algorithm.advantage = AdvantageEstimate(kind, temperature: tau)
      algorithm.rollouts.weight = 1 / (1 + tau)
      algorithm.rollouts.aggregation = try golden.parameters.aggregation(layout)
      return algorithm
    })

  private static let reinforcePlusPlus = GoldenFamily(
    parameters: clip.union(["gamma", "variant"]),
    build: { golden, layout in
      let variant = try golden.parameters.text("variant") ?? "global-whitening"
      var algorithm: Algorithm
      switch variant {
      case "global-whitening": algorithm = try catalogue("reinforce_plus_plus")
      case "group-mean then global-whitening":
        algorithm = try catalogue("reinforce_plus_plus_baseline")
      default: throw GoldenProblem("the variant \(variant) is not understood")
      }
      algorithm.advantage.discount = try golden.parameters.number("gamma") ?? 1
      algorithm.rollouts.mask = try golden.parameters.mask(clamp: 20)
      algorithm.rollouts.aggregation = try golden.parameters.aggregation(layout)
      return algorithm
    })

  private static let ppo = GoldenFamily(
    parameters: clip.union(regularisers).union([
      "gamma", "lam", "value_clip", "whiten_advantages",
    ]),
    inputs: ["values", "values_old"],
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("ppo")
      algorithm.advantage.discount = try parameters.number("gamma") ?? 1
      algorithm.advantage.lambda = try parameters.number("lam") ?? 1
      let whitens = try parameters.flag("whiten_advantages") ?? true
      algorithm.advantage.whiten = whitens ? .bessel : .none
      algorithm.rollouts.mask = try parameters.mask(clamp: 20)
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      algorithm.value = ValueTerm(
        clip: try parameters.number("value_clip"), aggregation: try parameters.aggregation(layout))
      // These files have no anchor in the loss: a penalty of theirs is part of the token rewards,
      // unclamped.
      algorithm.kl = try parameters.kl(place: .reward)
      algorithm.kl?.logRatioClamp = nil
      algorithm.kl?.valueClamp = nil
      algorithm.entropy = try parameters.entropy()
      return algorithm
    },
    fields: [
      "advantages_raw": EstimatorCheck.compareRawAdvantages,
      "token_rewards": EstimatorCheck.compareTokenRewards,
      "sequence_mean_kl": EstimatorCheck.compareSequenceKL,
      "value_loss": EstimatorCheck.compareValueLoss,
      "grad_values": EstimatorCheck.compareValueGradient,
      "value_clip_fraction": EstimatorCheck.compareValueClip,
    ])

  private static func group(_ name: String, normalised: Bool) -> GoldenFamily {
    GoldenFamily(
      parameters: clip.union(statistics).union(regularisers).union([
        "clip", "two_sided_delta", "singleton_group",
      ]),
      build: { golden, layout in
        let parameters = golden.parameters
        var algorithm = try catalogue(name)
        algorithm.advantage = try parameters.groupAdvantage(normalised: normalised)
        algorithm.rollouts.mask = try parameters.mask(clamp: 20)
        algorithm.rollouts.aggregation = try parameters.aggregation(layout)
        algorithm.kl = try parameters.kl()
        algorithm.entropy = try parameters.entropy()
        return algorithm
      },
      metrics: ["pg_clipfrac": { try $0.clipShareOfRelease() }])
  }

  private static let dapo = GoldenFamily(
    parameters: clip.union(statistics).union(regularisers).union([
      "max_resp_len", "overlong_buffer_len", "overlong_penalty_factor", "filter_metric",
    ]),
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("dapo")
      algorithm.gate.spread = nil
      if let metric = try parameters.text("filter_metric") {
        algorithm.gate.spread = SpreadFilter(component: metric)
      }
      algorithm.reward = try parameters.overlong(factor: "overlong_penalty_factor")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.mask = try parameters.mask(clamp: 20)
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      algorithm.kl = try parameters.kl()
      algorithm.entropy = try parameters.entropy()
      return algorithm
    },
    route: EstimatorCheck.routeShaped, fields: ["decisions": EstimatorCheck.compareSpread])

  private static let gfpo = GoldenFamily(
    parameters: clip.union(statistics).union(["clip", "filter", "variant", "token_normaliser"]),
    build: { golden, layout in
      let parameters = golden.parameters
      let isPaper = try parameters.required("variant").string() == "paper"
      var algorithm = try catalogue("gfpo", isPaper ? .paper : .released)
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.mask = try parameters.mask()
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      // The files leave the paper's penalty and bonus out.
      algorithm.kl = nil
      algorithm.entropy = nil
      return algorithm
    },
    route: EstimatorCheck.routeFiltered, fields: ["decisions": EstimatorCheck.compareFilter],
    metrics: ["clip_region": { try $0.diagnostics.clipShare }])

  private static let sapo = GoldenFamily(
    parameters: clip.union(statistics).union(["tau_pos", "tau_neg"]),
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("sapo")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.mask = StabilizationMask(
        .smooth, logRatioClamp: try parameters.number("log_ratio_clamp"),
        temperaturePositive: try parameters.number("tau_pos") ?? 1,
        temperatureNegative: try parameters.number("tau_neg") ?? 1.05)
      algorithm.rollouts.aggregation = try parameters.aggregation(
        layout, else: "seq-mean-token-mean")
      return algorithm
    })
}

extension GoldenRun {
  var diagnostics: Diagnostics {
    get throws {
      guard let evaluation else { throw GoldenProblem("a metric without log-probabilities") }
      return evaluation.diagnostics
    }
  }
}
