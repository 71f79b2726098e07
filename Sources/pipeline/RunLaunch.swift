import Definition
import Digest
import Evaluation
import Files
import Foundation
import Inspector
import Operators
import Records
import Stages

/// Starts, continues and finishes runs: what `run` and `resume` have in common.
struct RunLaunch {
  let interruption: Interruption
  let progress: ProgressDisplay

  /// Trains a definition in a new directory; where it builds on another definition's last
  /// checkpoint, that one is trained first.
  ///
  /// - Parameter fork: a run whose stored groups the new one begins with.
  func start(
    _ definition: Definition, at directory: RunDirectory, fork: RunFork? = nil
  ) throws -> Ended {
    try Self.requireAddressSpace(for: try RunSettings(definition))
    try RunPlan(definition).requireFits(named: definition.source)
    let initial = try initialModel(for: definition, beside: directory)
    if case .interrupted(let status) = initial { return .interrupted(status) }
    try Run.create(definition, at: directory, initialModel: initial.path, fork: fork)
    return try work(try Run(opening: directory))
  }

  enum Ended {
    case done(Summary)
    case interrupted(ExitStatus)
  }

  /// Evaluation before, training with the evaluations that are due, evaluation after, summary.
  func work(_ run: Run) throws -> Ended {
    try Self.requireAddressSpace(for: run.settings)
    try run.plan().requireFits(named: run.directory.path)
    for notice in run.notices { progress.note(notice) }
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: interruption
    ) { progress.replaying($0) }
    var evaluation = try Summary.read(from: run.directory)?.evaluation ?? Summary.Evaluation()
    func write(_ state: Summary.State, failure: String? = nil) throws -> Summary {
      var summary = try session.summary(state: state, evaluation: evaluation)
      summary.failure = failure
      try summary.write(to: run.directory)
      return summary
    }
    func stop(_ status: ExitStatus?) throws -> Ended {
      _ = try write(.interrupted)
      return .interrupted(status ?? interruption.status ?? .interrupted)
    }
    let settings = run.settings.evaluation
    if settings.takesPlace { try Evaluator(run).requireQuestions() }
    if settings.before, settings.hasQuestions {
      progress.heading("evaluation before training")
      guard let before = try evaluate(session, step: 0) else { return try stop(nil) }
      evaluation.before = before
      _ = try write(.running)
    }
    /// Interrupted, it is done when the run is resumed, before any further step.
    func evaluateOnTheWay(_ step: UInt64) throws {
      let done = Int(step)
      guard settings.isDue(after: done, of: run.settings.steps), evaluation.during[done] == nil
      else { return }
      progress.heading("evaluation after \(done) steps")
      guard let during = try evaluate(session, step: step) else { return }
      evaluation.during[done] = during
      _ = try write(.running)
    }
    let end: Runner.End
    do {
      if let step = session.version {
        noteMissed(evaluation, before: Int(step), of: run)
        try evaluateOnTheWay(step)
      }
      progress.heading("training \(run.settings.name): \(run.settings.algorithm.name)")
      end = try session.work(
        atStage: progress.at, report: progress.step, afterStep: evaluateOnTheWay)
    } catch {
      // What stopped the run is the error to show, whatever becomes of the summary.
      do { _ = try write(.failed, failure: Failure(error).line) } catch let second {
        progress.note("summary.json could not be written: \(second)")
      }
      throw error
    }
    if case .interrupted(let status) = end { return try stop(status) }
    if settings.after, settings.hasQuestions {
      progress.heading("evaluation after training")
      guard let after = try evaluate(session, step: UInt64(run.settings.steps)) else {
        return try stop(nil)
      }
      evaluation.after = after
    }
    // What lists and pages choose groups by stands ready when the run does.
    try GroupIndex(run.queue, folder: run.directory.index).update()
    return .done(try write(.done))
  }

  /// Evaluations that were due at steps behind the one at which a run stands: it was trained stage by
  /// stage, or the definition has asked for them since.
  private func noteMissed(_ evaluation: Summary.Evaluation, before step: Int, of run: Run) {
    let missed = (1..<max(1, step)).filter {
      run.settings.evaluation.isDue(after: $0, of: run.settings.steps)
        && evaluation.during[$0] == nil
    }
    guard let first = missed.first else { return }
    progress.note(
      "not evaluated on the way: \(missed.count) of the steps that evaluation.every names; "
        + "`pipeline at \(first) eval \(run.directory.path)` measures the first")
  }

  private func evaluate(
    _ session: RunSession, step: UInt64
  ) throws -> [String: Summary.Suite]? {
    try Evaluator(session.run, interruption: interruption, report: progress.suite).evaluate(
      step: step
    ) {
      if session.version == step, let policy = session.policy { return policy }
      return try session.run.checkpointPolicy(step)
    }
  }

  /// An evaluation has a queue of its own, open beside the run's.
  private static func requireAddressSpace(for settings: RunSettings) throws {
    try ProcessStart.requireAddressSpace(forRunOf: settings.evaluation.takesPlace ? 2 : 1)
  }

  // MARK: Models that another definition makes

  private enum InitialModel {
    case none
    case directory(String)
    case interrupted(ExitStatus)

    var path: String? { if case .directory(let path) = self { path } else { nil } }
  }

  /// The last checkpoint of the definition that `model.pretrain` names. Its run stands beside the
  /// new one, under a name that says what it was made from, so that several runs share it.
  private func initialModel(
    for definition: Definition, beside directory: RunDirectory
  ) throws -> InitialModel {
    guard let file = ModelSettings.baseFile(of: definition) else { return .none }
    let base = try RunKeys.schema.resolve(file: file)
    let core = Compute(threads: 1).productKernel
    let steps = base.integer("steps")
    let origin = "\(base.identityText)steps: \(steps)\nkernel: \(core)\n"
    let mark = hexadecimal(SHA256.hash(Array(origin.utf8))).prefix(8)
    let home = RunDirectory(PathParts.path("\(base.name)-\(mark)", beside: directory.path))
    let checkpoint = home.checkpoint(UInt64(steps))
    if try Summary.read(from: home)?.state != .done {
      progress.heading("base model \(base.name) in \(home.path)")
      let ended = home.exists ? try work(try Run(opening: home)) : try start(base, at: home)
      if case .interrupted(let status) = ended { return .interrupted(status) }
    } else {
      progress.note("base model: \(checkpoint), trained before")
    }
    return .directory(checkpoint)
  }
}
