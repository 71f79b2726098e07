import Foundation
import Queue
import Records

/// What a rewind takes away, or has taken.
public struct Rewind: Sendable, Equatable, Encodable {
  /// Committed steps before and after.
  public var from: UInt64
  public var to: UInt64
  /// The checkpoint that the weights come from.
  public var checkpoint: UInt64
  /// Records of each log.
  public var records: [String: Int]
  /// Checkpoints and policy versions.
  public var checkpoints: [UInt64]
  public var policies: [UInt64]
  /// Folders of later evaluations.
  public var evaluations: [String]
}

extension Run {
  /// Discards everything after `step` committed steps, of a run at rest; resuming then gives what an
  /// undisturbed run gives.
  ///
  /// One transaction decides: it takes records, cursors, states and checkpoint pointers back together.
  /// Before it the head record is lowered, which is sound by itself; after it files are removed that
  /// nothing names any more, and which the next start, or the same rewind again, would remove.
  /// - Parameter isDryRun: only say what would go.
  /// - Throws: `.locked` when a stage is running; `.badRun` for a step that the run cannot be set to.
  @discardableResult
  public func rewind(to step: UInt64, isDryRun: Bool = false) throws -> Rewind {
    guard try !queue.isAnyStageHeld() else {
      throw StageError(
        .notYet, at: directory.path, "a stage of it is running",
        remedy: "End it first; `pipeline status \(directory.path)` shows its process.")
    }
    if !isDryRun { for stage in StageName.allCases { try ledger.claim(stage) } }
    defer { ledger.releaseClaims() }
    let committed = try ledger.cursor(.optimizer)
    guard step <= committed else {
      throw StageError(
        .badRun, at: "step \(step)", "the run has \(committed) committed steps",
        remedy: "Name one of them.")
    }
    let positions = try RunPositions(at: step, settings, ledger)
    // With a lag the versions before `step` must be published again on the way to it.
    let lag = UInt64(settings.rollout.lag)
    let reach = step - min(step, lag)
    let checkpoint = try checkpoints.newestWhole(atMost: reach, ledger)
    let pointers = try CheckpointStore.pointers(ledger)
    let kept = pointers.filter { $0.step <= (lag > 0 ? checkpoint.step : step) }
    var rewind = Rewind(
      from: committed, to: step, checkpoint: checkpoint.step,
      records: try recordCounts(after: positions),
      checkpoints: pointers.filter { !kept.contains($0) }.map(\.step),
      policies: try numbers(in: directory.policies).filter { $0 > reach },
      evaluations: try evaluations(after: step))
    guard !isDryRun else { return rewind }

    let cut = positions.cut
    try queue.lowerHeadRecord(to: cut.heads)
    let removed = try ledger.write { transaction in
      let removed = try transaction.apply(cut)
      try transaction.setState(CheckpointStore.key, to: CheckpointStore.stored(kept))
      return removed
    }
    for (log, count) in removed { rewind.records[log.rawValue] = count }
    try removeFiles(rewind)
    return rewind
  }

  private func recordCounts(after positions: RunPositions) throws -> [String: Int] {
    try queue.read { transaction in
      var counts: [String: Int] = [:]
      for log in Log.allCases {
        counts[log.rawValue] = try transaction.keys(log, from: positions.end(of: log)).count
      }
      return counts
    }
  }

  /// What nothing names any more, and what is derived from the logs.
  private func removeFiles(_ rewind: Rewind) throws {
    try checkpoints.removeRubbish(ledger)
    for version in rewind.policies { try checkpoints.removeFolder(directory.policy(version)) }
    for name in rewind.evaluations {
      try checkpoints.removeFolder("\(directory.evaluations)/\(name)")
    }
    try MetricsFile(of: directory, settings).rewrite(from: ledger)
    try ledger.commit()
    guard rewind.from != rewind.to, let known = try Summary.read(from: directory) else { return }
    var evaluation = known.evaluation
    evaluation.after = [:]
    evaluation.during = evaluation.during.filter { $0.key <= Int(rewind.to) }
    try summary(
      state: .interrupted, wallSeconds: known.wallSeconds, evaluation: evaluation
    ).write(to: directory)
  }

  private func evaluations(after step: UInt64) throws -> [String] {
    try names(in: directory.evaluations).filter { name in
      UInt64(name.prefix { $0 != "-" }).map { $0 > step } ?? false
    }.sorted()
  }

  private func numbers(in folder: String) throws -> [UInt64] {
    try names(in: folder).compactMap { UInt64($0) }.sorted()
  }

  private func names(in folder: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder)
  }
}
