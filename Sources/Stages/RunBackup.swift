import Files
import Foundation
import Queue

/// A copy of a run that stands by itself: one consistent snapshot of the queue, the checkpoints that it
/// names, and the files beside. The run may go on meanwhile; the copy can be moved to another machine
/// and resumed there.
public struct RunBackup {
  /// Checkpoints may be dropped between the snapshot and their copy: then a later snapshot names others.
  private static let attempts = 10

  /// Writes the backup of `source` to `target`, which must not be there: built beside it, every file
  /// synced, and renamed when whole.
  ///
  /// - Returns: the bytes that it takes.
  @discardableResult
  public static func write(_ source: RunDirectory, to target: String) throws -> Int {
    let target = RunDirectory(target)
    let manager = FileManager.default
    guard source.exists else {
      throw StageError(
        .badRun, at: source.path, "there is no run here (no pipeline.yaml)",
        remedy: "Name the directory that `pipeline run` printed.")
    }
    guard !manager.fileExists(atPath: target.path) else {
      throw StageError(
        .badRun, at: target.path, "something is there already",
        remedy: "Name a directory that does not exist yet.")
    }
    let building = target.creation
    try removeIfThere(building.path)
    try DurableFile.createFolder(PathParts.folder(of: building.path))
    do {
      for attempt in 1...Self.attempts {
        do {
          try build(source, building)
          break
        } catch let error as StageError where error.code == .notYet && attempt < Self.attempts {
          try removeIfThere(building.path)
        }
      }
      let bytes = try synchronize(building.path)
      try DurableFile.rename(building.path, to: target.path)
      return bytes
    } catch {
      try removeIfThere(building.path)
      throw error
    }
  }

  private static func removeIfThere(_ path: String) throws {
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  }

  private static func build(_ source: RunDirectory, _ building: RunDirectory) throws {
    for folder in [building.path, building.checkpoints, building.policies, building.logs] {
      try DurableFile.createFolder(folder)
    }
    // The definition first: a later change of it is of steps that the snapshot need not hold.
    try copy(source.definition, to: building.definition)
    try copyQueue(source.queue, to: building.queue)
    do {
      let queue = try Queue.open(at: building.queue)
      try queue.writeHeadRecord()
      for pointer in try CheckpointStore.pointers(Ledger(queue: queue)) {
        try copyCheckpoint(pointer, from: source, to: building)
      }
    }
    for (file, place) in [
      (source.metrics, building.metrics), (source.summary, building.summary),
      (source.judgements, building.judgements),
    ] {
      if FileManager.default.fileExists(atPath: file) { try copy(file, to: place) }
    }
    try copyFolders(source, building)
  }

  private static func copyQueue(_ source: String, to target: String) throws {
    try Queue.open(at: source, access: .readOnly).copy(to: target)
  }

  private static func copyCheckpoint(
    _ pointer: CheckpointStore.Pointer, from source: RunDirectory, to target: RunDirectory
  ) throws {
    let folder = source.checkpoint(pointer.step)
    do {
      try FileManager.default.copyItem(atPath: folder, toPath: target.checkpoint(pointer.step))
    } catch let error as CocoaError where SystemCause(of: error)?.code == ENOENT {
      throw StageError(
        .notYet, at: folder, "the checkpoint went while it was copied",
        remedy: "Try again; it is dropped when newer ones are there.")
    }
    let copied = CheckpointExamination(of: target.checkpoint(pointer.step), pointer, hashes: true)
    guard copied.problem != nil else { return }
    let original = CheckpointExamination(of: folder, pointer, hashes: true)
    // A checkpoint that is being dropped loses its pointer first, then its files one by one.
    guard let problem = original.problem, try isNamed(pointer, by: source) else {
      throw StageError(
        .notYet, at: folder, "the checkpoint changed while it was copied", remedy: "Try again.")
    }
    throw StageError(
      .damaged, at: folder, problem,
      remedy: "Run `pipeline checkpoint restore \(source.path) \(pointer.step)`, then try again.")
  }

  /// Whether the run, as it is now, has this checkpoint.
  private static func isNamed(
    _ pointer: CheckpointStore.Pointer, by source: RunDirectory
  ) throws -> Bool {
    let queue = try Queue.open(at: source.queue, access: .readOnly)
    return try CheckpointStore.pointers(Ledger(queue: queue)).contains { $0.step == pointer.step }
  }

  /// Logs, and evaluations with queues of their own. Published policy versions stay behind: the
  /// optimizer publishes those that may still be asked for when it has replayed up to its cursor.
  private static func copyFolders(_ source: RunDirectory, _ building: RunDirectory) throws {
    let manager = FileManager.default
    func names(_ folder: String) -> [String] {
      manager.subpaths(atPath: folder)?.filter { !$0.contains("/") }.sorted() ?? []
    }
    for name in names(source.logs) {
      try copy("\(source.logs)/\(name)", to: "\(building.logs)/\(name)")
    }
    for name in names(source.evaluations) {
      let (from, to) = ("\(source.evaluations)/\(name)", "\(building.evaluations)/\(name)")
      guard manager.fileExists(atPath: "\(from)/queue/data.mdb") else { continue }
      try DurableFile.createFolder(to)
      for file in names(from) where file != "queue" && file != "locks" {
        try copy("\(from)/\(file)", to: "\(to)/\(file)")
      }
      try copyQueue("\(from)/queue", to: "\(to)/queue")
    }
  }

  private static func copy(_ source: String, to target: String) throws {
    try FileManager.default.copyItem(atPath: source, toPath: target)
  }

  /// Syncs every file and folder below `path`; returns the bytes of the files.
  private static func synchronize(_ path: String) throws -> Int {
    let manager = FileManager.default
    var bytes = 0
    for name in manager.subpaths(atPath: path) ?? [] {
      let item = "\(path)/\(name)"
      let attributes = try manager.attributesOfItem(atPath: item)
      if attributes[.type] as? FileAttributeType == .typeDirectory {
        try DurableFile.syncFolder(item)
      } else {
        try DurableFile.syncFile(item)
        bytes += (attributes[.size] as? NSNumber)?.intValue ?? 0
      }
    }
    try DurableFile.syncFolder(path)
    return bytes
  }
}
