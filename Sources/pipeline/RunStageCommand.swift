public import ArgumentParser
import Definition
import Records
public import Stages

/// `pipeline run stage NAME --run DIR`: one stage as its own process.
struct RunStageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stage",
    abstract: "Run one stage of a run: what is pending, or everything with --follow.")

  @Argument(
    help: "reader, rollout, verifier, gate, loss or optimizer; the long names work too.")
  var name: StageName

  @Argument(help: "Definition: the run is created if it is not there.")
  var definition: String?

  @Option(name: .customLong("run"), help: "Run directory.")
  var directory: String

  @Flag(help: "Wait for the other stages and end with the last step.")
  var follow = false

  @Option(help: "Stop after this many groups (of the optimizer: steps).")
  var limit: UInt64?

  @Option(
    help: ArgumentHelp(
      "Share the stage (rollout, verifier) with other workers: this is worker I of N.",
      valueName: "i/n"), transform: RunStageCommand.share)
  var workers: WorkShare = .whole

  @Option(
    help: ArgumentHelp(
      "Reader and rollout: work up to N steps ahead of training, with the newest policy there is.",
      valueName: "n"))
  var ahead = 0

  @Option(
    help: ArgumentHelp(
      "Work off again what the stage has consumed from this group on, in a fork of the run.",
      valueName: "group"))
  var from: GroupID?

  @Option(help: ArgumentHelp("Directory of the fork that --from makes.", valueName: "dir"))
  var into: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "With --from: a key of the fork's definition that is different.", valueName: "key=value"))
  var overrides: [Override] = []

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func validate() throws {
    guard (from == nil) == (into == nil) else {
      throw ValidationError("--from GROUP and --into DIR belong together")
    }
    guard overrides.isEmpty || from != nil else {
      throw ValidationError("--set belongs to --from; `pipeline resume` takes it for a run itself")
    }
    guard from == nil || (ahead == 0 && workers == .whole && !follow) else {
      throw ValidationError("--from works alone: without --ahead, --workers and --follow")
    }
    guard (0...1_000_000).contains(ahead) else {
      throw ValidationError("--ahead \(ahead) is no number of steps from 0 to 1000000")
    }
  }

  func run() throws {
    try ProcessStart.requireAddressSpace(forRunOf: 1)
    let progress = ProgressDisplay(isQuiet: quiet)
    let place = try fork(progress) ?? RunDirectory(directory)
    var resolved: Definition?
    if let definition, from == nil {
      resolved = try RunKeys.schema.resolve(file: definition)
      if let resolved, !place.exists { try create(resolved, at: place) }
    }
    let run = try Run(opening: place, definition: resolved)
    for notice in run.notices { progress.note(notice) }
    let interruption = Interruption()
    let session = try RunSession(
      run, stages: [name], publishes: true, interruption: interruption, share: workers,
      ahead: ahead
    ) { progress.replaying($0) }
    let end = try session.work(
      limit: limit, follows: follow, atStage: progress.at, report: progress.step)
    let worked = session.worked[name] ?? 0
    if name == .optimizer { try writeSummary(session, end) }
    progress.note(describe(end, worked: worked))
    if case .interrupted(let status) = end { throw ExitCode(status.rawValue) }
  }

  private static func share(_ text: String) throws -> WorkShare {
    guard let share = WorkShare(text: text) else {
      throw ValidationError(
        "write I/N for worker I of N, with N from 1 to \(WorkShare.mostWorkers) and I from 1 to N, "
          + "such as 2/3 for the second of three")
    }
    return share
  }

  /// The fork in which the stage works off again what it has consumed; nil without --from.
  private func fork(_ progress: ProgressDisplay) throws -> RunDirectory? {
    guard let from, let into else { return nil }
    let target = RunDirectory(into)
    let source = try Run(opening: RunDirectory(directory))
    let branch = try RunBranch(source, again: name, from: from)
    let changed = try ForkDefinition.resolve(definition, overrides, of: source.directory)
    progress.note(
      branch.group == from
        ? "\(name.rawValue): again from group \(from), in \(target.path)"
        : "\(name.rawValue): again from group \(branch.group), with which the work that holds group "
          + "\(from) begins, in \(target.path)")
    try branch.create(at: target, changed, replayed: progress.replaying)
    return target
  }

  /// Of two processes that create the same run, the second goes on with the first one's. Any other
  /// failure ends it, although a run may stand there: its own, whose sync failed.
  private func create(_ definition: Definition, at place: RunDirectory) throws {
    do {
      try Run.create(definition, at: place)
    } catch let error as StageError where error.code == .madeElsewhere { return }
  }

  private func writeSummary(_ session: RunSession, _ end: Runner.End) throws {
    let known = try Summary.read(from: session.run.directory)?.evaluation
    let state: Summary.State =
      switch end {
      case .finished: .done
      case .interrupted: .interrupted
      case .idle, .limit, .lowOnSpace: .running
      }
    try session.summary(state: state, evaluation: known ?? Summary.Evaluation())
      .write(to: session.run.directory)
  }

  private func describe(_ end: Runner.End, worked: UInt64) -> String {
    let unit = name == .optimizer ? "steps" : "groups"
    let what = worked == 0 ? "nothing to do" : "\(worked) \(unit) worked off"
    switch end {
    case .finished: return "\(name.rawValue): \(what); the run is finished"
    case .idle(let reasons): return "\(name.rawValue): \(what); \(reasons.joined(separator: "; "))"
    case .limit: return "\(name.rawValue): \(what); the limit is reached"
    case .interrupted: return "\(name.rawValue): \(what); interrupted"
    case .lowOnSpace: return "\(name.rawValue): \(what); the disk is nearly full"
    }
  }
}

extension StageName: ExpressibleByArgument {
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
