import ArgumentParser
import Inspector
import Pages
import Stages

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Write runs as one HTML file that needs nothing else.",
    discussion: """
      Gate, curves, evaluations, audit of rewards, groups with every token under other algorithms, \
      stages, and a comparison where several runs are named. It opens from disk without a network. \
      Groups are taken evenly from the run as long as the file stays below --limit; `pipeline serve` \
      shows them all.
      """)

  @Argument(help: ArgumentHelp("Run directories.", valueName: "run"))
  var runs: [String]
  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "The file; - for stdout. The default stands beside the first run.", valueName: "file"))
  var out: String?
  @Option(help: ArgumentHelp("Most megabytes of the file, 2 to 200.", valueName: "MB"))
  var limit = 20
  @Flag(help: "Replace the file if there is one.") var force = false
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard !runs.isEmpty, runs.count <= 8 else { throw ValidationError("Name 1 to 8 runs.") }
    guard (2...200).contains(limit) else { throw ValidationError("--limit is 2 to 200.") }
    try ExportFile.validate(out, json: options.json)
  }

  private struct Written: Encodable {
    var file: String
    var bytes: Int
    var groups: Int
    var allGroups: Int
  }

  func run() throws {
    let path = out ?? Self.path(beside: runs[0])
    let contents = try ExportFile.write(path, replaces: force) { file in
      let (html, contents) = try ReportFile(runs: runs, limit: limit * 1_000_000).make()
      try file.write(html)
      return contents
    }
    if options.json {
      return try options.output.json(
        Written(
          file: path, bytes: contents.bytes, groups: contents.groups, allGroups: contents.allGroups)
      )
    }
    if path != "-" { options.output.print(TerminalText.escaped(path)) }
    Output.note(
      "\((contents.bytes + 500_000) / 1_000_000) MB, "
        + "\(contents.groups) of \(contents.allGroups) groups with their tokens")
  }

  /// `runs/NAME-report.html` of `runs/NAME`: a run's own folder holds what the run writes.
  private static func path(beside run: String) -> String { RunDirectory(run).path + "-report.html" }
}
