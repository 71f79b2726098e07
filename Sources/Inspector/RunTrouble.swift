import Queue
public import Records
import Stages

/// The last thing that went wrong in a run.
public struct RunTrouble: Sendable, Equatable, Encodable {
  public var stage: String
  public var problem: String
  /// Where it stands: `verdicts/17`, `quarantine`, `summary.json`.
  public var record: String
  public var group: GroupID?
}

extension StoredRun {
  /// Groups behind the last loss batch that are looked through for an error.
  private static let reach: UInt64 = 256

  /// What stopped the run; else the newest verdict that is none; else the last record set aside.
  func lastTrouble(_ summary: Summary?, _ metrics: MetricsTail) throws -> RunTrouble? {
    if summary?.state == .failed, let failure = summary?.failure {
      return RunTrouble(stage: "run", problem: failure, record: "summary.json")
    }
    return try queue.read { transaction in
      if let failed = try Self.failedVerdict(transaction, metrics) { return failed }
      return try transaction.quarantine().last.map {
        RunTrouble(stage: "queue", problem: $0.reason, record: "quarantine \($0.log)/\($0.key)")
      }
    }
  }

  /// Of the groups behind the last batch, else of the last step whose metrics count one.
  private static func failedVerdict(
    _ transaction: ReadTransaction, _ metrics: MetricsTail
  ) throws -> RunTrouble? {
    let head = try transaction.head(.verdicts)
    let base = try RunBase(transaction).group
    let assembled = try transaction.cursor(StageName.loss.rawValue)
    let open = max(base, assembled, head - min(head, reach))
    if open < head, let found = try failedVerdict(open..<head, transaction) { return found }
    let counted = metrics.lines.last { ($0["verifier/errors"]?.double ?? 0) > 0 }
    guard let step = counted?["step"]?.integer.flatMap(UInt64.init(exactly:)),
      let batch = try transaction.record(LossBatchRecord.self, .batches, RecordKey(step))
    else { return nil }
    return try failedVerdict(
      max(base, batch.firstGroup)..<max(base, batch.endGroup), transaction)
  }

  private static func failedVerdict(
    _ groups: Range<GroupID>, _ transaction: ReadTransaction
  ) throws -> RunTrouble? {
    for group in groups.reversed() {
      let record = try transaction.record(VerdictRecord.self, .verdicts, RecordKey(group))
      for case .error(let reason) in (record?.verdicts ?? []).map(\.outcome).reversed() {
        return RunTrouble(
          stage: StageName.verifier.longName, problem: reason, record: "verdicts/\(group)",
          group: group)
      }
    }
    return nil
  }
}
