import Estimator

// `hpt.json`: gate, routing and the loss, in the released form and per question.
extension GoldenFamily {
  static let hpt = GoldenFamily(
    parameters: [
      "gate_count", "gate_off_count", "gate_fraction", "gamma", "sft_coef", "entropy_coef",
      "normalise_by_std", "epsilon", "std", "on_policy_clip", "clip_low", "clip_high",
      "dual_clip", "log_ratio_clamp", "rl_aggregation", "sft_aggregation", "constant",
      "normaliser", "micro_batch_size", "micro_batches",
    ],
    build: { golden, layout in
      // The paper's loss is listed question by question.
      let paper = golden.expected["questions"] != nil || golden.parameters["normaliser"] != nil
      var algorithm = try catalogue("hpt", paper ? .paper : .released)
      let parameters = golden.parameters
      try parameters.set(&algorithm.gate)
      algorithm.advantage = try parameters.groupAdvantage(normalised: false)
      let clips = try parameters.flag("on_policy_clip") ?? paper
      algorithm.rollouts.mask = clips ? try parameters.mask() : .none
      algorithm.imitation.weight = try parameters.number("sft_coef") ?? 1
      guard !paper else { return algorithm }
      algorithm.entropy = try parameters.entropy()
      algorithm.rollouts.aggregation = try parameters.aggregation(
        layout, "rl_aggregation", else: "seq-mean-token-sum-norm")
      algorithm.imitation.aggregation = try parameters.aggregation(layout, "sft_aggregation")
      let cut = parameters["micro_batch_size"] != nil || parameters["micro_batches"] != nil
      algorithm.normalizerScope = cut ? .microBatchMean : .miniBatch
      return algorithm
    },
    evaluate: EstimatorCheck.evaluateMicroBatches,
    fields: [
      "routing": EstimatorCheck.compareRouting, "kept": EstimatorCheck.compareKept,
      "loss_per_micro_batch": EstimatorCheck.compareMicroLosses,
      "questions": EstimatorCheck.compareQuestions,
      "advantages": EstimatorCheck.compareRolloutAdvantages,
    ])
}

extension GoldenParameters {
  fileprivate func set(_ gate: inout Gate) throws {
    gate.thresholdShare = try number("gate_fraction") ?? number("gamma")
    gate.thresholdCount = try integer("gate_count") ?? 0
    gate.thresholdOffCount = try integer("gate_off_count")
    if has("gate_count") || has("gate_off_count") { gate.thresholdShare = nil }
  }
}

extension EstimatorCheck {
  /// Consecutive rows of the kept ones, `micro_batch_size` at a time.
  func evaluateMicroBatches(_ run: inout GoldenRun, _ comparison: inout GoldenComparison) throws {
    guard let whole = run.batch else { return }
    let parameters = run.golden.parameters
    let count = run.samples.count
    var size = max(1, count)
    if let given = try parameters.integer("micro_batch_size") {
      size = given
    } else if let number = try parameters.integer("micro_batches"), number > 0 {
      size = (count + number - 1) / number
    }
    guard size > 0 else { throw GoldenProblem("micro_batch_size is \(size)") }
    let ranges = stride(from: 0, to: count, by: size).map { $0..<min(count, $0 + size) }
    var normalizers = run.algorithm.normalizers(rows: whole.shapes(), microBatches: ranges)
    if let number = try parameters.number("micro_batches") {
      // The peer divides by its configured number, whatever the number of cuts came to.
      for index in normalizers.indices { normalizers[index].share = 1 / number }
    }
    var total: Evaluation?
    for (range, normalizers) in zip(ranges, normalizers) {
      let batch = try run.makeBatch(of: Array(run.samples[range]))
      let one = try run.algorithm.evaluate(
        batch, normalizers: normalizers, recordingParts: ranges.count == 1)
      run.microLosses.append(one.loss)
      total = total.map { $0.joined(with: one) } ?? one
    }
    run.evaluation = try total ?? run.algorithm.evaluate(whole)
  }

  func compareRouting(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let questions = try golden.array()
    comparison.equal("routing", run.decisions.count, questions.count)
    for (index, question) in questions.enumerated() {
      let number = try question["question"]?.integer() ?? index
      guard run.decisions.indices.contains(number) else {
        throw GoldenProblem("routing names the question \(number)")
      }
      for key in question.keys where key != "question" {
        try compareDecision(key, run.decisions[number], try question.required(key), &comparison)
      }
    }
  }

  func compareKept(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    comparison.equal("kept", run.samples, try golden.integers())
  }

  func compareMicroLosses(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    comparison.numbers("loss_per_micro_batch", run.microLosses, try golden.comparableNumbers())
  }

  /// The files list Â of the RL part alone: an imitated row has 0 there and 1 in ours.
  func compareRolloutAdvantages(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let listed = run.advantages.enumerated().map { sample, row in
      run.layout.isDemonstration[sample] ? row.map { _ in 0 } : row
    }
    try comparison.ragged("advantages", listed, golden)
  }

  /// The paper's loss, question by question, both terms whether or not the gate lets them in.
  func compareQuestions(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let questions = try golden.array()
    comparison.equal("questions", run.decisions.count, questions.count)
    for (index, question) in questions.enumerated() where index < run.decisions.count {
      let decision = run.decisions[index]
      let rl = try term(run, question: index, Gate(.reinforce)).policy
      let sft = try term(run, question: index, Gate(.imitate)).imitation
      for key in question.keys {
        let value = try question.required(key)
        let place = "questions[\(index)].\(key)"
        switch key {
        case "question": break
        case "rl_loss": try comparison.number(place, rl, value)
        case "sft_loss": try comparison.number(place, sft, value)
        case "loss":
          let loss = decision.rolloutWeight * rl + decision.demonstrationWeight * sft
          try comparison.number(place, loss, value)
        default: try compareDecision(key, decision, value, &comparison)
        }
      }
    }
  }

  /// The terms of one question by itself, as if the gate had been this one.
  private func term(_ run: GoldenRun, question: Int, _ gate: Gate) throws -> LossTerms {
    var alone = try GoldenRun(run.golden, run.layout, run.algorithm)
    try alone.route { _ in gate }
    try alone.assemble()
    let samples = run.layout.groups[question].filter { alone.roles[$0] != nil }
    var batch = try alone.makeBatch(of: samples)
    for row in batch.rows.indices { batch.rows[row].group = 0 }
    return try alone.algorithm.evaluate(batch).terms
  }
}
