import ArgumentParser
import Definition
import Evaluation
import Foundation
import Inspector
import Records
import Stages

/// `pipeline at STEP inspect|eval|fork RUN`.
struct AtCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "at",
    abstract: "Reopen a run as it stood after STEP steps: inspect it, evaluate it, or fork it.",
    discussion: """
      inspect  positions, digests and metrics; with --weights also the model directory
      eval     the definition's suites with these weights, stored as RUN/evaluations/STEP-SUITE
      fork     a new run in --into that goes on from there; --set and --definition may change \
      identity keys, but for those of the model

      Weights come from the newest whole checkpoint before STEP and the logged batches after it, every \
      step's digest compared.
      """)

  enum Action: String, CaseIterable, ExpressibleByArgument { case inspect, eval, fork }

  @Argument(help: "Committed steps, from the oldest checkpoint that can be replayed on.")
  var step: UInt64
  @Argument(help: "inspect, eval or fork.") var action: Action
  @Argument(help: ArgumentHelp("Run directory.", valueName: "run")) var path: String

  @Option(help: ArgumentHelp("inspect: write the model here.", valueName: "dir"))
  var weights: String?
  @Option(help: ArgumentHelp("fork: directory of the new run.", valueName: "dir"))
  var into: String?
  @Option(help: ArgumentHelp("fork: another definition to go on with.", valueName: "file"))
  var definition: String?
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("fork: a key that is different.", valueName: "key=value"))
  var overrides: [Override] = []
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard (action == .fork) == (into != nil) else {
      throw ValidationError("--into DIR belongs to fork, and fork needs it")
    }
    guard action == .fork || (definition == nil && overrides.isEmpty) else {
      throw ValidationError("--definition and --set belong to fork")
    }
    guard action == .inspect || weights == nil else {
      throw ValidationError("--weights belongs to inspect")
    }
  }

  func run() throws {
    let progress = ProgressDisplay(isQuiet: options.json)
    let run = try Run(opening: RunDirectory(path))
    switch action {
    case .inspect: try inspect(run, progress)
    case .eval: try evaluate(run, progress)
    case .fork: try fork(run, progress)
    }
  }

  private func inspect(_ run: Run, _ progress: ProgressDisplay) throws {
    let report = try run.at(step)
    if let weights { try run.writeModel(at: step, to: weights, replayed: progress.replaying) }
    let output = options.output
    if options.json { return try output.json(report) }
    var facts = TextTable([.init("after \(step) steps"), .init("")])
    facts.add(["next group", "\(report.groups)"])
    for stage in StageName.allCases {
      facts.add(["\(stage.rawValue) at", "\(report.cursors[stage.rawValue] ?? 0)"])
    }
    facts.add(["weights", report.weights])
    if let critic = report.critic { facts.add(["critic", critic]) }
    if let updates = report.adamUpdates { facts.add(["updates", "\(updates)"]) }
    facts.add(["replays from", report.checkpoint.map { "checkpoint \($0)" } ?? "no checkpoint"])
    output.print(facts)
    output.print()
    var logs = TextTable([.init("log"), .init("records", .right), .init("SHA-256")])
    for (log, part) in report.logs.sorted(by: { $0.key < $1.key }) {
      logs.add([log, "\(part.records)", part.sha256])
    }
    output.print(logs)
    if !report.metrics.isEmpty {
      output.print()
      var metrics = TextTable([.init("metric of step \(step - 1)"), .init("", .right)])
      for (name, value) in report.metrics.sorted(by: { $0.key < $1.key }) {
        metrics.add([name, "\(value)"])
      }
      output.print(metrics)
    }
    if let weights { Output.note("weights written to \(weights)") }
  }

  private func evaluate(_ run: Run, _ progress: ProgressDisplay) throws {
    guard run.settings.evaluation.hasQuestions else {
      throw StageError(
        .badRun, at: path, "its definition names no suites",
        remedy: "Name dataset folders with "
          + "`pipeline resume \(path) --set evaluation.datasets=[DIR]`.")
    }
    let interruption = Interruption()
    let suites = try Evaluator(run, interruption: interruption, report: progress.suite).evaluate(
      step: step
    ) { try run.policy(at: step, replayed: progress.replaying) }
    guard let suites else {
      throw ExitCode((interruption.status ?? .interrupted).rawValue)
    }
    if options.json { return try options.output.json(suites) }
    var table = TextTable([
      .init("suite"), .init("mean in %", .right), .init("95 % interval", .right),
      .init("questions", .right), .init("stored in"),
    ])
    for (name, suite) in suites.sorted(by: { $0.key < $1.key }) {
      table.add([
        name, ProgressDisplay.fixed(100 * suite.mean, 1),
        "[\(ProgressDisplay.fixed(100 * suite.low, 1)), "
          + "\(ProgressDisplay.fixed(100 * suite.high, 1))]", "\(suite.questions)",
        run.directory.evaluation(step, name),
      ])
    }
    options.output.print(table)
  }

  private struct Forked: Encodable {
    var run: String
    var source: String
    var step: UInt64
    var group: GroupID
  }

  private func fork(_ run: Run, _ progress: ProgressDisplay) throws {
    guard let into else { preconditionFailure("fork without --into was refused") }
    let branch = try RunBranch(run, at: step)
    let target = RunDirectory(into)
    let changed = try ForkDefinition.resolve(definition, overrides, of: run.directory)
    try branch.create(at: target, changed, replayed: progress.replaying)
    if options.json {
      return try options.output.json(
        Forked(run: target.path, source: path, step: step, group: branch.group))
    }
    options.output.print("\(target.path): goes on from step \(step) of \(path)")
    Output.note("continue with `pipeline resume \(target.path)`")
  }
}

/// The definition of a fork.
enum ForkDefinition {
  /// - Returns: nil: the source's own.
  static func resolve(
    _ file: String?, _ overrides: [Override], of source: RunDirectory
  ) throws -> Definition? {
    guard file != nil || !overrides.isEmpty else { return nil }
    return try RunKeys.schema.resolve(
      file: file ?? source.definition, overrides: overrides.map { ($0.key, $0.value) })
  }
}
