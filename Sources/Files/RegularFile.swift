public import Foundation

/// Reading of files that someone else wrote: whole, bounded, and regular files only.
///
/// A FIFO would block its opener for ever, a device has no end, and a file that grows would be read
/// into all memory there is. None of them is ever a definition, a dataset or a model.
public enum RegularFile {
  /// The bytes of the regular file at `path`.
  /// - Parameters:
  ///   - limit: most bytes; a longer file is refused before they are read.
  ///   - folder: where given, the file must lie right in it when all symbolic links are followed.
  public static func read(
    _ path: String, limit: Int, within folder: String? = nil
  ) throws(RegularFileError) -> [UInt8] {
    if let folder { try requirePlace(of: path, within: folder) }
    let (descriptor, size) = try open(path)
    defer { close(descriptor) }
    guard size <= limit else { throw .tooLong(bytes: size) }
    // Files of procfs have a size of 0, whatever they hold.
    var bytes = [UInt8](repeating: 0, count: size == 0 ? min(limit, 1 << 16) + 1 : size)
    var done = 0
    while done < bytes.count {
      let space = bytes.count - done
      let count = unsafe bytes.withUnsafeMutableBytes {
        unsafe Foundation.read(descriptor, $0.baseAddress! + done, space)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(message(errno)) }
      guard count > 0 else { break }
      done += count
      if done == bytes.count, size == 0 {
        guard done <= limit else { throw .tooLong(bytes: done) }
        bytes.append(contentsOf: repeatElement(0, count: min(done, limit - done) + 1))
      }
    }
    guard done <= limit else { throw .tooLong(bytes: done) }
    bytes.removeLast(bytes.count - done)
    return bytes
  }

  /// Shows `body` the bytes of the regular file at `path`, a megabyte at a time.
  /// - Parameter limit: most bytes; a longer file is refused before they are read.
  /// - Returns: how many there were.
  @discardableResult
  public static func forEachPiece(
    _ path: String, limit: Int, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(RegularFileError) -> Int {
    let (descriptor, size) = try open(path)
    defer { close(descriptor) }
    guard size <= limit else { throw .tooLong(bytes: size) }
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    var done = 0
    while true {
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Foundation.read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .system(message(errno)) }
      guard count > 0 else { return done }
      done += count
      guard done <= limit else { throw .tooLong(bytes: done) }
      unsafe piece.withUnsafeBytes { unsafe body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
  }

  /// What stands at `path`; nil for a regular file.
  public static func obstacle(at path: String) -> RegularFileError? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else {
      return errno == ENOENT || errno == ENOTDIR ? .missing : .system(message(errno))
    }
    return kind(of: status.st_mode).map(RegularFileError.notRegular)
  }

  /// Looked at before it is opened, since opening alone can wait (a FIFO) or act (a device); and
  /// again afterwards, since the name may mean something else by then.
  static func open(
    _ path: String
  ) throws(RegularFileError) -> (descriptor: Int32, size: Int) {
    if let obstacle = obstacle(at: path) { throw obstacle }
    let descriptor = unsafe Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw .system(message(errno)) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else {
      let reason = message(errno)
      close(descriptor)
      throw .system(reason)
    }
    if let kind = kind(of: status.st_mode) {
      close(descriptor)
      throw .notRegular(kind)
    }
    return (descriptor, Int(status.st_size))
  }

  private static func requirePlace(
    of path: String, within folder: String
  ) throws(RegularFileError) {
    guard let file = resolved(path), let home = resolved(folder) else { throw .missing }
    guard PathParts.folder(of: file) == home else { throw .outside }
  }

  /// `path` with all symbolic links followed; nil where nothing is there.
  private static func resolved(_ path: String) -> String? {
    guard let real = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(real) }
    return unsafe String(cString: real)
  }

  private static func kind(of mode: mode_t) -> String? {
    switch mode & S_IFMT {
    case S_IFREG: nil
    case S_IFDIR: "a folder"
    case S_IFIFO: "a FIFO"
    case S_IFSOCK: "a socket"
    default: "a device"
    }
  }

  private static func message(_ code: Int32) -> String { SystemCause(code).reason }
}

/// Why a file was not read. Each reader makes its own module's error of it.
public enum RegularFileError: Error, Equatable, Sendable {
  case missing
  /// What stands there instead: `a folder`, `a FIFO`, `a socket`, `a device`.
  case notRegular(String)
  case tooLong(bytes: Int)
  /// A symbolic link leads out of the folder that must hold the file.
  case outside
  /// The system's own words.
  case system(String)
}

extension RegularFileError: LocalizedError, CustomStringConvertible {
  public var errorDescription: String? { description }

  /// Half a sentence, as it follows a colon.
  public var description: String {
    switch self {
    case .missing: "it is not there"
    case .notRegular(let kind): "it is \(kind), not a file"
    case .tooLong(let bytes): "it has \(bytes) bytes, more than such a file may have"
    case .outside: "it is a link that leads out of its folder"
    case .system(let reason): reason
    }
  }
}
