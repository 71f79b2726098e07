/// The parts of a path, as text; nothing is looked up.
///
/// In place of Foundation's `deletingLastPathComponent`, which traps on a path of one character.
public enum PathParts {
  /// The folder that holds what `path` names: `.` for a bare name, `/` for the root and what is right
  /// in it.
  public static func folder(of path: String) -> String {
    let path = trimmed(path)
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(trimmed(path[..<slash]))
  }

  /// The last name in `path`; the root's is `/`.
  public static func name(of path: String) -> String {
    let path = trimmed(path)
    guard let slash = path.lastIndex(of: "/"), path.count > 1 else { return String(path) }
    return String(path[path.index(after: slash)...])
  }

  /// The path of `name` in the folder that holds what `path` names, written as `path` is.
  public static func path(_ name: String, beside path: String) -> String {
    switch folder(of: path) {
    case ".": path.hasPrefix("./") ? "./" + name : name
    case "/": "/" + name
    case let folder: "\(folder)/\(name)"
    }
  }

  /// Without slashes at its end, but for the root.
  private static func trimmed(_ path: some StringProtocol) -> Substring {
    var path = Substring(path)
    while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") {
      path = Substring(path.unicodeScalars.dropLast())
    }
    return path
  }
}
