extension Schema {
  /// What `pipeline config explain` prints: one key in full, or a section's keys with one line each
  /// (the empty path: everything). Keys of a section list are named `data.sets.weight`.
  /// - Throws: `unknownKey` with the nearest key.
  public func explain(_ path: String = "") throws(DefinitionError) -> String {
    if path == "name" {
      return "name\n  text, default: the file's base name\n  Names the definition and its runs.\n"
    }
    if path == "extends" {
      return "extends\n  text, optional\n  A definition, relative to this file, whose values this "
        + "one starts from.\n"
    }
    if let key = table[path] {
      return explanation(of: key, shown: path) + (inner[path]?.outline(under: path + ".") ?? "")
    }
    for (list, schema) in inner.sorted(by: { $0.key < $1.key }) where path.hasPrefix(list + ".") {
      let rest = String(path.dropFirst(list.count + 1))
      if let key = schema.table[rest] { return schema.explanation(of: key, shown: path) }
      throw schema.unknown(rest, shown: list + ".", at: .path(path))
    }
    if path.isEmpty { return outline(under: "") }
    guard branches(of: path) != nil else { throw unknown(path, shown: "", at: .path(path)) }
    let keys = self.keys.filter { $0.path.hasPrefix(path + ".") }
    return Schema.lines(of: keys, under: "")
  }

  private func outline(under prefix: String) -> String { Schema.lines(of: keys, under: prefix) }

  private static func lines(of keys: [Key], under prefix: String) -> String {
    let width = keys.map { prefix.count + $0.path.count }.max() ?? 0
    return keys.map { key in
      let path = prefix + key.path
      let gap = String(repeating: " ", count: width - path.count + 2)
      return "\(path)\(gap)\(key.standard?.inline ?? "required")\n"
    }.joined()
  }

  private func explanation(of key: Key, shown: String) -> String {
    var facts = [key.kind.expectation + (key.optional ? ", or null" : "")]
    if let unit = key.unit { facts[0] += ", in \(unit)" }
    facts.append(key.standard.map { "default: \($0.inline)" } ?? "required")
    facts.append(
      key.role == .identity
        ? "identity: another value is another run"
        : "operational: a run may be resumed with another value")
    if key.secret { facts.append("secret: write ${NAME}, the value stays in the environment") }
    facts.append(key.meaning)
    return shown + "\n" + facts.map { "  \($0)\n" }.joined()
  }
}
