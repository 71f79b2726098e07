/// Arguments taken by position or by name.
struct BoundArguments {
  private var values: [String: TemplateValue] = [:]

  /// - Parameters:
  ///   - what: the function, for errors.
  ///   - names: its parameters in order; one with a `!` behind it must be given.
  init(
    _ arguments: CallArguments, _ names: [String], of what: String, _ rendering: Rendering
  ) throws(ChatTemplateError) {
    let plain = names.map { $0.hasSuffix("!") ? String($0.dropLast()) : $0 }
    guard arguments.positional.count <= plain.count else {
      throw rendering.failure("\(what) takes at most \(plain.count) arguments")
    }
    for (name, value) in zip(plain, arguments.positional) { values[name] = value }
    for (name, value) in arguments.named {
      guard plain.contains(name), values[name] == nil else {
        throw rendering.failure("\(what) does not take the argument `\(name)`")
      }
      values[name] = value
    }
    for (name, plain) in zip(names, plain) where name.hasSuffix("!") && values[plain] == nil {
      throw rendering.failure("\(what) lacks the argument `\(plain)`")
    }
    self.what = what
    self.rendering = rendering
  }

  private let what: String
  private let rendering: Rendering

  subscript(name: String) -> TemplateValue? { values[name] }

  /// The value, with `none` taken as absent.
  func present(_ name: String) -> TemplateValue? {
    if case .none? = values[name] { return nil }
    return values[name]
  }

  func flag(_ name: String) -> Bool { values[name]?.isTrue ?? false }

  func text(_ name: String) throws(ChatTemplateError) -> TemplateText? {
    guard let value = values[name] else { return nil }
    guard let text = value.asText else { throw mismatch(name, "a string", value) }
    return text
  }

  /// A string, or nil also for `none`.
  func optionalText(_ name: String) throws(ChatTemplateError) -> TemplateText? {
    guard let value = present(name) else { return nil }
    guard let text = value.asText else { throw mismatch(name, "a string", value) }
    return text
  }

  func integer(_ name: String) throws(ChatTemplateError) -> Int? {
    guard let value = values[name] else { return nil }
    guard let integer = value.asInteger else { throw mismatch(name, "an integer", value) }
    return integer
  }

  private func mismatch(_ name: String, _ wanted: String, _ value: TemplateValue)
    -> ChatTemplateError
  {
    rendering.failure("the argument `\(name)` of \(what) is \(value.typeName), not \(wanted)")
  }
}
