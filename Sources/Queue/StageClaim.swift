import Files
import Foundation
import Glibc
import Synchronization

/// The right to act as one worker of a stage: a file lock, and a number that fences predecessors.
///
/// The lock dies with the process. The number (epoch) is checked by every write that presents the
/// claim, so a process that slept through its successor's start cannot write any more.
public final class StageClaim: Sendable {
  public let stage: String
  public let worker: Int
  /// How often this (stage, worker) has been claimed in the run, this time included.
  public let epoch: UInt64
  private let lock: Mutex<FileLock?>

  init(stage: String, worker: Int, epoch: UInt64, lock: consuming FileLock) {
    self.stage = stage
    self.worker = worker
    self.epoch = epoch
    self.lock = Mutex(lock)
  }

  /// `gate-1`: the lock file's name, and the key of the epoch.
  public var name: String { Self.name(stage: stage, worker: worker) }

  /// Gives the lock back before the claim's end of life. Writes with it still check its number.
  public func release() { lock.withLock { $0 = nil } }

  static func name(stage: String, worker: Int) -> String { "\(stage)-\(worker)" }
}

/// An exclusive `flock` on a file that says in words who holds it.
final class FileLock: Sendable {
  private let file: Int32

  /// - Parameter takeOver: put a new file in the holder's place, for a holder that is stopped and
  ///   cannot be ended. Its epoch is what keeps it from writing then.
  init(at path: String, takeOver: Bool = false) throws(QueueError) {
    if takeOver, unsafe unlink(path) != 0, errno != ENOENT {
      throw .system(errno, at: path, doing: "removing the lock")
    }
    var locked: Int32 = -1
    while locked < 0 {
      let candidate = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard candidate >= 0 else { throw .system(errno, at: path, doing: "opening the lock") }
      guard flock(candidate, LOCK_EX | LOCK_NB) == 0 else {
        let number = errno
        defer { close(candidate) }
        guard number == EWOULDBLOCK else { throw .system(number, at: path, doing: "locking") }
        throw try Self.held(candidate, path: path)
      }
      // Somebody may have put another file in its place between `open` and `flock`.
      if Self.isFile(candidate, at: path) { locked = candidate } else { close(candidate) }
    }
    file = locked
    try describe(path)
  }

  deinit {
    // Not by `close` alone: a child that is being spawned holds copies of all descriptors until it
    // executes, and would hold the lock with them.
    flock(file, LOCK_UN)
    close(file)
  }

  /// Whether any file of `folder` is locked by a process. Only looks: takes shared locks.
  static func isAnyHeld(in folder: String) throws(QueueError) -> Bool {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch CocoaError.fileReadNoSuchFile { return false } catch {
      let cause = (error as? CocoaError).flatMap(SystemCause.init(of:))
      throw .system(cause?.code ?? EACCES, at: folder, doing: "listing locks")
    }
    for name in names.sorted() where name.hasSuffix(".lock") {
      let path = "\(folder)/\(name)"
      let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
      guard file >= 0 else { throw .system(errno, at: path, doing: "opening the lock") }
      defer { close(file) }
      if flock(file, LOCK_SH | LOCK_NB) != 0 { return true }
    }
    return false
  }

  private static func isFile(_ file: Int32, at path: String) -> Bool {
    var opened = stat()
    var named = stat()
    guard unsafe fstat(file, &opened) == 0, unsafe stat(path, &named) == 0 else { return false }
    return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  private static func held(_ file: Int32, path: String) throws(QueueError) -> QueueError {
    let text = String(
      decoding: try readBytes(file, at: 0, count: 512, path: path), as: UTF8.self)
    let holder = text.split(separator: "\n").joined(separator: ", ")
    return QueueError(
      code: .locked, location: path,
      problem: "locked by \(holder.isEmpty ? "a process that has just started" : holder)",
      remedy: "Wait for it or end it, then try again.")
  }

  /// `pid 17` and so on, for the message of whoever comes second.
  private func describe(_ path: String) throws(QueueError) {
    let started = ISO8601DateFormatter().string(from: Date())
    let text = Array(
      "pid \(getpid())\nhost \(ProcessInfo.processInfo.hostName)\nsince \(started)\n".utf8)
    guard ftruncate(file, 0) == 0 else { throw .system(errno, at: path, doing: "truncate") }
    var written = 0
    // On a full disk the first write is short, and only the next one says why.
    while written < text.count {
      let count = unsafe text.withUnsafeBytes {
        unsafe pwrite(file, $0.baseAddress! + written, $0.count - written, off_t(written))
      }
      guard count >= 0 || errno == EINTR else { throw .system(errno, at: path, doing: "write") }
      written += max(count, 0)
    }
  }
}
