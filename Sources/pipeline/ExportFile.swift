import Foundation
import Inspector

/// A file that stands in its place only once it is whole; or stdout.
final class ExportFile {
  private static let bufferSize = 1 << 20

  private let path: String
  /// Nil: stdout.
  private let file: FileHandle?
  private var buffer = ""

  private var temporary: String { "\(path).\(getpid()).tmp" }

  /// - Parameter replaces: an existing file gives way, once the new one is whole.
  init(_ path: String, replaces: Bool) throws {
    self.path = path
    guard path != "-" else {
      file = nil
      return
    }
    var status = stat()
    if !replaces, unsafe lstat(path, &status) == 0 {
      throw InspectorError(
        .exists, at: path, "there is something in this place already",
        remedy: "Name another file, or replace it with --force.")
    }
    let name = "\(path).\(getpid()).tmp"
    let descriptor = unsafe open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(name) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  func write(_ text: String) throws {
    buffer += text
    if buffer.utf8.count >= Self.bufferSize { try flush() }
  }

  /// Puts the file in its place.
  func close() throws {
    try flush()
    guard let file else { return }
    guard fsync(file.fileDescriptor) == 0, unsafe rename(temporary, path) == 0 else {
      throw Self.failure(path)
    }
  }

  /// Leaves nothing behind.
  func abandon() {
    if file != nil { unsafe unlink(temporary) }
  }

  private func flush() throws {
    defer { buffer = "" }
    guard let file else { return Output.exact(buffer) }
    do { try file.write(contentsOf: Data(buffer.utf8)) } catch {
      throw InspectorError(
        .file, at: path, "cannot write it: \(error.localizedDescription)",
        remedy: "Make room on the disk, or name another place.")
    }
  }

  private static func failure(_ path: String) -> InspectorError {
    InspectorError(
      .file, at: path, "cannot write it: \(unsafe String(cString: strerror(errno)))",
      remedy: "Check the path and its permissions.")
  }
}
