import Definition
public import Foundation
import Queue
import Records
import Stages

extension StoredRun {
  /// Metrics that `status` draws.
  private static let watched = [
    "reward/mean", "rollout/accuracy", "gate/sft", "response/length_mean", "policy/entropy",
  ]

  /// Reads positions, some of the last records, and the ends of `metrics.jsonl` and the activity log:
  /// cheap, and safe while the run goes on.
  ///
  /// - Parameters:
  ///   - now: what ages are counted to.
  ///   - explains: with the source of each number.
  /// - Throws: `.noRun` for an evaluation, which has no definition of its own.
  public func status(now: Date = Date(), explains: Bool = false) throws -> RunStatus {
    guard directory.exists else { throw noStatus }
    let definition = try FrozenDefinition.read(of: home)
    let steps = UInt64(definition.integer("steps"))
    let metrics = try MetricsTail(path: directory.metrics)
    let summary = try Summary.read(from: directory)
    let survey = try Survey(
      self, metrics, steps: steps, promptsPerStep: definition.integer("data.prompts_per_step"),
      now: now.timeIntervalSince1970)
    var status = RunStatus(
      run: directory.path, definition: definition.name,
      state: state(survey.stages, summary, isDone: survey.step >= steps), step: survey.step,
      steps: steps, secondsPerStep: survey.pace.secondsPerStep?.value, etaSeconds: survey.eta,
      lastCommitSeconds: survey.lastCommit, stages: survey.stages,
      newestCheckpoint: try CheckpointStore(directory: directory, kept: 1)
        .newestStep(Ledger(queue: queue)),
      reward: metrics.last("reward/mean"), rolloutAccuracy: metrics.last("rollout/accuracy"),
      sftShare: metrics.last("gate/sft"),
      curves: Self.watched.map { RunStatus.Curve(metric: $0, values: metrics.series($0)) }
        .filter { $0.last != nil },
      verifierErrors: UInt64(metrics.series("verifier/errors").filter { $0 > 0 }.reduce(0, +)),
      quarantined: survey.quarantined, lastError: try lastTrouble(summary, metrics),
      judges: try directory.judgeCosts(), firstStep: survey.base.step,
      firstGroup: survey.base.group, origin: survey.origin, kernels: survey.kernels,
      notice: Self.joined(notice, Self.holes(in: metrics)))
    if explains { status.explain = try sources(of: status, survey.pace, metrics) }
    return status
  }

  private var noStatus: InspectorError {
    InspectorError(
      .noRun, at: directory.path, "it is not a run: it holds no pipeline.yaml",
      remedy: isEvaluation
        ? "Name the run, \(home.path); `pipeline inspect stats` reads evaluations."
        : "Name the directory that `pipeline run` printed.")
  }

  private static func holes(in metrics: MetricsTail) -> String? {
    guard metrics.unreadable > 0 else { return nil }
    return "metrics.jsonl has \(metrics.unreadable) lines that cannot be read, as after a power "
      + "cut; `pipeline resume` writes it anew"
  }

  private static func joined(_ notices: String?...) -> String? {
    let texts = notices.compactMap { $0 }
    return texts.isEmpty ? nil : texts.joined(separator: "; ")
  }

  private func state(
    _ stages: [RunStatus.StageStatus], _ summary: Summary?, isDone: Bool
  ) -> RunStatus.State {
    if stages.contains(where: { $0.pid != nil }) { return .running }
    switch summary?.state {
    case .done: return .done
    case .interrupted: return .interrupted
    case .failed: return .failed
    case .running, nil: return isDone ? .done : .stopped
    }
  }
}

/// What the queue and the files beside it say of the stages.
private struct Survey {
  let step: UInt64
  let base: RunBase
  let origin: RunOrigin?
  let kernels: [KernelUse]
  let quarantined: Int
  let pace: StagePace
  /// Seconds.
  let eta: Double?
  let lastCommit: Double?
  let stages: [RunStatus.StageStatus]

  init(
    _ run: StoredRun, _ metrics: MetricsTail, steps: UInt64, promptsPerStep: Int, now: Double
  ) throws {
    let holders = try StageHolders(folder: run.directory.path + "/locks")
    let turns = try StageTurns(run.directory)
    let committed = Self.modification(of: run.directory.queue + "/data.mdb")
    lastCommit = committed.map { max(0, now - $0) }
    let view = try run.queue.read { transaction in
      (
        step: try transaction.cursor(StageName.optimizer.rawValue),
        base: try RunBase(transaction), origin: try RunOrigin(transaction),
        kernels: try transaction.kernels(), quarantined: try transaction.quarantine().count,
        pace: try StagePace(transaction, turns, metrics, promptsPerStep: promptsPerStep),
        hasDemands: try !transaction.keys(.demands, count: 1).isEmpty,
        positions: try StageName.allCases.map { try Position($0, transaction) }
      )
    }
    (step, base, origin, kernels) = (view.step, view.base, view.origin, view.kernels)
    (quarantined, pace) = (view.quarantined, view.pace)
    let left = steps - min(steps, step)
    eta = left == 0 ? nil : view.pace.secondsPerStep.map { $0.value * Double(left) }
    let groups = view.hasDemands ? nil : steps * UInt64(promptsPerStep)
    let (age, pace) = (lastCommit, view.pace)
    stages = view.positions.map { position in
      position.status(
        total: position.stage == .optimizer ? steps : groups, steps: steps, pace,
        pid: holders.pid(of: position.stage),
        waiting: position.waiting(turns).map { max(0, now - $0) }, age)
    }
  }

  private static func modification(of path: String) -> Double? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9
  }
}

/// Where a stage stands in its input.
private struct Position {
  let stage: StageName
  let done: UInt64
  let head: UInt64?

  init(_ stage: StageName, _ transaction: ReadTransaction) throws {
    self.stage = stage
    head = try stage.input.map { try transaction.head($0) }
    done =
      head == nil
      ? try transaction.head(.prompts) : try transaction.cursor(stage.rawValue)
  }

  private var queued: UInt64 { head.map { $0 - min($0, done) } ?? 0 }

  /// When the first of what waits was made, in seconds since 1970.
  func waiting(_ turns: StageTurns) -> Double? {
    guard let head, queued > 0,
      let place = StageName.allCases.firstIndex(of: stage), place > 0
    else { return nil }
    return turns.end(of: done, by: StageName.allCases[place - 1], head: head)
  }

  /// - Parameters:
  ///   - waiting: age of the first of what waits, where it is known.
  ///   - commit: seconds since the queue's last commit.
  func status(
    total: UInt64?, steps: UInt64, _ pace: StagePace, pid: Int?, waiting: Double?,
    _ commit: Double?
  ) -> RunStatus.StageStatus {
    let left = total.map { $0 - min($0, done) }
    let share = left.map { Double($0) * Double(steps) / Double(max(total ?? 1, 1)) } ?? 0
    return RunStatus.StageStatus(
      name: stage.rawValue, unit: stage == .optimizer ? "steps" : "groups", done: done, head: head,
      total: total, queued: queued, oldestSeconds: queued == 0 ? nil : waiting ?? commit,
      oldestIsBound: queued > 0 && waiting == nil, rate: pace.rates[stage]?.value,
      etaSeconds: left == 0 || total == nil ? nil : pace.secondsPerStep.map { $0.value * share },
      pid: pid)
  }
}

extension StageHolders {
  fileprivate func pid(of stage: StageName) -> Int? {
    pids.sorted { $0.key < $1.key }.first { $0.key.hasPrefix(stage.rawValue + "-") }?.value
  }
}
