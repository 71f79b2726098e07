import Estimator

// Families whose credit depends on the policy: GVPO within groups, DPO within pairs.
extension GoldenFamily {
  /// `executed` says whether the peer's own code ran.
  static let gvpo = GoldenFamily(
    parameters: ["beta", "executed"],
    build: { golden, _ in
      var algorithm = try catalogue("gvpo", .released)
      // A demonstration is a response like any other: of its author nothing is read.
      algorithm.gate = Gate(.join, demonstrationWeight: 0)
      algorithm.rollouts.credit.beta = try golden.parameters.number("beta") ?? 0.1
      algorithm.offPolicy = algorithm.rollouts
      return algorithm
    },
    fields: [
      "weights": EstimatorCheck.compareGroupWeights,
      "implicit_reward_centred": EstimatorCheck.compareImplicitRewards,
    ],
    metrics: [
      "loss_mean_over_prompts": { try $0.lossOverGroups() },
      "max_abs_group_weight_sum": { run in
        let weights = try run.groupWeights()
        return run.layout.groups.map { abs($0.reduce(0) { $0 + weights[$1] }) }.max() ?? 0
      },
    ])

  static let dpo = GoldenFamily(
    parameters: ["beta", "label_smoothing"], inputs: ["pairs"],
    build: { golden, _ in
      var algorithm = try catalogue("dpo")
      algorithm.gate = Gate(.join, demonstrationWeight: 0)
      algorithm.rollouts.credit.beta = try golden.parameters.number("beta") ?? 0.1
      algorithm.rollouts.credit.labelSmoothing =
        try golden.parameters.number("label_smoothing") ?? 0
      algorithm.offPolicy = algorithm.rollouts
      return algorithm
    },
    evaluate: EstimatorCheck.evaluatePairs,
    fields: [
      "margins": EstimatorCheck.compareMargins,
      "chosen_implicit_rewards": EstimatorCheck.compareChosen,
      "rejected_implicit_rewards": EstimatorCheck.compareRejected,
      "per_pair_loss": EstimatorCheck.comparePairLosses,
    ],
    metrics: [
      "accuracy": { run in
        let rewards = try run.implicitRewards()
        return mean(
          try run.pairs().map { rewards[$0.chosen] > rewards[$0.rejected] ? 1 : 0 })
      }
    ])
}

extension GoldenRun {
  /// `w_i` of every sample, back from `Â = β·w / (k − 1)`.
  func groupWeights() throws -> [Double] {
    let parts = try parts
    let beta = algorithm.rollouts.credit.beta
    var weights = layout.lengths.map { _ in 0.0 }
    for (row, sample) in samples.enumerated() {
      let start = batch?.rowStarts[row] ?? 0
      guard let token = layout.trained[sample].firstIndex(of: true) else { continue }
      let size = layout.groups[layout.group[sample]].count
      weights[sample] = parts.advantage[start + token] * Double(size - 1) / beta
    }
    return weights
  }

  /// The paper's mean over questions.
  func lossOverGroups() throws -> Double {
    guard let batch else { throw GoldenProblem("a metric without log-probabilities") }
    var paper = algorithm
    paper.rollouts.aggregation = Aggregation(.groupSum)
    paper.offPolicy.aggregation = Aggregation(.groupSum)
    return try paper.evaluate(batch).loss
  }

  func pairs() throws -> [PreferencePair] {
    try golden.inputs.required("pairs").raggedIntegers().map { pair in
      guard pair.count == 2, pair.allSatisfy({ layout.lengths.indices.contains($0) }) else {
        throw GoldenProblem("a pair is \(pair)")
      }
      return PreferencePair(chosen: pair[0], rejected: pair[1])
    }
  }

  /// `β Σ (log π − log π′)` of every sample.
  func implicitRewards() throws -> [Double] {
    guard let current = try layout.tokens("logprob"), let anchor = try layout.tokens("logprob_ref")
    else { throw GoldenProblem("logprob_ref is missing") }
    return current.indices.map { sample in
      current[sample].indices.reduce(0) { sum, token in
        guard layout.trained[sample][token] else { return sum }
        return sum
          + algorithm.rollouts.credit.beta * (current[sample][token] - anchor[sample][token])
      }
    }
  }
}

extension EstimatorCheck {
  func compareGroupWeights(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    comparison.numbers("weights", try run.groupWeights(), try golden.comparableNumbers())
  }

  /// `R_θ − R̄_θ = (R − R̄) − w`.
  func compareImplicitRewards(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let ours = try run.groupWeights().enumerated().map { sample, weight in
      (run.advantages[sample].first ?? 0) - weight
    }
    comparison.numbers("implicit_reward_centred", ours, try golden.comparableNumbers())
  }

  func evaluatePairs(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    // Every sample has its row here, so that samples and rows count alike.
    guard run.samples == Array(run.layout.lengths.indices) else {
      throw GoldenProblem("a sample of a pair is not in the batch")
    }
    guard var batch = run.batch else { return }
    batch.pairs = try run.pairs()
    run.batch = batch
    run.evaluation = try run.algorithm.evaluate(batch, recordingParts: true)
  }

  func compareMargins(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let rewards = try run.implicitRewards()
    let ours = try run.pairs().map { rewards[$0.chosen] - rewards[$0.rejected] }
    comparison.numbers("margins", ours, try golden.comparableNumbers())
  }

  func compareChosen(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let rewards = try run.implicitRewards()
    comparison.numbers(
      "chosen_implicit_rewards", try run.pairs().map { rewards[$0.chosen] },
      try golden.comparableNumbers())
  }

  func compareRejected(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let rewards = try run.implicitRewards()
    comparison.numbers(
      "rejected_implicit_rewards", try run.pairs().map { rewards[$0.rejected] },
      try golden.comparableNumbers())
  }

  func comparePairLosses(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    guard let batch = run.batch else { return }
    let ours = try batch.pairs.map { pair in
      var alone = batch
      alone.pairs = [pair]
      return try run.algorithm.evaluate(alone).loss
    }
    comparison.numbers("per_pair_loss", ours, try golden.comparableNumbers())
  }
}
