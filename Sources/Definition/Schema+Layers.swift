/// What one file or flag says, before defaults.
struct Layer {
  struct Assignment {
    var value: Value
    var origin: Origin
  }

  var values: [String: Assignment] = [:]
  var name: (text: String, origin: Origin)?
  var extends: (path: String, origin: Origin)?
}

extension Schema {
  /// Reads a map's entries, section by section, into `layer`.
  /// - Parameters:
  ///   - prefix: the section with its dot, empty at the top.
  ///   - shown: what errors put before a path: `data.sets[0].` inside a section list.
  func collect(
    _ tree: Tree, under prefix: String, shown: String, into layer: inout Layer
  ) throws(DefinitionError) {
    guard case .map(let entries) = tree.content else {
      let what = prefix.isEmpty ? "a definition" : "\(shown)\(prefix.dropLast())"
      throw DefinitionError(
        .wrongValue, at: tree.origin,
        "\(what) must be a map of keys, found \(tree.found(under: prefix))",
        remedy: "Write KEY: VALUE, one a line.")
    }
    for entry in entries {
      let path = prefix + entry.name
      if isRoot, path == "name" || path == "extends" {
        try collectReserved(entry, into: &layer)
      } else if let key = table[path] {
        let value = try key.read(entry.value, path: shown + path, inner: inner[path])
        // `a.b: 1` beside `a: {b: 2}` is two spellings of one key.
        let earlier = layer.values.updateValue(
          Layer.Assignment(value: value, origin: entry.value.origin), forKey: path)
        if earlier != nil { throw DefinitionError.duplicate(shown + path, at: entry.origin) }
      } else if branches(of: path) != nil, !entry.name.isEmpty {
        // A section whose every line is commented out reads as null.
        if entry.value.isNull { continue }
        try collect(entry.value, under: path + ".", shown: shown, into: &layer)
      } else {
        throw unknown(path, shown: shown, at: entry.origin)
      }
    }
  }

  /// One `--set KEY=VALUE`. Text and choices are taken verbatim, everything else is read as YAML.
  func assign(
    _ path: String, _ text: String, into layer: inout Layer
  ) throws(DefinitionError) {
    let origin = Origin.flag(path)
    guard path != "extends" else {
      throw DefinitionError(
        .extends, at: origin, "extends belongs in a file", remedy: "Name the other definition.")
    }
    if path == "name" {
      layer.name = (try Schema.checkedName(text, at: origin), origin)
      return
    }
    guard let key = table[path] else {
      if let parts = branches(of: path), !path.isEmpty {
        throw DefinitionError(
          .unknownKey, at: origin, "\(path) is a section, not a key",
          remedy: "Set one of \(parts.map(\.path).joined(separator: ", ")).")
      }
      throw unknown(path, shown: "", at: origin)
    }
    let tree: Tree
    switch key.kind {
    case .text, .choice:
      let null = key.optional && (text == "null" || text == "~")
      tree = Tree(content: .scalar(withoutByteOrderMark(text), plain: null), origin: origin)
    default:
      do {
        tree = try Tree(yaml: "value: \(text)", file: "").only.moved(to: origin)
      } catch {
        throw DefinitionError(error.code, at: origin, error.problem, remedy: error.remedy)
      }
    }
    let value = try key.read(tree, path: path, inner: inner[path])
    layer.values[path] = Layer.Assignment(value: value, origin: origin)
  }

  /// Fills in the defaults.
  /// - Returns: a value for every key.
  func complete(
    _ layer: Layer, shown: String, at origin: Origin
  ) throws(DefinitionError) -> [String: Section.Entry] {
    var complete: [String: Section.Entry] = [:]
    for key in keys {
      if let said = layer.values[key.path] {
        complete[key.path] = Section.Entry(value: said.value, origin: said.origin)
      } else if let standard = key.standard {
        complete[key.path] = Section.Entry(value: standard, origin: .schema)
      } else {
        throw DefinitionError(
          .missingKey, at: origin, "the key \(shown)\(key.path) is missing; it has no default",
          remedy: "Set it to \(key.kind.expectation).")
      }
    }
    return complete
  }

  private func collectReserved(
    _ entry: Tree.Entry, into layer: inout Layer
  ) throws(DefinitionError) {
    let origin = entry.value.origin
    guard case .scalar(let text, _) = entry.value.content, !entry.value.isNull else {
      throw DefinitionError(
        .wrongValue, at: origin,
        "\(entry.name) must be text, found \(entry.value.found(under: entry.name))",
        remedy: "Correct the value.")
    }
    if entry.name == "extends" {
      layer.extends = (text, origin)
    } else {
      layer.name = (try Schema.checkedName(text, at: origin), origin)
    }
  }

  /// A name becomes part of the run directory's name.
  private static func checkedName(
    _ text: String, at origin: Origin
  ) throws(DefinitionError) -> String {
    guard text == fileName(text) else {
      throw DefinitionError(
        .wrongValue, at: origin,
        "name must be 1 to 100 of the characters A-Z a-z 0-9 . _ - and not start with a point",
        remedy: "Choose another name.")
    }
    return text
  }

  /// `text` with what may not stand in a name replaced by `-`.
  static func fileName(_ text: String) -> String {
    let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
    let name = String(text.prefix(100).map { allowed.contains($0) ? $0 : "-" })
    if name.isEmpty { return "definition" }
    return name.hasPrefix(".") ? "-" + name.dropFirst() : name
  }

  /// The error for a key that this schema lacks, with the nearest one that it has.
  func unknown(_ path: String, shown: String, at origin: Origin) -> DefinitionError {
    // A credential where a key should stand, as in `{password hunter2}`.
    let isValue = Credential.isValue(path)
    let cut = path.count > 80 ? path.prefix(80) + "…" : path[...]
    if isValue || Credential.isNamed(path) {
      return DefinitionError(
        .unknownKey, at: isValue ? origin.withoutKey : origin,
        "there is no key \(isValue ? "of this name (not shown)" : shown + cut), and no value of it "
          + "is kept",
        remedy: "Keep credentials out of definitions; a key for one takes ${NAME} alone.")
    }
    let nearest = nearest(to: path).map { "Did you mean \(shown)\($0)? " } ?? ""
    return DefinitionError(
      .unknownKey, at: origin, "there is no key \(shown)\(cut)",
      remedy: nearest + "`pipeline config explain` lists the keys.")
  }
}

extension Tree {
  /// The value of a map's only entry. `value: 1` can end that entry early, as in `1\nmore: 2`.
  fileprivate var only: Tree {
    get throws(DefinitionError) {
      guard case .map(let entries) = content, entries.count == 1 else {
        throw DefinitionError(
          .syntax, at: origin, "the value has more than one line", remedy: "Write one value.")
      }
      return entries[0].value
    }
  }

  /// The same tree as if `origin` had said all of it.
  fileprivate func moved(to origin: Origin) -> Tree {
    switch content {
    case .scalar: return Tree(content: content, origin: origin)
    case .list(let items):
      return Tree(content: .list(items.map { $0.moved(to: origin) }), origin: origin)
    case .map(let entries):
      let moved = entries.map {
        Entry(name: $0.name, origin: origin, value: $0.value.moved(to: origin))
      }
      return Tree(content: .map(moved), origin: origin)
    }
  }
}
