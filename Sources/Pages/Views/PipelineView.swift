import Foundation
import Inspector
import Queue
import Records
import Stages

/// The stages of a run: where each stands, what it did when, and what the logs take on disk.
struct PipelineView: Encodable {
  /// Turns of a stage in one process that follow each other closely, as one bar.
  struct Span: Encodable {
    var stage: String
    var process: Int32
    /// Seconds since the first turn of all.
    var start: Double
    var end: Double
    var what: String
    var groups: UInt64
    var step: UInt64?
  }

  struct LogSize: Encodable {
    var log: String
    var records: UInt64
    var bytes: Int
  }

  struct Reader: Encodable {
    var pid: Int
    /// Commits that its view lies behind.
    var lag: UInt64
  }

  /// Bars at most.
  private static let most = 4000

  var stages: [StageView]
  var spans: [Span]
  /// Turns that the bars were made of.
  var spanCount: Int
  var logs: [LogSize]
  var readers: [Reader]
  var sources: Named<String>

  init(_ run: LibraryRun) throws {
    let stored = run.stored
    let status = try stored.status()
    stages = status.stages.map { StageView($0, trouble: status.lastError) }
    var turns: [StageActivity] = []
    try stored.directory.activity.forEachTurn { turns.append($0) }
    spanCount = turns.count
    spans = Self.spans(turns)
    logs = try stored.queue.read { transaction in
      try Log.allCases.map { log in
        LogSize(
          log: log.rawValue, records: try Self.records(log, transaction),
          bytes: try transaction.pagesInUse(log))
      }
    }
    let last = stored.queue.lastCommit
    readers = stored.queue.readers().compactMap { reader in
      reader.transaction.map { Reader(pid: reader.pid, lag: last - min(last, $0)) }
    }
    sources = Named([
      "spans":
        "logs/activity.jsonl · turns of stages; neighbours are drawn as one where there are many",
      "records":
        "queue · head of the log, less what retention has trimmed; demands: entries of its tree",
      "bytes": "queue · pages of the log's tree, times their size",
      "readers": "queue · table of readers, against the last commit",
    ])
  }

  /// Those that are kept. Demands have no head, and are never cut into pieces.
  private static func records(_ log: Log, _ transaction: ReadTransaction) throws -> UInt64 {
    if log.usesPart { return UInt64(try transaction.entries(log)) }
    let base = try RunBase(transaction)
    let first = [.batches, .updates].contains(log) ? base.step : base.group
    return try max(first, transaction.head(log)) - first
  }

  /// Joins neighbouring turns of a stage until few enough are left.
  private static func spans(_ turns: [StageActivity]) -> [Span] {
    guard let origin = turns.map(\.start).min(), let end = turns.map(\.end).max() else { return [] }
    var gap = 0.0
    while true {
      let spans = joined(turns, origin: origin, gap: gap)
      if spans.count <= most { return spans }
      gap = max(2 * gap, (end - origin) / Double(8 * most))
    }
  }

  private static func joined(_ turns: [StageActivity], origin: Double, gap: Double) -> [Span] {
    var spans: [Span] = []
    /// The last span of each stage and process.
    var last: [String: Int] = [:]
    for turn in turns.sorted(by: { $0.start < $1.start }) {
      let lane = "\(turn.stage) \(turn.process)"
      if let place = last[lane], turn.start - origin - spans[place].end < gap {
        spans[place].end = max(spans[place].end, turn.end - origin)
        spans[place].groups += turn.groups
        continue
      }
      last[lane] = spans.count
      spans.append(
        Span(
          stage: turn.stage, process: turn.process, start: turn.start - origin,
          end: turn.end - origin, what: turn.step.map { "step \($0)" } ?? "", groups: turn.groups,
          step: turn.step))
    }
    return spans
  }
}
