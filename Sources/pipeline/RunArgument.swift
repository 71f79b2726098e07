import ArgumentParser
import Inspector

/// The run that a command reads, and how its facts are printed.
struct RunArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Run directory, or that of an evaluation (RUN/evaluations/STEP-SUITE, evaluations/SUITE-ID).",
      valueName: "run"))
  var path: String

  /// Opens it for reading and says on stderr what a person should know about that.
  func open() throws -> StoredRun { try Self.open(path) }

  static func open(_ path: String) throws -> StoredRun {
    let stored = try StoredRun(opening: path)
    if let notice = stored.notice { Output.note("pipeline: \(TerminalText.escaped(notice))") }
    return stored
  }
}
