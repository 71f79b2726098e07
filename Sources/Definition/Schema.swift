/// All keys that a definition may have, in the order in which they are shown.
///
/// Two keys belong to every schema: `name`, which names the definition (the file's base name unless
/// said), and `extends`, a file whose values this one starts from.
public struct Schema: Sendable {
  /// In the order given; keys of one section need not stand together.
  public let keys: [Key]
  /// Keys by path.
  let table: [String: Key]
  /// The schema of the maps in a key's lists, for each key that has such.
  let inner: [String: Schema]
  /// The keys as a tree of path components.
  let branches: [Branch]

  /// Whether `name` and `extends` are keys: not so in the items of a section list.
  let isRoot: Bool

  struct Branch: Sendable {
    let name: String
    let path: String
    /// Empty for a key, else the section's parts in order of first appearance.
    var children: [Branch]
  }

  /// Every path must be unique and none the section of another; each default must be a value of its
  /// key. Anything else is a bug of the program and traps.
  public init(_ keys: [Key]) {
    self.init(keys, isRoot: true)
  }

  private init(_ keys: [Key], isRoot: Bool) {
    self.isRoot = isRoot
    var table: [String: Key] = [:]
    var inner: [String: Schema] = [:]
    var sections: Set<String> = []
    for key in keys {
      precondition(
        !isRoot || !["name", "extends"].contains(key.path), "the key \(key.path) is reserved")
      if case .text = key.kind {
        precondition(
          key.secret || !Credential.isNamed(key.path), "\(key.path) is named as a secret is")
      }
      precondition(table.updateValue(key, forKey: key.path) == nil, "\(key.path) is there twice")
      let parts = key.path.split(separator: ".", omittingEmptySubsequences: false)
      precondition(!parts.contains(""), "\(key.path) has an empty component")
      for count in 1..<max(1, parts.count) {
        sections.insert(parts.prefix(count).joined(separator: "."))
      }
      if let keys = key.kind.itemKeys { inner[key.path] = Schema(keys, isRoot: false) }
      if let standard = key.standard {
        precondition(key.accepts(standard), "\(key.path): bad default \(standard.inline)")
      }
    }
    for path in sections { precondition(table[path] == nil, "\(path) is a key and a section") }
    self.keys = keys
    self.table = table
    self.inner = inner
    branches = Schema.grow(keys.map { $0.path.split(separator: ".").map(String.init) }, under: "")
  }

  private static func grow(_ paths: [[String]], under prefix: String) -> [Branch] {
    var order: [String] = []
    var rests: [String: [[String]]] = [:]
    for path in paths {
      guard let first = path.first else { continue }
      if rests[first] == nil { order.append(first) }
      let rest = Array(path.dropFirst())
      rests[first, default: []] += rest.isEmpty ? [] : [rest]
    }
    return order.map { name in
      let path = prefix + name
      return Branch(name: name, path: path, children: grow(rests[name] ?? [], under: path + "."))
    }
  }

  /// The parts of the section `path` (the whole schema for the empty path), `nil` if there is none.
  func branches(of path: String) -> [Branch]? {
    var current = branches
    for part in path.split(separator: ".") {
      guard let next = current.first(where: { $0.name == part }), !next.children.isEmpty else {
        return nil
      }
      current = next.children
    }
    return current
  }
}

extension Key {
  /// Whether a value, made by the program, is one that this key could read from a file.
  func accepts(_ value: Value) -> Bool {
    if value == .absent { return optional }
    return kind.accepts(value)
  }
}

extension Key.Kind {
  func accepts(_ value: Value) -> Bool {
    switch (self, value) {
    case (.integer(let range), .integer(let integer)): range.contains(integer)
    case (.number(let range), .number(let number)): number.isFinite && range.contains(number)
    case (.flag, .flag), (.text, .text): true
    case (.choice(let names), .text(let name)): names.contains(name)
    case (.list(let kind), .list(let items)): items.allSatisfy(kind.accepts)
    case (.table(let kind), .table(let entries)): entries.values.allSatisfy(kind.accepts)
    case (.sections, .sections): true
    case (.nameOrSections, .text), (.nameOrSections, .sections): true
    default: false
    }
  }
}
