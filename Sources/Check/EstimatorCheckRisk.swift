import Estimator

// RiskPO: bundles and papers are given, and so are the quantiles.
extension GoldenFamily {
  static let riskReleased = GoldenFamily(
    parameters: [
      "epsilon", "cliprange", "dual_clip", "log_ratio_clamp", "aggregation", "constant", "std",
      "quantile", "quantile_down", "quantile_up", "norm_adv_by_std_in_grpo", "credit_assign_mode",
      "use_q_track_mode", "use_mixing_risk_measure", "risk_seeking_upper_tail", "upper_weight",
      "w_mix", "use_mean_as_baseline", "natural_baseline_adv", "q_track_down", "q_track_up",
      "g_rvar_avg", "g_cvar_avg",
    ],
    inputs: ["bundles", "papers"],
    build: { golden, layout in
      var algorithm = try catalogue("riskpo", .released)
      algorithm.advantage.risk = try golden.parameters.releasedRisk()
      algorithm.rollouts.mask = try golden.parameters.mask()
      algorithm.rollouts.aggregation = try golden.parameters.aggregation(layout)
      return algorithm
    },
    assemble: EstimatorCheck.assembleBundles,
    fields: ["decisions": EstimatorCheck.compareScores])

  static let riskPaper = GoldenFamily(
    parameters: ["alpha", "beta", "omega", "bundle_size", "Q_alpha", "Q_beta", "clip"],
    inputs: ["bundles", "papers"],
    build: { golden, layout in
      let parameters = golden.parameters
      var algorithm = try catalogue("riskpo", .paper)
      algorithm.advantage.risk = RiskMeasure(
        form: .paper, lowerLevel: try parameters.number("alpha") ?? 0.2,
        upperLevel: try parameters.number("beta") ?? 0.8,
        omega: try parameters.number("omega") ?? 0.5,
        bundleSize: try parameters.integer("bundle_size") ?? 5)
      algorithm.rollouts.mask = try parameters.mask()
      return algorithm
    },
    assemble: EstimatorCheck.assembleBundles,
    fields: [
      "decisions": EstimatorCheck.compareScores,
      "sequence_ratio": EstimatorCheck.compareSequenceRatio,
    ])
}

extension GoldenParameters {
  fileprivate func releasedRisk() throws -> RiskMeasure {
    if let epsilon = try number("epsilon"), epsilon != 1e-6 {
      throw GoldenProblem("RiskPO's denominators have 1e-6, not \(epsilon)")
    }
    let credit = try text("credit_assign_mode") ?? "uniform"
    let mode = try text("use_q_track_mode") ?? "track"
    guard
      let credit = RiskMeasure.Credit(rawValue: credit == "sum-mean" ? "sum_mean" : credit),
      let quantiles = RiskMeasure.QuantileMode(rawValue: mode)
    else {
      throw GoldenProblem("credit \(credit) with quantiles \(mode) is not understood")
    }
    let mixing = try flag("use_mixing_risk_measure") ?? false
    return RiskMeasure(
      form: .released, lowerLevel: try required("quantile_down").number(),
      upperLevel: try required("quantile_up").number(), credit: credit, quantiles: quantiles,
      mixing: mixing, mixingWeight: try number("w_mix") ?? 1.5,
      // The code asks for the lower tail first.
      upperTail: try !mixing && (flag("risk_seeking_upper_tail") ?? false),
      upperWeight: try number("upper_weight") ?? 1.5,
      naturalBaseline: try flag("natural_baseline_adv") ?? false,
      meanBaseline: try flag("use_mean_as_baseline") ?? false,
      normalizeByStd: try flag("norm_adv_by_std_in_grpo") ?? false)
  }

  /// Q_α and Q_β as tracked; nil: nothing was.
  fileprivate func tracked() throws -> RiskReference? {
    let lower = try number("Q_alpha") ?? number("q_track_down")
    let upper = try number("Q_beta") ?? number("q_track_up")
    guard let lower, let upper else {
      guard lower == nil, upper == nil, !has("g_rvar_avg"), !has("g_cvar_avg") else {
        throw GoldenProblem("half of the tracked quantiles")
      }
      return nil
    }
    return RiskReference(
      lower: lower, upper: upper, middleMean: try number("g_rvar_avg") ?? 0,
      tailMean: try number("g_cvar_avg") ?? 0)
  }
}

extension GoldenRun {
  /// Bundles of group indices with the samples of each paper, as rows of these groups.
  fileprivate func bundles() throws -> [RiskBundle] {
    let bundles = try golden.inputs.required("bundles").raggedIntegers()
    let papers = try golden.inputs.required("papers").array().map { try $0.raggedIntegers() }
    guard bundles.count == papers.count else { throw GoldenProblem("bundles and papers differ") }
    return try zip(bundles, papers).map { groups, papers in
      let rows = try papers.map { paper in
        guard paper.count == groups.count else {
          throw GoldenProblem("a paper of \(paper.count) samples to \(groups.count) questions")
        }
        return try zip(paper, groups).map { sample, group in
          guard layout.groups.indices.contains(group),
            let row = layout.groups[group].firstIndex(of: sample)
          else { throw GoldenProblem("sample \(sample) does not answer question \(group)") }
          return row
        }
      }
      return RiskBundle(groups: groups, papers: rows)
    }
  }
}

extension EstimatorCheck {
  func assembleBundles(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    let groups = try run.assemblyGroups()
    let assembled = try run.algorithm.advantage.risk.assemble(
      groups.map(\.group), bundles: run.bundles(), tracked: run.golden.parameters.tracked())
    run.take(assembled, samples: groups.map(\.samples))
  }

  func compareScores(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    try refuseUnknown("decision", in: golden, known: ["bundle_scores"])
    let groups = try run.assemblyGroups().map(\.group)
    let ours = try run.bundles().map { run.algorithm.advantage.risk.scores($0, groups) }
    try comparison.ragged("bundle_scores", ours, golden.required("bundle_scores"))
  }

  func compareQuantiles(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    let parameters = golden.parameters
    try golden.refuseKind()
    try parameters.refuseUnknown(known: ["lr_q", "alpha_list", "alpha_down", "alpha_up", "update"])
    try refuseUnknown("input", in: golden.inputs, known: ["bundle_scores_per_step"])
    let rate = try parameters.required("lr_q").number()
    var tracker = QuantileTracker(levels: try parameters.required("alpha_list").numbers())
    var values: [[Double]] = []
    var (lower, upper): ([Double], [Double]) = ([], [])
    for scores in try golden.inputs.required("bundle_scores_per_step").ragged() {
      tracker.observe(scores, learningRate: rate)
      values.append(tracker.values)
      if let level = try parameters.number("alpha_down") {
        lower.append(tracker.value(nearest: level) ?? .nan)
      }
      if let level = try parameters.number("alpha_up") {
        upper.append(tracker.value(nearest: level) ?? .nan)
      }
    }
    for key in golden.expected.keys {
      let value = try golden.expected.required(key)
      switch key {
      case "quantiles_after_step": try comparison.ragged(key, values, value)
      case "q_down_after_step": comparison.numbers(key, lower, try value.comparableNumbers())
      case "q_up_after_step": comparison.numbers(key, upper, try value.comparableNumbers())
      default: throw GoldenProblem("the expected field \(key) is not understood")
      }
    }
  }
}
