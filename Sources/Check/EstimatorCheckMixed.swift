import Estimator

// Families with demonstrations beside rollouts: LUFFY, offline REINFORCE, SRFT.
extension GoldenFamily {
  private static let mixture: Set = [
    "shaping", "normalise_by_std", "epsilon", "std", "on_policy_clip", "clip_low", "clip_high",
    "dual_clip", "log_ratio_clamp", "aggregation", "constant", "entropy_coef",
  ]

  static let luffy = GoldenFamily(
    parameters: mixture, inputs: ["demo_prefix_lengths", "behaviour_probability"],
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("luffy")
      algorithm.advantage = try parameters.groupAdvantage(normalised: false)
      if try parameters.flag("on_policy_clip") ?? false {
        algorithm.rollouts.mask = try parameters.mask()
      }
      let aggregation = try parameters.aggregation(layout, else: "seq-mean-token-sum-norm")
      algorithm.rollouts.aggregation = aggregation
      // Where the author's probabilities are known the ratio to them takes the shape's place.
      let isKnown = golden.inputs["behaviour_probability"] != nil
      algorithm.offPolicy = PolicyTerm(
        reference: isKnown ? .behaviour : .one, shape: isKnown ? .none : try parameters.shape(),
        aggregation: aggregation)
      algorithm.entropy = try parameters.entropy()
      return algorithm
    },
    metrics: mixedMetrics.merging([
      "on_policy_prob": { try $0.meanProbability(demonstrations: false) },
      "pg_clipfrac": { try $0.clipShareOfAllTokens() },
      "ppo_kl": { try $0.klOfAllTokens() },
    ]) { $1 })

  /// LUFFY's mixture without a shape.
  static let offline = GoldenFamily(
    parameters: ["reference", "aggregation", "constant", "normalise_by_std", "epsilon", "std"],
    build: { golden, layout in
      let parameters = golden.parameters
      if case .number(let reference)? = parameters["reference"], reference != 1 {
        throw GoldenProblem("π_ref = \(reference) is not understood")
      }
      var algorithm = try catalogue("luffy")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.aggregation = try parameters.aggregation(
        layout, else: "seq-mean-token-sum-norm")
      algorithm.offPolicy = PolicyTerm(
        reference: .one, aggregation: algorithm.rollouts.aggregation)
      algorithm.entropy = nil
      return algorithm
    },
    route: EstimatorCheck.routeOffline)

  static let srft = GoldenFamily(
    parameters: mixture.union([
      "self_rollout_form", "sft_weight", "positive_weight", "negative_weight",
    ]),
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("srft")
      algorithm.advantage = try parameters.groupAdvantage(normalised: false)
      let form = try parameters.text("self_rollout_form") ?? "paper"
      let known: [String: ReferenceDenominator] = [
        "paper": .current, "exp": .one, "classic_rl": .updateStart, "minus_old": .currentFromStart,
      ]
      guard let reference = known[form] else {
        throw GoldenProblem("the self_rollout_form \(form) is not understood")
      }
      let aggregation = try parameters.aggregation(layout, else: "seq-mean-token-sum-norm")
      algorithm.rollouts.reference = reference
      algorithm.rollouts.aggregation = aggregation
      algorithm.rollouts.credit.positive = try parameters.factor(
        "positive_weight", of: "exp(+H)", else: 0.1)
      algorithm.rollouts.credit.negative = try parameters.number("negative_weight") ?? 1
      algorithm.offPolicy.shape = try parameters.shape()
      algorithm.offPolicy.aggregation = aggregation
      algorithm.imitation.credit.positive = try parameters.factor(
        "sft_weight", of: "exp(-H)", else: 0.5)
      algorithm.entropy = try parameters.entropy()
      return algorithm
    },
    fields: [
      "sequence_entropy": EstimatorCheck.compareEntropies,
      "sft_weight": EstimatorCheck.compareImitationWeights,
      "positive_weight": EstimatorCheck.comparePositiveWeights,
    ],
    metrics: mixedMetrics.merging([
      "pg_loss": { try $0.evaluated.terms.withoutRegularisers }
    ]) { $1 })

  /// What the HPT repository reports of its mixture: means over tokens, each kind by itself.
  private static let mixedMetrics: [String: Metric] = [
    "on_pg_loss": { try $0.meanLoss(demonstrations: false) },
    "off_pg_loss": { try $0.meanLoss(demonstrations: true) },
    "off_policy_prob": { try $0.meanProbability(demonstrations: true) },
    "off_ratio_mean": { run in
      let sums = try run.diagnostics
      return sums.offPolicyRatioSum / Double(max(1, sums.offPolicyTokens))
    },
  ]
}

extension EstimatorCheck {
  /// A group of nothing but demonstrations has no statistics of rollouts: Â is 1.
  func routeOffline(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    try run.route()
    for (index, members) in run.layout.groups.enumerated()
    where run.decisions[index].total == 0 {
      for sample in members { run.roles[sample] = .init(standing: .imitated) }
    }
  }

  func compareEntropies(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    comparison.numbers("sequence_entropy", try run.meanEntropies(), try golden.comparableNumbers())
  }

  /// The files list both weights for every sample, whichever it has in the loss.
  func compareImitationWeights(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let credit = run.algorithm.imitation.credit
    let ours = try run.meanEntropies().map { credit.weight(meanEntropy: $0, isSolved: true) }
    comparison.numbers("sft_weight", ours, try golden.comparableNumbers())
  }

  func comparePositiveWeights(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let credit = run.algorithm.rollouts.credit
    let ours = try run.meanEntropies().map { credit.weight(meanEntropy: $0, isSolved: true) }
    comparison.numbers("positive_weight", ours, try golden.comparableNumbers())
  }
}

extension GoldenRun {
  var evaluated: Evaluation {
    get throws {
      guard let evaluation else { throw GoldenProblem("a field without log-probabilities") }
      return evaluation
    }
  }

  /// Mean entropy of each sample over its trained tokens.
  func meanEntropies() throws -> [Double] {
    guard let entropy = try layout.tokens("entropy") else {
      throw GoldenProblem("entropy is missing")
    }
    return entropy.indices.map { sample in
      mean(
        entropy[sample].indices.filter { layout.trained[sample][$0] }.map { entropy[sample][$0] })
    }
  }

  private func tokens(demonstrations: Bool?) throws -> [Int] {
    guard let batch else { throw GoldenProblem("a metric without log-probabilities") }
    return batch.rows.indices.flatMap { row in
      (batch.rowStarts[row]..<batch.rowStarts[row + 1]).filter {
        batch.trained[$0]
          && (demonstrations.map { $0 == (batch.rows[row].kind == .demonstration) } ?? true)
      }
    }
  }

  /// The loss of one kind of row, as a mean over its tokens.
  func meanLoss(demonstrations: Bool) throws -> Double {
    let wanted = samples.filter { layout.isDemonstration[$0] == demonstrations }
    guard !wanted.isEmpty else { return 0 }
    var alone = algorithm
    alone.rollouts.aggregation = .tokenMean
    alone.offPolicy.aggregation = .tokenMean
    let terms = try alone.evaluate(makeBatch(of: wanted)).terms
    return demonstrations ? terms.offPolicy : terms.policy
  }

  /// Of demonstrations under the policy; of rollouts, as the repository has it, under the policy that
  /// the step began with.
  func meanProbability(demonstrations: Bool) throws -> Double {
    let source = demonstrations ? batch?.logProbability : batch?.logProbabilityOld
    guard let source else { throw GoldenProblem("logprob_old is missing") }
    return mean(try tokens(demonstrations: demonstrations).map { exponential(source[$0]) })
  }

  func klOfAllTokens() throws -> Double {
    guard let batch, let old = batch.logProbabilityOld else {
      throw GoldenProblem("logprob_old is missing")
    }
    return mean(try tokens(demonstrations: nil).map { old[$0] - batch.logProbability[$0] })
  }

  /// The clip is taken of every token, demonstrations among them, before these are masked out.
  func clipShareOfAllTokens() throws -> Double {
    guard algorithm.rollouts.mask.kind == .clip else { return 0 }
    return try clipShare(by: algorithm.rollouts.mask)
  }

  /// Share of the batch's tokens that `mask` would clip.
  func clipShare(by mask: StabilizationMask) throws -> Double {
    guard let batch, let old = batch.logProbabilityOld else {
      throw GoldenProblem("logprob_old is missing")
    }
    let flat = samples.flatMap { advantages[$0] }
    return mean(
      try tokens(demonstrations: nil).map {
        mask(logRatio: batch.logProbability[$0] - old[$0], advantage: flat[$0]).clipped ? 1 : 0
      })
  }
}

extension LossTerms {
  var withoutRegularisers: Double { policy + offPolicy + imitation }
}
