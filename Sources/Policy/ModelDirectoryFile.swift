import Files
import Foundation

/// An open file of a model directory; closed with the last reference.
///
/// Reads by `pread` and not through a mapping: a file that shrinks under a mapping kills the
/// process with SIGBUS, here it is an error; and the bytes land in the array that keeps them.
final class ModelDirectoryFile: Sendable {
  let path: String
  /// Bytes when it was opened.
  let size: Int
  private let descriptor: Int32

  private init(path: String, descriptor: Int32, size: Int) {
    self.path = path
    self.descriptor = descriptor
    self.size = size
  }

  deinit { close(descriptor) }

  /// Opens a regular file for reading.
  static func reading(_ path: String) throws(ModelDirectoryError) -> ModelDirectoryFile {
    if case .notRegular = RegularFile.obstacle(at: path) { throw notRegular(path) }
    // Should the name mean something else by now, a FIFO is still not waited for.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else {
      throw .file(
        path, "cannot be opened (\(systemMessage()))",
        remedy: "Name a Hugging Face model directory with config.json and model.safetensors.")
    }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      close(descriptor)
      throw notRegular(path)
    }
    return ModelDirectoryFile(path: path, descriptor: descriptor, size: Int(status.st_size))
  }

  private static func notRegular(_ path: String) -> ModelDirectoryError {
    .file(path, "is not a regular file", remedy: "Name a file, not a directory or device.")
  }

  /// Creates a file that is not there yet; an existing one is never overwritten.
  static func creating(_ path: String) throws(ModelDirectoryError) -> ModelDirectoryFile {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .writing(
        path, "cannot be created (\(systemMessage()))",
        remedy: "Write into an existing, empty directory with enough rights.")
    }
    return ModelDirectoryFile(path: path, descriptor: descriptor, size: 0)
  }

  /// The text of `errno`, read before anything else can change it.
  private static func systemMessage() -> String {
    SystemCause(errno).reason
  }

  /// The error of the last call, with what to do about its cause.
  private static func failedWriting(_ path: String, _ problem: String) -> ModelDirectoryError {
    let cause = SystemCause(errno)
    return .writing(
      path, "\(problem) (\(cause.reason))",
      remedy: "\(cause.remedy ?? "Remove the cause"), then run the command again.")
  }

  /// Fills `buffer` with the bytes from `offset`, or throws; never fewer.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(ModelDirectoryError)
  {
    var done = 0
    while done < buffer.count {
      let count = unsafe pread(
        descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let why = count == 0 ? "ends early, at byte \(offset + done)" : Self.systemMessage()
        throw .file(path, "cannot be read (\(why))", remedy: "Fetch the file again.")
      }
      done += count
    }
  }

  /// `count` bytes from `offset`; the caller has checked them against `size`.
  func bytes(at offset: Int, count: Int) throws(ModelDirectoryError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0 && offset <= size - count, "\(offset), \(count)")
    var bytes = [UInt8](repeating: 0, count: count)
    try unsafe Self.withBytes(of: &bytes) { (buffer) throws(ModelDirectoryError) in
      try unsafe read(at: offset, into: buffer)
    }
    return bytes
  }

  /// Appends all of `buffer`.
  func write(_ buffer: UnsafeRawBufferPointer) throws(ModelDirectoryError) {
    var done = 0
    while done < buffer.count {
      let count = unsafe Foundation.write(
        descriptor, buffer.baseAddress! + done, buffer.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw Self.failedWriting(path, "cannot be written")
      }
      done += count
    }
  }

  func write(_ bytes: [UInt8]) throws(ModelDirectoryError) { try write(numbers: bytes) }

  /// Appends the memory of plain numbers.
  func write(numbers: [some BitwiseCopyable]) throws(ModelDirectoryError) {
    var bytes = numbers
    try unsafe Self.withBytes(of: &bytes) { (buffer) throws(ModelDirectoryError) in
      try unsafe write(UnsafeRawBufferPointer(buffer))
    }
  }

  /// Waits until the bytes, or a directory's entries, are on the disk.
  func synchronize() throws(ModelDirectoryError) {
    guard fsync(descriptor) == 0 else {
      throw Self.failedWriting(path, "cannot be brought to the disk")
    }
  }

  /// Gives a file or directory another name, and brings that to the disk.
  static func rename(_ path: String, to target: String) throws(ModelDirectoryError) {
    guard unsafe Foundation.rename(path, target) == 0 else {
      throw failedWriting(target, "cannot be named so")
    }
    let parent = (target as NSString).deletingLastPathComponent
    try synchronize(directory: parent.isEmpty ? "." : parent)
  }

  /// Brings the entries of a directory to the disk.
  static func synchronize(directory path: String) throws(ModelDirectoryError) {
    let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw .file(
        path, "cannot be opened as a directory (\(systemMessage()))",
        remedy: "Make the directory first.")
    }
    try ModelDirectoryFile(path: path, descriptor: descriptor, size: 0).synchronize()
  }

  /// The array's memory as raw bytes; its element must be a plain number.
  static func withBytes<Element: BitwiseCopyable, Result>(
    of array: inout [Element],
    _ body: (UnsafeMutableRawBufferPointer) throws(ModelDirectoryError) -> Result
  ) throws(ModelDirectoryError) -> Result {
    try unsafe array.withUnsafeMutableBufferPointer { (buffer) throws(ModelDirectoryError) in
      try unsafe body(UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// All bytes of a small file; `limit` guards against a file that is something else.
  static func contents(
    of path: String, limit: Int = 100_000_000
  ) throws(ModelDirectoryError) -> [UInt8] {
    let file = try reading(path)
    guard file.size <= limit else {
      throw .malformed(path, "has \(file.size) bytes, more than the \(limit) such a file may have")
    }
    return try file.bytes(at: 0, count: file.size)
  }
}
