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
      valueName: "i/n"))
  var workers: WorkShare = .whole

  @Option(
    help: ArgumentHelp(
      "Reader and rollout: work up to N steps ahead of training, with the newest policy there is.",
      valueName: "n"))
  var ahead = 0

  @Flag(name: .shortAndLong, help: "No progress.")
  var quiet = false

  func validate() throws {
    guard (0...1_000_000).contains(ahead) else {
      throw ValidationError("--ahead \(ahead) is no number of steps from 0 to 1000000")
    }
  }

  func run() throws {
    let place = RunDirectory(directory)
    let progress = ProgressDisplay(isQuiet: quiet)
    var resolved: Definition?
    if let definition {
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

  /// Of two processes that create the same run, the second takes the first one's.
  private func create(_ definition: Definition, at place: RunDirectory) throws {
    do { try Run.create(definition, at: place) } catch {
      guard place.exists else { throw error }
    }
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

extension WorkShare: ExpressibleByArgument {
  public init?(argument: String) { self.init(text: argument) }
}

extension StageName: ExpressibleByArgument {
  public static var allValueStrings: [String] { allCases.map(\.rawValue) }
}
