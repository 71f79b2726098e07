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
  func gradient(
    _ sequences: [[Int]], _ evaluation: Evaluation, _ precision: CheckPrecision
  ) throws -> [Double] {
    var gradient = parameters.map { _ in 0.0 }
    let distributions = try distributions()
    var token = 0
    for sequence in sequences {
      for (position, target) in sequence.enumerated() {
        let towards = distributions[position].logProbabilityGradient(target: target)
        let spread = distributions[position].entropyGradient()
        let entropy =
          evaluation.gradEntropy.isEmpty ? 0 : precision.rounded(evaluation.gradEntropy[token])
        let weight = precision.rounded(evaluation.gradLogProbability[token])
        for v in 0..<vocabulary {
          gradient[position * vocabulary + v] +=
            weight * towards[v] + entropy * spread[v]
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

  mutating func append(_ row: TokenBatch.Row, _ sequence: [Int], advantage: Double) {
    rows.append(row)
    sequences.append(sequence)
    advantages.append(advantage)
  }

  func batch(policy: TablePolicy, old: [Double], precision: CheckPrecision) throws -> TokenBatch {
    var starts = [0]
    for sequence in sequences { starts.append(starts[starts.count - 1] + sequence.count) }
    let distributions = try policy.distributions()
    let entropy = sequences.flatMap { $0.indices.map { distributions[$0].entropy } }
    return TokenBatch(
      rows: rows, rowStarts: starts, trained: old.map { _ in true },
      advantages: .perRow(advantages),
      logProbability: precision.rounded(try policy.logProbabilities(sequences)),
      logProbabilityOld: precision.rounded(old), entropy: precision.rounded(entropy))
  }
}

// `toy_training.json`: whole runs of a tabular policy, parameters after every update.
extension EstimatorCheck {
  func compareTraining(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    try golden.refuseKind()
    let inputs = golden.inputs
    try refuseUnknown(
      "input", in: inputs, known: ["positions", "vocabulary", "initial_parameters"])
    var policy = try TablePolicy(inputs: inputs)
    let expected = golden.expected
    try refuseUnknown("expected field", in: expected, known: ["phases"])
    var (optimizer, rate) = try goldenOptimizer(golden.parameters, count: policy.parameters.count)
    // One optimizer goes through all phases of the file, though SFT and RL are two runs in practice.
    for (index, phase) in try expected.required("phases").array().enumerated() {
      let kind = try phase.required("kind").string()
      let training = try trainingPhase(kind, phase, &comparison)
      let old = try policy.logProbabilities(training.sequences)
      for (number, step) in try phase.required("steps").array().enumerated() {
        let batch = try training.batch(policy: policy, old: old, precision: precision)
        let ours = try training.algorithm.evaluate(batch)
        let gradient = try policy.gradient(training.sequences, ours, precision)
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
    let parameters = GoldenParameters(golden)
    var algorithm = try GoldenFamily.catalogue("sft")
    algorithm.imitation.aggregation = try aggregation(parameters, else: .tokenMean)
    algorithm.imitation.weight = try parameters.number("sft_coef") ?? 1
    algorithm.entropy = try parameters.entropy()
    try algorithm.validate()
    var phase = TrainingPhase(algorithm: algorithm)
    for (index, sequence) in try golden.required("sequences").raggedIntegers().enumerated() {
      phase.append(.init(kind: .demonstration, group: index), sequence, advantage: 1)
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
    let parameters = GoldenParameters(golden)
    var algorithm = try GoldenFamily.catalogue(kind)
    algorithm.rollouts.mask = try parameters.mask(clamp: 20)
    algorithm.rollouts.aggregation = try aggregation(
      parameters, else: algorithm.rollouts.aggregation)
    algorithm.entropy = try parameters.entropy()
    try algorithm.validate()
    var phase = TrainingPhase(algorithm: algorithm)
    let rewards = try golden.required("rewards").numbers()
    for (group, members) in try golden.required("groups").raggedIntegers().enumerated() {
      guard members.allSatisfy({ rewards.indices.contains($0) && sequences.indices.contains($0) })
      else { throw GoldenProblem("group \(group) names a sequence that is not there") }
      let advantages = algorithm.advantage.advantages(rewards: members.map { rewards[$0] })
      for (row, advantage) in zip(members, advantages) {
        phase.append(
          .init(kind: .rollout, group: group), sequences[row], advantage: advantage)
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
    let groups = try golden.required("groups").raggedIntegers()
    let parameters = GoldenParameters(golden)
    var algorithm = try GoldenFamily.catalogue("hpt")
    algorithm.gate.thresholdCount = try golden.required("gate_count").integer()
    algorithm.rollouts.aggregation.constant = try golden.required("constant").number()
    algorithm.imitation.weight = try parameters.number("sft_coef") ?? 1
    algorithm.entropy = try parameters.entropy()
    try algorithm.validate()
    guard groups.count == demonstrations.count, rewards.count == rollouts.count,
      groups.flatMap({ $0 }).sorted() == Array(rollouts.indices)
    else { throw GoldenProblem("groups, rollouts and demonstrations differ") }
    var phase = TrainingPhase(algorithm: algorithm)
    var decisions: [String] = []
    for (group, members) in groups.enumerated() {
      let input = GateInput(
        step: 0, rollouts: members.map { GateRollout(reward: rewards[$0], tokens: 1) },
        demonstrations: 1, group: UInt64(group))
      var memory: [Double] = []
      let decision = try algorithm.gate.decide(input, memory: &memory)
      let imitates = decision.demonstration == .imitated
      decisions.append(imitates ? "sft" : "rl")
      let kept = decision.kept.map { members[$0] }
      let advantages = algorithm.advantage.advantages(rewards: kept.map { rewards[$0] })
      for (row, advantage) in zip(kept, advantages) {
        phase.append(
          .init(kind: .rollout, group: group, weight: decision.rolloutWeight), rollouts[row],
          advantage: advantage)
      }
      if imitates {
        phase.append(
          .init(
            kind: .demonstration, group: group, weight: 0,
            imitationWeight: decision.demonstrationWeight), demonstrations[group], advantage: 1)
      }
    }
    if let expected = golden["decisions"] {
      comparison.equal("decisions", decisions, try expected.strings())
    }
    return phase
  }

  private func aggregation(
    _ parameters: GoldenParameters, else aggregation: Aggregation
  ) throws(GoldenProblem) -> Aggregation {
    guard let text = try parameters.text("aggregation") else {
      return Aggregation(aggregation.kind, constant: try parameters.number("constant"))
    }
    guard let kind = Aggregation.Kind(rawValue: String(text.map { $0 == "-" ? "_" : $0 })) else {
      throw GoldenProblem("the aggregation \(text) is not understood")
    }
    return Aggregation(kind, constant: try parameters.number("constant"))
  }
}
