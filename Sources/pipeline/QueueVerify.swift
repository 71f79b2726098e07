import ArgumentParser
import Foundation
import Inspector
import Records
import Stages

struct QueueVerify: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Say whether everything that a run has stored is as it must be.",
    discussion: """
      Looks at the structure of the file, seals and checksums, gaps, joins between the logs, that each \
      prompt was consumed once and each group has one fate, cursors, checkpoint pointers, and the \
      queues of the run's evaluations. Writes \
      nothing; the run may be at work meanwhile. It looks in a process of its own, so that whatever the \
      file holds comes to a report. Exit code 4 when something is wrong.
      """)

  @Argument(help: ArgumentHelp("Run directory, or an evaluation inside one.", valueName: "run"))
  var path: String

  @OptionGroup var options: FactOptions

  @Flag(
    help: "Also make verdicts, decisions and loss batches again from what is upstream, and compare."
  )
  var deep = false

  @Flag(
    name: .customLong("in-process"),
    help: ArgumentHelp("Look in this process: for debuggers.", visibility: .hidden))
  var isInProcess = false

  func run() throws {
    let directory = RunDirectory(path)
    guard FileManager.default.fileExists(atPath: directory.queue) else {
      throw InspectorError(
        .noRun, at: path, "it is not a run: it holds no queue",
        remedy: "Name the directory that `pipeline run` printed.")
    }
    let report =
      isInProcess
      ? try RunVerification.verify(directory, isDeep: deep)
      : try VerificationProcess.report(of: directory, isDeep: deep)
    if options.json {
      try options.output.json(report)
    } else {
      print(report, options.output)
    }
    if !report.isClean { throw ExitCode(ExitStatus.corrupt.rawValue) }
  }

  private func print(_ report: VerificationReport, _ output: Output) {
    var table = TextTable([
      .init("what"), .init("checked", .right), .init("problems", .right),
    ])
    for check in report.checks { table.add([check.name, "\(check.checked)", "\(check.problems)"]) }
    output.print(table)
    // Enough to see what kind of damage it is; --json has them all.
    let shown = report.problems.prefix(20)
    for problem in shown {
      output.print(
        TerminalText.escaped("\(problem.location): \(problem.problem). \(problem.remedy)"))
    }
    if report.problems.count > shown.count {
      output.print("… and \(report.problems.count - shown.count) more (--json lists all)")
    }
    output.print(
      report.isClean
        ? output.styled("nothing is wrong", .green)
        : output.styled("\(report.problems.count) problems", .red))
  }
}

/// The verification in a child: this program again, which ends in a report even where the child dies.
enum VerificationProcess {
  static func report(of directory: RunDirectory, isDeep: Bool) throws -> VerificationReport {
    let child = Process()
    child.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments =
      ["queue", "verify", directory.path, "--in-process", "--json"] + (isDeep ? ["--deep"] : [])
    let (output, errors) = (Pipe(), Pipe())
    child.standardInput = FileHandle.nullDevice
    child.standardOutput = output
    child.standardError = errors
    try child.run()
    // LMDB's last words are short: they fit the pipe while the report is read to its end.
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    let words = String(
      decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    child.waitUntilExit()
    if child.terminationReason == .uncaughtSignal {
      var report = VerificationReport(run: directory.path)
      report.begin("structure")
      report.find(
        "\(directory.queue)/data.mdb",
        "reading it killed the process that verified it, by signal \(child.terminationStatus)")
      return report
    }
    guard !bytes.isEmpty else {
      // What kept it from looking at all is said by its one line.
      Output.note(words.split(separator: "\n").last.map(String.init) ?? "the verification ended")
      throw ExitCode(child.terminationStatus)
    }
    return try JSONDecoder().decode(VerificationReport.self, from: bytes)
  }
}
