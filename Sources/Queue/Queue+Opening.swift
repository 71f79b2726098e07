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
    try requirePlace(parentFolder(of: folder), options)
    if unsafe mkdir(folder, 0o755) != 0, errno != EEXIST {
      throw QueueError.system(errno, at: folder, doing: "mkdir")
    }
    // Two creators at once: one of them is told so.
    let creation = try FileLock(at: "\(folder)/creation.lock")
    defer { withExtendedLifetime(creation) {} }
    try removeUnfinished(folder, options)
    let environment = try Environment(at: folder, mode: .create, options: options)
    try environment.transact(writing: true) { raw in
      try raw.setSealed(
        .meta, "format", to: littleEndian(formatVersion), in: environment.databases)
      try raw.setSealed(.meta, "identity", to: Array(identity.utf8), in: environment.databases)
      try raw.commit()
    }
    try synchronizeFolder(folder)
    try synchronizeFolder(parentFolder(of: folder))
    try synchronizeFolder(parentFolder(of: parentFolder(of: folder)))
    return Queue(
      folder: folder, identity: identity, access: .readWrite, notice: nil,
      environment: environment, options: options)
  }

  /// Opens the queue in `folder` after judging its files: length against the meta pages, format,
  /// seals of the small tables, and the head record.
  ///
  /// - Throws: `.missing`, `.unfinished` (creation was interrupted: create it again), `.damaged`,
  ///   `.steppedBack`, `.unknownVersion`, `.locked` (open in this process already), …
  public static func open(
    at folder: String, access: Access = .readWrite, options: QueueOptions = QueueOptions()
  ) throws -> Queue {
    let folder = normalized(folder)
    let data = "\(folder)/data.mdb"
    // First of all, so that a missing run is called missing.
    _ = try DataFile.Identity(of: data)
    if access == .readWrite {
      try requirePlace(folder, options)
    }
    _ = try DataFile(reading: data)
    let (environment, notice) = try openEnvironment(folder, access, options)
    let identity = try requireFormat(environment)
    let queue = Queue(
      folder: folder, identity: identity, access: access, notice: notice,
      environment: environment, options: options)
    if access == .readWrite { try environment.checkReaders() }
    try queue.requireSoundTables()
    try HeadRecord(at: queue.headPath)?.require(try queue.heads(), folder: folder)
    return queue
  }

  /// Reading needs the lock file too, and writes to it. Without that right it can do without the
  /// lock, as long as nobody writes.
  private static func openEnvironment(
    _ folder: String, _ access: Access, _ options: QueueOptions
  ) throws(QueueError) -> (Environment, notice: String?) {
    guard access == .readOnly else {
      return (try Environment(at: folder, mode: .readWrite, options: options), nil)
    }
    do throws(QueueError) {
      return (try Environment(at: folder, mode: .readOnly, options: options), nil)
    } catch  where error.code == .permission {
      guard try !FileLock.isAnyHeld(in: "\(parentFolder(of: folder))/locks") else {
        throw QueueError(
          code: .locked, location: folder,
          problem: "a stage is running, and this user may not write to the lock file",
          remedy: "Wait until the run stops, or ask for the right to write to \(folder)/lock.mdb.")
      }
      let environment = try Environment(at: folder, mode: .readOnlyUnlocked, options: options)
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

  /// Removes what an interrupted creation left; refuses to touch a whole queue.
  ///
  /// Everything up to the format record is one commit, so without it nothing was stored.
  private static func removeUnfinished(
    _ folder: String, _ options: QueueOptions
  ) throws(QueueError) {
    let data = "\(folder)/data.mdb"
    var status = stat()
    guard unsafe stat(data, &status) == 0 else { return }
    // A file without both meta pages was never opened by anybody.
    if status.st_size > 0, let file = try? DataFile(reading: data), file.transaction > 0 {
      throw QueueError(
        code: .exists, location: folder, problem: "holds a queue already",
        remedy: "Name another run, or `pipeline resume` this one.")
    }
    for path in [data, "\(folder)/lock.mdb"] where unsafe unlink(path) != 0 && errno != ENOENT {
      throw .system(errno, at: path, doing: "removing an unfinished queue")
    }
  }

  /// The identity, after the format.
  private static func requireFormat(_ environment: Environment) throws -> String {
    let databases = environment.databases
    return try environment.transact(writing: false) { raw in
      guard let format = try raw.sealedNumber(.meta, "format", in: databases),
        let identity = try raw.sealed(.meta, "identity", in: databases)
      else {
        throw QueueError(
          code: .unfinished, location: environment.folder,
          problem: "has no format record: its creation was interrupted",
          remedy: "Start the run again; nothing was stored yet.")
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
