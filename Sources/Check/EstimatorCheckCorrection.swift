import Estimator

// `rollout_correction.json`: three policies, of which the peer can leave one out.
extension GoldenFamily {
  static let rolloutCorrection = GoldenFamily(
    parameters: [
      "rollout_is", "rollout_is_threshold", "batch_normalize", "rollout_rs",
      "rollout_rs_threshold", "mode", "clip_low", "clip_high", "dual_clip", "log_ratio_clamp",
      "aggregation", "constant", "normalise_by_std", "epsilon", "std", "safety_clamp",
    ],
    inputs: ["logprob_rollout"],
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("grpo")
      algorithm.advantage = try parameters.groupAdvantage(normalised: true)
      algorithm.rollouts.aggregation = try parameters.aggregation(layout)
      switch try golden.correctionMode {
      case .decoupled, .ratio: algorithm.rollouts.mask = try parameters.mask(clamp: 20)
      case .weight:
        algorithm.rollouts = PolicyTerm(
          reference: .current, aggregation: algorithm.rollouts.aggregation)
      }
      return algorithm
    },
    evaluate: EstimatorCheck.evaluateCorrected,
    fields: [
      "rollout_is_weights": EstimatorCheck.compareCorrectionWeights,
      "rejection_mask": EstimatorCheck.compareRejection,
    ],
    metrics: mismatchMetrics.merging(summaryMetrics) { $1 })

  private static let mismatchMetrics: [String: Metric] = [
    "kl": { try $0.mismatch().kl },
    "k3_kl": { try $0.mismatch().k3 },
    "log_ppl_diff": { try $0.mismatch().logPerplexityDifference },
    "ppl_ratio": { try $0.mismatch().perplexityRatio },
    "chi2_token": { try $0.mismatch().chiSquareOfTokens },
    "chi2_seq": { try $0.mismatch().chiSquareOfSequences },
  ]

  private static let summaryMetrics: [String: Metric] = [
    "rollout_is_mean": { try $0.correctionSummary().mean },
    "rollout_is_max": { try $0.correctionSummary().largest },
    "rollout_is_min": { try $0.correctionSummary().least },
    "rollout_is_eff_sample_size": { try $0.correctionSummary().effectiveSampleShare },
    "rollout_is_batch_norm_factor": { try $0.correctionSummary().normalizer },
    "rollout_rs_masked_fraction": { try $0.correctionSummary().rejectedTokens },
    "rollout_rs_seq_masked_fraction": { try $0.correctionSummary().touchedSequences },
  ]
}

/// What becomes of the policy at the start of the step.
private enum CorrectionMode: String {
  /// It is there beside the other two.
  case decoupled
  /// The rollout policy takes its place: PPO's ratio holds the correction, and no weight is applied.
  case ratio = "bypass_ppo_clip"
  /// The same, by REINFORCE: the weight is π/μ, without gradient.
  case weight = "bypass_reinforce"
}

extension GoldenCase {
  fileprivate var correctionMode: CorrectionMode {
    get throws(GoldenProblem) {
      let name = try parameters.text("mode") ?? "decoupled"
      guard let mode = CorrectionMode(rawValue: name) else {
        throw GoldenProblem("the mode \(name) is not understood")
      }
      return mode
    }
  }

  /// `rollout_rs` names rules, `rollout_rs_threshold` their bounds, both with commas between; two
  /// bounds of one rule have a `_` between.
  fileprivate var rejections: [RolloutCorrection.Rejection] {
    get throws {
      guard let names = try parameters.text("rollout_rs") else { return [] }
      var bounds: [Substring] = []
      switch parameters["rollout_rs_threshold"] {
      case .number(let value)?: bounds = ["\(value)"[...]]
      case let given?: bounds = try given.string().split(separator: ",")[...].map { $0 }
      case nil: break
      }
      let rules = names.split(separator: ",")
      guard rules.count == bounds.count else {
        throw GoldenProblem("\(rules.count) rejection rules with \(bounds.count) bounds")
      }
      return try zip(rules, bounds).map { rule, bound in
        try RolloutCorrection.Rejection(
          "\(rule) \(bound.split(separator: "_").joined(separator: " "))")
      }
    }
  }
}

extension GoldenRun {
  /// The correction that the case asks for, whether or not its weights are applied.
  fileprivate var correction: RolloutCorrection {
    get throws {
      let parameters = golden.parameters
      let name = try parameters.text("rollout_is") ?? RolloutCorrection.Level.rejection.rawValue
      guard let level = RolloutCorrection.Level(rawValue: name) else {
        throw GoldenProblem("the correction \(name) is not understood")
      }
      return RolloutCorrection(
        level,
        cap: try parameters.number("rollout_is_threshold")
          ?? parameters.number("rollout_is_threshold_default") ?? 2,
        isNormalized: try parameters.flag("batch_normalize") ?? false,
        clamp: try parameters.number("safety_clamp") ?? 20, rejections: try golden.rejections)
    }
  }

  /// `log π_num`: where the policy at the start of the step is left out, the one being trained.
  fileprivate func numerator(_ batch: TokenBatch) throws -> [Double] {
    guard try golden.correctionMode == .decoupled else { return batch.logProbability }
    guard let old = batch.logProbabilityOld else { throw GoldenProblem("logprob_old is missing") }
    return old
  }

  fileprivate func mismatch() throws -> RolloutMismatch {
    let batch = try makeBatch(of: samples)
    return try RolloutMismatch(batch, policy: numerator(batch))
  }

  fileprivate func correctionSummary() throws -> RolloutCorrection.Summary {
    let batch = try makeBatch(of: samples)
    return try correction.summary(of: batch, numerator: numerator(batch))
  }
}

extension EstimatorCheck {
  /// Corrects first and evaluates what is left, as a step does.
  func evaluateCorrected(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    guard var batch = run.batch else { return }
    let correction = try run.correction
    try correction.apply(to: &batch, numerator: run.numerator(batch))
    let mode = try run.golden.correctionMode
    if mode != .decoupled { batch.logProbabilityOld = batch.logProbabilityRollout }
    var algorithm = run.algorithm
    // The weights are in the batch by now; in the mode `ratio` they stay unread.
    if mode != .ratio { algorithm.rollouts.correction = correction }
    let rows = batch.shapes()
    let normalizers = algorithm.normalizers(rows: rows, microBatches: [0..<rows.count])[0]
    run.evaluation = try algorithm.evaluate(
      batch, normalizers: normalizers, recordingParts: true)
    run.algorithm = algorithm
    run.batch = batch
  }

  func compareCorrectionWeights(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let weights = run.batch?.correction ?? []
    try comparison.ragged("rollout_is_weights", run.spread(weights), golden)
  }

  func compareRejection(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let kept = run.spread((run.batch?.trained ?? []).map { $0 ? 1 : 0 })
    comparison.equal(
      "rejection_mask", kept.map { $0.map { $0 == 1 } }, try golden.array().map { try $0.bools() })
  }
}
