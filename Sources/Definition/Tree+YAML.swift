import Yams

extension Tree {
  /// What a definition may cost to read, whatever it says.
  enum Limit {
    static let bytes = 1 << 20
    static let depth = 24
    /// Values after aliases are followed.
    static let nodes = 50_000
    /// Uses of aliases. YAML compares whole keys, so an alias as a key costs time before the tree
    /// exists; 16 of them can multiply a document by 3^4 · 4 at most.
    static let aliases = 16
  }

  /// Reads one YAML document. An empty one is an empty map.
  init(yaml text: String, file: String) throws(DefinitionError) {
    let start = Origin.file(file, line: 1, column: 1)
    guard text.utf8.count <= Limit.bytes else {
      throw DefinitionError(
        .limit, at: start, "the file has \(text.utf8.count) bytes, more than \(Limit.bytes)",
        remedy: "Keep data in a data set and name it here.")
    }
    let text = withoutByteOrderMark(text)
    let marks = countMarks(in: text)
    guard marks.anchors == 0 || marks.aliases <= Limit.aliases else {
      throw DefinitionError(
        .limit, at: start, "there are \(marks.aliases) aliases, more than \(Limit.aliases)",
        remedy: "Write the values out, or share them with `extends: FILE`.")
    }
    do {
      // The parser owns the anchors that nodes refer to weakly: it lives until the tree is built.
      let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
      let root = try parser.singleRoot()
      var budget = Limit.nodes
      let tree = try root.map { node throws(DefinitionError) in
        try Tree(node, file: file, depth: 0, budget: &budget)
      }
      withExtendedLifetime(parser) {}
      if let tree, !tree.isNull {
        self = tree
      } else {
        self = Tree(content: .map([]), origin: start)
      }
    } catch let error as DefinitionError {
      throw error
    } catch let error as YamlError {
      throw DefinitionError(error, file: file, text: text)
    } catch {
      throw DefinitionError(
        .syntax, at: start, "the YAML cannot be read: \(error)", remedy: "Correct the file.")
    }
  }

  private init(
    _ node: Node, file: String, depth: Int, budget: inout Int
  ) throws(DefinitionError) {
    let origin = Origin.file(file, line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    budget -= 1
    guard depth <= Limit.depth, budget >= 0 else {
      let what =
        depth > Limit.depth
        ? "values are nested more than \(Limit.depth) deep" : "there are over \(Limit.nodes) values"
      throw DefinitionError(.limit, at: origin, what, remedy: "Write a smaller definition.")
    }
    func refuse(_ tag: Tag, quoted: Bool = false) throws(DefinitionError) {
      // `.tag` is read unresolved: only a tag that the file writes differs from the implicit one,
      // but for quoted scalars, which libYAML itself marks as text.
      let name = tag.description
      if name == Tag.Name.implicit.rawValue || quoted && name == Tag.Name.str.rawValue { return }
      // A tag of the file's own may be a value that lost its quotes.
      let shown = name.hasPrefix("tag:yaml.org,2002:") ? "the tag \(name)" : "a tag of its own"
      throw DefinitionError(
        .syntax, at: origin, "\(shown) is not accepted",
        remedy: "Remove it; types follow from the key.")
    }
    switch node {
    case .scalar(let scalar):
      try refuse(scalar.tag, quoted: scalar.style != .plain)
      content = .scalar(withoutByteOrderMark(scalar.string), plain: scalar.style == .plain)
    case .sequence(let sequence):
      try refuse(sequence.tag)
      var items: [Tree] = []
      for item in sequence {
        items.append(try Tree(item, file: file, depth: depth + 1, budget: &budget))
      }
      content = .list(items)
    case .mapping(let mapping):
      try refuse(mapping.tag)
      content = .map(try Tree.entries(of: mapping, file: file, depth: depth, budget: &budget))
    case .alias:
      throw DefinitionError(.syntax, at: origin, "the alias is undefined", remedy: "Define it.")
    }
    self.origin = origin
  }

  private static func entries(
    of mapping: Node.Mapping, file: String, depth: Int, budget: inout Int
  ) throws(DefinitionError) -> [Entry] {
    var entries: [Entry] = []
    var seen: Set<String> = []
    for (key, value) in mapping {
      let origin = Origin.file(file, line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
      guard case .scalar(let scalar) = key else {
        throw DefinitionError(
          .syntax, at: origin, "a key is a list or a map", remedy: "Write a name as the key.")
      }
      // The parser tells `1` from `"1"`; a definition does not.
      let name = withoutByteOrderMark(scalar.string)
      guard seen.insert(name).inserted else {
        throw DefinitionError.duplicate(name, at: origin)
      }
      let tree = try Tree(value, file: file, depth: depth + 1, budget: &budget)
      entries.append(Entry(name: name, origin: origin, value: tree))
    }
    return entries
  }
}

/// Yams drops one leading byte order mark of every scalar; dropping all makes reading idempotent.
func withoutByteOrderMark(_ text: String) -> String {
  String(text.unicodeScalars.drop { $0 == "\u{FEFF}" })
}

/// Counts what looks like an anchor or an alias where a token may start; text can only add to it.
private func countMarks(in text: String) -> (anchors: Int, aliases: Int) {
  var anchors = 0
  var aliases = 0
  let utf8 = Array(text.utf8)
  for index in utf8.indices.dropLast() where utf8[index] == 0x26 || utf8[index] == 0x2A {
    // libYAML also takes U+0085, U+2028 and U+2029 for line breaks: any byte over 127 counts.
    let before = index == 0 ? 0x20 : utf8[index - 1]
    let starts = before <= 0x20 || before > 0x7F || "[{,:?-".utf8.contains(before)
    guard starts else { continue }
    if utf8[index] == 0x26 { anchors += 1 } else { aliases += 1 }
  }
  return (anchors, aliases)
}

extension DefinitionError {
  static func duplicate(_ key: String, at origin: Origin) -> DefinitionError {
    let name = Credential.isValue(key) ? "(not shown)" : key
    return DefinitionError(
      .duplicateKey, at: origin, "the key \"\(name)\" stands more than once in this map",
      remedy: "Keep one of them.")
  }

  /// libYAML's complaint as one sentence with its place.
  fileprivate init(_ error: YamlError, file: String, text: String) {
    func syntax(
      _ context: YamlError.Context?, _ problem: String, _ mark: (line: Int, column: Int)
    ) -> DefinitionError {
      let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
      let line = mark.line >= 1 && mark.line <= lines.count ? lines[mark.line - 1] : ""
      let at = Origin.file(file, line: max(1, mark.line), column: max(1, mark.column))
      let scalars = Array(line.unicodeScalars)
      if mark.column >= 1, mark.column <= scalars.count, scalars[mark.column - 1] == "\t" {
        return DefinitionError(
          .syntax, at: at, "a tab stands where YAML allows only spaces",
          remedy: "Indent with spaces.")
      }
      let said = [context?.text, problem].compactMap { $0 }.joined(separator: ", ")
      return DefinitionError(
        .syntax, at: at, "the YAML cannot be read: \(said)",
        remedy: "Correct the indentation, quotes or brackets around this place.")
    }
    switch error {
    case .scanner(let context, let problem, let mark, _),
      .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      self = syntax(context, problem, (mark.line, mark.column))
    case .duplicatedKeysInMapping(let duplicates, let context):
      let at = Origin.file(
        file, line: max(1, context.mark.line), column: max(1, context.mark.column))
      self = .duplicate(duplicates.sorted().first ?? "", at: at)
    case .reader(let problem, let offset, _, _):
      self = syntax(nil, problem, position(of: offset ?? 0, in: text))
    default:
      self = DefinitionError(
        .syntax, at: .file(file, line: 1, column: 1), "the YAML cannot be read: \(error)",
        remedy: "Correct the file.")
    }
  }
}

/// Line and column, from 1, of the character at `offset`.
private func position(of offset: Int, in text: String) -> (line: Int, column: Int) {
  var line = 1
  var column = 1
  for character in text.prefix(offset) {
    if character.isNewline {
      line += 1
      column = 1
    } else {
      column += character.unicodeScalars.count
    }
  }
  return (line, column)
}
