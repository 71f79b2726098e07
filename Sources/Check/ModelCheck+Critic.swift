import Operators
import Policy
import Records

/// Values, loss and gradients of a critic. Tolerances are four times the deviations that its own
/// `expected.json` states of transformers in float32.
extension ModelCheck {
  private func critic() throws -> Critic {
    try Critic(configuration: configuration, parameters: parameters, compute: compute)
  }

  /// Four times a member of `deviation_of_hf_float32`.
  private func tolerance(_ member: String) throws -> Double {
    4 * abs(try Self.double(Self.member(expected, "deviation_of_hf_float32"), member))
  }

  mutating func criticSequencesCases() throws {
    let critic = try critic()
    let tolerance = try tolerance("values_max_abs")
    for (index, sequence) in sequences.enumerated() {
      compare(
        "values.\(index)", try critic.values(of: sequence.tokens).map(Double.init),
        try Self.doubles(sequence.value, "values"), tolerance: tolerance)
    }
    try hiddenCase(critic, tolerance: tolerance)
  }

  /// The final normed states, seen through the head: with a unit vector as its weight and no bias, the
  /// value *is* one of their entries. Changes the critic's parameters.
  private mutating func hiddenCase(_ critic: Critic, tolerance: Double) throws {
    let wanted = try tensor("hidden")
    let width = configuration.hiddenSize
    var actual = [Double](repeating: .nan, count: wanted.count)
    var ranges: [String: Range<Int>] = [:]
    forEachParameter { ranges[$0] = $1 }
    guard let weight = ranges["score.weight"], let bias = ranges["score.bias"] else {
      throw Malformed(description: "no score.weight or score.bias")
    }
    for column in 0..<width {
      var changed = parameters
      for index in weight { changed[index] = index == weight.lowerBound + column ? 1 : 0 }
      changed[bias.lowerBound] = 0
      try critic.replaceParameters(changed)
      for sequence in sequences {
        let start = try Self.integer(sequence.value, "hidden_row_start")
        guard start >= 0, (start + sequence.tokens.count) * width <= actual.count else {
          throw Malformed(description: "hidden_row_start is outside of hidden")
        }
        for (row, value) in try critic.values(of: sequence.tokens).enumerated() {
          actual[(start + row) * width + column] = Double(value)
        }
      }
    }
    compare("hidden", actual, wanted, tolerance: tolerance)
  }

  /// L = sum of loss_weights[t] * 0.5 * (value[t] - returns[t])^2.
  mutating func criticLossCases(_ value: JSONValue) throws {
    let critic = try critic()
    let gradient = Gradient(for: critic)
    let weights = try sequences.flatMap { try Self.doubles($0.value, "loss_weights") }
    let returns = try sequences.flatMap { try Self.doubles($0.value, "returns") }
    let tokens = sequences.reduce(0) { $0 + $1.tokens.count }
    guard weights.count == tokens, returns.count == tokens else {
      throw Malformed(description: "loss_weights and returns are not one per token")
    }
    let groups = sequences.map { TrainingGroup.states(of: $0.tokens) }
    try critic.validate(groups)
    let values = critic.accumulate(groups, into: gradient) { values in
      values.indices.map { Float(weights[$0] * (Double(values[$0]) - returns[$0])) }
    }
    var loss = 0.0
    for (index, value) in values.enumerated() {
      let error = Double(value) - returns[index]
      loss += weights[index] * 0.5 * error * error
    }
    compare(
      "loss.value", [loss], [try Self.double(value, "value")], tolerance: try tolerance("loss"))
    let relative = try tolerance("grad_max_rel_l2")
    compareRelative(
      "loss.grad_norm", [gradient.norm()], [try Self.double(value, "grad_norm")],
      tolerance: relative)
    try compareGradient(gradient.values, tensors: "grad", tolerance: relative)
  }
}
