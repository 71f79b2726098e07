import Foundation
public import Judges
import Queue
import Records
public import Stages

/// Where a run stands.
public struct RunStatus: Sendable, Equatable, Encodable {
  public enum State: String, Sendable, Equatable, Encodable {
    /// A process holds at least one of its stages.
    case running
    case done
    case interrupted
    case failed
    /// No process, and no word about the end: killed, or never started.
    case stopped
  }

  public struct StageStatus: Sendable, Equatable, Encodable {
    public var name: String
    /// `groups`, or `steps` for the optimizer.
    public var unit: String
    /// Its cursor: how much of its input it has consumed. Of the reader: groups emitted.
    public var done: UInt64
    /// The head of its input; nil for the reader.
    public var head: UInt64?
    /// What waits for it.
    public var queued: UInt64
    /// The process that holds it.
    public var pid: Int?
  }

  public struct Curve: Sendable, Equatable, Encodable {
    public var metric: String
    public var values: [Double]
  }

  public var run: String
  public var definition: String
  public var state: State
  /// Steps that are committed, and how many the definition asks.
  public var step: UInt64
  public var steps: UInt64
  public var stages: [StageStatus]
  public var newestCheckpoint: UInt64?
  /// Of the last step in `metrics.jsonl`.
  public var reward: Double?
  public var rolloutAccuracy: Double?
  public var sftShare: Double?
  /// The last steps in `metrics.jsonl`, oldest first.
  public var curves: [Curve]
  /// Rollouts of the last steps in `metrics.jsonl` that their verifier had no verdict on: never counted
  /// as wrong.
  public var verifierErrors: UInt64
  public var quarantined: Int
  /// What judges were paid for, by model.
  public var judges: [JudgeCost]
  /// The first step and group that are kept; above 0 where retention has trimmed others.
  public var firstStep: UInt64
  public var firstGroup: UInt64
  /// Where a forked run comes from.
  public var origin: RunOrigin?
  /// product kernels after the one that the run began with.
  public var kernels: [KernelUse]
  public var notice: String?
}

extension StoredRun {
  /// Metrics that `status` draws.
  private static let watched = [
    "reward/mean", "rollout/accuracy", "gate/sft", "response/length_mean",
  ]

  /// Reads positions and the end of `metrics.jsonl`: cheap, and safe while the run goes on.
  /// - Throws: `.noRun` for an evaluation, which has no definition of its own.
  public func status() throws -> RunStatus {
    guard directory.exists else {
      throw InspectorError(
        .noRun, at: directory.path, "it is not a run: it holds no pipeline.yaml",
        remedy: isEvaluation
          ? "Name the run, \(home.path); `pipeline inspect stats` reads evaluations."
          : "Name the directory that `pipeline run` printed.")
    }
    let plan = try plan()
    let metrics = try MetricsTail(path: directory.metrics)
    let stages = try stageStatuses()
    let step = try queue.read { try $0.cursor(StageName.optimizer.rawValue) }
    let (base, origin, kernels) = try queue.read {
      (try RunBase($0), try RunOrigin($0), try $0.kernels())
    }
    return RunStatus(
      run: directory.path, definition: plan.name,
      state: try state(stages, step: step, steps: plan.steps), step: step, steps: plan.steps,
      stages: stages,
      newestCheckpoint: try CheckpointStore(directory: directory, kept: 1)
        .newestStep(Ledger(queue: queue)),
      reward: metrics.last("reward/mean"), rolloutAccuracy: metrics.last("rollout/accuracy"),
      sftShare: metrics.last("gate/sft"),
      curves: Self.watched.map { RunStatus.Curve(metric: $0, values: metrics.series($0)) }
        .filter { curve in curve.values.contains { !$0.isNaN } },
      verifierErrors: UInt64(metrics.series("verifier/errors").filter { $0 > 0 }.reduce(0, +)),
      quarantined: try queue.read { try $0.quarantine().count },
      judges: try directory.judgeCosts(), firstStep: base.step,
      firstGroup: base.group, origin: origin, kernels: kernels,
      notice: Self.joined(notice, Self.holes(in: metrics)))
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

  private func stageStatuses() throws -> [RunStatus.StageStatus] {
    let holders = try StageHolders(folder: directory.path + "/locks")
    return try queue.read { transaction in
      try StageName.allCases.map { stage in
        let holder = holders.pids.sorted { $0.key < $1.key }
          .first { $0.key.hasPrefix(stage.rawValue + "-") }?.value
        guard let input = stage.input else {
          return RunStatus.StageStatus(
            name: stage.rawValue, unit: "groups", done: try transaction.head(.prompts), head: nil,
            queued: 0, pid: holder)
        }
        let head = try transaction.head(input)
        let done = try transaction.cursor(stage.rawValue)
        return RunStatus.StageStatus(
          name: stage.rawValue, unit: stage == .optimizer ? "steps" : "groups", done: done,
          head: head, queued: head > done ? head - done : 0, pid: holder)
      }
    }
  }

  private func state(
    _ stages: [RunStatus.StageStatus], step: UInt64, steps: UInt64
  ) throws -> RunStatus.State {
    if stages.contains(where: { $0.pid != nil }) { return .running }
    switch try Summary.read(from: directory)?.state {
    case .done: return .done
    case .interrupted: return .interrupted
    case .failed: return .failed
    case .running, nil: return step >= steps ? .done : .stopped
    }
  }
}

extension StageName {
  /// The log that a stage consumes; the reader reads shards.
  fileprivate var input: Log? {
    switch self {
    case .reader: nil
    case .rollout: .prompts
    case .verifier: .rollouts
    case .gate: .verdicts
    case .loss: .decisions
    case .optimizer: .batches
    }
  }
}
