/// What a definition says of one part of a verifier beside its name, by name.
public struct VerifierParameters: Sendable, Equatable {
  public enum Value: Sendable, Equatable {
    case flag(Bool)
    case integer(Int)
    case number(Double)
    case text(String)
    case texts([String])
  }

  public var values: [String: Value]

  public init(_ values: [String: Value] = [:]) { self.values = values }

  public func text(_ name: String) -> String? {
    if case .text(let text)? = values[name] { text } else { nil }
  }

  public func texts(_ name: String) -> [String]? {
    if case .texts(let texts)? = values[name] { texts } else { nil }
  }

  public func flag(_ name: String) -> Bool {
    if case .flag(let flag)? = values[name] { flag } else { false }
  }

  public func integer(_ name: String) -> Int? {
    if case .integer(let integer)? = values[name] { integer } else { nil }
  }

  public func number(_ name: String) -> Double? {
    if case .number(let number)? = values[name] { number } else { nil }
  }
}

/// A parameter that some verifiers take. Each name means one thing, whoever takes it.
public struct VerifierParameter: Sendable {
  public enum Kind: Sendable {
    case flag
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case choice([String])
    case text
    case texts
    /// A reference to the environment, `${NAME}`: the value is nowhere stored.
    case secret
  }

  public let name: String
  public let kind: Kind
  public let meaning: String
  public let unit: String?
  /// It says how a verdict is come by and not what it is: a run may go on with another value.
  public let isOperational: Bool

  public var isSecret: Bool { if case .secret = kind { true } else { false } }

  init(
    _ name: String, _ kind: Kind, unit: String? = nil, isOperational: Bool = false,
    _ meaning: String
  ) {
    self.isOperational = isOperational
    self.name = name
    self.kind = kind
    self.unit = unit
    self.meaning = meaning
  }
}

/// What a verifier may know of the run that asks it.
public struct VerifierContext: Sendable {
  /// Tokens of the longest response that can be sampled.
  public var maximumTokens: Int?
  /// The folder of the run or evaluation, where what was paid for is kept; nil outside of any.
  public var folder: String?
  /// Makes the verifiers that this module only names; nil where nothing outside can be asked.
  public var outside: Outside?

  /// - Parameters: name of the entry, and what the definition says of it.
  public typealias Outside =
    @Sendable (String, VerifierParameters, VerifierContext) throws(VerifierError) -> any Verifier

  public init(maximumTokens: Int? = nil, folder: String? = nil, outside: Outside? = nil) {
    self.maximumTokens = maximumTokens
    self.folder = folder
    self.outside = outside
  }
}

extension VerifierParameter {
  private static let lengths = 1...1_048_576
  static let finite = -1e6...1e6

  /// All that there are, in the order in which they are shown.
  public static let all: [VerifierParameter] = builtIn + outside

  private static let builtIn: [VerifierParameter] = [
    VerifierParameter(
      "mode", .choice(GSM8KMode.allCases.map(\.rawValue)),
      "gsm8k: strict reads `#### n`, flexible the last number, answer-line the last line `A: n`. "
        + "Default strict."),
    VerifierParameter("of", .text, "tags: the verifier that judges what the tags leave. Required."),
    VerifierParameter(
      "rule", .choice(TagsVerifier.Rule.allCases.map(\.rawValue)),
      "tags: think-required lets only the text after the closing think tag count, answer-tag only "
        + "what stands in answer tags; without the tag the response is wrong. Required."),
    VerifierParameter(
      "opening", .text, "tags, answer-tag: what stands before the answer. Default <answer>."),
    VerifierParameter(
      "closing", .text,
      "tags: what stands behind the answer (default </answer>) or ends the thinking (default "
        + "</think>, else ###Response)."),
    VerifierParameter(
      "pattern", .text,
      "regex: what the response must contain; with a group, the last one's text must be the ground "
        + "truth. Without it the ground truth is the pattern."),
    VerifierParameter("ignore_case", .flag, "regex: ASCII letters match in either case."),
    VerifierParameter(
      "box_required", .flag, "math: an answer that does not stand in a box is none."),
    VerifierParameter("ordered_lists", .flag, "math: `1, 2` is not `2, 1`."),
    VerifierParameter("strict_percent", .flag, "math: `50\\%` is 50, but not 0.5."),
    VerifierParameter(
      "rounding_places", .integer(0...30), unit: "places",
      "math: decimals are equal if they agree to so many places behind the point. Default 6."),
    VerifierParameter(
      "schema", .text, "json-schema: the schema as JSON. Without it the ground truth is the schema."
    ),
    VerifierParameter(
      "limit", .integer(lengths), unit: "tokens",
      "soft_overlong, cosine_length: the longest response. Default rollout.maximum_tokens."),
    VerifierParameter(
      "buffer", .integer(0...1_048_576), unit: "tokens",
      "soft_overlong: how long before the limit the penalty begins. Default a fifth of the limit."),
    VerifierParameter(
      "minimum_wrong", .number(finite), "cosine_length: of a wrong answer of length 0. Default -1."),
    VerifierParameter(
      "maximum_wrong", .number(finite),
      "cosine_length: of a wrong answer at the limit. Default -0.5."),
    VerifierParameter(
      "minimum_correct", .number(finite),
      "cosine_length: of a right answer at the limit. Default 0.5."),
    VerifierParameter(
      "maximum_correct", .number(finite), "cosine_length: of a right answer of length 0. Default 1."
    ),
    VerifierParameter(
      "ngram", .integer(1...64), "repetition: how many tokens or words are compared. Default 3."),
    VerifierParameter(
      "maximum_penalty", .number(-1e6...0), "repetition: what endless repetition costs. Default -1."
    ),
    VerifierParameter(
      "unit", .choice(RepetitionShape.Unit.allCases.map(\.rawValue)),
      "repetition: tokens or words. Default tokens."),
    VerifierParameter(
      "prefix", .text,
      "Format parts: text put before the response, such as a `<think>` that the prompt's template "
        + "wrote. Default none."),
  ]
}
