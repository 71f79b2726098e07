import CLMDB
import Glibc

extension QueueError {
  /// A return code of LMDB (negative) or of the system (positive).
  ///
  /// On a full disk LMDB reports EIO for large values, since a write came back short; so EIO is
  /// looked at again with the room that is left.
  static func lmdb(_ code: Int32, at path: String, doing action: String) -> QueueError {
    let text = unsafe String(cString: mdb_strerror(code))
    switch code {
    case MDB_MAP_FULL:
      return QueueError(
        code: .mapFull, location: path, problem: "the map is full at \(action)",
        remedy: "Raise the address space that `ulimit -v` grants: the map doubles as a queue grows."
      )
    case MDB_CORRUPTED, MDB_PAGE_NOTFOUND, MDB_PANIC, MDB_INVALID, MDB_INCOMPATIBLE:
      return damaged(path, "LMDB finds it damaged at \(action): \(text)")
    case MDB_VERSION_MISMATCH:
      return QueueError(
        code: .unknownVersion, location: path, problem: text,
        remedy: "Use the program that wrote it.")
    case MDB_MAP_RESIZED:
      var error = QueueError(
        code: .system, location: path, problem: "another process grew the map at \(action)",
        remedy: "Try again.")
      error.isMapResized = true
      return error
    case MDB_READERS_FULL:
      return QueueError(
        code: .system, location: path, problem: "all reader slots are taken",
        remedy: "End processes that inspect this run, then try again.")
    case EIO where (DiskSpace.measure(path)?.free ?? .max) < 1 << 20:
      return diskFull(at: path, doing: action)
    case ENOMEM:
      return QueueError(
        code: .system, location: path, problem: "no address space for the map at \(action)",
        remedy: "Raise `ulimit -v`: a map takes 16 GiB of address space or more, whatever it holds."
      )
    case 1...: return system(code, at: path, doing: action)
    default:
      return QueueError(
        code: .system, location: path, problem: "\(action) failed: \(text) (LMDB \(code))",
        remedy: "Report this with the run's log.")
    }
  }
}
