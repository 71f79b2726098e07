/// What stands behind `is`.
extension Rendering {
  static let tests: Set = [
    "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "escaped", "even", "false",
    "filter", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan",
    "lower", "lt", "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "string", "test",
    "true", "undefined", "upper", "==", "!=", "<", "<=", ">", ">=",
  ]

  func test(
    _ name: String, _ value: TemplateValue, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "divisibleby", "eq", "equalto", "==", "ne", "!=", "lt", "lessthan", "<", "le", "<=", "gt",
      "greaterthan", ">", "ge", ">=", "in", "sameas":
      let bound = try BoundArguments(arguments, ["other!"], of: "the test `\(name)`", self)
      return try test(name, value, against: bound["other"] ?? .none)
    default:
      _ = try BoundArguments(arguments, [], of: "the test `\(name)`", self)
      return try test(name, value)
    }
  }

  private func test(
    _ name: String, _ value: TemplateValue, against other: TemplateValue
  ) throws(ChatTemplateError) -> Bool {
    switch name {
    case "eq", "equalto", "==": return try areEqual(value, other)
    case "ne", "!=": return !(try areEqual(value, other))
    case "lt", "lessthan", "<": return try isLess(value, other, orEqual: false)
    case "le", "<=": return try isLess(value, other, orEqual: true)
    case "gt", "greaterthan", ">": return try isLess(other, value, orEqual: false)
    case "ge", ">=": return try isLess(other, value, orEqual: true)
    case "in": return try contains(other, value)
    case "divisibleby":
      return try areEqual(try arithmetic(value, .remainder, other), .integer(0))
    // Which texts and numbers are one object is an accident of Python's.
    case "sameas":
      switch (value, other) {
      case (.none, .none): return true
      case (.boolean(let left), .boolean(let right)): return left == right
      case (.none, _), (_, .none), (.boolean, _), (_, .boolean): return false
      default: throw unsupported("the test `sameas` of anything but `none` and booleans")
      }
    default: throw unsupported("the test `\(name)`")
    }
  }

  private func test(_ name: String, _ value: TemplateValue) throws(ChatTemplateError) -> Bool {
    switch (name, value) {
    case ("defined", _): return !value.isUndefined
    case ("undefined", _): return value.isUndefined
    case ("none", .none), ("boolean", .boolean), ("true", .boolean(true)),
      ("false", .boolean(false)), ("integer", .integer), ("float", .number), ("string", .text),
      ("mapping", .mapping):
      return true
    case ("number", .boolean), ("number", .integer), ("number", .number): return true
    case ("callable", .macro), ("callable", .function), ("callable", .method): return true
    // What is undefined can be called, if only to fail.
    case ("callable", .undefined), ("callable", .loop): return true
    case ("sequence", .text), ("sequence", .mapping), ("sequence", .undefined): return true
    case ("sequence", .sequence(let sequence)): return sequence.isIndexed
    case ("iterable", .text), ("iterable", .mapping), ("iterable", .sequence),
      ("iterable", .generator), ("iterable", .loop), ("iterable", .undefined):
      return true
    case ("odd", _), ("even", _):
      let remainder = try arithmetic(value, .remainder, .integer(2))
      return try areEqual(remainder, .integer(name == "odd" ? 1 : 0))
    case ("lower", _), ("upper", _):
      let text = try printed(value)
      try work(scalars: text)
      return text.isAll(name == "lower" ? .lower : .upper)
    case ("filter", .text(let text)): return Self.filters.contains(text.string)
    case ("test", .text(let text)): return Self.tests.contains(text.string)
    default: return false
    }
  }
}

extension TemplateText {
  enum Case { case lower, upper }

  /// Python's `islower` and `isupper`: some letter has the case, and none has the other.
  func isAll(_ wanted: Case) -> Bool {
    var found = false
    for scalar in string.unicodeScalars {
      let properties = scalar.properties
      if properties.generalCategory == .titlecaseLetter { return false }
      if wanted == .lower ? properties.isUppercase : properties.isLowercase { return false }
      if wanted == .lower ? properties.isLowercase : properties.isUppercase { found = true }
    }
    return found
  }
}
