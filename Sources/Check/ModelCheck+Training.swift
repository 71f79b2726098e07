import Operators
import Policy
import Records

/// Losses, gradients and optimizer steps.
extension ModelCheck {
  /// Gradient of `sum of multiplier * weights[t] * -logp[t]`.
  private func lossGradient(
    _ policy: Policy, multiplier: Double = 1
  ) throws -> (loss: Double, gradient: Gradient) {
    let gradient = Gradient(for: policy)
    let weights = try sequences.flatMap { try $0.weights().map { $0 * multiplier } }
    let scores = policy.accumulate(sequences.map(\.group), temperature: 1, into: gradient) { _ in
      TokenWeights(logProbability: weights.map { Float(-$0) })
    }
    let loss = zip(weights, scores.logProbabilities).reduce(0.0) { $0 - $1.0 * Double($1.1) }
    return (loss, gradient)
  }

  mutating func lossCases(_ value: JSONValue) throws {
    let (loss, gradient) = try lossGradient(policy())
    try compareScalar("loss.value", loss, value, "value", scale: lossScale())
    try compareScalar("loss.grad_norm", gradient.norm(), value, "grad_norm")
    try compareGradient(
      gradient.values, tensors: "grad", summary: "grad_summary", tolerance: Tolerance.gradient)
  }

  mutating func entropyCases(_ value: JSONValue) throws {
    let policy = try policy()
    let coefficient = try Self.double(value, "coefficient")
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(sequences.map(\.group), temperature: 1, into: gradient) {
      let count = $0.entropies.count
      return TokenWeights(
        logProbability: [Float](repeating: 0, count: count),
        entropy: [Float](repeating: Float(-coefficient / Double(count)), count: count))
    }
    let mean =
      scores.entropies.reduce(0.0) { $0 + Double($1) } / Double(scores.entropies.count)
    try compareScalar("entropy_loss.value", -coefficient * mean, value, "value")
    try compareScalar("entropy_loss.grad_norm", gradient.norm(), value, "grad_norm")
    try compareGradient(
      gradient.values, tensors: "entropy_grad", summary: "entropy_grad_summary",
      tolerance: Tolerance.entropyGradient)
  }

  mutating func adamWCases(_ value: JSONValue) throws {
    let policy = try policy()
    let deep = value["update_summary"] != nil
    let hyper = try Self.member(value, "hyperparameters")
    let settings = AdamWSettings(
      beta1: try Self.double(hyper, "beta1"), beta2: try Self.double(hyper, "beta2"),
      adamEpsilon: try Self.double(hyper, "eps"),
      weightDecay: try Self.double(hyper, "weight_decay"))
    let rate = try Self.double(hyper, "lr")
    let maximum = try Self.double(hyper, "max_grad_norm")
    let state = AdamWState(for: policy)
    for (index, step) in try Self.array(value, "steps").enumerated() {
      let name = "adamw.step\(index + 1)"
      let multiplier = try Self.double(step, "loss_weight_multiplier")
      let (loss, gradient) = try lossGradient(policy, multiplier: multiplier)
      // After an update the parameters themselves are as far off as the update is.
      let scale = index == 0 ? 1 : deep ? 100.0 : 10
      try compareScalar(
        name + ".loss_before_step", loss, step, "loss_before_step",
        scale: abs(multiplier) * lossScale() * scale)
      let norm = gradient.norm()
      let clip = Gradient.clippingCoefficient(norm: norm, maximumNorm: maximum)
      try compareScalar(name + ".grad_norm", norm, step, "grad_norm_before_clip", factor: scale)
      try compareScalar(name + ".clip", clip, step, "clip_coefficient", factor: scale)
      policy.update(
        gradient, state, settings: settings, learningRate: rate, gradientScale: clip)
      let after = policy.score([sequences[0].group], temperature: 1)
      compare(
        name + ".logprobs", after.logProbabilities.map(Double.init),
        try Self.doubles(step, "logprobs_of_sequence_0_after_step"),
        tolerance: deep ? Tolerance.deepAfterUpdate : Tolerance.afterUpdate)
    }
    try compareUpdates(policy.parameters, value["update_summary"])
  }

  /// The change of every parameter over all steps, by relative l2: single entries divide by the root
  /// of tiny second moments and are noise.
  private mutating func compareUpdates(_ after: [Float], _ summary: JSONValue?) throws {
    let changes = zip(after, parameters).map { Double($0) - Double($1) }
    var cases: [(name: String, range: Range<Int>)] = []
    forEachParameter { cases.append(($0, $1)) }
    for (name, range) in cases {
      let change = Array(changes[range])
      if let summary {
        try compareSummary(
          "adamw.\(name)", change, try Self.member(summary, name), tolerance: Tolerance.deepUpdate)
      } else {
        let wanted = zip(try tensor("adamw.step3." + name), parameters[range]).map {
          $0 - Double($1)
        }
        let kept = try resolvedEntries(name)
        compareRelative(
          "adamw.\(name)", kept.map { change[$0] }, kept.map { wanted[$0] },
          tolerance: Tolerance.update)
      }
    }
  }

  /// Entries whose stored gradient f32 can tell from 0 beside the whole gradient. The others, such as
  /// a key's bias at a frequency so low that softmax cancels it, step by the sign of rounding errors.
  private func resolvedEntries(_ name: String) throws -> [Int] {
    let floor = 1e-9 * (try Self.double(Self.member(expected, "loss"), "grad_norm"))
    let gradient = try tensor("grad." + name)
    return gradient.indices.filter { gradient[$0] == 0 || abs(gradient[$0]) >= floor }
  }

  mutating func compareGradient(
    _ values: [Float], tensors prefix: String, summary: String? = nil, tolerance: Double
  ) throws {
    let summaries = summary.flatMap { expected[$0] }
    var cases: [(name: String, range: Range<Int>)] = []
    forEachParameter { cases.append(($0, $1)) }
    for (name, range) in cases {
      let actual = values[range].map(Double.init)
      if let summaries {
        try compareSummary(
          "\(prefix).\(name)", actual, try Self.member(summaries, name), tolerance: tolerance)
      } else {
        compareRelative(
          "\(prefix).\(name)", actual, try tensor("\(prefix).\(name)"), tolerance: tolerance)
      }
    }
  }

  /// Norm and sampled entries of a tensor that is not stored whole.
  private mutating func compareSummary(
    _ name: String, _ values: [Double], _ summary: JSONValue, tolerance: Double
  ) throws {
    let indices = try Self.array(summary, "index").compactMap(\.integer)
    guard indices.allSatisfy(values.indices.contains) else {
      throw Malformed(description: "\(name): an index outside of the tensor")
    }
    compareRelative(
      name, indices.map { values[$0] }, try Self.doubles(summary, "value"), tolerance: tolerance)
    let norm = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
    try compareScalar(name + ".norm", norm, summary, "norm", factor: tolerance / Tolerance.scalar)
  }

  /// What a loss is a sum of: its parts cancel, so its error is relative to their size.
  private func lossScale() throws -> Double {
    var scale = 0.0
    for sequence in sequences {
      let logProbabilities = try Self.doubles(sequence.value, "logprobs")
      for (w, l) in zip(try sequence.weights(), logProbabilities) { scale += abs(w * l) }
    }
    return scale
  }

  /// A scalar relative to its own size, or to `scale`; `factor` widens the tolerance.
  private mutating func compareScalar(
    _ name: String, _ actual: Double, _ value: JSONValue, _ member: String, scale: Double? = nil,
    factor: Double = 1
  ) throws {
    let wanted = try Self.double(value, member)
    compare(
      name, [actual], [wanted],
      tolerance: Tolerance.scalar * factor * max(scale ?? abs(wanted), 1e-12))
  }
}
