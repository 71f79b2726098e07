import CLMDB
import Files
import Foundation
import Glibc

/// Putting a queue's folder aside for another one, in one step.
///
/// LMDB's lock file belongs to its data file: a reader that still has the old pair open must not meet
/// the new data under the old lock. So the whole folder is exchanged, which the kernel does at once:
/// at every moment `queue` is one of the two, whole.
public enum QueueReplacement {
  /// Beside `queue`: a copy under way, or, after the exchange, what was there before. Rubbish when a
  /// process that died left it.
  public static let suffix = ".replacing"
  /// Before a number: a damaged queue that a repair has put aside.
  public static let damagedMark = ".damaged-"

  /// Exchanges the folders `new` and `folder`, durably.
  public static func exchange(_ new: String, with folder: String) throws(QueueError) {
    try synchronizeFolder(new)
    // RENAME_EXCHANGE is 2, a macro.
    guard unsafe renameat2(AT_FDCWD, new, AT_FDCWD, folder, 2) == 0 else {
      throw .system(errno, at: folder, doing: "exchanging it for \(new)")
    }
    try synchronizeFolder(PathParts.folder(of: folder))
  }

  /// Renames `folder`, which holds the damaged queue of the place `queue`, to a name beside that place,
  /// durably.
  /// - Returns: where it lies now.
  public static func putAside(_ folder: String, as queue: String) throws(QueueError) -> String {
    var number = 1
    while unsafe access("\(queue)\(damagedMark)\(number)", F_OK) == 0 { number += 1 }
    let kept = "\(queue)\(damagedMark)\(number)"
    guard unsafe rename(folder, kept) == 0 else { throw .system(errno, at: kept, doing: "rename") }
    try synchronizeFolder(PathParts.folder(of: queue))
    return kept
  }

  /// Removes what an interrupted replacement left beside `folder`.
  public static func removeLeftover(beside folder: String) throws {
    let path = folder + suffix
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  }
}

extension Queue {
  /// Rewrites the queue of a run at rest without its free pages. The caller holds `RunLocks`.
  ///
  /// Killed at any point, the run has its old queue or the new one; what lies beside is removed by the
  /// next compaction or `queue gc`.
  /// - Returns: bytes of the data file before and after.
  public static func compact(
    at folder: String, options: QueueOptions = QueueOptions()
  ) throws -> (before: Int, after: Int) {
    try QueueReplacement.removeLeftover(beside: folder)
    let copy = folder + QueueReplacement.suffix
    do {
      // Opened for writing, so that all judgements are made; closed before the exchange.
      let queue = try open(at: folder, options: options)
      let used = queue.mapUse.used
      let space = try DiskSpace(at: folder)
      guard space.free > UInt64(used) + options.requiredFreeBytes else {
        throw QueueError.diskFull(at: folder, doing: "making room for a copy of \(used) bytes")
      }
      try queue.copy(to: copy)
      if let head = try readWhole(queue.headPath, limit: 4096) {
        try writeDurably(head, to: "\(copy)/head")
      }
    }
    let sizes = (
      before: try size(of: "\(folder)/data.mdb"), after: try size(of: "\(copy)/data.mdb")
    )
    try QueueReplacement.exchange(copy, with: folder)
    try QueueReplacement.removeLeftover(beside: folder)
    return sizes
  }

  private static func size(of path: String) throws(QueueError) -> Int {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .system(errno, at: path, doing: "stat") }
    return Int(status.st_size)
  }
}
