import Files
import Glibc
import Synchronization

/// The durable queues of one run: append-only logs, cursors and stage state in one LMDB environment.
///
/// The folder is `<run>/queue`. Commits are durable when `write` returns: the process may be killed
/// and the power may go at any instant. Any number of threads may call it; LMDB lets one writer in
/// at a time, over all processes. The calls block, so they belong on threads of their own.
public final class Queue: Sendable {
  public enum Access: Sendable {
    case readWrite
    case readOnly
    /// Reading alone, with each page judged as it is read instead of all of them at the opening: what
    /// is damaged shows when it is looked at, and opening a large queue costs no more than a small one.
    case inspection
  }

  /// `<run>/queue`.
  public let folder: String
  /// What the run was created with: run id and configuration hash, say. The caller compares.
  public let identity: String
  public let access: Access
  /// Something a person should know about how the queue was opened.
  public let notice: String?

  let environment: Environment
  let options: QueueOptions
  let codec = FrameCodec()
  let shelf = DictionaryShelf()
  private let memory: Mutex<Memory>

  private struct Memory {
    var leaves: [LastLeaf?] = Array(repeating: nil, count: Log.allCases.count)
    var lastReaderCheck = ContinuousClock.now
    /// Set by a failed sync: the kernel may have dropped the pages, so no further commit is sound.
    var failure: QueueError?
  }

  private static let readerCheckInterval = Duration.seconds(60)
  /// That this process may run on.
  static let processors = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  init(
    folder: String, identity: String, access: Access, notice: String?, environment: Environment,
    options: QueueOptions
  ) {
    self.folder = folder
    self.identity = identity
    self.access = access
    self.notice = notice
    self.environment = environment
    self.options = options
    memory = Mutex(Memory())
  }

  /// The run's directory.
  public var runFolder: String { PathParts.folder(of: folder) }

  /// Runs `body` on a consistent view. Errors of `body` pass through.
  ///
  /// Not to be called inside another transaction of the same thread (traps).
  public func read<Result>(_ body: (ReadTransaction) throws -> Result) throws -> Result {
    do {
      return try environment.transact(writing: false) { raw in
        try body(ReadTransaction(raw, environment: environment, codec: codec, shelf: shelf))
      }
    } catch let error as QueueError { throw error.placed(in: folder) }
  }

  /// Runs `body` and commits what it wrote, durably; aborts when it throws.
  ///
  /// `body` runs again after the map had to grow. Costs one or two waits for the disk, whatever
  /// its size, so write many records at once. Not to be called inside another transaction of the
  /// same thread (traps).
  /// - Parameter claims: each must still be the latest of its stage and worker, or nothing is
  ///   written and `.superseded` is thrown. Empty only for tools on a run at rest.
  public func write<Result>(
    claims: [StageClaim], _ body: (WriteTransaction) throws -> Result
  ) throws -> Result {
    try requireWritable()
    try checkReadersNowAndThen()
    while true {
      try environment.growEarly()
      let size = environment.mapUse.size
      switch try attempt(claims, body) {
      case .done(let result): return result
      case .mapFull:
        try environment.checkReaders()
        try environment.grow(beyond: size)
      }
    }
  }

  private enum Attempt<Result> {
    case done(Result)
    case mapFull
  }

  private func attempt<Result>(
    _ claims: [StageClaim], _ body: (WriteTransaction) throws -> Result
  ) throws -> Attempt<Result> {
    try environment.transact(writing: true) { raw in
      let leaves = memory.withLock { $0.leaves }
      let transaction = WriteTransaction(
        raw, environment: environment, codec: codec, shelf: shelf, options: options,
        leaves: leaves)
      do {
        try transaction.require(claims)
        let result = try body(transaction)
        try commit(transaction)
        return .done(result)
      } catch {
        // Whatever `body` made of the error: only a larger map helps.
        if raw.isMapFull { return .mapFull }
        if let error = error as? QueueError { throw error.placed(in: folder) }
        throw error
      }
    }
  }

  private func commit(_ transaction: WriteTransaction) throws(QueueError) {
    do throws(QueueError) {
      let leaves = try transaction.finish()
      memory.withLock { $0.leaves = leaves }
    } catch {
      // After a full disk LMDB goes on soundly (measured); after a failed sync nothing may.
      if error.code == .system { memory.withLock { $0.failure = error } }
      throw error
    }
  }

  private func requireWritable() throws(QueueError) {
    if let failure = memory.withLock({ $0.failure }) { throw failure }
    guard access == .readWrite else {
      throw QueueError(
        code: .readOnly, location: folder, problem: "is open for reading alone",
        remedy: "Open it for writing.")
    }
  }

  private func checkReadersNowAndThen() throws(QueueError) {
    let isDue = memory.withLock { memory in
      guard ContinuousClock.now - memory.lastReaderCheck > Self.readerCheckInterval else {
        return false
      }
      memory.lastReaderCheck = ContinuousClock.now
      return true
    }
    if isDue { try environment.checkReaders() }
  }
}

extension Queue {
  /// Claims a stage for this process: takes `<run>/locks/<stage>-<worker>.lock` and raises the
  /// epoch, which ends every earlier claim's right to write.
  ///
  /// - Parameter takeOver: do so although another process holds the lock, because it is stopped
  ///   and cannot be ended.
  /// - Throws: `.locked` with the holder's pid.
  public func claim(
    stage: String, worker: Int = 1, takeOver: Bool = false
  ) throws -> StageClaim {
    precondition(worker >= 1 && !stage.isEmpty && !stage.contains("/"), "claim \(stage) \(worker)")
    try requireWritable()
    let name = StageClaim.name(stage: stage, worker: worker)
    let locks = "\(runFolder)/locks"
    if unsafe mkdir(locks, 0o755) != 0, errno != EEXIST {
      throw QueueError.system(errno, at: locks, doing: "mkdir")
    }
    let lock = try FileLock(at: "\(locks)/\(name).lock", takeOver: takeOver)
    let epoch = try write(claims: []) { try $0.raiseEpoch(name) }
    return StageClaim(stage: stage, worker: worker, epoch: epoch, lock: lock)
  }

  /// Length of the data file, dead readers, head record, room on disk: cheap, for a quiet moment.
  public func check() throws {
    _ = try DataFile(reading: "\(folder)/data.mdb")
    if access == .readWrite { try environment.checkReaders() }
    try HeadRecord(at: headPath)?.require(try heads(), folder: folder)
    try Self.requireSpace(folder, options)
  }

  /// Whether there is too little room for new work: below 1 GiB or 5 % of the disk, whichever is
  /// less. What is under way may still be finished.
  public func isLowOnSpace() throws(QueueError) -> Bool {
    let space = try DiskSpace(at: folder)
    return space.free < min(options.lowWaterBytes, space.total / 20)
  }

  /// Writes the head record: call it at checkpoints, after their commit.
  public func writeHeadRecord() throws {
    try requireWritable()
    try HeadRecord(heads: try heads()).write(to: headPath)
  }

  var headPath: String { "\(folder)/head" }

  func heads() throws -> [UInt64] {
    try read { transaction in
      try Log.allCases.map { $0.usesPart ? 0 : try transaction.head($0) }
    }
  }

  static func requireSpace(_ folder: String, _ options: QueueOptions) throws(QueueError) {
    let space = try DiskSpace(at: folder)
    guard space.free >= options.requiredFreeBytes else {
      throw QueueError(
        code: .diskFull, location: folder,
        problem: "\(space.free) bytes free, and \(options.requiredFreeBytes) are needed",
        remedy: "Make room on the disk, then try again.")
    }
  }
}
