import Records

/// Why a JSON schema is none of ours.
struct JSONSchemaProblem: Error, Equatable {
  var problem: String
}

/// A JSON schema of a documented subset of draft 2020-12 (docs/verifiers.md): what is asserted by other
/// keywords is refused, not passed over.
struct JSONSchema: Sendable {
  /// Of a count. The least may be above the most: then nothing is valid.
  struct Bounds: Sendable {
    var least = 0
    var most = Int.max
  }

  /// What one schema asserts of a value; other schemas by their place in `nodes`.
  struct Node: Sendable {
    /// `false` as a schema: nothing is valid.
    var isImpossible = false
    var types: Set<String>?
    /// `enum`, and `const` as one of one.
    var values: [[JSONTree]] = []
    var minimum: JSONNumber?
    var maximum: JSONNumber?
    var exclusiveMinimum: JSONNumber?
    var exclusiveMaximum: JSONNumber?
    var pattern: LinearRegex?
    var length = Bounds()
    var items = Bounds()
    var members = Bounds()
    var required: [[UInt8]] = []
    var properties: [[UInt8]: Int] = [:]
    var additional: Int?
    var item: Int?
    var all: [Int] = []
    var any: [[Int]] = []
    var one: [[Int]] = []
    var not: Int?
  }

  private(set) var nodes: [Node] = []

  /// - Throws: for what is no JSON, no schema, or uses a keyword that is not done here.
  init(_ text: String) throws(JSONSchemaProblem) {
    let bytes = Bytes(text)
    var parser = JSONTreeParser(bytes, bytes.all)
    guard let tree = parser.parse() else {
      throw JSONSchemaProblem(problem: "is no JSON text, or a too large one")
    }
    var compiler = JSONSchemaCompiler(root: tree)
    _ = try compiler.node(at: [])
    nodes = compiler.nodes
  }
}

/// Turns a tree into nodes. A place that several schemas name becomes one node.
private struct JSONSchemaCompiler {
  let root: JSONTree
  var nodes: [JSONSchema.Node] = []
  private var places: [[[UInt8]]: Int] = [:]

  /// Keywords that assert nothing, or are read where something refers to them.
  private static let annotations: Set<String> = [
    "$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly",
    "writeOnly", "format", "$defs", "definitions",
  ]

  init(root: JSONTree) { self.root = root }

  /// The node of the schema at a place of the root.
  mutating func node(at path: [[UInt8]]) throws(JSONSchemaProblem) -> Int {
    if let known = places[path] { return known }
    let index = nodes.count
    places[path] = index
    nodes.append(JSONSchema.Node())
    guard let tree = tree(at: path) else {
      throw JSONSchemaProblem(problem: "refers to \(Self.text(path)), where nothing stands")
    }
    var node = JSONSchema.Node()
    switch tree {
    case .boolean(let isValid): node.isImpossible = !isValid
    case .object(let members):
      for (name, value) in members.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        let keyword = String(decoding: name, as: UTF8.self)
        if Self.annotations.contains(keyword) || (keyword == "$id" && path.isEmpty) { continue }
        guard try read(keyword, value, path + [name], &node) else {
          throw JSONSchemaProblem(
            problem: "has at \(Self.text(path)) the keyword \(keyword.shortened), or a value of "
              + "it, that is not done here")
        }
      }
    default: throw JSONSchemaProblem(problem: "has at \(Self.text(path)) what is no schema")
    }
    nodes[index] = node
    return index
  }

  private static func text(_ path: [[UInt8]]) -> String {
    "#" + path.map { "/" + String(decoding: $0, as: UTF8.self) }.joined().shortened
  }

  private func tree(at path: [[UInt8]]) -> JSONTree? {
    var tree = root
    for name in path {
      switch tree {
      case .object(let members):
        guard let next = members[name] else { return nil }
        tree = next
      case .array(let items):
        guard let index = Int(String(decoding: name, as: UTF8.self)), items.indices.contains(index)
        else { return nil }
        tree = items[index]
      default: return nil
      }
    }
    return tree
  }

  /// False for an unknown keyword and for a value that it does not take.
  private mutating func read(
    _ keyword: String, _ value: JSONTree, _ path: [[UInt8]], _ node: inout JSONSchema.Node
  ) throws(JSONSchemaProblem) -> Bool {
    switch (keyword, value) {
    case ("type", _): return readTypes(value, &node)
    case ("enum", .array(let values)): node.values.append(values)
    case ("const", _): node.values.append([value])
    case ("minimum", .number(let number)): node.minimum = number
    case ("maximum", .number(let number)): node.maximum = number
    case ("exclusiveMinimum", .number(let number)): node.exclusiveMinimum = number
    case ("exclusiveMaximum", .number(let number)): node.exclusiveMaximum = number
    case ("minLength", _): return Self.bound(&node.length.least, value)
    case ("maxLength", _): return Self.bound(&node.length.most, value)
    case ("minItems", _): return Self.bound(&node.items.least, value)
    case ("maxItems", _): return Self.bound(&node.items.most, value)
    case ("minProperties", _): return Self.bound(&node.members.least, value)
    case ("maxProperties", _): return Self.bound(&node.members.most, value)
    case ("pattern", .string(let pattern)):
      do { node.pattern = try LinearRegex(pattern) } catch {
        throw JSONSchemaProblem(problem: "has a pattern that \(error.problem)")
      }
    case ("required", .array(let names)):
      for name in names {
        guard case .string(let text) = name else { return false }
        node.required.append(Array(text.utf8))
      }
    case ("properties", .object(let members)):
      for name in members.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
        node.properties[name] = try self.node(at: path + [name])
      }
    case ("additionalProperties", _): node.additional = try self.node(at: path)
    // A list of schemas is another draft's way of writing prefixItems.
    case ("items", .object), ("items", .boolean): node.item = try self.node(at: path)
    case ("not", _): node.not = try self.node(at: path)
    case ("allOf", .array(let list)): node.all += try schemas(list, path)
    case ("anyOf", .array(let list)): node.any.append(try schemas(list, path))
    case ("oneOf", .array(let list)): node.one.append(try schemas(list, path))
    case ("$ref", .string(let reference)):
      node.all.append(try self.node(at: try Self.place(of: reference)))
    default: return false
    }
    return true
  }

  private mutating func schemas(
    _ list: [JSONTree], _ path: [[UInt8]]
  ) throws(JSONSchemaProblem) -> [Int] {
    var all: [Int] = []
    for index in list.indices { all.append(try node(at: path + [Array("\(index)".utf8)])) }
    return all
  }

  private func readTypes(_ value: JSONTree, _ node: inout JSONSchema.Node) -> Bool {
    let names: [JSONTree]
    if case .array(let list) = value { names = list } else { names = [value] }
    var types: Set<String> = []
    for name in names {
      guard case .string(let text) = name,
        ["null", "boolean", "integer", "number", "string", "array", "object"].contains(text)
      else { return false }
      types.insert(text)
    }
    node.types = types
    return true
  }

  private static func bound(_ bound: inout Int, _ value: JSONTree) -> Bool {
    guard case .number(let number) = value, let count = number.count else { return false }
    bound = count
    return true
  }

  /// The names of a reference into the same schema: `#/$defs/x`, as a JSON pointer in a URI.
  private static func place(of reference: String) throws(JSONSchemaProblem) -> [[UInt8]] {
    let refusal = JSONSchemaProblem(
      problem: "refers to \(reference.shortened): only places of the same schema (#/…) are followed"
    )
    guard reference.hasPrefix("#") else { throw refusal }
    guard let pointer = unescaped(Array(reference.utf8.dropFirst())) else { throw refusal }
    if pointer.isEmpty { return [] }
    guard pointer.first == UInt8(ascii: "/") else { throw refusal }
    return pointer.dropFirst().split(
      separator: UInt8(ascii: "/"), omittingEmptySubsequences: false
    ).map { part in
      let text = String(decoding: part, as: UTF8.self)
      return Array(
        text.replacing("~1", with: "/").replacing("~0", with: "~").utf8)
    }
  }

  /// Without the URI's `%41`.
  private static func unescaped(_ text: [UInt8]) -> [UInt8]? {
    var result: [UInt8] = []
    var place = 0
    while place < text.count {
      guard text[place] == UInt8(ascii: "%") else {
        result.append(text[place])
        place += 1
        continue
      }
      guard place + 2 < text.count,
        let byte = UInt8(String(decoding: text[place + 1...place + 2], as: UTF8.self), radix: 16)
      else { return nil }
      result.append(byte)
      place += 3
    }
    return result
  }
}
