import CLMDB
import Digest
import Files
import Glibc
import Records

/// An open read transaction of some process.
public struct QueueReader: Sendable, Equatable {
  public let pid: Int
  /// The commit whose view it holds; nil when it holds none now.
  public let transaction: UInt64?
}

/// What a log takes on disk.
public struct LogStorage: Sendable, Equatable {
  public let records: Int
  /// Stored values, pieces counted one by one.
  public let pieces: Int
  /// Pages in use times their size.
  public let bytes: Int
}

extension ReadTransaction {
  /// Stored values of a log, by its tree's own count: pieces are counted one by one.
  public func entries(_ log: Log) throws(QueueError) -> Int {
    Int(try raw.statistics(databases[log]).ms_entries)
  }

  /// Pages of a log's tree times their size, by the tree's own count.
  public func pagesInUse(_ log: Log) throws(QueueError) -> Int {
    let statistics = try raw.statistics(databases[log])
    let pages =
      statistics.ms_branch_pages + statistics.ms_leaf_pages + statistics.ms_overflow_pages
    return Int(pages) * environment.pageSize
  }
}

extension Queue {
  /// Records per transaction of a long scan, so that none is held open for long.
  private static let scanBatch = 256

  /// Count of the records of a log, and SHA-256 over them in key order: of each its key (id and
  /// part, big-endian), the length of its stable bytes (u64, big-endian) and these bytes.
  ///
  /// Volatile bytes and compression do not enter. Of a trimmed log it tells what is kept.
  /// - Parameters:
  ///   - start: the first key that enters.
  ///   - end: the first one above that does not; nil: all enter.
  public func digest(
    _ log: Log, from start: RecordKey = RecordKey(0), below end: RecordKey? = nil
  ) throws -> (records: Int, sha256: String) {
    var hash = SHA256()
    var records = 0
    try forEachBatch(log, from: start, below: end) { batch in
      for (key, payload) in batch {
        hash.update(bigEndian(key.id) + bigEndian(key.part))
        hash.update(bigEndian(UInt64(payload.stable.count)))
        hash.update(payload.stable)
        records += 1
      }
    }
    return (records, hexadecimal(hash.finalize()))
  }

  /// Pages in use by a log (leaf, branch and overflow), in bytes.
  public func pagesInUse(_ log: Log) throws -> Int { try storage(log).bytes }

  public func storage(_ log: Log) throws -> LogStorage {
    try read { transaction in
      let statistics = try transaction.raw.statistics(environment.databases[log])
      let pages =
        statistics.ms_branch_pages + statistics.ms_leaf_pages + statistics.ms_overflow_pages
      return LogStorage(
        records: try transaction.keys(log).count, pieces: Int(statistics.ms_entries),
        bytes: Int(pages) * environment.pageSize)
    }
  }

  /// Raw bytes of all records of a log, stable and volatile: what compression started from.
  public func rawBytes(_ log: Log) throws -> Int {
    var bytes = 0
    try forEachBatch(log) { batch in
      for (_, payload) in batch { bytes += payload.stable.count + payload.volatile.count }
    }
    return bytes
  }

  /// Walks all trees of the data file once more, past LMDB.
  ///
  /// - Returns: nil when commits followed each other too fast for the walk to begin.
  /// - Throws: `.damaged` with the page.
  public func structure() throws -> StructureFigures? {
    do {
      return try environment.transact(writing: false) { raw in
        try StructureWalk.check("\(folder)/data.mdb", transaction: raw.number)
      }
    } catch let error as QueueError { throw error.placed(in: folder) }
  }

  /// Bytes of the map in use, and its size.
  public var mapUse: (used: Int, size: Int) { environment.mapUse }

  /// The number of the last commit by any process. Costs next to nothing, so that who waits for
  /// records can look often and read only when it has changed.
  public var lastCommit: UInt64 { environment.lastCommit }

  /// Open read transactions of all processes, oldest view first; this call's own is not open.
  public func readers() -> [QueueReader] {
    let lines = environment.readerTable().split(separator: "\n").dropFirst()
    let readers = lines.compactMap { line -> QueueReader? in
      let columns = line.split(separator: " ")
      guard columns.count == 3, let pid = Int(columns[0]) else { return nil }
      return QueueReader(pid: pid, transaction: UInt64(columns[2]))
    }
    return readers.sorted { ($0.transaction ?? .max) < ($1.transaction ?? .max) }
  }

  /// Writes a compacted copy of the queue into a new folder, durably, while the run goes on.
  ///
  /// It is one long read transaction, so the file grows meanwhile.
  public func copy(to target: String) throws {
    try Self.requireSpace(PathParts.folder(of: target), options)
    guard unsafe mkdir(target, 0o755) == 0 else {
      throw QueueError.system(errno, at: target, doing: "mkdir")
    }
    try environment.copy(to: target)
    let data = "\(target)/data.mdb"
    let file = unsafe Glibc.open(data, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw QueueError.system(errno, at: data, doing: "open") }
    defer { close(file) }
    guard fsync(file) == 0 else { throw QueueError.system(errno, at: data, doing: "fsync") }
    try synchronizeFolder(target)
    try synchronizeFolder(PathParts.folder(of: target))
  }

  private func forEachBatch(
    _ log: Log, from start: RecordKey = RecordKey(0), below end: RecordKey? = nil,
    _ body: ([(key: RecordKey, payload: RecordPayload)]) throws -> Void
  ) throws {
    var next: RecordKey? = start
    while let start = next {
      var batch = try read { try $0.payloads(log, from: start, count: Self.scanBatch) }
      let isLast = batch.count < Self.scanBatch
      if let end { batch = Array(batch.prefix { $0.key < end }) }
      try body(batch)
      let goesOn = !isLast && batch.count == Self.scanBatch
      next = goesOn ? batch.last.flatMap { $0.key.successor(in: log) } : nil
    }
  }
}

extension RecordKey {
  /// The next possible key of a log; nil after the last one.
  public func successor(in log: Log) -> RecordKey? {
    if log.usesPart, part < .max { return RecordKey(id, part: part + 1) }
    return id < .max ? RecordKey(id + 1) : nil
  }
}
