/// YAML as written: what a file says before any key gives it a type.
struct Tree {
  struct Entry {
    let name: String
    let origin: Origin
    let value: Tree
  }

  enum Content {
    /// `plain` is false for quoted and block scalars: those are always text.
    case scalar(String, plain: Bool)
    case list([Tree])
    case map([Entry])
  }

  let content: Content
  let origin: Origin

  /// `null`, `~` or nothing at all.
  var isNull: Bool {
    guard case .scalar(let text, plain: true) = content else { return false }
    return ["", "~", "null", "Null", "NULL"].contains(text)
  }

  /// As an error says it: "found …". Long text is cut, and what may be a credential is not shown.
  /// - Parameter path: the key whose value this is.
  func found(under path: String) -> String {
    switch content {
    case .scalar(let text, let plain):
      if isNull { return "null" }
      if Credential.isNamed(path) || Credential.isLikely(in: text) { return Credential.hidden }
      let short = text.count > 40 ? text.prefix(40) + "…" : text[...]
      return plain ? String(short) : "the text \"\(short)\""
    case .list(let items): return "a list of \(items.count)"
    case .map(let entries): return "a map of \(entries.count)"
    }
  }
}
