extension Key {
  /// Gives a tree the key's type.
  /// - Parameter path: as errors name the key: with the section list's item, `data.sets[0].weight`.
  func read(_ tree: Tree, path: String, inner: Schema?) throws(DefinitionError) -> Value {
    if tree.isNull {
      guard optional else { throw wrong(tree, path: path, kind) }
      return .absent
    }
    if secret, case .scalar(let text, _) = tree.content {
      guard Key.reference(in: text) != nil else {
        throw DefinitionError(
          .wrongValue, at: tree.origin,
          "\(path) must be a reference to the environment, found a value (not shown)",
          remedy: "Write ${NAME} and set NAME in the environment.")
      }
      return .text(text)
    }
    guard let inner else { return try read(tree, path: path, as: kind) }
    switch (kind, tree.content) {
    case (.sections, .list(let items)), (.nameOrSections, .list(let items)):
      return .sections(try sections(items, path: path, inner))
    case (.table(of: let item), .map(let entries)):
      var values: [String: Value] = [:]
      for entry in entries {
        let path = "\(path).\(entry.name)"
        if case .list(let items) = entry.value.content {
          values[entry.name] = .sections(try sections(items, path: path, inner))
        } else {
          values[entry.name] = try read(entry.value, path: path, as: item)
        }
      }
      return .table(values)
    default: return try read(tree, path: path, as: kind)
    }
  }

  private func sections(
    _ items: [Tree], path: String, _ inner: Schema
  ) throws(DefinitionError) -> [Section] {
    var sections: [Section] = []
    for (index, item) in items.enumerated() {
      let name = "\(path)[\(index)]"
      guard case .map = item.content else {
        throw wrong(item, path: name, expected: "a map")
      }
      var layer = Layer()
      try inner.collect(item, under: "", shown: name + ".", into: &layer)
      let values = try inner.complete(layer, shown: name + ".", at: item.origin)
      sections.append(Section(schema: inner, values: values))
    }
    return sections
  }

  private func read(_ tree: Tree, path: String, as kind: Kind) throws(DefinitionError) -> Value {
    switch (kind, tree.content) {
    case (.list(let kind), .list(let items)):
      var values: [Value] = []
      for (index, item) in items.enumerated() {
        values.append(try read(item, path: "\(path)[\(index)]", as: kind))
      }
      return .list(values)
    case (.table(let kind), .map(let entries)):
      var values: [String: Value] = [:]
      for entry in entries {
        values[entry.name] = try read(entry.value, path: "\(path).\(entry.name)", as: kind)
      }
      return .table(values)
    case (_, .scalar(let text, let plain)) where !tree.isNull:
      guard let value = kind.scalar(text, plain: plain), kind.accepts(value) else {
        throw wrong(tree, path: path, kind)
      }
      if case .text(let text) = value, Credential.redactingURLs(in: text) != text {
        throw DefinitionError(
          .wrongValue, at: tree.origin,
          "\(path) holds user information in its URL (not shown), which a run would store",
          remedy: "Remove what stands before the @.")
      }
      return value
    default:
      throw wrong(tree, path: path, kind)
    }
  }

  private func wrong(_ tree: Tree, path: String, _ kind: Kind) -> DefinitionError {
    wrong(tree, path: path, expected: kind.expectation + (optional ? ", or null" : ""))
  }

  private func wrong(_ tree: Tree, path: String, expected: String) -> DefinitionError {
    DefinitionError(
      .wrongValue, at: tree.origin, "\(path) must be \(expected), found \(tree.found(under: path))",
      remedy: "Correct the value; `pipeline config explain` with the key says what it does.")
  }

  /// The NAME of `${NAME}`.
  static func reference(in text: String) -> String? {
    guard text.hasPrefix("${"), text.hasSuffix("}"), text.utf8.count > 3 else { return nil }
    let name = text.dropFirst(2).dropLast()
    let letters = name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
        || $0 == 0x5F
    }
    return letters ? String(name) : nil
  }
}

extension Key.Kind {
  /// A scalar's value before any range is checked; `nil` where the spelling is not of this type.
  ///
  /// Text takes any spelling verbatim. Numbers and flags have one spelling of their own, not YAML
  /// 1.1's: no `yes`, no octal, no sexagesimal; `1e-4` is a number.
  func scalar(_ text: String, plain: Bool) -> Value? {
    switch self {
    case .text, .choice, .nameOrSections: .text(text)
    case .flag where plain: text == "true" ? .flag(true) : text == "false" ? .flag(false) : nil
    case .integer where plain: isInteger(text[...]) ? Int(text).map(Value.integer) : nil
    case .number where plain: isNumber(text) ? Double(text).map(Value.number) : nil
    default: nil
    }
  }
}

/// `[-+]? (0 | [1-9][0-9]*)`: a leading zero would be octal to other readers of YAML.
private func isInteger(_ text: Substring) -> Bool {
  let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text
  return isDigits(digits) && (digits.utf8.count == 1 || digits.first != "0")
}

/// `integer (. digits)? (e [-+]? digits)?`, or a fraction that starts with its point.
private func isNumber(_ text: String) -> Bool {
  let halves = text.split(
    maxSplits: 1, omittingEmptySubsequences: false, whereSeparator: { $0 == "e" || $0 == "E" })
  if halves.count == 2 {
    let sign = halves[1].first == "-" || halves[1].first == "+"
    guard isDigits(sign ? halves[1].dropFirst() : halves[1]) else { return false }
  }
  let parts = halves[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
  if parts.count == 1 { return isInteger(parts[0]) }
  let bare = parts[0].isEmpty || parts[0] == "-" || parts[0] == "+"
  let fraction = isDigits(parts[1]) || (parts[1].isEmpty && !bare)
  return fraction && (bare || isInteger(parts[0]))
}

private func isDigits(_ text: Substring) -> Bool {
  !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
}
