import Estimator

// `hpt.json`: gate, routing and the loss, in the released form and per question.
extension EstimatorCheck {
  static let hptHyperparameters: Set = [
    "gate_count", "gate_off_count", "gate_fraction", "gamma", "sft_coef", "entropy_coef",
    "normalise_by_std", "epsilon", "std", "on_policy_clip", "clip_low", "clip_high", "dual_clip",
    "log_ratio_clamp", "rl_aggregation", "sft_aggregation", "constant", "normaliser",
    "micro_batch_size", "micro_batches",
  ]

  /// A case of `hpt.json` after the gate.
  private struct Routed {
    let algorithm: Algorithm
    let layout: GoldenLayout
    let rewards: [Double]
    let decisions: [GateDecision]
    /// Rows that train, ascending, with their Â (0 where none is asked for) and weight.
    let kept: [Int]
    let advantages: [Double]
    let weights: [Double]
  }

  func compareHPT(_ golden: GoldenValue, _ comparison: inout GoldenComparison) throws {
    let hyperparameters = hyperparameters(golden)
    try refuseUnknown("hyperparameter", in: hyperparameters, known: Self.hptHyperparameters)
    let inputs = try golden.required("inputs")
    try refuseUnknown("input", in: inputs, known: Self.batchInputs)
    let expected = try golden.required("expected")
    let layout = try GoldenLayout(inputs: inputs)
    let paper = expected["questions"] != nil || hyperparameters["normaliser"] != nil
    let routed = try route(
      try hptAlgorithm(hyperparameters, layout, paper: paper), layout,
      try inputs.required("rewards").numbers())
    let batches = try microBatches(routed, hyperparameters, inputs)
    let shapes = layout.shapes(of: routed.kept)
    var normalizers = routed.algorithm.normalizers(rows: shapes, microBatches: batches.map(\.rows))
    if let number = try hyperparameters["micro_batches"]?.number() {
      // The peer divides by its configured number, whatever the number of cuts came to.
      for index in normalizers.indices { normalizers[index].share = 1 / number }
    }
    var total: Evaluation?
    var losses: [Double] = []
    for (one, normalizers) in zip(batches, normalizers) {
      let evaluation = try routed.algorithm.evaluate(one.batch, normalizers: normalizers)
      losses.append(evaluation.loss)
      total = total.map { $0.joined(with: evaluation) } ?? evaluation
    }
    let empty = try batch([], layout, inputs, advantages: [], weights: [])
    let ours = try total ?? routed.algorithm.evaluate(empty)
    for key in expected.keys {
      guard let value = expected[key] else { continue }
      switch key {
      case "routing": try compareRouting(value, routed, &comparison)
      case "kept": comparison.equal(key, routed.kept, try value.integers())
      case "loss_per_micro_batch": comparison.numbers(key, losses, try value.numbers())
      case "questions": try compareQuestions(value, routed, inputs, &comparison)
      case "advantages":
        // The files list Â of the RL part alone: an imitated row has 0 there and 1 in ours.
        let listed = layout.lengths.indices.map {
          layout.isDemonstration[$0] ? 0 : routed.advantages[$0]
        }
        try comparison.ragged(key, layout.broadcast(listed), value)
      default:
        try compareLoss(key, value, ours, layout, routed.kept, routed.advantages, &comparison)
      }
    }
  }

  private func hptAlgorithm(
    _ hyperparameters: GoldenValue, _ layout: GoldenLayout, paper: Bool
  ) throws -> Algorithm {
    var parameters = AlgorithmParameters()
    parameters.form = paper ? "paper" : "released"
    parameters.gate.thresholdShare =
      try hyperparameters["gate_fraction"]?.number() ?? hyperparameters["gamma"]?.number()
    if let count = try hyperparameters["gate_count"]?.integer() {
      parameters.gate.thresholdCount = count
      parameters.gate.thresholdOffCount = try hyperparameters["gate_off_count"]?.integer()
    }
    if try hyperparameters["normalise_by_std"]?.bool() == true {
      let population = try hyperparameters["std"]?.string().contains("population") ?? false
      parameters.advantage = .init(
        kind: "normalized", stdEpsilon: try hyperparameters["epsilon"]?.number() ?? 1e-6,
        bessel: !population)
    }
    let clips = try hyperparameters["on_policy_clip"]?.bool() ?? paper
    parameters.mask = clips ? try maskParameters(hyperparameters) : .init(kind: "none")
    parameters.sftWeight = try hyperparameters["sft_coef"]?.number()
    if paper { return try Algorithm.named("hpt", parameters: parameters) }
    parameters.entropyWeight = try hyperparameters["entropy_coef"]?.number() ?? 0
    parameters.aggregation = try aggregationParameters(
      try hyperparameters["rl_aggregation"]?.string() ?? "seq-mean-token-sum-norm",
      hyperparameters, layout)
    parameters.sftAggregation = try aggregationParameters(
      try hyperparameters["sft_aggregation"]?.string() ?? "token-mean", hyperparameters, layout)
    let cut = hyperparameters["micro_batch_size"] != nil || hyperparameters["micro_batches"] != nil
    parameters.normalizers = cut ? "micro_batch_mean" : "mini_batch"
    return try Algorithm.named("hpt", parameters: parameters)
  }

  /// Gate and advantages.
  private func route(_ algorithm: Algorithm, _ layout: GoldenLayout, _ rewards: [Double]) throws
    -> Routed
  {
    guard rewards.count == layout.lengths.count else {
      throw GoldenProblem("rewards and response_lengths differ")
    }
    var decisions: [GateDecision] = []
    var kept: [Int] = []
    var advantages = rewards.map { _ in 0.0 }
    var weights = advantages
    for members in layout.groups {
      let rollouts = members.filter { !layout.isDemonstration[$0] }
      let demonstrations = members.filter { layout.isDemonstration[$0] }
      let decision = try algorithm.gate.decide(
        values: rollouts.map { rewards[$0] }, hasDemonstration: !demonstrations.isEmpty)
      decisions.append(decision)
      let training = decision.kept.map { rollouts[$0] }
      let imitated = decision.demonstration == .imitated ? demonstrations : []
      let ours = try algorithm.advantages([
        GroupRewards(rollouts: training.map { rewards[$0] }, imitated: imitated.count)
      ])[0]
      for (row, value) in zip(training, ours.rollouts) {
        (advantages[row], weights[row]) = (value, decision.rolloutWeight)
      }
      for (row, value) in zip(imitated, ours.demonstrations) {
        (advantages[row], weights[row]) = (value, decision.demonstrationWeight)
      }
      kept += training + imitated
    }
    return Routed(
      algorithm: algorithm, layout: layout, rewards: rewards, decisions: decisions,
      kept: kept.sorted(), advantages: advantages, weights: weights)
  }

  private func compareRouting(
    _ golden: GoldenValue, _ routed: Routed, _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    let questions = try golden.array()
    comparison.equal("routing", routed.decisions.count, questions.count)
    for (index, question) in questions.enumerated() {
      let number = try question["question"]?.integer() ?? index
      guard routed.decisions.indices.contains(number) else {
        throw GoldenProblem("routing names the question \(number)")
      }
      for key in question.keys where key != "question" {
        try compareDecision(
          key, routed.decisions[number], try question.required(key), &comparison)
      }
    }
  }

  /// Consecutive rows of the kept ones, `micro_batch_size` at a time.
  private func microBatches(
    _ routed: Routed, _ hyperparameters: GoldenValue, _ inputs: GoldenValue
  ) throws -> [(rows: Range<Int>, batch: TokenBatch)] {
    let count = routed.kept.count
    var size = max(1, count)
    if let given = try hyperparameters["micro_batch_size"]?.integer() {
      size = given
    } else if let number = try hyperparameters["micro_batches"]?.integer(), number > 0 {
      size = (count + number - 1) / number
    }
    guard size > 0 else { throw GoldenProblem("micro_batch_size is \(size)") }
    var result: [(rows: Range<Int>, batch: TokenBatch)] = []
    for start in stride(from: 0, to: count, by: size) {
      let range = start..<min(count, start + size)
      let one = try batch(
        Array(routed.kept[range]), routed.layout, inputs, advantages: routed.advantages,
        weights: routed.weights)
      result.append((range, one))
    }
    return result
  }

  /// The paper's loss, question by question, both terms whether or not the gate lets them in.
  private func compareQuestions(
    _ golden: GoldenValue, _ routed: Routed, _ inputs: GoldenValue,
    _ comparison: inout GoldenComparison
  ) throws {
    let questions = try golden.array()
    comparison.equal("questions", routed.decisions.count, questions.count)
    for (index, question) in questions.enumerated() where index < routed.decisions.count {
      let decision = routed.decisions[index]
      let members = routed.layout.groups[index]
      let parts = members.reduce(into: (rl: [Int](), sft: [Int]())) { parts, row in
        if routed.layout.isDemonstration[row] {
          parts.sft.append(row)
        } else {
          parts.rl.append(row)
        }
      }
      let rl = try term(parts.rl, routed, inputs).policy
      let sft = try term(parts.sft, routed, inputs).imitation
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

  /// The terms of some rows of one question, as if the gate had let them in with weight 1.
  private func term(_ rows: [Int], _ routed: Routed, _ inputs: GoldenValue) throws -> LossTerms {
    let advantages = try rowAdvantages(routed.algorithm, routed.layout, routed.rewards)
    var one = try batch(
      rows, routed.layout, inputs, advantages: advantages,
      weights: routed.rewards.map { _ in 1 })
    for row in one.rows.indices { one.rows[row].group = 0 }
    return try routed.algorithm.evaluate(one).terms
  }
}

extension Evaluation {
  /// This micro-batch followed by the next one of its mini-batch.
  func joined(with next: Evaluation) -> Evaluation {
    var result = self
    result.gradLogProbability += next.gradLogProbability
    result.gradEntropy += next.gradEntropy
    result.terms.add(next.terms)
    result.diagnostics.add(next.diagnostics)
    result.parts = nil
    return result
  }
}
