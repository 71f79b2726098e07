import ArgumentParser
import Inspector
import Stages

struct TraceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace",
    abstract: "Write when a run's stages did what as a Chrome trace, which Perfetto opens.",
    discussion: """
      One process for each of the run's processes, one thread for each stage, one slice for each turn \
      that made something, and what waited for each stage. A run keeps about 130,000 turns \
      (RUN/logs/activity.jsonl).
      """)

  @OptionGroup var place: RunArgument
  @Option(
    name: [.customLong("out")],
    help: ArgumentHelp("File to write; - for stdout.", valueName: "file"))
  var out: String
  @Flag(help: "Replace the file if there is one.") var force = false
  @OptionGroup var options: FactOptions

  private struct Report: Encodable {
    var trace: String
    var turns: Int
  }

  func validate() throws { try ExportFile.validate(out, json: options.json) }

  func run() throws {
    let run = try place.open()
    let turns = try ExportFile.write(out, replaces: force) { file in
      try ActivityTrace(run.directory).write { try file.write($0) }
    }
    if options.json { return try options.output.json(Report(trace: out, turns: turns)) }
    let hint = "\(turns) turns. Open it at https://ui.perfetto.dev, which reads it in the browser."
    if out == "-" { return Output.note(hint) }
    options.output.print("\(TerminalText.escaped(out)): \(hint)")
  }
}
