import Files
import Foundation
import Records

extension ChatTemplate {
  /// The chat template of a model directory; nil where it has none.
  ///
  /// `chat_template.jinja` is taken if it is there, as transformers does, else `chat_template` of
  /// tokenizer_config.json: a text, or a list of named ones, of which `default` is taken. The special
  /// tokens are those that tokenizer_config.json or else special_tokens_map.json names.
  /// - Throws: `ChatTemplateError` for a file that cannot be read or a template that is not done here.
  public static func load(directory: String) throws(ChatTemplateError) -> ChatTemplate? {
    let file = directory + "/chat_template.jinja"
    let tokens = try specialTokens(directory: directory)
    if let bytes = try contents(of: file, limit: byteLimit) {
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw ChatTemplateError(.malformed, at: file, "the template is not UTF-8")
      }
      return try ChatTemplate(text, specialTokens: tokens, location: file)
    }
    let configurationFile = directory + "/tokenizer_config.json"
    let configuration = try object(in: configurationFile)
    guard let value = configuration?.present("chat_template") else { return nil }
    let place = "\(configurationFile): chat_template"
    return try ChatTemplate(
      try text(of: value, at: place), specialTokens: tokens, location: place)
  }

  /// The tokens that tokenizer_config.json, or else special_tokens_map.json, names: `eos_token` and its
  /// like.
  public static func specialTokens(
    directory: String
  ) throws(ChatTemplateError) -> [String: String] {
    var tokens: [String: String] = [:]
    for file in ["special_tokens_map.json", "tokenizer_config.json"] {
      let source = try object(in: "\(directory)/\(file)")
      for name in tokenNames {
        if let token = source?.present(name).flatMap(content) { tokens[name] = token }
      }
    }
    return tokens
  }

  private static let tokenNames = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// A token is its text, or an object that describes it.
  private static func content(_ value: JSONValue) -> String? {
    value.string ?? value["content"]?.string
  }

  private static func text(
    of value: JSONValue, at place: String
  ) throws(ChatTemplateError) -> String {
    if let text = value.string { return text }
    guard let entries = value.array else {
      throw ChatTemplateError(.malformed, at: place, "is neither a text nor a list of templates")
    }
    let named = entries.first { $0["name"]?.string == "default" }
    guard let text = named?["template"]?.string else {
      let names = entries.compactMap { $0["name"]?.string }.joined(separator: ", ")
      throw ChatTemplateError(
        .unsupported, at: place, "none of its templates is the default (\(names))")
    }
    return text
  }

  private static func object(in path: String) throws(ChatTemplateError) -> JSONValue? {
    guard let bytes = try contents(of: path, limit: 16 << 20) else { return nil }
    do {
      return try JSONValue(parsing: bytes, location: path)
    } catch {
      throw ChatTemplateError(.malformed, at: path, error.problem)
    }
  }

  /// The bytes of a file that need not be there.
  private static func contents(
    of path: String, limit: Int
  ) throws(ChatTemplateError) -> [UInt8]? {
    do {
      return try RegularFile.read(path, limit: limit)
    } catch {
      if error == .missing { return nil }
      throw ChatTemplateError(.missing, at: path, error.description)
    }
  }
}
