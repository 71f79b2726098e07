import ArgumentParser
import Definition
import Records
import Stages

/// `pipeline resume DIR`: continue exactly where a run stopped, or say why that cannot be.
struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Continue a run exactly where it stopped.")

  @Argument(help: "Run directory.")
  var directory: String

  @Argument(help: "Definition to go on with; its identity keys must be the run's.")
  var definition: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Override an operational key.", valueName: "key=value"))
  var overrides: [Override] = []

  @Flag(help: "Print the summary as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func run() throws {
    let place = RunDirectory(directory)
    let flags = overrides.map { ($0.key, $0.value) }
    let resolved = try definition.map {
      try RunKeys.schema.resolve(file: $0, overrides: flags)
    }
    let run = try Run(opening: place, definition: resolved, overrides: flags)
    let progress = ProgressDisplay(isQuiet: quiet)
    if try run.isFinished {
      progress.note("\(place.path): all \(run.settings.steps) steps are done")
    }
    let launch = RunLaunch(interruption: Interruption(), progress: progress)
    try RunReport.finish(try launch.work(run), in: place, json: json)
  }
}
