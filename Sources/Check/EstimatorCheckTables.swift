import Estimator

// The files that look at one part alone: clip, KL, entropy, aggregation, optimizer.
extension EstimatorCheck {
  /// One token per row.
  func policyClipCases() throws(GoldenProblem) -> [Case] {
    let columns = try file.required("columns").strings()
    let known: Set = [
      "clip_low", "clip_high", "dual_clip", "log_ratio_clamp", "advantage", "logprob",
      "logprob_old", "token_loss", "grad_logprob", "clipped", "clipped_lower",
    ]
    if let unknown = columns.first(where: { !known.contains($0) }) {
      throw GoldenProblem("the column \(unknown) is not understood")
    }
    // The notes of this table say ±20; a column or hyperparameter of that name overrules them.
    let clamp = try file["hyperparameters"]?["log_ratio_clamp"]?.number() ?? 20
    return try file.required("rows").array().enumerated().map { index, row in
      ("row \(index)", { try self.compareClip(row, columns, clamp, &$0) })
    }
  }

  private func compareClip(
    _ row: GoldenValue, _ columns: [String], _ clamp: Double,
    _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    let values = try row.array()
    guard values.count == columns.count else {
      throw GoldenProblem("the row has \(values.count) of \(columns.count) columns")
    }
    let fields = GoldenValue.object(
      Dictionary(zip(columns, values), uniquingKeysWith: { $1 }))
    let mask = StabilizationMask(
      .clip, clipLow: try fields["clip_low"]?.number(), clipHigh: try fields["clip_high"]?.number(),
      dualClip: try fields["dual_clip"]?.number(),
      logRatioClamp: try fields["log_ratio_clamp"]?.number() ?? clamp)
    let advantage = try fields.required("advantage").number()
    let token = mask(
      logRatio: try precision.rounded(fields.required("logprob").number())
        - precision.rounded(fields.required("logprob_old").number()),
      advantage: advantage)
    for key in columns {
      guard let golden = fields[key] else { continue }
      switch key {
      case "token_loss": comparison.number(key, token.loss, try golden.number())
      case "grad_logprob":
        comparison.number(key, -token.mask * token.ratio * advantage, try golden.number())
      case "clipped": comparison.equal(key, token.clipped, try golden.bool())
      case "clipped_lower": comparison.equal(key, token.dualClipped, try golden.bool())
      default: break
      }
    }
  }

  func compareKL(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    try golden.refuseKind()
    if case .array(let controllers) = golden.inputs {
      try refuseUnknown("expected field", in: golden.expected, known: [])
      for controller in controllers { try compareController(controller, &comparison) }
      return
    }
    let parameters = golden.parameters
    try parameters.refuseUnknown(known: ["kind", "log_ratio_clamp", "value_clamp", "gradient"])
    let name = try parameters.required("kind").string()
    let penalty = KLPenalty(
      try KLPenalty.Kind(golden: name), weight: 1,
      logRatioClamp: try parameters["log_ratio_clamp"]?.number(),
      valueClamp: try parameters["value_clamp"]?.number())
    let inputs = golden.inputs
    let current = try precision.rounded(inputs.required("logprob").numbers())
    let anchor = try precision.rounded(inputs.required("logprob_ref").numbers())
    guard current.count == anchor.count else { throw GoldenProblem("inputs differ in length") }
    let ours = zip(current, anchor).map { penalty(logProbability: $0, anchor: $1) }
    let expected = golden.expected
    try refuseUnknown("expected field", in: expected, known: ["value", "grad_logprob"])
    for key in expected.keys {
      let numbers = try expected.required(key).comparableNumbers()
      comparison.numbers(key, key == "value" ? ours.map(\.value) : ours.map(\.gradient), numbers)
    }
  }

  private func compareController(
    _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    var controller = AdaptiveKLController(
      initial: try golden.required("initial").number(),
      target: try golden.required("target").number(),
      horizon: try golden.required("horizon").number())
    let steps = try golden.required("steps_per_update").number()
    var ours: [Double] = []
    for observed in try golden.required("observed_kl").numbers() {
      controller.update(observed: observed, steps: steps)
      ours.append(controller.weight)
    }
    comparison.numbers(
      "coefficient_after", ours, try golden.required("coefficient_after").comparableNumbers())
  }

  func compareEntropy(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    let parameters = golden.parameters
    try parameters.refuseUnknown(known: ["temperature", "entropy_coef"])
    let temperature = try parameters["temperature"]?.number() ?? 1
    let weight = try parameters["entropy_coef"]?.number() ?? 0
    let inputs = golden.inputs
    let targets = try inputs.required("targets").integers()
    let distributions = try inputs.required("logits").ragged().map {
      try TokenDistribution(logits: precision.rounded($0), temperature: temperature)
    }
    guard targets.count == distributions.count else {
      throw GoldenProblem("logits and targets differ in length")
    }
    let logProbabilities = zip(distributions, targets).map { $0.logProbabilities[$1] }
    let towards = zip(distributions, targets).map { $0.logProbabilityGradient(target: $1) }
    let spread = distributions.map { $0.entropyGradient() }
    let count = Double(targets.count)
    let expected = golden.expected
    for key in expected.keys {
      guard let value = expected[key] else { continue }
      switch key {
      case "logprob": comparison.numbers(key, logProbabilities, try value.comparableNumbers())
      case "entropy":
        comparison.numbers(key, distributions.map(\.entropy), try value.comparableNumbers())
      case "grad_of_logprob_sum": try comparison.ragged(key, towards, value)
      case "grad_of_entropy_sum": try comparison.ragged(key, spread, value)
      case "loss":
        let entropy = distributions.reduce(0) { $0 + $1.entropy }
        let loss = -(logProbabilities.reduce(0, +) + weight * entropy) / count
        try comparison.number(key, loss, value)
      case "grad_of_loss":
        let gradient = zip(towards, spread).map { pair in
          zip(pair.0, pair.1).map { -($0 + weight * $1) / count }
        }
        try comparison.ragged(key, gradient, value)
      default: throw GoldenProblem("the expected field \(key) is not understood")
      }
    }
  }

  func compareAggregation(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    let parameters = golden.parameters
    try parameters.refuseUnknown(known: [
      "aggregation", "constant", "global_tokens", "global_sequences", "data_parallel",
    ])
    let inputs = golden.inputs
    try refuseUnknown(
      "input", in: inputs,
      known: ["response_lengths", "padded_length", "mask", "groups", "token_loss"])
    let layout = try GoldenLayout(inputs: inputs, precision: precision)
    let aggregation = try parameters.aggregation(layout)
    let shapes = layout.shapes()
    var totals = Normalizers(rows: shapes).rollouts
    if let tokens = try parameters["global_tokens"]?.number() { totals.tokens = tokens }
    if let rows = try parameters["global_sequences"]?.number() {
      totals.sequences = rows
      totals.rows = rows
    }
    let workers = try parameters["data_parallel"]?.number() ?? 1
    guard let losses = try layout.tokens("token_loss") else {
      throw GoldenProblem("token_loss is missing")
    }
    var loss = 0.0
    var weights: [[Double]] = []
    for row in losses.indices {
      let weight = aggregation.weight(
        tokens: shapes[row].trainedTokens, rowsInGroup: totals.rowsInGroup[shapes[row].group],
        tokensInGroup: totals.tokensInGroup[shapes[row].group], totals: totals, workers: workers)
      weights.append(layout.trained[row].map { $0 ? weight : 0 })
      for token in losses[row].indices { loss += weights[row][token] * losses[row][token] }
    }
    let expected = golden.expected
    try refuseUnknown("expected field", in: expected, known: ["loss", "token_weight"])
    if let value = expected["loss"] { try comparison.number("loss", loss, value) }
    if let value = expected["token_weight"] {
      try comparison.ragged("token_weight", weights, value)
    }
  }

  func compareOptimizer(_ golden: GoldenCase, _ comparison: inout GoldenComparison) throws {
    let parameters = golden.parameters
    let inputs = golden.inputs
    try refuseUnknown("input", in: inputs, known: ["shapes", "initial", "steps"])
    try refuseUnknown("expected field", in: golden.expected, known: [])
    let tensors = try inputs.required("initial").ragged()
    let sizes = try inputs.required("shapes").raggedIntegers().map { $0.reduce(1, *) }
    guard sizes == tensors.map(\.count) else { throw GoldenProblem("shapes and tensors differ") }
    var weights = tensors.flatMap { precision.rounded($0) }
    var (optimizer, rate) = try goldenOptimizer(parameters, count: weights.count)
    for (index, step) in try inputs.required("steps").array().enumerated() {
      let gradient = try step.required("gradients").ragged().flatMap(precision.rounded)
      let outcome = try optimizer.update(&weights, gradient: gradient, learningRate: rate)
      let expected = try step.required("expected")
      for key in expected.keys {
        switch key {
        case "gradient_norm":
          if let value = expected[key] {
            comparison.number("step \(index) \(key)", outcome.gradientNorm, try value.number())
          } else if outcome.gradientNorm.isFinite {
            comparison.fail(
              "step \(index) \(key): \(outcome.gradientNorm), no finite number expected")
          }
        case "stepped":
          comparison.equal(
            "step \(index) \(key)", outcome.stepped, try expected.required(key).bool())
        case "parameters":
          let flat = try expected.required(key).ragged().flatMap { $0 }
          comparison.numbers("step \(index) \(key)", weights, flat)
        default: throw GoldenProblem("the expected field \(key) of a step is not understood")
        }
      }
    }
  }

  /// AdamW and its learning rate as a file describes them.
  func goldenOptimizer(_ parameters: GoldenParameters, count: Int) throws(GoldenProblem) -> (
    AdamW, rate: Double
  ) {
    try parameters.refuseUnknown(known: [
      "optimizer", "lr", "beta1", "beta2", "eps", "weight_decay", "grad_clip", "skip_above",
    ])
    if let name = try parameters["optimizer"]?.string(), name != "AdamW" {
      throw GoldenProblem("the optimizer \(name) is not built")
    }
    let optimizer = AdamW(
      count: count, beta1: try parameters["beta1"]?.number() ?? 0.9,
      beta2: try parameters["beta2"]?.number() ?? 0.999,
      adamEpsilon: try parameters["eps"]?.number() ?? 1e-8,
      weightDecay: try parameters["weight_decay"]?.number() ?? 0.01,
      rule: GradientRule(
        clip: try parameters["grad_clip"]?.number(),
        skipAbove: try parameters["skip_above"]?.number()))
    return (optimizer, try parameters.required("lr").number())
  }
}
