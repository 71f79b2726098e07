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

extension Definition {
  /// What changed since `other`, in schema order. Both must have the same schema.
  ///
  /// Section lists of equal length are compared key by key, so that an operational key inside them
  /// may change; of different length, they are one change of the list's own role.
  public func changes(from other: Definition) -> [Change] {
    root.changes(from: other.root, shown: "")
  }

  /// The changes that a run created with `frozen` accepts when resumed with this definition.
  /// - Throws: `identityChanged`, which names the first identity key that differs and how many do.
  public func changes(resuming frozen: Definition) throws(DefinitionError) -> [Change] {
    let changes = changes(from: frozen)
    let refused = changes.filter { $0.role == .identity }
    guard let first = refused.first else { return changes }
    let key = String(first.path.prefix { $0 != "[" })
    let place = origin(key) == .schema ? Origin.path(source) : origin(key)
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
      if case .sections(let before) = old, case .sections(let now) = new, before.count == now.count
      {
        for (index, item) in now.enumerated() {
          let path = "\(shown)\(key.path)[\(index)]."
          changes += item.changes(from: before[index], shown: path)
        }
        continue
      }
      changes.append(
        Change(path: shown + key.path, old: old.inline, new: new.inline, role: key.role))
    }
    return changes
  }
}
