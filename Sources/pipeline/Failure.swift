import ArgumentParser
import Definition
import Files
import Foundation
import Inspector
import Records

/// The one place where errors become a line on stderr and an exit code.
struct Failure {
  /// What goes to stderr, one line; nil when everything was said already.
  let line: String?
  /// Help and the like, for stdout.
  let text: String?
  let status: Int32

  init(_ error: any Error) {
    text = Self.requestedText(error)
    switch error {
    case let error as any DescribedError:
      line = Self.line(error.location, error.problem, error.remedy)
      status = error.exitStatus.rawValue
    case let code as ExitCode:
      line = nil
      status = code.rawValue
    case _ where text != nil:
      line = nil
      status = ExitStatus.done.rawValue
    case _ where Pipeline.exitCode(for: error) == .validationFailure:
      line = Self.line("arguments", Self.usageProblem(error), Self.usageRemedy)
      status = ExitStatus.usage.rawValue
    case let error as CocoaError:
      let path = unsafe error.userInfo[NSFilePathErrorKey] as? String
      let cause = SystemCause(of: error)
      line = Self.line(
        path ?? "files", cause?.reason ?? error.localizedDescription,
        cause?.remedy.map { "\($0), then run the command again." }
          ?? "Check the path and its permissions.")
      status = ExitStatus.runFailed.rawValue
    default:
      line = Self.line("pipeline", "\(error)", "Report this with the command you ran.")
      status = ExitStatus.runFailed.rawValue
    }
  }

  /// Says it and ends the process.
  func exit() -> Never {
    if let text { Output.standard.write(text) }
    if let line { Output.note(line) }
    Foundation.exit(status)
  }

  /// `pipeline: LOCATION: PROBLEM. REMEDY`, whatever the parts hold. Names of files and keys come
  /// from outside, so they are escaped.
  static func line(_ location: String, _ problem: String, _ remedy: String) -> String {
    var problem = short(problem)
    while problem.last == "." || problem.last == "\n" { problem.removeLast() }
    let end = problem.last == "?" ? "" : "."
    return TerminalText.escaped(
      Credential.redactingURLs(in: "pipeline: \(short(location)): \(problem)\(end) \(remedy)"))
  }

  /// A name from a file can be as long as the file.
  private static func short(_ text: String) -> String {
    text.utf8.count > 4000 ? text.prefix(2000) + "…" : text
  }

  private static let usageRemedy = "See `pipeline --help`, or `--help` after a command."

  /// Help, the version, completion scripts: not errors, although the parser throws them.
  private static func requestedText(_ error: any Error) -> String? {
    guard Pipeline.exitCode(for: error) == .success else { return nil }
    let text = Pipeline.fullMessage(for: error)
    return text.hasSuffix("\n") ? text : text + "\n"
  }

  /// The parser's message on one line, with the nearest command when one was mistyped.
  private static func usageProblem(_ error: any Error) -> String {
    let message = Pipeline.message(for: error).split(whereSeparator: \.isNewline)
      .joined(separator: " ")
    // A credential on the command line, in the wrong place: what the parser quotes may be its value.
    if CommandLine.arguments.dropFirst().contains(where: Credential.isLikely(in:)) {
      return "the arguments are not those of a command; they are not shown, since one may be a "
        + "credential"
    }
    guard message.lowercased().contains("unexpected argument"),
      let suggestion = CommandSuggestion.current
    else { return message }
    return "there is no command \"\(suggestion.given)\""
      + (suggestion.nearest.map { "; did you mean \"\($0)\"?" } ?? "")
  }
}
