import Files
import Foundation
import Records
import Synchronization

/// A file of lines that is only ever appended to. Threads may share one, processes a file.
///
/// A line is durable when `append` returns. One that a kill or a power cut has torn stands last; it is
/// not read, and whoever appends next cuts it off.
final class AppendedLines: Sendable {
  private static let longest = 16 << 30

  let path: String
  private let descriptor = Mutex<Int32?>(nil)

  init(_ path: String) { self.path = path }

  deinit { descriptor.withLock { if let descriptor = $0 { close(descriptor) } } }

  /// The whole lines, without their ends; none where there is no file.
  func lines() throws(JudgeError) -> [ArraySlice<UInt8>] {
    if case .missing? = RegularFile.obstacle(at: path) { return [] }
    do {
      // What follows the last line end is torn, or still being written.
      return try RegularFile.read(path, limit: Self.longest)
        .split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    } catch {
      throw JudgeError(
        .file, at: path, "it cannot be read: \(error)",
        remedy: "Check the path and its permissions.")
    }
  }

  /// Under a lock, so that of processes that share the file none comes between.
  func append(_ line: [UInt8]) throws(JudgeError) {
    let line = line + [UInt8(ascii: "\n")]
    try descriptor.withLock { descriptor throws(JudgeError) in
      if descriptor == nil { descriptor = try Self.open(path) }
      guard let open = descriptor else { return }
      guard flock(open, LOCK_EX) == 0 else { throw Self.failure("locked", path) }
      defer { flock(open, LOCK_UN) }
      let end = lseek(open, 0, SEEK_END)
      let written = unsafe line.withUnsafeBytes {
        unsafe write(open, $0.baseAddress, $0.count)
      }
      guard written == line.count, fsync(open) == 0 else {
        let failure = Self.failure("written", path)
        ftruncate(open, end)
        throw failure
      }
    }
  }

  private static func open(_ path: String) throws(JudgeError) -> Int32 {
    let descriptor = unsafe Foundation.open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("opened", path) }
    guard flock(descriptor, LOCK_EX) == 0 else { throw failure("locked", path) }
    defer { flock(descriptor, LOCK_UN) }
    var end = lseek(descriptor, 0, SEEK_END)
    var byte: UInt8 = 0
    while end > 0, unsafe pread(descriptor, &byte, 1, end - 1) == 1, byte != UInt8(ascii: "\n") {
      end -= 1
    }
    guard ftruncate(descriptor, end) == 0 else { throw failure("cut", path) }
    return descriptor
  }

  private static func failure(_ what: String, _ path: String) -> JudgeError {
    let cause = SystemCause(errno)
    return JudgeError(
      .file, at: path, "it cannot be \(what): \(cause.reason)",
      remedy: cause.remedy.map { "\($0), then run the same command again." }
        ?? "Check the path and its permissions.")
  }
}
