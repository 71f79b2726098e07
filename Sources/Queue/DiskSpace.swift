import Files
import Foundation
import Glibc

/// Room on a file system, in bytes, for users other than the superuser.
public struct DiskSpace: Sendable, Equatable {
  public let free: UInt64
  public let total: UInt64

  /// The file system that holds `path`.
  public init(at path: String) throws(QueueError) {
    guard let space = Self.measure(path) else {
      throw QueueError.system(errno, at: path, doing: "statvfs")
    }
    self = space
  }

  private init(free: UInt64, total: UInt64) {
    self.free = free
    self.total = total
  }

  /// nil when the system does not say (`errno` is set).
  static func measure(_ path: String) -> DiskSpace? {
    var statistics = statvfs()
    guard unsafe statvfs(path, &statistics) == 0 else { return nil }
    let unit = UInt64(statistics.f_frsize)
    return DiskSpace(
      free: UInt64(statistics.f_bavail) * unit, total: UInt64(statistics.f_blocks) * unit)
  }
}

extension QueueError {
  /// An error of the operating system; a full disk and missing rights get their own codes.
  static func system(_ number: Int32, at path: String, doing action: String) -> QueueError {
    let text = unsafe String(cString: strerror(number))
    switch number {
    case ENOSPC, EDQUOT: return diskFull(at: path, doing: action)
    case EACCES, EPERM, EROFS:
      return QueueError(
        code: .permission, location: path, problem: "\(action) is not allowed (\(text))",
        remedy: "Make the folder writable for this user, or use a command that only reads.")
    case ENOENT, ENOTDIR:
      return QueueError(
        code: .missing, location: path, problem: "is not there (\(action): \(text))",
        remedy: "Name the directory of a run.")
    default:
      return QueueError(
        code: .system, location: path, problem: "\(action) failed: \(text) (errno \(number))",
        remedy: "Look at the disk and at the system's log, then `pipeline resume` the run.")
    }
  }

  /// For whoever stops before the disk is full, by ``Queue/isLowOnSpace()``.
  public static func lowOnSpace(_ queue: Queue) -> QueueError {
    let free = DiskSpace.measure(queue.folder)?.free ?? 0
    return QueueError(
      code: .diskFull, location: queue.runFolder,
      problem: "the disk has \(free) bytes free, too few to begin new work; all is saved",
      remedy: "Make room and `pipeline resume` the run.")
  }

  static func diskFull(at path: String, doing action: String) -> QueueError {
    let free = DiskSpace.measure(path)?.free
    return QueueError(
      code: .diskFull, location: path,
      problem: "disk full at \(action)" + (free.map { ", \($0) bytes free" } ?? ""),
      remedy: "Make room and `pipeline resume` the run; all acknowledged records are kept.")
  }
}

/// Writes a small file so that it is there whole or not at all: temporary, fsync, rename, fsync of
/// the folder.
func writeDurably(_ bytes: [UInt8], to path: String) throws(QueueError) {
  let temporary = "\(path).tmp-\(getpid())"
  let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
  guard file >= 0 else { throw .system(errno, at: temporary, doing: "open") }
  var written = 0
  var failure: QueueError?
  while written < bytes.count, failure == nil {
    let count = unsafe bytes.withUnsafeBytes {
      unsafe write(file, $0.baseAddress! + written, $0.count - written)
    }
    if count > 0 {
      written += count
    } else if errno != EINTR {
      failure = .system(errno, at: temporary, doing: "write")
    }
  }
  if failure == nil, fsync(file) != 0 { failure = .system(errno, at: temporary, doing: "fsync") }
  close(file)
  if let failure {
    unsafe unlink(temporary)
    throw failure
  }
  guard unsafe rename(temporary, path) == 0 else { throw .system(errno, at: path, doing: "rename") }
  try synchronizeFolder(PathParts.folder(of: path))
}

/// Makes the names in a folder durable; LMDB does not do it for the files that it creates.
func synchronizeFolder(_ path: String) throws(QueueError) {
  let folder = unsafe open(path.isEmpty ? "." : path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard folder >= 0 else { throw .system(errno, at: path, doing: "open") }
  defer { close(folder) }
  guard fsync(folder) == 0 else { throw .system(errno, at: path, doing: "fsync") }
}

/// The whole of a small file, or nil when it is not there.
func readWhole(_ path: String, limit: Int) throws(QueueError) -> [UInt8]? {
  let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else {
    if errno == ENOENT { return nil }
    throw .system(errno, at: path, doing: "open")
  }
  defer { close(file) }
  return try readBytes(file, at: 0, count: limit, path: path)
}

/// Up to `count` bytes from `offset`; fewer at the end of the file.
func readBytes(_ file: Int32, at offset: Int, count: Int, path: String) throws(QueueError)
  -> [UInt8]
{
  var bytes = [UInt8](repeating: 0, count: count)
  var filled = 0
  while filled < count {
    let got = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(file, $0.baseAddress! + filled, count - filled, off_t(offset + filled))
    }
    if got == 0 { break }
    if got > 0 {
      filled += got
    } else if errno != EINTR {
      throw .system(errno, at: path, doing: "read")
    }
  }
  return Array(bytes[..<filled])
}
