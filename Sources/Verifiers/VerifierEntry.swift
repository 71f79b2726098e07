/// A verifier or a part of a reward as definitions name it, with the parameters that it takes.
public struct VerifierEntry: Sendable {
  /// What a name stands for.
  enum Made {
    /// Says right or wrong.
    case verifier(any Verifier)
    /// Adds to the reward by what one response is like.
    case shape(any RewardShape)
    /// Adds to the reward by comparing the responses of a group.
    case groupShape(any GroupShape)
  }

  public let name: String
  /// One line: what it takes for right, or what it rewards.
  public let summary: String
  /// Names of `VerifierParameter.all`.
  public let parameters: [String]
  let make: Maker

  typealias Maker =
    @Sendable (VerifierParameters, VerifierContext) throws(VerifierError) -> Made

  init(
    _ name: String, _ summary: String, _ parameters: [String] = [],
    make: @escaping Maker
  ) {
    self.name = name
    self.summary = summary
    self.parameters = parameters
    self.make = make
  }

  /// The verifier without parameters; nil for one that needs some, and for shapes.
  var plain: (any Verifier)? {
    guard case .verifier(let verifier)? = try? make(VerifierParameters(), VerifierContext())
    else { return nil }
    return verifier
  }

  /// The entry of that name, if there is one.
  public static func named(_ name: String) -> VerifierEntry? { all.first { $0.name == name } }
}

extension VerifierEntry {
  /// All there are, verifiers first, each half in alphabetical order.
  public static let all: [VerifierEntry] = verifiers + shapes

  static let verifiers = (pure + outside).sorted { $0.name < $1.name }

  private static let pure: [VerifierEntry] = [
    VerifierEntry("choice", "the letter or text of the right option") { _, _ in
      .verifier(ChoiceVerifier())
    },
    VerifierEntry("countdown", "an expression that reaches the target with the given numbers") {
      _, _ in .verifier(CountdownVerifier())
    },
    VerifierEntry("exact", "the ground truth, byte for byte") { _, _ in .verifier(ExactVerifier())
    },
    VerifierEntry("final_number", "the number, wherever the response ends in one") { _, _ in
      .verifier(FinalNumberVerifier())
    },
    VerifierEntry("final_number_strict", "the number behind the last ####") { _, _ in
      .verifier(FinalNumberVerifier(name: "final_number_strict", rules: [.marker]))
    },
    VerifierEntry("gsm8k", "the number, at the place that the mode says", ["mode"]) {
      parameters, _ in
      let mode = parameters.text("mode").flatMap(GSM8KMode.init) ?? .strict
      return .verifier(FinalNumberVerifier(gsm8k: mode))
    },
    VerifierEntry("json-schema", "JSON that is valid against a schema", ["schema"]) {
      (parameters, _) throws(VerifierError) in
      .verifier(try JSONSchemaVerifier(schema: parameters.text("schema")))
    },
    VerifierEntry(
      "math", "the answer, compared as mathematics",
      ["box_required", "ordered_lists", "strict_percent", "rounding_places"]
    ) { parameters, _ in
      .verifier(
        MathVerifier(
          extraction: parameters.flag("box_required") ? .boxOnly : .anywhere,
          listOrderMatters: parameters.flag("ordered_lists"),
          percentIsHundredth: !parameters.flag("strict_percent"),
          roundingPlaces: parameters.integer("rounding_places") ?? 6))
    },
    VerifierEntry("regex", "a match of a regular expression", ["pattern", "ignore_case"]) {
      (parameters, _) throws(VerifierError) in
      .verifier(
        try RegexVerifier(
          pattern: parameters.text("pattern"), ignoresCase: parameters.flag("ignore_case")))
    },
    VerifierEntry(
      "tags", "what another verifier says of the text that tags mark",
      ["of", "rule", "opening", "closing"]
    ) { (parameters, context) throws(VerifierError) in
      guard let name = parameters.text("of"), let entry = named(name), name != "tags",
        case .verifier(let inner) = try entry.make(parameters, context)
      else {
        throw VerifierError(
          "of",
          parameters.text("of").map { "there is no verifier \($0) that tags could wrap" }
            ?? "tags must say which verifier judges what they leave",
          remedy: "Use one of \(verifiers.map(\.name).joined(separator: ", ")).")
      }
      guard let rule = parameters.text("rule").flatMap(TagsVerifier.Rule.init) else {
        throw VerifierError(
          "rule", "tags must say what they mark", remedy: "Use think-required or answer-tag.")
      }
      return .verifier(
        try TagsVerifier(
          inner, rule, opening: parameters.text("opening"), closing: parameters.text("closing")))
    },
  ]

  private static let shapes: [VerifierEntry] = [
    VerifierEntry(
      "cosine_length", "right answers more if short, wrong ones less",
      ["limit", "minimum_wrong", "maximum_wrong", "minimum_correct", "maximum_correct"]
    ) { (parameters, context) throws(VerifierError) in
      .shape(
        CosineLengthShape(
          limit: try limit(parameters, context),
          wrong: (
            parameters.number("minimum_wrong") ?? -1, parameters.number("maximum_wrong") ?? -0.5
          ),
          correct: (
            parameters.number("minimum_correct") ?? 0.5, parameters.number("maximum_correct") ?? 1
          )))
    },
    format("hpt_think_format", "1 if a think block on its own lines begins it", .hptThink),
    VerifierEntry("len_reward", "0.5 for the shortest of the group to -0.5 for the longest") {
      _, _ in .groupShape(GroupLengthShape())
    },
    format("reasoning_steps", "steps found, a third each, at most 1", .reasoningSteps),
    VerifierEntry(
      "repetition", "a penalty for n-grams that occur again", ["ngram", "maximum_penalty", "unit"]
    ) { parameters, _ in
      .shape(
        RepetitionShape(
          length: parameters.integer("ngram") ?? 3,
          maximumPenalty: parameters.number("maximum_penalty") ?? -1,
          unit: parameters.text("unit").flatMap(RepetitionShape.Unit.init) ?? .tokens))
    },
    VerifierEntry(
      "soft_overlong", "0, from the buffer on down to -1 at the limit", ["limit", "buffer"]
    ) { (parameters, context) throws(VerifierError) in
      let limit = try limit(parameters, context)
      let buffer = parameters.integer("buffer") ?? limit / 5
      guard buffer <= limit else {
        throw VerifierError(
          "buffer", "\(buffer) tokens before a limit of \(limit)",
          remedy: "Give a buffer from 0 to the limit (published: 4096 of 20480).")
      }
      return .shape(SoftOverlongShape(limit: limit, buffer: buffer))
    },
    format("tag_count", "a quarter for each of four tags that is there once", .tagCount),
    format(
      "think_answer_format", "1 for a think and an answer block on lines of their own", .thinkAnswer
    ),
    format("think_format", "1 for one think block at the begin", .think),
  ]

  private static func format(
    _ name: String, _ summary: String, _ rule: FormatShape.Rule
  ) -> VerifierEntry {
    VerifierEntry(name, summary, ["prefix"]) { parameters, _ in
      .shape(FormatShape(rule, prefix: parameters.text("prefix") ?? ""))
    }
  }

  private static func limit(
    _ parameters: VerifierParameters, _ context: VerifierContext
  ) throws(VerifierError) -> Int {
    guard let limit = parameters.integer("limit") ?? context.maximumTokens else {
      throw VerifierError(
        "limit", "nothing says how long a response may be", remedy: "Set limit, in tokens.")
    }
    return limit
  }
}
