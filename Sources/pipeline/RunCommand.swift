import ArgumentParser
import Definition
import Foundation
import Records
import Stages

/// `pipeline run`: all stages in one process, or one of them alone.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Run a definition from start to end, or one stage of a run.",
    subcommands: [RunAllCommand.self, RunStageCommand.self],
    defaultSubcommand: RunAllCommand.self)
}

/// `pipeline run DEFINITION`.
struct RunAllCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "all", abstract: "Run all stages in one process (the default).")

  @Argument(help: "Definition, such as pipelines/quickstart.yaml.")
  var definition: String?

  @Option(name: .customLong("run"), help: "Run directory; default runs/DEFINITION-N.")
  var directory: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Override a key of the definition.", valueName: "key=value"))
  var overrides: [Override] = []

  @Option(
    help: ArgumentHelp(
      "Begin with the groups that another run has stored, without sampling them again.",
      valueName: "dir"))
  var fork: String?

  @Option(help: "Steps to take over with --fork; later steps than the first are off-policy.")
  var forkSteps = 1

  @Flag(help: "Say what the run will hold in memory, and run nothing.")
  var plan = false

  @Flag(help: "Print the summary, or the plan, as JSON.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func run() throws {
    guard let definition else { throw RunUsage.noDefinition() }
    let resolved = try RunKeys.schema.resolve(
      file: definition, overrides: overrides.map { ($0.key, $0.value) })
    if plan { return try RunPlanPage(try RunPlan(resolved), resolved.source).print(json: json) }
    let place = try RunPlace.fresh(directory, definition: resolved.name)
    let progress = ProgressDisplay(isQuiet: quiet)
    progress.note("run: \(place.path)")
    let launch = RunLaunch(interruption: Interruption(), progress: progress)
    let fork = fork.map { RunFork(source: RunDirectory($0), steps: forkSteps) }
    let ended = try launch.start(resolved, at: place, fork: fork)
    try RunReport.finish(ended, in: place, json: json)
  }
}

/// `--set KEY=VALUE`.
struct Override: ExpressibleByArgument, Sendable {
  var key: String
  var value: String

  init?(argument: String) {
    guard let mark = argument.firstIndex(of: "="), mark > argument.startIndex else { return nil }
    key = String(argument[..<mark])
    value = String(argument[argument.index(after: mark)...])
  }
}

/// Where a new run goes.
enum RunPlace {
  static func fresh(_ given: String?, definition: String) throws -> RunDirectory {
    let manager = FileManager.default
    if let given {
      let place = RunDirectory(given)
      guard !manager.fileExists(atPath: place.path) || isEmpty(place.path) else {
        throw RunUsage.exists(place)
      }
      return place
    }
    var number = 1
    while manager.fileExists(atPath: "runs/\(definition)-\(number)") { number += 1 }
    return RunDirectory("runs/\(definition)-\(number)")
  }

  private static func isEmpty(_ path: String) -> Bool {
    (try? FileManager.default.contentsOfDirectory(atPath: path))?.isEmpty ?? false
  }
}

enum RunUsage {
  static func noDefinition() -> StageError {
    let known = (try? FileManager.default.contentsOfDirectory(atPath: "pipelines")) ?? []
    let names = known.filter { $0.hasSuffix(".yaml") }.sorted().map { "pipelines/\($0)" }
    return StageError(
      .badRun, at: "run", "no definition is named",
      remedy: names.isEmpty
        ? "Name a YAML file." : "Name one, such as \(names.joined(separator: ", ")).")
  }

  static func exists(_ place: RunDirectory) -> StageError {
    place.exists
      ? StageError(
        .badRun, at: place.path, "a run stands here already",
        remedy: "Continue it with `pipeline resume \(place.path)`, or choose another directory.")
      : StageError(
        .badRun, at: place.path, "it is there and is not empty",
        remedy: "Choose another directory with --run.")
  }
}
