/// The functions of the environment: Jinja's, and the two that transformers adds.
extension Rendering {
  static let functions: Set = ["range", "dict", "namespace", "raise_exception", "strftime_now"]

  /// - Parameter source: the arguments as they are written, for the message of `raise_exception`.
  func callFunction(
    _ name: String, _ arguments: CallArguments, source: Arguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch name {
    case "range": return try range(arguments)
    case "dict", "namespace":
      var entries: [(name: TemplateValue, value: TemplateValue)] = []
      for value in arguments.positional {
        guard case .mapping(let mapping) = value, arguments.positional.count == 1 else {
          throw unsupported("`\(name)` of anything but one dictionary and names")
        }
        entries += zip(mapping.keys, mapping.values).map { ($0, $1) }
      }
      entries += arguments.named.map { (.text($0.name), $0.value) }
      guard name == "namespace" else { return try made(mapping: entries) }
      var attributes: [String: TemplateValue] = [:]
      for entry in entries {
        guard let key = entry.name.asText else { throw failure("a namespace's key is no string") }
        attributes[key.string] = entry.value
      }
      return try makeNamespace(attributes)
    case "raise_exception":
      throw failure("the template refuses the messages: \(Self.literals(of: source))")
    case "strftime_now":
      let bound = try BoundArguments(arguments, ["format!"], of: "`strftime_now`", self)
      guard let format = try bound.text("format") else { break }
      try reserve(text: 16 * format.utf8.count)
      guard let text = date.formatted(format.string) else {
        throw unsupported("a code in the format of `strftime_now`")
      }
      return .text(text)
    default: break
    }
    throw failure("there is no function `\(name)`")
  }

  private func range(_ arguments: CallArguments) throws(ChatTemplateError) -> TemplateValue {
    let bounds = arguments.positional.compactMap(\.asInteger)
    guard arguments.named.isEmpty, bounds.count == arguments.positional.count,
      (1...3).contains(bounds.count)
    else { throw failure("`range` takes one to three whole numbers") }
    let start = bounds.count > 1 ? bounds[0] : 0
    let stop = bounds.count > 1 ? bounds[1] : bounds[0]
    let step = bounds.count > 2 ? bounds[2] : 1
    guard step != 0 else { throw failure("the step of a range is 0") }
    var elements: [TemplateValue] = []
    for value in stride(from: start, to: stop, by: step) {
      guard elements.count < Limit.range else {
        throw excess("a range has more than \(Limit.range) items")
      }
      elements.append(.integer(value))
    }
    return try made(.range(start: start, stop: stop, step: step), elements)
  }

  /// What the template itself says of an error: its strings, with a mark for what comes from messages,
  /// whose text belongs in no log.
  private static func literals(of arguments: Arguments) -> String {
    func words(_ expression: Expression) -> String {
      switch expression.kind {
      case .text(let text): text.string
      case .integer(let value): String(value)
      case .arithmetic(let left, .add, let right): words(left) + words(right)
      case .concatenation(let parts): parts.map(words).joined()
      default: "…"
      }
    }
    return arguments.positional.map(words).joined(separator: ", ")
  }
}
