import Files
import Foundation

/// Whole files: read within a limit, written so that after a crash there is the old file or the new.
enum StoredFile {
  /// The bytes of the regular file at `path`, at most `limit`, which must lie in `folder` when links
  /// are followed: what a dataset's files say must not depend on anything outside of it.
  static func read(
    _ path: String, limit: Int, within folder: String
  ) throws(ShardError) -> [UInt8] {
    do {
      return try RegularFile.read(path, limit: limit, within: folder)
    } catch {
      switch error {
      case .missing:
        throw ShardError(
          .missing, location: path, problem: "there is no such file",
          remedy: "Restore it from its origin or write the dataset again.")
      case .notRegular(let kind): throw .damaged(path, "it is \(kind), not a file")
      case .outside:
        throw .damaged(path, "it is a link to a file outside of the dataset's folder")
      case .tooLong(let bytes):
        throw ShardError(
          .limit, location: path, problem: "it has \(bytes) bytes, more than \(limit)",
          remedy: "Restore it from its origin, or write the dataset again in smaller shards.")
      case .system(let reason): throw io(path, "it cannot be read: \(reason)")
      }
    }
  }

  /// Writes to `path` + `.partial` and asks the disk to keep it.
  static func writePartial(_ bytes: [UInt8], for path: String) throws(ShardError) {
    let partial = path + ".partial"
    let mode = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC
    let descriptor = unsafe open(partial, mode, 0o666)
    guard descriptor >= 0 else { throw failure(partial, "it cannot be written") }
    defer { close(descriptor) }
    var done = 0
    while done < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe write(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(partial, "it cannot be written") }
      done += count
    }
    guard fsync(descriptor) == 0 else { throw failure(partial, "it cannot be written") }
  }

  /// The same for a file that is written bit by bit: an empty one, to which `append` adds.
  static func createPartial(for path: String) throws(ShardError) -> FileHandle {
    let partial = path + ".partial"
    do {
      try Data().write(to: URL(fileURLWithPath: partial))
      return try FileHandle(forWritingTo: URL(fileURLWithPath: partial))
    } catch { throw io(partial, "it cannot be written", error) }
  }

  static func append(
    _ bytes: [UInt8], to file: FileHandle, _ path: String
  ) throws(ShardError) {
    do { try file.write(contentsOf: Data(bytes)) } catch {
      throw io(path + ".partial", "it cannot be written", error)
    }
  }

  /// Asks the disk to keep what `append` has written.
  static func synchronize(_ file: FileHandle, _ path: String) throws(ShardError) {
    do { try file.synchronize() } catch {
      throw io(path + ".partial", "it cannot be written", error)
    }
  }

  /// The same for the last time, and closes the file.
  static func finish(_ file: FileHandle, _ path: String) throws(ShardError) {
    do {
      try file.synchronize()
      try file.close()
    } catch { throw io(path + ".partial", "it cannot be written", error) }
  }

  /// Gives the partial file its name, in place of what had it.
  static func publish(_ path: String) throws(ShardError) {
    guard unsafe rename(path + ".partial", path) == 0 else {
      throw failure(path, "the finished file cannot be renamed")
    }
  }

  static func remove(_ path: String) throws(ShardError) {
    guard unsafe unlink(path) == 0 || errno == ENOENT else {
      throw failure(path, "it cannot be removed")
    }
  }

  static func makeFolder(_ path: String) throws(ShardError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      throw io(path, "the folder cannot be made", error)
    }
  }

  /// Asks the disk to keep the names in a folder.
  static func synchronizeFolder(_ path: String) throws(ShardError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY)
    guard descriptor >= 0 else { throw failure(path, "the folder cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure(path, "the folder cannot be synchronized") }
  }

  /// The error of the last system call.
  private static func failure(_ path: String, _ what: String) -> ShardError {
    let reason = unsafe String(cString: strerror(errno))
    return io(path, "\(what): \(reason)")
  }

  private static func io(_ path: String, _ what: String, _ error: any Error) -> ShardError {
    io(path, "\(what): \((error as NSError).localizedDescription)")
  }

  private static func io(_ path: String, _ problem: String) -> ShardError {
    ShardError(
      .io, location: path, problem: problem, remedy: "Check permissions and free space there.")
  }
}
