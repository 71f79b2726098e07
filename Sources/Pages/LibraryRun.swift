import Foundation
import Inspector
import Queue
import Stages
import Synchronization

/// A run that is looked at, with what takes long to make again.
final class LibraryRun: Sendable {
  let key: String
  let stored: StoredRun
  /// Device and number of the queue's file: a repair puts another in its place.
  private let file: [UInt64]
  private let metricsTable: Mutex<MetricsTable>
  private let gateHistory = Mutex<(extent: [UInt64], history: GateHistory)?>(nil)

  init(key: String, path: String) throws {
    self.key = key
    stored = try StoredRun(opening: path)
    file = Self.identity(stored.directory.queue)
    metricsTable = Mutex(MetricsTable(path: stored.directory.metrics))
  }

  var isCurrent: Bool { Self.identity(stored.directory.queue) == file }

  /// All lines of `metrics.jsonl`, read on from where they were read last.
  func metrics() throws -> MetricsTable {
    try metricsTable.withLock { table in
      try table.read()
      return table
    }
  }

  /// What the gate did, question by question; made again when the logs have grown.
  func gate() throws -> GateHistory {
    try gateHistory.withLock { known in
      let extent = try stored.queue.read { transaction in
        try [transaction.revision()]
          + [Log.prompts, .rollouts, .verdicts, .decisions, .batches].map {
            try transaction.head($0)
          }
      }
      if let known, known.extent == extent { return known.history }
      let line = stored.directory.exists ? GateLine(try settings()) : GateLine()
      let history = try stored.gateHistory(line: line.solvedAbove)
      known = (extent, history)
      return history
    }
  }

  /// The run's frozen definition: it changes when a run is resumed with other operational keys.
  func settings() throws -> RunSettings {
    try RunSettings(FrozenDefinition.read(of: stored.home))
  }

  private static func identity(_ queue: String) -> [UInt64] {
    var status = stat()
    guard unsafe stat(queue + "/data.mdb", &status) == 0 else { return [] }
    return [UInt64(status.st_dev), UInt64(status.st_ino)]
  }
}
