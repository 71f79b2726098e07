import Files
import Glibc

extension Queue {
  /// Raised when what the databases hold changes its meaning.
  static let formatVersion: UInt64 = 1

  /// Makes a new queue in `folder`, which is `<run>/queue`; the run's folder must be there.
  ///
  /// Durable when it returns: LMDB does not sync the names of its files, so the folder, the run's
  /// folder and its parent are synced here. A folder left by an interrupted creation is used anew.
  /// - Parameter identity: kept with the queue, at most 64 KiB: run id and configuration hash.
  /// - Throws: `.exists`, `.diskFull`, `.permission`, `.unsuitableFileSystem`, …
  public static func create(
    at folder: String, identity: String, options: QueueOptions = QueueOptions()
  ) throws -> Queue {
    let folder = normalized(folder)
    precondition(identity.utf8.count <= 64 << 10, "identity of \(identity.utf8.count) bytes")
    try requirePlace(PathParts.folder(of: folder), options)
    if unsafe mkdir(folder, 0o755) != 0, errno != EEXIST {
      throw QueueError.system(errno, at: folder, doing: "mkdir")
    }
    // Two creators at once: one of them is told so.
    let marker = creationMarker(folder)
    let isCut = unsafe Glibc.access(marker, F_OK) == 0
    let creation = try FileLock(at: marker)
    defer { withExtendedLifetime(creation) {} }
    do { try removeUnfinished(folder, isCut: isCut) } catch {
      unsafe unlink(marker)
      throw error
    }
    // Where it fails from here on the marker stays, and tells whoever comes next.
    let environment = try Environment(at: folder, mode: .create, options: options) {
      (raw, databases) throws(QueueError) in
      try raw.setSealed(.meta, "format", to: littleEndian(formatVersion), in: databases)
      try raw.setSealed(.meta, "identity", to: Array(identity.utf8), in: databases)
    }
    try synchronizeFolder(folder)
    try synchronizeFolder(PathParts.folder(of: folder))
    try synchronizeFolder(PathParts.folder(of: PathParts.folder(of: folder)))
    unsafe unlink(marker)
    return Queue(
      folder: folder, identity: identity, access: .readWrite, notice: nil,
      environment: environment, options: options)
  }

  /// Opens the queue in `folder` after judging its files: length against the meta pages, the
  /// structure of every page that LMDB may follow, format, seals of the small tables, and the head
  /// record. Whatever the files hold, it comes to a queue or to an error.
  ///
  /// - Throws: `.missing`, `.unfinished` (creation was interrupted: create it again), `.damaged`,
  ///   `.steppedBack`, `.unknownVersion`, `.locked` (open in this process already), …
  public static func open(
    at folder: String, access: Access = .readWrite, options: QueueOptions = QueueOptions()
  ) throws -> Queue {
    let folder = normalized(folder)
    do {
      let queue = try openUnjudged(folder, access, options)
      if access == .readWrite { try queue.environment.checkReaders() }
      try queue.requireSoundTables()
      try HeadRecord(at: queue.headPath)?.require(try queue.heads(), folder: folder)
      if access == .readWrite { forgetCreation(folder) }
      return queue
    } catch let error as QueueError { throw error.placed(in: folder) }
  }

  /// Opens a queue whose structure is sound whatever its small tables and its head record say: to
  /// list what is damaged, and to repair it. `identity` is empty where it cannot be read.
  ///
  /// - Throws: as `open`, but for damage to values.
  public static func openDamaged(
    at folder: String, access: Access, options: QueueOptions = QueueOptions()
  ) throws -> Queue {
    let folder = normalized(folder)
    do {
      return try openUnjudged(folder, access, options, toleratesDamage: true)
    } catch let error as QueueError { throw error.placed(in: folder) }
  }

  private static func openUnjudged(
    _ folder: String, _ access: Access, _ options: QueueOptions, toleratesDamage: Bool = false
  ) throws -> Queue {
    let data = "\(folder)/data.mdb"
    // First of all, so that a missing run is called missing.
    _ = try DataFile.Identity(of: folder)
    // LMDB creates a missing lock file, and dies of SIGBUS when the disk has no room for it.
    if try access == .readWrite || readWhole("\(folder)/lock.mdb", limit: 1) == nil {
      try requirePlace(folder, options)
    }
    let file = try dataFile(data)
    let (environment, notice) = try openEnvironment(folder, access, file, options)
    var identity = ""
    do {
      identity = try requireFormat(environment)
    } catch let error as QueueError {
      guard toleratesDamage, error.code == .damaged || error.code == .unfinished else {
        throw error
      }
    }
    return Queue(
      folder: folder, identity: identity, access: access, notice: notice,
      environment: environment, options: options)
  }

  private static func dataFile(_ path: String) throws(QueueError) -> DataFile {
    let file: DataFile
    do throws(QueueError) {
      file = try DataFile(reading: path)
    } catch {
      // A creation that stopped before LMDB wrote its first pages; or in the middle, if its marker is
      // still there: then a power cut may have left anything of them.
      let folder = PathParts.folder(of: path)
      let start = try readWhole(path, limit: 1)
      let isMarked = unsafe Glibc.access(creationMarker(folder), F_OK) == 0
      guard isMarked || start == nil || start == [] else { throw error }
      throw unfinished(folder)
    }
    guard file.transaction > 0 else { throw unfinished(PathParts.folder(of: path)) }
    return file
  }

  /// There from before the first page is written until the queue is durable.
  private static func creationMarker(_ folder: String) -> String { "\(folder)/creation.lock" }

  /// The queue is whole, whoever was killed before it could say so: from here on damage is damage.
  private static func forgetCreation(_ folder: String) {
    let marker = creationMarker(folder)
    let file = unsafe Glibc.open(marker, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    // Its maker may be about to do the same.
    if flock(file, LOCK_EX | LOCK_NB) == 0 { unsafe unlink(marker) }
  }

  private static func unfinished(_ folder: String) -> QueueError {
    QueueError(
      code: .unfinished, location: folder,
      problem: "has no format record: its creation was interrupted",
      remedy: "Start the run again; nothing was stored yet.")
  }

  /// Reading needs the lock file too, and writes to it. Without that right it can do without the
  /// lock, as long as nobody writes.
  private static func openEnvironment(
    _ folder: String, _ access: Access, _ file: DataFile, _ options: QueueOptions
  ) throws(QueueError) -> (Environment, notice: String?) {
    guard access != .readWrite else {
      let size = max(file.mapSize, options.mapSize)
      return (try Environment(at: folder, mode: .readWrite(mapSize: size), options: options), nil)
    }
    let judgement: Environment.Judgement = access == .inspection ? .asRead : .atOpening
    do throws(QueueError) {
      return (
        try Environment(at: folder, mode: .readOnly, judgement: judgement, options: options), nil
      )
    } catch  where error.code == .permission {
      guard try !FileLock.isAnyHeld(in: "\(PathParts.folder(of: folder))/locks") else {
        throw QueueError(
          code: .locked, location: folder,
          problem: "a stage is running, and this user may not write to the lock file",
          remedy: "Wait until the run stops, or ask for the right to write to \(folder)/lock.mdb.")
      }
      let environment = try Environment(
        at: folder, mode: .readOnlyUnlocked, judgement: judgement, options: options)
      return (
        environment,
        "opened without LMDB's lock, since this user may not write to it; "
          + "do not start a stage of this run meanwhile"
      )
    }
  }

  private static func requirePlace(
    _ folder: String, _ options: QueueOptions
  ) throws(QueueError) {
    if !options.allowsNetworkFileSystem { try FileSystemCheck.requireSuitable(folder) }
    try requireSpace(folder, options)
  }

  /// Removes what an interrupted creation left; refuses to touch anything else.
  ///
  /// Databases and format record are the first commit, so before it nothing was stored.
  ///
  /// - Parameter isCut: its creation was interrupted; then its pages may hold anything.
  private static func removeUnfinished(_ folder: String, isCut: Bool) throws(QueueError) {
    let data = "\(folder)/data.mdb"
    guard let start = try readWhole(data, limit: 8192) else { return }
    // LMDB writes both meta pages at once; a cut may leave none, a part, or zeros.
    let isEmpty = start.count < 8192 || start.allSatisfy { $0 == 0 }
    let isUnfinished = isEmpty ? true : try hasNoTransaction(data, isCut: isCut)
    guard isUnfinished else {
      throw QueueError(
        code: .exists, location: folder, problem: "holds a queue already",
        remedy: "Name another run, or `pipeline resume` this one.")
    }
    for path in [data, "\(folder)/lock.mdb"] where unsafe unlink(path) != 0 && errno != ENOENT {
      throw .system(errno, at: path, doing: "removing an unfinished queue")
    }
  }

  private static func hasNoTransaction(_ data: String, isCut: Bool) throws(QueueError) -> Bool {
    do throws(QueueError) { return try DataFile(reading: data).transaction == 0 } catch {
      guard isCut else { throw error }
      return true
    }
  }

  /// The identity, after the format.
  private static func requireFormat(_ environment: Environment) throws -> String {
    let databases = environment.databases
    return try environment.transact(writing: false) { raw in
      guard let format = try raw.sealedNumber(.meta, "format", in: databases),
        let identity = try raw.sealed(.meta, "identity", in: databases)
      else {
        throw unfinished(environment.folder)
      }
      guard format == formatVersion else {
        throw QueueError.unknownVersion(
          environment.folder, "queue format \(format)", known: "\(formatVersion)")
      }
      return String(decoding: identity, as: UTF8.self)
    }
  }

  /// Reads every small table once: a flipped bit in a key would otherwise look like a cursor that
  /// never moved.
  private func requireSoundTables() throws {
    try environment.transact(writing: false) { raw in
      for table in Databases.Table.allCases {
        _ = try raw.allSealed(table, in: environment.databases)
      }
    }
  }

  private static func normalized(_ folder: String) -> String {
    var folder = folder
    while folder.count > 1, folder.hasSuffix("/") { folder.removeLast() }
    return folder
  }
}
