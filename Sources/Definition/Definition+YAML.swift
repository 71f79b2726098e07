extension Definition {
  /// The definition in full, every key with its value, in schema order: what a run freezes.
  ///
  /// Resolving it again gives an equal definition. Secrets appear as their `${NAME}` only.
  /// - Parameter origins: append to each line, as a comment, where its value was said.
  public func yaml(origins: Bool = false) -> String {
    "name: \(quoted(name))\n" + root.yaml(schema.branches, indent: "", origins: origins)
  }

  /// The values of all identity keys as lines `path: value`, sorted by path: two definitions make
  /// the same run exactly if these texts are equal. Hash it for a fingerprint.
  public var identityText: String {
    let keys = schema.keys.filter { $0.role == .identity }.map(\.path).sorted()
    return keys.map { "\($0): \(value($0).identity)\n" }.joined()
  }
}

extension Section {
  fileprivate func yaml(_ branches: [Schema.Branch], indent: String, origins: Bool) -> String {
    var result = ""
    for branch in branches {
      guard branch.children.isEmpty else {
        result += "\(indent)\(branch.name):\n"
        result += yaml(branch.children, indent: indent + "  ", origins: origins)
        continue
      }
      let value = value(branch.path)
      if !schema.isRoot, !isSaid(branch.path) { continue }
      let comment = origins ? "  # \(origin(branch.path))" : ""
      guard case .sections(let items) = value, !items.isEmpty else {
        result += "\(indent)\(branch.name): \(value.inline)\(comment)\n"
        continue
      }
      result += "\(indent)\(branch.name):\(comment)\n"
      for item in items {
        let body = item.yaml(item.schema.branches, indent: indent + "    ", origins: origins)
        result += "\(indent)  - \(body.dropFirst(indent.utf8.count + 4))"
      }
    }
    return result
  }
}
