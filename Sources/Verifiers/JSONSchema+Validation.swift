extension JSONSchema {
  enum Validity: Equatable {
    case valid
    /// The keyword that the value does not satisfy, and the value's place in the text as a JSON pointer.
    case invalid(keyword: String, place: String)
    /// The steps were used up: a text or a pattern that is too long.
    case tooLong
    /// The schema refers to itself without end.
    case endless
  }

  func validity(of value: JSONTree) -> Validity {
    var validation = JSONValidation(nodes: nodes)
    do {
      try validation.check(value, 0, depth: 0)
      return .valid
    } catch {
      switch error {
      case .invalid(let keyword, let path):
        return .invalid(keyword: keyword, place: path.reversed().map { "/\($0)" }.joined())
      case .tooLong: return .tooLong
      case .endless: return .endless
      }
    }
  }
}

private enum JSONValidationEnd: Error {
  /// The path from the inside out.
  case invalid(String, path: [String])
  case tooLong
  case endless

  /// The same for what holds the value under `name`.
  func within(_ name: @autoclosure () -> String) -> JSONValidationEnd {
    if case .invalid(let keyword, let path) = self {
      .invalid(keyword, path: path + [name()])
    } else {
      self
    }
  }
}

private struct JSONValidation {
  /// Schemas that are looked at, values that are compared with.
  private static let stepLimit = 200_000
  /// Values are at most `JSONTree.depthLimit` deep: what is beyond refers to itself.
  private static let depthLimit = 400

  let nodes: [JSONSchema.Node]
  private var steps = Self.stepLimit
  private var patternSteps = LinearRegex.stepLimit

  init(nodes: [JSONSchema.Node]) { self.nodes = nodes }

  private mutating func spend(_ count: Int) throws(JSONValidationEnd) {
    steps -= count
    guard steps >= 0 else { throw .tooLong }
  }

  private func require(_ holds: Bool, _ keyword: String) throws(JSONValidationEnd) {
    if !holds { throw .invalid(keyword, path: []) }
  }

  mutating func check(_ value: JSONTree, _ index: Int, depth: Int) throws(JSONValidationEnd) {
    let node = nodes[index]
    try spend(1 + node.values.reduce(0) { $0 + $1.count })
    guard depth < Self.depthLimit else { throw .endless }
    try require(!node.isImpossible, "false")
    if let types = node.types { try require(value.types.contains(where: types.contains), "type") }
    for values in node.values { try require(values.contains(value), "enum") }
    switch value {
    case .number(let number): try check(number, node)
    case .string(let text): try check(text, node)
    case .array(let items): try check(items, node, depth)
    case .object(let members): try check(members, node, depth)
    case .null, .boolean: break
    }
    for part in node.all { try check(value, part, depth: depth + 1) }
    for list in node.any { try require(try count(value, list, depth) > 0, "anyOf") }
    for list in node.one { try require(try count(value, list, depth) == 1, "oneOf") }
    if let not = node.not { try require(try count(value, [not], depth) == 0, "not") }
  }

  /// How many of the schemas hold.
  private mutating func count(
    _ value: JSONTree, _ schemas: [Int], _ depth: Int
  ) throws(JSONValidationEnd) -> Int {
    var count = 0
    for schema in schemas {
      do {
        try check(value, schema, depth: depth + 1)
        count += 1
      } catch {
        guard case .invalid = error else { throw error }
      }
    }
    return count
  }

  private func check(
    _ number: JSONNumber, _ node: JSONSchema.Node
  ) throws(JSONValidationEnd) {
    if let bound = node.minimum { try require(number >= bound, "minimum") }
    if let bound = node.maximum { try require(number <= bound, "maximum") }
    if let bound = node.exclusiveMinimum { try require(number > bound, "exclusiveMinimum") }
    if let bound = node.exclusiveMaximum { try require(number < bound, "exclusiveMaximum") }
  }

  private mutating func check(
    _ text: String, _ node: JSONSchema.Node
  ) throws(JSONValidationEnd) {
    let count = text.unicodeScalars.count
    try require(count >= node.length.least, "minLength")
    try require(count <= node.length.most, "maxLength")
    guard let pattern = node.pattern else { return }
    switch pattern.first(in: Array(text.unicodeScalars), steps: &patternSteps) {
    case .found: break
    case .none: throw .invalid("pattern", path: [])
    case .tooLong: throw .tooLong
    }
  }

  private mutating func check(
    _ items: [JSONTree], _ node: JSONSchema.Node, _ depth: Int
  ) throws(JSONValidationEnd) {
    try require(items.count >= node.items.least, "minItems")
    try require(items.count <= node.items.most, "maxItems")
    guard let schema = node.item else { return }
    for (index, item) in items.enumerated() {
      do { try check(item, schema, depth: depth + 1) } catch { throw error.within("\(index)") }
    }
  }

  private mutating func check(
    _ members: [[UInt8]: JSONTree], _ node: JSONSchema.Node, _ depth: Int
  ) throws(JSONValidationEnd) {
    try require(members.count >= node.members.least, "minProperties")
    try require(members.count <= node.members.most, "maxProperties")
    for name in node.required { try require(members[name] != nil, "required") }
    guard node.additional != nil || !node.properties.isEmpty else { return }
    // In the order of the names, so that the first complaint is always the same.
    for (name, member) in members.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      guard let schema = node.properties[name] ?? node.additional else { continue }
      do { try check(member, schema, depth: depth + 1) } catch {
        throw error.within(String(decoding: name, as: UTF8.self))
      }
    }
  }
}

extension JSONTree {
  /// The types that a schema may call it by.
  fileprivate var types: [String] {
    switch self {
    case .null: ["null"]
    case .boolean: ["boolean"]
    case .number(let number): number.isInteger ? ["number", "integer"] : ["number"]
    case .string: ["string"]
    case .array: ["array"]
    case .object: ["object"]
    }
  }
}
