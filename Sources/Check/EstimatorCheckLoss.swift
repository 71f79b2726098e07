import Estimator
import Foundation

// Files of whole losses: gate, advantages, loss and gradients of one family, field by field.
extension EstimatorCheck {
  func compareLoss(
    _ golden: GoldenCase, _ family: GoldenFamily, _ comparison: inout GoldenComparison
  ) throws {
    try golden.parameters.refuseUnknown(known: family.parameters)
    try refuseUnknown(
      "input", in: golden.inputs, known: GoldenFamily.commonInputs.union(family.inputs))
    let layout = try GoldenLayout(inputs: golden.inputs, precision: precision)
    let algorithm = try family.build(golden, layout)
    try algorithm.validate()
    var run = try GoldenRun(golden, layout, algorithm)
    if let route = family.route {
      try route(self)(&run, &comparison)
    } else {
      try run.route()
    }
    if let assemble = family.assemble {
      try assemble(self)(&run, &comparison)
    } else {
      try run.assemble()
    }
    if golden.inputs["logprob"] != nil {
      try run.makeBatch()
      if let evaluate = family.evaluate {
        try evaluate(self)(&run, &comparison)
      } else if let batch = run.batch {
        run.evaluation = try run.algorithm.evaluate(batch, recordingParts: true)
      }
    }
    for key in golden.expected.keys {
      // `null` in place of a whole field: the peer had nothing finite to say.
      guard let value = golden.expected[key] else { continue }
      if let field = family.fields[key] {
        try field(self)(run, value, &comparison)
      } else if key == "metrics" {
        try compareMetrics(run, family, value, &comparison)
      } else {
        try compareField(key, run, value, &comparison)
      }
    }
  }

  /// The fields that every loss has.
  private func compareField(
    _ key: String, _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    switch key {
    case "notes": break
    case "advantages": try comparison.ragged(key, run.advantages, golden)
    case "returns": try comparison.ragged(key, run.returns, golden)
    case "loss": try comparison.number(key, run.evaluated.loss, golden)
    case "grad_logprob":
      try comparison.ragged(
        key, run.spread(gradient(run.evaluated.gradLogProbability)), golden)
    case "grad_entropy":
      let ours = try run.evaluated
      let none = ours.gradLogProbability.map { _ in 0.0 }
      try comparison.ragged(
        key, run.spread(ours.gradEntropy.isEmpty ? none : gradient(ours.gradEntropy)), golden)
    case "loss_terms": try compareTerms(run.evaluated.terms, golden, &comparison)
    case "upge": try compareParts(run, golden, &comparison)
    default: throw GoldenProblem("the expected field \(key) is not understood")
    }
  }

  /// As an engine would get it.
  func gradient(_ gradient: [Double]) -> [Double] { precision.rounded(gradient) }

  private func compareTerms(
    _ terms: LossTerms, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let known = [
      "policy": terms.withoutRegularisers, "policy_plus_sft": terms.withoutRegularisers,
      "sft": terms.imitation, "entropy": terms.entropy, "kl": terms.kl,
    ]
    for term in golden.keys {
      guard let value = known[term] else {
        throw GoldenProblem("the loss term \(term) is not understood")
      }
      try comparison.number("loss_terms.\(term)", value, golden[term] ?? .null)
    }
  }

  private func compareParts(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let parts = try run.parts
    let trained = run.batch?.trained ?? []
    for key in golden.keys {
      let flat: [Double]
      switch key {
      case "stabilization_mask": flat = parts.mask
      case "advantage": flat = parts.advantage
      case "token_weight": flat = parts.norm
      case "shaping_factor": flat = zip(trained, parts.shape).map { $0 ? $1 : 1 }
      case "log_reference_denominator": flat = parts.logReference
      default: throw GoldenProblem("the factor \(key) is not understood")
      }
      var listed = try listedFactor(golden.required(key), run)
      let theirs = listed
      var token = 0
      for sample in run.samples {
        for index in listed[sample].indices {
          // Where nothing is trained, a file may still list the reference.
          if trained[token] || key != "log_reference_denominator" {
            listed[sample][index] = flat[token]
          }
          token += 1
        }
      }
      // Samples that no longer train keep what is listed: their gradient of 0 is compared elsewhere.
      for (sample, row) in listed.enumerated() {
        comparison.numbers("upge.\(key)[\(sample)]", row, theirs[sample])
      }
    }
  }

  /// A factor per token; one number of a sample stands for all of its tokens.
  private func listedFactor(_ golden: GoldenValue, _ run: GoldenRun) throws -> [[Double]] {
    let lengths = run.layout.lengths
    let rows = try golden.array()
    guard rows.count == lengths.count else {
      throw GoldenProblem("upge has \(rows.count) samples instead of \(lengths.count)")
    }
    return try zip(rows, lengths).map { row, length in
      if case .number(let value) = row { return Array(repeating: value, count: length) }
      let values = try row.comparableNumbers()
      guard values.count == length else {
        throw GoldenProblem("a factor of upge has \(values.count) numbers instead of \(length)")
      }
      return values
    }
  }

  private func compareMetrics(
    _ run: GoldenRun, _ family: GoldenFamily, _ golden: GoldenValue,
    _ comparison: inout GoldenComparison
  ) throws {
    for key in golden.keys {
      guard let value = golden[key] else { continue }
      let ours: Double
      if let metric = family.metrics[key] {
        ours = try metric(run)
      } else {
        switch key {
        case "ppo_kl": ours = try run.diagnostics.referenceKL
        case "pg_clipfrac": ours = try run.diagnostics.clipShare
        case "pg_clipfrac_lower": ours = try run.diagnostics.dualClipShare
        default: throw GoldenProblem("the metric \(key) is not understood")
        }
      }
      comparison.metric("metrics.\(key)", ours, try value.number())
    }
  }

  /// verl's vectorised RLOO: a group of one gets 0.
  func compareVectorized(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    var vectorized = run
    vectorized.algorithm.advantage.singleton = .zero
    try vectorized.assemble()
    try comparison.ragged("advantages_vectorized", vectorized.advantages, golden)
  }
}

extension GoldenRun {
  /// The HPT release (its cases say whether `clip` is on) compares after taking the maximum: with the
  /// clip it reports 0, without it what a clip would have done.
  func clipShareOfRelease() throws -> Double {
    guard case .bool(let clips)? = golden.parameters["clip"] else {
      return try diagnostics.clipShare
    }
    if clips { return 0 }
    return try clipShare(
      by: StabilizationMask(
        .clip, clipLow: golden.parameters.number("clip_low"),
        clipHigh: golden.parameters.number("clip_high")))
  }
}

// PPO: what its critic adds.
extension EstimatorCheck {
  func compareRawAdvantages(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    var raw = run
    raw.algorithm.advantage.whiten = .none
    try raw.assemble()
    try comparison.ragged("advantages_raw", raw.advantages, golden)
  }

  func compareTokenRewards(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    var ours = run.layout.lengths.map { Array(repeating: 0.0, count: $0) }
    for (group, samples) in try run.assemblyGroups() {
      for (row, sample) in zip(group.rows, samples) { ours[sample] = row.tokenRewards }
    }
    try comparison.ragged("token_rewards", ours, golden)
  }

  func compareSequenceKL(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    guard let weight = run.algorithm.kl?.weight else {
      throw GoldenProblem("sequence_mean_kl without a penalty")
    }
    let mean = AssemblyGroup.meanPenalty(try run.assemblyGroups().map(\.group)) / weight
    try comparison.number("sequence_mean_kl", mean, golden)
  }

  private func valueEvaluation(_ run: GoldenRun) throws -> ValueTerm.Evaluation {
    guard let term = run.algorithm.value, let batch = run.batch,
      let values = try run.layout.tokens("values"), let old = try run.layout.tokens("values_old")
    else { throw GoldenProblem("a value loss without values") }
    func flat(_ all: [[Double]]) -> [Double] { run.samples.flatMap { all[$0] } }
    return try term.evaluate(
      values: flat(values), old: flat(old), returns: flat(run.returns), of: batch,
      normalizers: Normalizers(rows: batch.shapes()))
  }

  func compareValueLoss(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    try comparison.number("value_loss", valueEvaluation(run).loss, golden)
  }

  func compareValueGradient(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    try comparison.ragged(
      "grad_values", run.spread(gradient(valueEvaluation(run).gradient)), golden)
  }

  func compareValueClip(
    _ run: GoldenRun, _ golden: GoldenValue, _ comparison: inout GoldenComparison
  ) throws {
    let ours = try valueEvaluation(run)
    try comparison.number(
      "value_clip_fraction", Double(ours.clippedTokens) / Double(max(1, ours.tokens)), golden)
  }
}

// Elementary functions under the names that the estimator gives them.
func exponential(_ x: Double) -> Double { exp(x) }
func logarithm(_ x: Double) -> Double { log(x) }

/// 0 of no numbers.
func mean(_ numbers: [Double]) -> Double {
  numbers.isEmpty ? 0 : numbers.reduce(0, +) / Double(numbers.count)
}
