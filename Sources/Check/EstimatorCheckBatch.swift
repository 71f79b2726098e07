import Estimator

/// The ragged layout of a case's rows.
struct GoldenLayout {
  let lengths: [Int]
  let trained: [[Bool]]
  /// Question of each row.
  let group: [Int]
  let groups: [[Int]]
  let isDemonstration: [Bool]
  let paddedLength: Double?

  init(inputs: GoldenValue) throws(GoldenProblem) {
    let lengths = try inputs.required("response_lengths").integers()
    let rows = lengths.count
    var groups = [Array(0..<rows)]
    if let given = inputs["groups"] { groups = try given.raggedIntegers() }
    guard groups.flatMap({ $0 }).sorted() == Array(0..<rows) else {
      throw GoldenProblem("groups do not hold every row once")
    }
    var group = Array(repeating: 0, count: rows)
    for (index, members) in groups.enumerated() { for row in members { group[row] = index } }
    var trained = lengths.map { Array(repeating: true, count: $0) }
    if let mask = inputs["mask"] {
      var given: [[Bool]] = []
      for row in try mask.array() { given.append(try row.bools()) }
      trained = given
    }
    guard trained.map(\.count) == lengths else {
      throw GoldenProblem("mask and response_lengths differ")
    }
    var demonstrations = Array(repeating: false, count: rows)
    if let given = inputs["is_demo"] { demonstrations = try given.bools() }
    guard demonstrations.count == rows else {
      throw GoldenProblem("is_demo and response_lengths differ")
    }
    self.lengths = lengths
    self.trained = trained
    self.group = group
    self.groups = groups
    isDemonstration = demonstrations
    paddedLength = try inputs["padded_length"]?.number()
  }

  func shapes(of rows: [Int]) -> [RowShape] {
    rows.map { row in
      RowShape(
        kind: isDemonstration[row] ? .demonstration : .rollout, group: group[row],
        trainedTokens: trained[row].count { $0 })
    }
  }

  /// A number per row at every trained token, as the files list advantages.
  func broadcast(_ values: [Double]) -> [[Double]] {
    trained.indices.map { row in trained[row].map { $0 ? values[row] : 0 } }
  }

  /// Flat numbers over the tokens of `rows`, spread over all rows, 0 elsewhere.
  func spread(_ flat: [Double], of rows: [Int]) -> [[Double]] {
    var result = lengths.map { Array(repeating: 0.0, count: $0) }
    var next = 0
    for row in rows {
      result[row] = Array(flat[next..<(next + lengths[row])])
      next += lengths[row]
    }
    return result
  }
}

// Files of whole losses: SFT, REINFORCE, RLOO, GRPO, Dr. GRPO.
extension EstimatorCheck {
  static let batchInputs: Set = [
    "groups", "rewards", "is_demo", "response_lengths", "padded_length", "mask", "logprob",
    "logprob_old", "logprob_ref", "entropy",
  ]
  static let batchHyperparameters: Set = [
    "aggregation", "constant", "clip", "clip_low", "clip_high", "dual_clip", "log_ratio_clamp",
    "two_sided_delta", "epsilon", "std", "singleton_group", "normalise_by_std", "baseline",
    "kl_kind", "kl_coef", "entropy_coef", "sft_coef",
  ]

  func compareBatch(
    _ golden: GoldenValue, algorithm name: String, _ comparison: inout GoldenComparison
  ) throws {
    let hyperparameters = hyperparameters(golden)
    try refuseUnknown("hyperparameter", in: hyperparameters, known: Self.batchHyperparameters)
    let inputs = try golden.required("inputs")
    try refuseUnknown("input", in: inputs, known: Self.batchInputs)
    let layout = try GoldenLayout(inputs: inputs)
    let algorithm = try algorithm(name, hyperparameters, layout, inputs)
    let rewards = try inputs["rewards"]?.numbers() ?? layout.lengths.map { _ in 0 }
    guard rewards.count == layout.lengths.count else {
      throw GoldenProblem("rewards and response_lengths differ")
    }
    let advantages = try rowAdvantages(algorithm, layout, rewards)
    let expected = try golden.required("expected")
    if inputs["logprob"] == nil {
      try refuseUnknown("expected field", in: expected, known: ["advantages"])
      return try comparison.ragged(
        "advantages", layout.broadcast(advantages), try expected.required("advantages"))
    }
    let rows = Array(layout.lengths.indices)
    let batch = try batch(
      rows, layout, inputs, advantages: advantages, weights: rows.map { _ in 1 })
    let ours = try algorithm.evaluate(batch, recordingParts: true)
    for key in expected.keys {
      guard let value = expected[key] else { continue }
      switch key {
      case "metrics":
        try compareMetrics(value, ours, hyperparameters, batch, &comparison)
      case "upge":
        try compareParts(value, ours, batch, layout, &comparison)
      case "advantages_vectorized":
        try compareVectorized(value, algorithm, layout, rewards, &comparison)
      default:
        try compareLoss(key, value, ours, layout, rows, advantages, &comparison)
      }
    }
  }

  /// The fields that every loss has.
  func compareLoss(
    _ key: String, _ golden: GoldenValue, _ ours: Evaluation, _ layout: GoldenLayout,
    _ rows: [Int], _ advantages: [Double], _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    switch key {
    case "notes": break
    case "loss": try comparison.number(key, ours.loss, golden)
    case "advantages": try comparison.ragged(key, layout.broadcast(advantages), golden)
    case "grad_logprob":
      try comparison.ragged(key, layout.spread(ours.gradLogProbability, of: rows), golden)
    case "grad_entropy":
      let gradient =
        ours.gradEntropy.isEmpty ? ours.gradLogProbability.map { _ in 0 } : ours.gradEntropy
      try comparison.ragged(key, layout.spread(gradient, of: rows), golden)
    case "loss_terms":
      let terms = ours.terms
      let known = [
        "policy_plus_sft": terms.policy + terms.imitation,
        "policy": terms.policy + terms.imitation, "sft": terms.imitation,
        "entropy": terms.entropy, "kl": terms.kl,
      ]
      for term in golden.keys {
        guard let value = known[term] else {
          throw GoldenProblem("the loss term \(term) is not understood")
        }
        try comparison.number("loss_terms.\(term)", value, golden[term] ?? .null)
      }
    default: throw GoldenProblem("the expected field \(key) is not understood")
    }
  }

  func compareMetrics(
    _ golden: GoldenValue, _ ours: Evaluation, _ hyperparameters: GoldenValue,
    _ batch: TokenBatch, _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    for key in golden.keys {
      guard let value = golden[key] else { continue }
      let number: Double
      switch key {
      case "ppo_kl": number = ours.diagnostics.referenceKL
      case "pg_clipfrac_lower": number = ours.diagnostics.dualClipShare
      case "pg_clipfrac": number = try clipShare(ours, hyperparameters, batch)
      default: throw GoldenProblem("the metric \(key) is not understood")
      }
      comparison.metric("metrics.\(key)", number, try value.number())
    }
  }

  /// The share of tokens with l₂ > l₁. The HPT release (its cases say whether `clip` is on) compares
  /// after taking the maximum: with the clip it reports 0, without it what a clip would have done.
  private func clipShare(
    _ ours: Evaluation, _ hyperparameters: GoldenValue, _ batch: TokenBatch
  ) throws(GoldenProblem) -> Double {
    guard let clips = try hyperparameters["clip"]?.bool() else { return ours.diagnostics.clipShare }
    if clips { return 0 }
    guard let parts = ours.parts else { return ours.diagnostics.clipShare }
    let mask = StabilizationMask(
      clipLow: try hyperparameters["clip_low"]?.number(),
      clipHigh: try hyperparameters["clip_high"]?.number())
    let trained = batch.trained.indices.filter { batch.trained[$0] }
    let clipped = trained.count {
      mask(
        logRatio: batch.logProbability[$0] - parts.logReference[$0],
        advantage: parts.advantage[$0]
      ).clipped
    }
    return trained.isEmpty ? 0 : Double(clipped) / Double(trained.count)
  }

  func compareParts(
    _ golden: GoldenValue, _ ours: Evaluation, _ batch: TokenBatch, _ layout: GoldenLayout,
    _ comparison: inout GoldenComparison
  ) throws(GoldenProblem) {
    guard let parts = ours.parts else { return comparison.fail("parts were not recorded") }
    let rows = Array(layout.lengths.indices)
    for key in golden.keys {
      let value = try golden.required(key)
      let flat: [Double]
      switch key {
      case "stabilization_mask": flat = parts.mask
      case "advantage": flat = parts.advantage
      case "token_weight": flat = parts.norm
      case "shaping_factor": flat = parts.mask.map { _ in 1 }
      case "log_reference_denominator":
        // Files list it at untrained tokens as well, where there is nothing to compare.
        let listed = try value.ragged().flatMap { $0 }
        guard listed.count == parts.logReference.count else {
          return comparison.fail("upge.\(key): \(listed.count) numbers")
        }
        flat = parts.logReference.indices.map {
          batch.trained[$0] ? parts.logReference[$0] : listed[$0]
        }
      default: throw GoldenProblem("the factor \(key) is not understood")
      }
      try comparison.ragged("upge.\(key)", layout.spread(flat, of: rows), value)
    }
  }

  /// verl's vectorised RLOO: a group of one gets 0.
  private func compareVectorized(
    _ golden: GoldenValue, _ algorithm: Algorithm, _ layout: GoldenLayout, _ rewards: [Double],
    _ comparison: inout GoldenComparison
  ) throws {
    var vectorized = algorithm
    vectorized.advantage.singleton = .zero
    let values = try rowAdvantages(vectorized, layout, rewards)
    try comparison.ragged("advantages_vectorized", layout.broadcast(values), golden)
  }

  /// Â per row, from the algorithm's own estimate.
  func rowAdvantages(_ algorithm: Algorithm, _ layout: GoldenLayout, _ rewards: [Double]) throws
    -> [Double]
  {
    var result = rewards.map { _ in 0.0 }
    for members in layout.groups {
      let rollouts = members.filter { !layout.isDemonstration[$0] }
      let imitated = members.filter { layout.isDemonstration[$0] }
      let ours = try algorithm.advantages([
        GroupRewards(rollouts: rollouts.map { rewards[$0] }, imitated: imitated.count)
      ])[0]
      for (row, value) in zip(rollouts, ours.rollouts) { result[row] = value }
      for (row, value) in zip(imitated, ours.demonstrations) { result[row] = value }
    }
    return result
  }

  /// A batch of `rows` of the case, in that order.
  func batch(
    _ rows: [Int], _ layout: GoldenLayout, _ inputs: GoldenValue, advantages: [Double],
    weights: [Double]
  ) throws(GoldenProblem) -> TokenBatch {
    func flat(_ key: String) throws(GoldenProblem) -> [Double]? {
      guard let ragged = try inputs[key]?.ragged() else { return nil }
      guard ragged.map(\.count) == layout.lengths else {
        throw GoldenProblem("\(key) and response_lengths differ")
      }
      return rows.flatMap { ragged[$0] }
    }
    guard let current = try flat("logprob") else { throw GoldenProblem("logprob is missing") }
    var starts = [0]
    for row in rows { starts.append(starts[starts.count - 1] + layout.lengths[row]) }
    return TokenBatch(
      rows: rows.map {
        TokenBatch.Row(
          kind: layout.isDemonstration[$0] ? .demonstration : .rollout, group: layout.group[$0],
          weight: weights[$0])
      }, rowStarts: starts, trained: rows.flatMap { layout.trained[$0] },
      advantages: .perRow(rows.map { advantages[$0] }), logProbability: current,
      logProbabilityOld: try flat("logprob_old"),
      logProbabilityAnchor: try flat("logprob_ref"), entropy: try flat("entropy"))
  }
}
