import CLMDB
import Glibc

/// An open LMDB environment: its handle, its databases, its map, and how transactions begin.
///
/// Flags: MDB_NOTLS, so that a read transaction belongs to its object and not to a thread. No
/// MDB_NOSYNC (a power cut could destroy the file), no MDB_WRITEMAP (a full disk kills by SIGBUS).
@safe final class Environment: Sendable {
  enum Mode {
    case create
    /// With at least this much address space.
    case readWrite(mapSize: Int)
    case readOnly
    /// Without LMDB's lock file: only when no writer runs.
    case readOnlyUnlocked
  }

  /// When the structure of pages is judged.
  enum Judgement {
    /// Before LMDB reads the first of them: all of a snapshot's, once.
    case atOpening
    /// As each of them is read, past LMDB's map.
    case asRead
  }

  /// Share of the map in use at which it is doubled. A full map stops deletions too.
  private static let growthThreshold = 0.8

  let folder: String
  let databases: Databases
  let pageSize: Int
  private nonisolated(unsafe) let handle: OpaquePointer
  private let judgement: Judgement
  private let gate = TransactionGate()
  // Released after `deinit` has closed the environment.
  private let registration: Registration

  /// - Parameter initialize: what a new environment holds from its first commit on; not called
  ///   for an existing one.
  init(
    at folder: String, mode: Mode, judgement: Judgement = .atOpening, options: QueueOptions,
    initialize: (RawTransaction, Databases) throws(QueueError) -> Void = { _, _ in }
  ) throws(QueueError) {
    registration = try Registration(folder: folder)
    self.folder = folder
    self.judgement = judgement
    let opened = try unsafe Self.open(folder, mode: mode, options: options)
    do throws(QueueError) {
      databases = try unsafe Self.openDatabases(
        opened, mode: mode, judgement: judgement, folder: folder, initialize: initialize)
    } catch {
      unsafe mdb_env_close(opened)
      throw error
    }
    var statistics = MDB_stat()
    unsafe mdb_env_stat(opened, &statistics)
    pageSize = Int(statistics.ms_psize)
    unsafe handle = opened
  }

  deinit { unsafe mdb_env_close(handle) }

  private static func open(
    _ folder: String, mode: Mode, options: QueueOptions
  ) throws(QueueError) -> OpaquePointer {
    var created: OpaquePointer?
    let code = unsafe mdb_env_create(&created)
    guard code == 0, let environment = unsafe created else {
      throw .lmdb(code, at: folder, doing: "mdb_env_create")
    }
    var flags = UInt32(MDB_NOTLS)
    // 0 keeps the size that the file names.
    var size = 0
    switch mode {
    case .create: size = options.mapSize
    case .readWrite(let mapSize): size = mapSize
    case .readOnly: flags |= UInt32(MDB_RDONLY)
    case .readOnlyUnlocked: flags |= UInt32(MDB_RDONLY) | UInt32(MDB_NOLOCK)
    }
    var result = unsafe mdb_env_set_mapsize(environment, size)
    if result == 0 { result = unsafe mdb_env_set_maxdbs(environment, Databases.count) }
    if result == 0 { result = unsafe mdb_env_set_maxreaders(environment, options.readers) }
    if result == 0 { result = unsafe mdb_env_open(environment, folder, flags, 0o644) }
    guard result == 0 else {
      unsafe mdb_env_close(environment)
      throw .lmdb(result, at: folder, doing: "opening the queue")
    }
    return unsafe environment
  }

  private static func openDatabases(
    _ handle: OpaquePointer, mode: Mode, judgement: Judgement, folder: String,
    initialize: (RawTransaction, Databases) throws(QueueError) -> Void
  ) throws(QueueError) -> Databases {
    var isNew = false
    if case .create = mode { isNew = true }
    let transaction =
      isNew
      ? try unsafe begin(handle, writing: true, folder: folder)
      : try unsafe beginJudged(handle, folder: folder) { path, transaction throws(QueueError) in
        switch judgement {
        case .atOpening: try StructureWalk.check(path, transaction: transaction) != nil
        // Opening databases, LMDB reads the table of databases and nothing else.
        case .asRead: try JudgedSnapshot(path, transaction: transaction, names: [:]) != nil
        }
      }
    let databases = try Databases(in: transaction, create: isNew, folder: folder)
    if isNew { try initialize(transaction, databases) }
    // Also when reading: handles opened in a transaction outlive it only by its commit.
    try transaction.commit()
    return databases
  }

  /// A read transaction on a snapshot that has been judged. What other processes commit later was made
  /// by LMDB from pages that they walked when they opened.
  ///
  /// - Parameter judge: gets the data file and the snapshot's number; says false where the file does not
  ///   hold that snapshot any more.
  private static func beginJudged(
    _ handle: OpaquePointer, folder: String,
    _ judge: (String, UInt64) throws(QueueError) -> Bool
  ) throws(QueueError) -> RawTransaction {
    // A busy writer may write over the snapshot's meta page before it is read: twice is unlikely.
    for _ in 0..<10 {
      let transaction = try unsafe begin(handle, writing: false, folder: folder)
      if try judge("\(folder)/data.mdb", transaction.number) { return transaction }
    }
    throw QueueError(
      code: .system, location: folder, problem: "commits follow each other too fast to be judged",
      remedy: "Try again.")
  }

  private static func begin(
    _ handle: OpaquePointer, writing: Bool, folder: String
  ) throws(QueueError) -> RawTransaction {
    while true {
      let transaction = try unsafe beginOnce(handle, writing: writing, folder: folder)
      guard !writing else { return transaction }
      // A reader takes the last commit's number, then copies that commit's meta page. Two commits in
      // between write over the page: the view then is the later one, before it is acknowledged, and
      // the next reader may see the one before it again (observed). So such a view is given back.
      var information = unsafe MDB_envinfo()
      unsafe mdb_env_info(handle, &information)
      if unsafe UInt64(information.me_last_txnid) <= transaction.number + 1 { return transaction }
    }
  }

  private static func beginOnce(
    _ handle: OpaquePointer, writing: Bool, folder: String
  ) throws(QueueError) -> RawTransaction {
    var transaction: OpaquePointer?
    let flags = writing ? 0 : UInt32(MDB_RDONLY)
    var code = unsafe mdb_txn_begin(handle, nil, flags, &transaction)
    if code == MDB_READERS_FULL {
      unsafe mdb_reader_check(handle, nil)
      code = unsafe mdb_txn_begin(handle, nil, flags, &transaction)
    }
    guard code == 0, let transaction = unsafe transaction else {
      throw .lmdb(code, at: folder, doing: "beginning a transaction")
    }
    return unsafe RawTransaction(transaction, path: folder)
  }
}

extension Environment {
  /// Runs `body` in one transaction, which is aborted unless `body` commits it.
  func transact<Result>(
    writing: Bool, _ body: (RawTransaction) throws -> Result
  ) throws -> Result {
    let transaction = try enter(writing: writing)
    defer {
      transaction.abort()
      gate.leave()
    }
    return try body(transaction)
  }

  /// Begins a transaction with the gate held; the caller leaves it after the transaction's end.
  ///
  /// Begins again after another process grew the map (`MDB_MAP_RESIZED`).
  private func enter(writing: Bool) throws(QueueError) -> RawTransaction {
    while true {
      gate.enter()
      do throws(QueueError) {
        guard judgement == .asRead else {
          return try unsafe Self.begin(handle, writing: writing, folder: folder)
        }
        var snapshot: JudgedSnapshot?
        let transaction = try unsafe Self.beginJudged(handle, folder: folder) {
          (path, number) throws(QueueError) in
          snapshot = try JudgedSnapshot(path, transaction: number, names: databases.names)
          return snapshot != nil
        }
        transaction.snapshot = snapshot
        return transaction
      } catch {
        gate.leave()
        guard error.isMapResized else { throw error }
      }
      try gate.alone { () throws(QueueError) in
        let code = unsafe mdb_env_set_mapsize(handle, 0)
        guard code == 0 else { throw .lmdb(code, at: folder, doing: "growing the map") }
      }
    }
  }

  /// Doubles the map when it is nearly full. No transaction of this thread may be open.
  func growEarly() throws(QueueError) {
    let use = mapUse
    if Double(use.used) > Self.growthThreshold * Double(use.size) { try grow(beyond: use.size) }
  }

  /// Doubles the map, unless another thread has done so since it had `size` bytes.
  func grow(beyond size: Int) throws(QueueError) {
    try gate.alone { () throws(QueueError) in
      guard currentMapUse.size <= size else { return }
      let (wanted, overflow) = size.multipliedReportingOverflow(by: 2)
      guard !overflow, Self.hasAddressSpace(wanted) else {
        throw .lmdb(MDB_MAP_FULL, at: folder, doing: "growing the map from \(size) bytes")
      }
      let code = unsafe mdb_env_set_mapsize(handle, wanted)
      guard code == 0 else { throw .lmdb(code, at: folder, doing: "growing the map") }
    }
  }

  /// LMDB unmaps before it maps: when the second fails, the environment is lost. So ask first.
  private static func hasAddressSpace(_ bytes: Int) -> Bool {
    let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
    guard let probe = unsafe mmap(nil, bytes, PROT_NONE, flags, -1, 0), unsafe probe != MAP_FAILED
    else { return false }
    unsafe munmap(probe, bytes)
    return true
  }

  /// Bytes in use and bytes of address space.
  var mapUse: (used: Int, size: Int) { gate.shared { currentMapUse } }

  /// The number of the last commit of any process.
  var lastCommit: UInt64 { gate.shared { unsafe UInt64(information.me_last_txnid) } }

  /// Only with the gate held: LMDB looks into the map.
  private var currentMapUse: (used: Int, size: Int) {
    let information = unsafe information
    return unsafe ((information.me_last_pgno + 1) * pageSize, information.me_mapsize)
  }

  private var information: MDB_envinfo {
    var information = unsafe MDB_envinfo()
    unsafe mdb_env_info(handle, &information)
    return unsafe information
  }

  /// Frees the reader slots of dead processes; returns how many.
  @discardableResult
  func checkReaders() throws(QueueError) -> Int {
    var dead: Int32 = 0
    let code = unsafe mdb_reader_check(handle, &dead)
    guard code == 0 else { throw .lmdb(code, at: folder, doing: "checking readers") }
    return Int(dead)
  }

  /// LMDB's table of readers as text: a heading, then `pid thread transaction` per line.
  func readerTable() -> String {
    final class Text { var value = "" }
    let text = Text()
    unsafe mdb_reader_list(
      handle,
      { line, context in
        guard let line = unsafe line, let context = unsafe context else { return -1 }
        let text = unsafe Unmanaged<Text>.fromOpaque(context).takeUnretainedValue()
        text.value += unsafe String(cString: line)
        return 0
      }, Unmanaged.passUnretained(text).toOpaque())
    return text.value
  }

  /// Writes a compacted copy into an existing empty folder; a long read transaction.
  func copy(to folder: String) throws(QueueError) {
    gate.enter()
    defer { gate.leave() }
    let code = unsafe mdb_env_copy2(handle, folder, UInt32(MDB_CP_COMPACT))
    guard code == 0 else { throw .lmdb(code, at: folder, doing: "copying the queue") }
  }
}
