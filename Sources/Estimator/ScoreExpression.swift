import Records

/// A number computed from one rollout's verdict by a formula that a definition spells out, such as
/// `reward / length` (GFPO's token efficiency, arXiv 2508.09726) or `0.9 * correct + 0.1 * format`.
///
///     sum     = product { ("+" | "-") product }          left to right
///     product = factor { ("*" | "/") factor }            left to right
///     factor  = ("-" | "+") factor | number | name | "(" sum ")"
///
/// Names are `reward`, `length` (tokens of the response) and the components of the verdict; the
/// first two hide components of the same name. The text is read once and kept as instructions of a
/// stack machine; every result is finite or an error.
public struct ScoreExpression: Sendable, Equatable {
  /// As it was written.
  public let text: String
  /// The names it reads, each once, in the order in which they first stand.
  public let names: [String]
  let instructions: [ScoreInstruction]

  /// Reads `text`.
  ///
  /// - Parameter key: where the expression stands in a definition, for the error.
  /// - Throws: `.badParameter` that points at the character, counted from 1.
  public init(_ text: String, key: String = "expression") throws(EstimatorError) {
    var parser = ScoreParser(text: text, key: key)
    try parser.parse()
    self.text = text
    names = parser.names
    instructions = parser.instructions
  }

  /// The first name that `rollout` has no value for; nil when the expression can be computed.
  public func missing(in rollout: GateRollout) -> String? {
    names.first { rollout.value(of: $0) == nil }
  }

  /// Its value for one rollout.
  ///
  /// - Parameter location: whose value it is, for the error: `group 17, rollout 3`.
  /// - Throws: `.missingQuantity` for a component that the verdict lacks, `.notFinite` for a
  ///   division by zero (which names the character) and for a value that is no finite number.
  public func value(of rollout: GateRollout, location: String) throws(EstimatorError) -> Double {
    var values: [Double] = []
    for name in names {
      guard let value = rollout.value(of: name) else {
        throw EstimatorError(
          code: .missingQuantity, location: location,
          problem: "\"\(text)\" reads \(name), which the verdict does not have",
          remedy: "Choose a verifier that gives \(name), or another expression.",
          exitStatus: .mismatch)
      }
      values.append(value)
    }
    return try value(names: values, location: location)
  }

  /// Its value with the numbers of `names`, in their order; throws `.notFinite`.
  public func value(names values: [Double], location: String) throws(EstimatorError) -> Double {
    precondition(
      values.count == names.count, "ScoreExpression: \(values.count) values, \(names.count) names")
    var stack: [Double] = []
    for instruction in instructions {
      switch instruction {
      case .number(let number): stack.append(number)
      case .name(let index): stack.append(values[index])
      case .negate: stack.append(-stack.removeLast())
      case .add: Self.combine(&stack, +)
      case .subtract: Self.combine(&stack, -)
      case .multiply: Self.combine(&stack, *)
      case .divide(let character):
        guard stack.last != 0 else { throw divisionByZero(character, location) }
        Self.combine(&stack, /)
      }
    }
    // The parser leaves exactly one value; an infinity that went in or came up shows here or
    // turned into a NaN, except as a divisor, hence the check of what goes in.
    let result = stack[0]
    if let bad = values.first(where: { !$0.isFinite }) ?? (result.isFinite ? nil : result) {
      throw EstimatorError(
        code: .notFinite, location: location, problem: "\"\(text)\" comes to \(bad)",
        remedy: "Look at the verdict, or keep the expression within the range of a double.",
        exitStatus: .mismatch)
    }
    return result
  }

  private static func combine(_ stack: inout [Double], _ operation: (Double, Double) -> Double) {
    let right = stack.removeLast()
    stack.append(operation(stack.removeLast(), right))
  }

  private func divisionByZero(_ character: Int, _ location: String) -> EstimatorError {
    EstimatorError(
      code: .notFinite, location: location,
      problem: "\"\(text)\" divides by zero at character \(character)",
      remedy: "Write a divisor that cannot be zero, such as (length + 1).", exitStatus: .mismatch)
  }
}

/// One step of the stack machine that computes a `ScoreExpression`.
enum ScoreInstruction: Sendable, Equatable {
  case number(Double)
  /// The value of `names[index]`.
  case name(Int)
  case negate
  case add
  case subtract
  case multiply
  /// With the character of the stroke, for the error.
  case divide(character: Int)
}
