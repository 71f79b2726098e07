public import Records

/// What is wrong with a definition, with the file, line and column where it stands.
public struct DefinitionError: DescribedError, Equatable {
  public enum Code: Sendable, Equatable {
    case unreadable
    case syntax
    case limit
    case duplicateKey
    case unknownKey
    case wrongValue
    case missingKey
    case extends
    case identityChanged
    case secretUnset
  }

  public var code: Code
  public var origin: Origin
  public var problem: String
  public var remedy: String

  /// Line breaks, which keys and values of a file may bring in, become `\n`, and user information
  /// in URLs becomes `…`; each part is shortened.
  public init(_ code: Code, at origin: Origin, _ problem: String, remedy: String) {
    self.code = code
    self.origin = origin
    self.problem = oneLine(problem)
    self.remedy = oneLine(remedy)
  }

  public var location: String { oneLine(origin.description) }
  public var exitStatus: ExitStatus { .usage }
}

/// Where a value comes from. Printed as `pipelines/x.yaml:12:3`, `--set KEY` or `default`.
public enum Origin: Sendable, Equatable, CustomStringConvertible {
  /// The schema's own default.
  case schema
  /// A file as a whole: it cannot be opened.
  case path(String)
  /// Line and column count from 1, the column in Unicode scalars.
  case file(String, line: Int, column: Int)
  /// The command line, `--set KEY=VALUE`.
  case flag(String)

  /// The same place where the key itself must not be shown.
  var withoutKey: Origin {
    if case .flag = self { .flag("(not shown)") } else { self }
  }

  public var description: String {
    switch self {
    case .schema: "default"
    case .path(let path): path
    case .file(let path, let line, let column): "\(path):\(line):\(column)"
    case .flag(let key): "--set \(key)"
    }
  }
}

/// Errors are read line by line, and end up in logs.
private func oneLine(_ text: String) -> String {
  let line = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    .joined(separator: "\\n")
  // First of all, so that no half of a URL is left over.
  return Credential.redactingURLs(in: line).shortened
}
