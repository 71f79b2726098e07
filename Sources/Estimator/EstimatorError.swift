public import Records

/// What was wrong with an algorithm's declaration or with the numbers it was given.
///
/// Nothing here ever becomes a weight of NaN: a number that is not finite is refused by name.
public struct EstimatorError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    /// A part, form or algorithm that does not exist.
    case unknownName
    /// A parameter out of its range, or two that exclude one another.
    case badParameter
    /// Arrays of one batch whose lengths do not agree.
    case shapeMismatch
    /// An infinity or NaN where a number is needed.
    case notFinite
    /// The algorithm reads a quantity that the batch does not carry.
    case missingQuantity
  }

  public var code: Code
  public var location: String
  public var problem: String
  public var remedy: String
  public var exitStatus: ExitStatus

  public init(
    code: Code, location: String, problem: String, remedy: String, exitStatus: ExitStatus
  ) {
    self.code = code
    self.location = location
    self.problem = problem
    self.remedy = remedy
    self.exitStatus = exitStatus
  }
}

extension EstimatorError {
  static func unknown(_ what: String, _ name: String, known: [String]) -> EstimatorError {
    EstimatorError(
      code: .unknownName, location: "algorithm", problem: "there is no \(what) \"\(name)\"",
      remedy: "Choose one of \(known.joined(separator: ", ")).", exitStatus: .usage)
  }

  static func parameter(_ key: String, _ problem: String, remedy: String) -> EstimatorError {
    EstimatorError(
      code: .badParameter, location: key, problem: problem, remedy: remedy, exitStatus: .usage)
  }

  static func shape(_ what: String, _ count: Int, expected: Int) -> EstimatorError {
    EstimatorError(
      code: .shapeMismatch, location: what, problem: "it has \(count) entries, not \(expected)",
      remedy: "Give every per-token array one entry per token, every per-row array one per row.",
      exitStatus: .mismatch)
  }

  static func rowStarts(tokens: Int) -> EstimatorError {
    EstimatorError(
      code: .shapeMismatch, location: "row starts",
      problem: "they do not ascend from 0 to the \(tokens) tokens",
      remedy: "Give the first token of each row, and the number of tokens at the end.",
      exitStatus: .mismatch)
  }

  static func notFinite(_ what: String, _ value: Double, row: Int, token: Int) -> EstimatorError {
    EstimatorError(
      code: .notFinite, location: "row \(row), token \(token)", problem: "\(what) is \(value)",
      remedy: "Drop the group, or look for the policy or verifier that produced it.",
      exitStatus: .mismatch)
  }

  static func pair(_ pair: PreferencePair, rows: Int) -> EstimatorError {
    EstimatorError(
      code: .shapeMismatch, location: "pairs",
      problem: "a pair names the rows \(pair.chosen) and \(pair.rejected) of \(rows)",
      remedy: "Give pairs as indices of rows of the same batch.", exitStatus: .mismatch)
  }

  static func missing(_ quantity: String, needed by: String) -> EstimatorError {
    EstimatorError(
      code: .missingQuantity, location: quantity, problem: "\(by) needs it and the batch has none",
      remedy: "Record it when the rollouts are scored, or choose a part that does not read it.",
      exitStatus: .mismatch)
  }
}
