public import Records

/// A model's chat template: what makes one text of a conversation.
///
/// Jinja as published templates use it, in the environment that transformers makes
/// (`utils/chat_template_utils.py`): blocks and comments trimmed, loop controls, `tojson` as Python's
/// `json.dumps`, `raise_exception`, `strftime_now`. What is not done is refused by name and line.
/// Text of messages is only ever data: it is never read as a template.
public struct ChatTemplate: Sendable {
  /// Where it was read.
  public let location: String
  /// Its text, and the tokens that it may name: what a rendering depends on beside the messages.
  public let source: String
  public var specialTokens: [String: String]
  private let statements: [Statement]

  /// Bytes of a template; published ones have up to 30 thousand.
  public static let byteLimit = 1 << 19

  /// - Parameters:
  ///   - specialTokens: the values of `bos_token`, `eos_token` and their like.
  ///   - location: the file, for errors.
  /// - Throws: `ChatTemplateError` for what is no template or is not done here.
  public init(
    _ source: String, specialTokens: [String: String] = [:],
    location: String = "chat_template.jinja"
  ) throws(ChatTemplateError) {
    guard source.utf8.count <= Self.byteLimit else {
      throw ChatTemplateError(
        .limit, at: location,
        "the template has \(source.utf8.count) bytes, more than \(Self.byteLimit)")
    }
    self.source = source
    self.specialTokens = specialTokens
    self.location = location
    statements = try TemplateParser.parse(source, location: location)
  }

  /// The text of a conversation.
  /// - Parameters:
  ///   - addGenerationPrompt: whether to end with what precedes an assistant's answer.
  ///   - date: what `strftime_now` tells.
  /// - Throws: `ChatTemplateError` where the template refuses the messages or fails.
  public func render(
    _ messages: [Message], addGenerationPrompt: Bool, date: TemplateDate
  ) throws(ChatTemplateError) -> String {
    let conversation: [TemplateValue] = messages.map { message in
      .mapping(
        TemplateMapping([
          (.text(TemplateText("role")), .text("role"), .text(message.role)),
          (.text(TemplateText("content")), .text("content"), .text(message.content)),
        ]))
    }
    var variables = specialTokens.mapValues { TemplateValue.text($0) }
    variables["messages"] = .list(conversation)
    variables["add_generation_prompt"] = .boolean(addGenerationPrompt)
    // transformers passes both, as none where there are none.
    variables["tools"] = TemplateValue.none
    variables["documents"] = TemplateValue.none
    return try render(variables, date: date)
  }

  /// The text under the given variables, an object: for tests and for what is not a plain conversation.
  package func render(
    variables: JSONValue, date: TemplateDate
  ) throws(ChatTemplateError) -> String {
    var values = specialTokens.mapValues { TemplateValue.text($0) }
    for member in variables.object ?? [] { values[member.name] = TemplateValue(member.value) }
    return try render(values, date: date)
  }

  private func render(
    _ variables: [String: TemplateValue], date: TemplateDate
  ) throws(ChatTemplateError) -> String {
    let rendering = Rendering(variables: variables, date: date, location: location)
    return try rendering.render(statements).string
  }
}

extension TemplateValue {
  fileprivate init(_ json: JSONValue) {
    switch json {
    case .null: self = .none
    case .boolean(let value): self = .boolean(value)
    case .integer(let value): self = .integer(value)
    case .number(let value): self = .number(value)
    case .string(let text): self = .text(text)
    case .array(let values): self = .list(values.map { TemplateValue($0) })
    case .object(let members):
      self = .mapping(
        TemplateMapping(
          members.map { (.text(TemplateText($0.name)), .text($0.name), TemplateValue($0.value)) }))
    }
  }
}
