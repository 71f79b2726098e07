/// How a failure ends the command (`docs/design.md`, "Exit codes").
public enum ExitStatus: Int32, Sendable {
  case done = 0
  case runFailed = 1
  case usage = 2
  case mismatch = 3
  case corrupt = 4
  case tryAgain = 75
  case interrupted = 130
  case terminated = 143
}

/// An error as a person reads it: what is wrong, where, and what to do.
///
/// Every module has one such struct. Neither field ever holds prompt or response text, since errors
/// end up in logs.
public protocol DescribedError: Error, CustomStringConvertible {
  /// The file, record or key: `shards/x/manifest.json`, `rollouts/17`, `quickstart.yaml:3:5`.
  var location: String { get }
  /// One sentence with the numbers.
  var problem: String { get }
  /// Imperative, with the command where there is one.
  var remedy: String { get }
  var exitStatus: ExitStatus { get }
}

extension DescribedError {
  public var description: String { "\(location): \(problem). \(remedy)" }
}

extension String {
  /// The text as an error may hold it, since a name in a file can be as long as the file: of more than
  /// 1,000 bytes the beginning, and `…`.
  ///
  /// Cut between Unicode scalars: one character may be made of a million.
  public var shortened: String {
    let limit = 1000
    guard utf8.count > limit else { return self }
    var kept = UnicodeScalarView()
    var bytes = 0
    for scalar in unicodeScalars {
      bytes += UTF8.width(scalar)
      guard bytes <= limit else { break }
      kept.append(scalar)
    }
    return String(kept) + "…"
  }
}
