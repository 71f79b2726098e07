/// Methods of strings, dictionaries, lists and `loop`. Those that would change a value are not there:
/// the sandbox of transformers forbids them.
extension Rendering {
  static let textMethods: Set = [
    "capitalize", "center", "count", "endswith", "find", "format", "index", "isalnum", "isalpha",
    "isascii", "isdecimal", "isdigit", "islower", "isnumeric", "isspace", "isupper", "join",
    "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind",
    "rindex", "rjust", "rpartition", "rsplit", "rstrip", "split", "splitlines", "startswith",
    "strip", "swapcase", "title", "upper", "zfill",
  ]
  static let mappingMethods: Set = ["copy", "get", "items", "keys", "values"]
  static let sequenceMethods: Set = ["count", "index", "copy"]

  func callMethod(
    _ name: String, of receiver: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    switch receiver {
    case .text(let text):
      try work(text.utf8.count)
      return try callMethod(name, of: text, arguments)
    case .mapping(let mapping): return try callMethod(name, of: mapping, receiver, arguments)
    case .sequence(let sequence): return try callMethod(name, of: sequence, receiver, arguments)
    case .loop(let loop): return try callMethod(name, of: loop, arguments)
    default: throw unsupported("the method `\(name)`")
    }
  }

  func bind(
    _ arguments: CallArguments, _ names: [String], _ name: String
  ) throws(ChatTemplateError) -> BoundArguments {
    try BoundArguments(arguments, names, of: "the method `\(name)`", self)
  }

  private func callMethod(
    _ name: String, of mapping: TemplateMapping, _ receiver: TemplateValue,
    _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    let bound = try bind(arguments, name == "get" ? ["key!", "default"] : [], name)
    switch name {
    case "get": return mapping[try key(bound["key"] ?? .none)] ?? bound["default"] ?? .none
    case "keys": return try made(.keys, mapping.keys)
    case "values": return try made(.values, mapping.values)
    case "items": return try made(.items, try items(of: mapping))
    default: return receiver
    }
  }

  /// Keys with their values.
  func items(of mapping: TemplateMapping) throws(ChatTemplateError) -> [TemplateValue] {
    try reserve(elements: 3 * mapping.keys.count)
    return zip(mapping.keys, mapping.values).map { .tuple([$0, $1]) }
  }

  private func callMethod(
    _ name: String, of sequence: TemplateSequence, _ receiver: TemplateValue,
    _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    if name == "copy", sequence.kind == .list {
      _ = try bind(arguments, [], name)
      return receiver
    }
    let item = try bind(arguments, ["value!"], name)["value"] ?? .none
    var number = 0
    for (index, element) in sequence.elements.enumerated() where try areEqual(element, item) {
      if name == "index" { return .integer(index) }
      number += 1
    }
    if name == "index" { throw failure("the value is not in the list") }
    return .integer(number)
  }

  private func callMethod(
    _ name: String, of loop: TemplateLoop, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    guard arguments.named.isEmpty else { throw failure("`loop.\(name)` takes no names") }
    if name == "cycle" {
      guard !arguments.positional.isEmpty else {
        throw failure("`loop.cycle` has nothing to cycle")
      }
      return arguments.positional[loop.index % arguments.positional.count]
    }
    if let last = loop.lastChanged,
      try areEqual(.tuple(last), .tuple(arguments.positional))
    {
      return .boolean(false)
    }
    // What holds `loop` itself would be a cycle, and hold its memory for ever.
    guard arguments.positional.allSatisfy({ $0.depth == 0 }) else {
      throw unsupported("`loop.changed` of a list or dictionary")
    }
    loop.lastChanged = arguments.positional
    return .boolean(true)
  }
}
