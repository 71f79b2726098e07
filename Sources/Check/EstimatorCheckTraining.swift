import Estimator

/// A policy that is a table: `θ[position][token]`, the same for every prompt.
private struct TablePolicy {
  let positions: Int
  let vocabulary: Int
  var parameters: [Double]

  init(inputs: GoldenValue) throws(GoldenProblem) {
    positions = try inputs.required("positions").integer()
    vocabulary = try inputs.required("vocabulary").integer()
    let rows = try inputs.required("initial_parameters").ragged()
    guard rows.count == positions, rows.allSatisfy({ [vocabulary] in $0.count == vocabulary })
    else {
      throw GoldenProblem("initial_parameters are not positions × vocabulary")
    }
    parameters = rows.flatMap { $0 }
  }

  func distributions() throws(EstimatorError) -> [TokenDistribution] {
    var result: [TokenDistribution] = []
    for position in 0..<positions {
      let start = position * vocabulary
      result.append(try TokenDistribution(logits: Array(parameters[start..<start + vocabulary])))
    }
    return result
  }

  func logProbabilities(_ sequences: [[Int]]) throws -> [Double] {
    let distributions = try distributions()
    return sequences.flatMap { sequence in
      sequence.enumerated().map { distributions[$0].logProbabilities[$1] }
    }
  }

  /// Back from numbers per token to the table.
  func gradient(_ sequences: [[Int]], _ evaluation: Evaluation) throws -> [Double] {
    var gradient = parameters.map { _ in 0.0 }
    let distributions = try distributions()
    var token = 0
    for sequence in sequences {
      for (position, target) in sequence.enumerated() {
        let towards = distributions[position].logProbabilityGradient(target: target)
        let spread = distributions[position].entropyGradient()
        let entropy = evaluation.gradEntropy.isEmpty ? 0 : evaluation.gradEntropy[token]
        for v in 0..<vocabulary {
          gradient[position * vocabulary + v] +=
            evaluation.gradLogProbability[token] * towards[v] + entropy * spread[v]
        }
        token += 1
      }
    }
    return gradient
  }
}

/// The rows of one phase, with the algorithm that trains them.
private struct TrainingPhase {
  var algorithm: Algorithm
  var sequences: [[Int]] = []
  var rows: [TokenBatch.Row] = []
  var advantages: [Double] = []

  mutating func append(
    _ kind: RowKind, _ group: Int, weight: Double, _ sequence: [Int], advantage: Double
  ) {
    rows.append(TokenBatch.Row(kind: kind, group: group, weight: weight))
    sequences.append(sequence)
    advantages.append(advantage)
  }

  func batch(policy: TablePolicy, old: [Double]) throws -> TokenBatch {
    var starts = [0]
    for sequence in sequences { starts.append(starts[starts.count - 1] + sequence.count) }
    let distributions = try policy.distributions()
    let entropy = sequences.flatMap { $0.indices.map { distributions[$0].entropy } }
    return TokenBatch(
      rows: rows, rowStarts: starts, trained: old.map { _ in true },
      advantages: .perRow(advantages), logProbability: try policy.logProbabilities(sequences),
      logProbabilityOld: old, entropy: entropy)
  }
}

// `toy_training.json`: whole runs of a tabular policy, parameters after every update.
extension EstimatorCheck {
  func compareTraining(_ golden: GoldenValue, _ comparison: inout GoldenComparison) throws {
    let inputs = try golden.required("inputs")
    try refuseUnknown(
      "input", in: inputs, known: ["positions", "vocabulary", "initial_parameters"])
    var policy = try TablePolicy(inputs: inputs)
    let expected = try golden.required("expected")
    try refuseUnknown("expected field", in: expected, known: ["phases"])
    let hyperparameters = hyperparameters(golden)
    var (optimizer, rate) = try goldenOptimizer(hyperparameters, count: policy.parameters.count)
    // One optimizer goes through all phases of the file, though SFT and RL are two runs in practice.
    for (index, phase) in try expected.required("phases").array().enumerated() {
      let kind = try phase.required("kind").string()
      let training = try trainingPhase(kind, phase, &comparison)
      let old = try policy.logProbabilities(training.sequences)
      for (number, step) in try phase.required("steps").array().enumerated() {
        let batch = try training.batch(policy: policy, old: old)
        let ours = try training.algorithm.evaluate(batch)
        let gradient = try policy.gradient(training.sequences, ours)
        let outcome = try optimizer.update(
          &policy.parameters, gradient: gradient, learningRate: rate)
        let place = "phase \(index) step \(number)"
        for key in step.keys {
          let value = try step.required(key)
          switch key {
          case "loss": try comparison.number("\(place) loss", ours.loss, value)
          case "gradient_norm":
            try comparison.number("\(place) gradient_norm", outcome.gradientNorm, value)
          case "parameters":
            comparison.numbers(place, policy.parameters, try value.ragged().flatMap { $0 })
          case "stepped": comparison.equal(place, outcome.stepped, try value.bool())
          default: throw GoldenProblem("the field \(key) of a step is not understood")
          }
        }
      }
    }
  }

  private func trainingPhase(
    _ kind: String, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws -> TrainingPhase {
    switch kind {
    case "sft": return try sftPhase(golden)
    case "grpo", "dr_grpo": return try groupPhase(kind, golden)
    case "hpt": return try hptPhase(golden, &comparison)
    default: throw GoldenProblem("a phase of kind \(kind) is not understood")
    }
  }

  private func sftPhase(_ golden: GoldenValue) throws -> TrainingPhase {
    try refuseUnknown(
      "field", in: golden,
      known: ["kind", "sequences", "aggregation", "constant", "sft_coef", "entropy_coef", "steps"])
    let sequences = try golden.required("sequences").raggedIntegers()
    var parameters = try toyParameters(golden, sequences)
    parameters.sftAggregation = parameters.aggregation
    var phase = TrainingPhase(algorithm: try Algorithm.named("sft", parameters: parameters))
    for (index, sequence) in sequences.enumerated() {
      phase.append(.demonstration, index, weight: 1, sequence, advantage: 1)
    }
    return phase
  }

  private func groupPhase(_ kind: String, _ golden: GoldenValue) throws -> TrainingPhase {
    try refuseUnknown(
      "field", in: golden,
      known: [
        "kind", "sequences", "groups", "rewards", "old_policy", "clip_low", "clip_high",
        "dual_clip", "log_ratio_clamp", "aggregation", "constant", "entropy_coef", "steps",
      ])
    let sequences = try golden.required("sequences").raggedIntegers()
    var parameters = try toyParameters(golden, sequences)
    parameters.mask = try maskParameters(golden)
    var phase = TrainingPhase(algorithm: try Algorithm.named(kind, parameters: parameters))
    let rewards = try golden.required("rewards").numbers()
    for (group, members) in try golden.required("groups").raggedIntegers().enumerated() {
      let ours = try phase.algorithm.advantages([
        GroupRewards(rollouts: members.map { rewards[$0] })
      ])[0]
      for (row, advantage) in zip(members, ours.rollouts) {
        phase.append(.rollout, group, weight: 1, sequences[row], advantage: advantage)
      }
    }
    return phase
  }

  private func hptPhase(_ golden: GoldenValue, _ comparison: inout GoldenComparison) throws
    -> TrainingPhase
  {
    try refuseUnknown(
      "field", in: golden,
      known: [
        "kind", "rollouts", "groups", "rewards", "demonstrations", "gate_count", "sft_coef",
        "entropy_coef", "constant", "decisions", "old_policy", "steps",
      ])
    let rollouts = try golden.required("rollouts").raggedIntegers()
    let demonstrations = try golden.required("demonstrations").raggedIntegers()
    let rewards = try golden.required("rewards").numbers()
    var parameters = try toyParameters(golden, rollouts)
    parameters.gate.thresholdCount = try golden.required("gate_count").integer()
    var phase = TrainingPhase(algorithm: try Algorithm.named("hpt", parameters: parameters))
    var decisions: [String] = []
    for (group, members) in try golden.required("groups").raggedIntegers().enumerated() {
      let values = members.map { rewards[$0] }
      let decision = try phase.algorithm.gate.decide(values: values, hasDemonstration: true)
      let imitates = decision.demonstration == .imitated
      decisions.append(imitates ? "sft" : "rl")
      let ours = try phase.algorithm.advantages([
        GroupRewards(rollouts: decision.kept.map { values[$0] }, imitated: imitates ? 1 : 0)
      ])[0]
      for (index, advantage) in zip(decision.kept, ours.rollouts) {
        phase.append(
          .rollout, group, weight: decision.rolloutWeight, rollouts[members[index]],
          advantage: advantage)
      }
      for advantage in ours.demonstrations {
        phase.append(
          .demonstration, group, weight: decision.demonstrationWeight, demonstrations[group],
          advantage: advantage)
      }
    }
    if let expected = golden["decisions"] {
      comparison.equal("decisions", decisions, try expected.strings())
    }
    return phase
  }

  private func toyParameters(_ golden: GoldenValue, _ sequences: [[Int]]) throws
    -> AlgorithmParameters
  {
    var parameters = AlgorithmParameters()
    if let mode = try golden["aggregation"]?.string() {
      parameters.aggregation.kind = String(mode.map { $0 == "-" ? "_" : $0 })
    }
    parameters.aggregation.constant = try golden["constant"]?.number()
    parameters.sftWeight = try golden["sft_coef"]?.number()
    parameters.entropyWeight = try golden["entropy_coef"]?.number()
    return parameters
  }
}
