import Digest
public import Policy
import Queue
public import Records

/// A run as it stood after some committed steps.
public struct RunAt: Sendable, Encodable {
  public struct LogPart: Sendable, Equatable, Encodable {
    /// Records from the run's base up to this point, and SHA-256 over them, as
    /// ``Queue/digest(_:from:below:)`` has it.
    public var records: Int
    public var sha256: String
  }

  public var step: UInt64
  /// The first group of the step that comes next.
  public var groups: GroupID
  /// What each stage has consumed; of the reader its step.
  public var cursors: [String: UInt64]
  /// SHA-256 over the policy's f32 tensors, as logged; of the critic where there is one.
  public var weights: String
  public var critic: String?
  public var adamUpdates: UInt64?
  /// The checkpoint that its weights are worked out from; nil where none leads to it.
  public var checkpoint: UInt64?
  /// Metrics of the last of these steps; empty for step 0 and where they are trimmed.
  public var metrics: [String: Double]
  public var logs: [String: LogPart]
}

extension Run {
  /// How the run stood after `step` committed steps. Loads no weights.
  public func at(_ step: UInt64) throws -> RunAt {
    let committed = try ledger.cursor(.optimizer)
    guard step <= committed else {
      throw StageError(
        .badRun, at: "step \(step)", "the run has \(committed) committed steps",
        remedy: "Name one of them.")
    }
    let positions = try RunPositions(at: step, settings, ledger)
    let digests = try loggedDigests(step)
    let cursors = StageName.allCases.map { ($0.rawValue, positions.cursor($0)) }
    var logs: [String: RunAt.LogPart] = [:]
    for log in Log.allCases {
      let part = try queue.digest(log, below: positions.end(of: log))
      logs[log.rawValue] = .init(records: part.records, sha256: part.sha256)
    }
    var report = RunAt(
      step: step, groups: positions.groups, cursors: Dictionary(uniqueKeysWithValues: cursors),
      weights: hexadecimal(digests.policy),
      critic: digests.critic.isEmpty ? nil : hexadecimal(digests.critic),
      checkpoint: try CheckpointStore.usable(ledger).last { $0.step <= step }?.step,
      metrics: [:], logs: logs)
    if step > 0, let last = try ledger.record(UpdateRecord.self, .updates, RecordKey(step - 1)) {
      report.adamUpdates = last.adamUpdates
      let batch = try ledger.existing(LossBatchRecord.self, .batches, step - 1)
      for metric in batch.metrics + last.metrics { report.metrics[metric.name] = metric.value }
    }
    return report
  }

  /// The policy after `step` committed steps: from a checkpoint and the logged batches after it, every
  /// step's digest compared.
  ///
  /// - Parameter replayed: told of every step that is worked off again.
  public func policy(
    at step: UInt64, replayed: (UInt64) throws -> Void = { _ in }
  ) throws -> Policy {
    try optimizer(at: step, replayed: replayed).policy
  }

  /// Writes the policy after `step` committed steps as a model directory, or as an adapter where the run trains
  /// one; the folder must not be there.
  public func writeModel(
    at step: UInt64, to folder: String, replayed: (UInt64) throws -> Void = { _ in }
  ) throws {
    let policy = try policy(at: step, replayed: replayed)
    try DurableFile.createFolder(folder)
    try PolicyFiles.write(policy, to: folder, tokenizerFrom: directory.checkpoint(0))
  }
}
