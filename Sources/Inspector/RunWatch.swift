import Foundation
import Queue
public import Records
import Stages

/// A run that is looked at again and again while it works, is killed, resumed or rewound.
///
/// Between looks no transaction is open: whether anything was committed is read from the mapped
/// file.
public final class RunWatch {
  private let path: String
  private var stored: StoredRun
  private var file: UInt64
  private var seen: UInt64?
  private var shown: UInt64?

  /// - Throws: what opening the run throws, and `.noRun` for an evaluation.
  public init(opening path: String) throws {
    self.path = path
    stored = try StoredRun(opening: path)
    file = Self.file(stored)
  }

  /// Whether anybody has committed since this was asked last; true at first.
  public func hasChanged() throws -> Bool {
    // Another queue in the same place: compacted, rewound or restored.
    let now = Self.file(stored)
    if now != file, now != 0 {
      stored = try StoredRun(opening: path)
      file = now
      seen = nil
    }
    let commit = stored.queue.lastCommit
    defer { seen = commit }
    return commit != seen
  }

  public func status(explains: Bool = false) throws -> RunStatus {
    try stored.status(explains: explains)
  }

  /// Metrics of the steps that were not handed out yet, oldest first; at first of the last one.
  public func newSteps() throws -> [JSONValue] {
    let metrics = try MetricsTail(path: stored.directory.metrics)
    defer { shown = metrics.steps.last }
    guard let shown else { return metrics.lines.suffix(1) }
    // A rewound run begins again below what was shown.
    guard let last = metrics.steps.last, last >= shown else { return metrics.lines.suffix(1) }
    return metrics.lines.filter { line in
      line["step"]?.integer.flatMap(UInt64.init(exactly:)).map { $0 > shown } ?? false
    }
  }

  /// The number of the queue's file; 0 while there is none.
  private static func file(_ run: StoredRun) -> UInt64 {
    var status = stat()
    return unsafe stat(run.directory.queue + "/data.mdb", &status) == 0 ? UInt64(status.st_ino) : 0
  }
}
