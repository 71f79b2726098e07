/// A key whose value differs between two definitions.
public struct Change: Sendable, Equatable {
  /// `steps`, or `data.sets[1].weight` where only one key of a section list's item differs.
  public let path: String
  /// In YAML, one line.
  public let old: String
  public let new: String
  public let role: Key.Role

  public init(path: String, old: String, new: String, role: Key.Role) {
    self.path = path
    self.old = old
    self.new = new
    self.role = role
  }
}

extension Change {
  /// Whether it is of an item of the list, or of an entry of the table, under `key`.
  fileprivate func isInside(_ key: String) -> Bool {
    path.hasPrefix(key + "[") || path.hasPrefix(key + ".")
  }
}

extension Definition {
  /// What changed since `other`, in schema order. Both must have the same schema.
  ///
  /// Section lists of equal length, and those in tables, are compared key by key, so that an
  /// operational key inside them may change; of different length, they are one change of the list's
  /// own role.
  public func changes(from other: Definition) -> [Change] {
    root.changes(from: other.root, shown: "")
  }

  /// The changes that a run created with `frozen` accepts when resumed with this definition.
  /// - Throws: `identityChanged`, which names the first identity key that differs and how many do.
  public func changes(resuming frozen: Definition) throws(DefinitionError) -> [Change] {
    let changes = changes(from: frozen)
    let refused = changes.filter { $0.role == .identity }
    guard let first = refused.first else { return changes }
    let key = schema.keys.first { first.path == $0.path || first.isInside($0.path) }
    let said = key.map { origin($0.path) } ?? .schema
    let place = said == .schema ? Origin.path(source) : said
    let more =
      refused.count == 1 ? "" : " (and \(refused.dropFirst().map(\.path).joined(separator: ", ")))"
    throw DefinitionError(
      .identityChanged, at: place,
      "\(first.path) was \(first.old) when the run was created and is \(first.new) now\(more)",
      remedy: "Set it back, or start another run with `pipeline run`.")
  }
}

extension Section {
  fileprivate func changes(from other: Section, shown: String) -> [Change] {
    var changes: [Change] = []
    for key in schema.keys {
      let old = other.value(key.path)
      let new = value(key.path)
      if old == new { continue }
      changes += new.changes(from: old, shown: shown + key.path, key.role)
    }
    return changes
  }
}

extension Value {
  /// - Parameters:
  ///   - shown: the key, as a change names it.
  ///   - role: of the key itself.
  fileprivate func changes(from other: Value, shown: String, _ role: Key.Role) -> [Change] {
    if self == other { return [] }
    switch (other, self) {
    case (.sections(let before), .sections(let now)) where before.count == now.count:
      return zip(before, now).enumerated().flatMap { index, pair in
        pair.1.changes(from: pair.0, shown: "\(shown)[\(index)].")
      }
    case (.table(let before), .table(let now)) where now.isComparable(with: before):
      return now.sorted { $0.key < $1.key }.flatMap { name, value in
        value.changes(from: before[name] ?? .absent, shown: "\(shown).\(name)", role)
      }
    default: return [Change(path: shown, old: other.inline, new: inline, role: role)]
    }
  }
}

extension [String: Value] {
  /// Whether two tables have the same names, and differ in section lists of equal length alone: what
  /// differs can be named more closely then than by the table.
  fileprivate func isComparable(with other: [String: Value]) -> Bool {
    guard keys == other.keys else { return false }
    return allSatisfy { name, value in
      if value == other[name] { return true }
      guard case .sections(let now) = value, case .sections(let before)? = other[name] else {
        return false
      }
      return now.count == before.count
    }
  }
}
