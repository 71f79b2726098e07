import Files
import Foundation

extension Schema {
  /// How many files may extend one another.
  private static let longestChain = 16

  /// Reads a definition: defaults, then the `extends:` chain from its far end, then the file, then
  /// the overrides in order. A later layer wins; lists, tables and section lists are replaced whole.
  ///
  /// `extends:` paths are relative to the file that says them.
  /// - Parameter overrides: the `--set KEY=VALUE` flags.
  public func resolve(
    file path: String, overrides: [(key: String, value: String)] = []
  ) throws(DefinitionError) -> Definition {
    try resolve(text: try Schema.read(path, at: .path(path)), name: path, overrides: overrides)
  }

  /// The same for text in memory.
  /// - Parameter name: the path of the file, which errors show and `extends:` is relative to.
  public func resolve(
    text: String, name path: String, overrides: [(key: String, value: String)] = []
  ) throws(DefinitionError) -> Definition {
    let start = Origin.file(path, line: 1, column: 1)
    let own = try layer(text: text, file: path)
    var layers = [own]
    var files = [Schema.identity(of: path)]
    var parent = own.extends
    var from = path
    while let (relative, origin) = parent {
      let file = Schema.join(from, relative)
      guard !files.contains(Schema.identity(of: file)) else {
        throw DefinitionError(
          .extends, at: origin, "\(file) extends itself through this line",
          remedy: "Remove one extends: of the circle.")
      }
      guard files.count < Schema.longestChain else {
        throw DefinitionError(
          .extends, at: origin, "more than \(Schema.longestChain) files extend one another",
          remedy: "Shorten the chain.")
      }
      let next = try layer(text: try Schema.read(file, at: origin), file: file)
      layers.append(next)
      files.append(Schema.identity(of: file))
      (parent, from) = (next.extends, file)
    }
    var merged = Layer()
    for layer in layers.reversed() {
      merged.values.merge(layer.values) { _, later in later }
    }
    // A name belongs to its own file: what extends it is another definition.
    merged.name = own.name
    for (key, value) in overrides { try assign(key, value, into: &merged) }
    let base = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    return Definition(
      name: merged.name?.text ?? Schema.fileName(base), source: path,
      root: Section(schema: self, values: try complete(merged, shown: "", at: start)))
  }

  private func layer(text: String, file: String) throws(DefinitionError) -> Layer {
    var layer = Layer()
    try collect(try Tree(yaml: text, file: file), under: "", shown: "", into: &layer)
    return layer
  }

  /// - Parameter origin: who asks for the file.
  private static func read(_ path: String, at origin: Origin) throws(DefinitionError) -> String {
    let remedy = "Name a definition that exists and can be read."
    func unreadable(_ why: String) -> DefinitionError {
      let said =
        origin == .path(path) ? "the definition \(why)" : "\(path), which it extends, \(why)"
      return DefinitionError(.unreadable, at: origin, said, remedy: remedy)
    }
    let bytes: [UInt8]
    do {
      bytes = try RegularFile.read(path, limit: Tree.Limit.bytes)
    } catch {
      switch error {
      case .missing: throw unreadable("does not exist")
      case .notRegular(let kind): throw unreadable("is \(kind)")
      case .outside: throw unreadable("lies elsewhere")
      case .system(let reason): throw unreadable("cannot be read (\(reason))")
      case .tooLong:
        throw DefinitionError(
          .limit, at: .file(path, line: 1, column: 1),
          "the file has more than \(Tree.Limit.bytes) bytes",
          remedy: "Keep data in a data set and name it here.")
      }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      let bad = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
      throw DefinitionError(
        .syntax, at: .file(path, line: bad + 1, column: 1), "the line is not UTF-8",
        remedy: "Save the file as UTF-8.")
    }
    return text
  }

  private static func join(_ file: String, _ relative: String) -> String {
    guard !relative.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return relative }
    return file[...slash] + relative
  }

  /// One spelling per file, whatever path and links lead to it.
  private static func identity(of path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().standardized.path
  }
}
