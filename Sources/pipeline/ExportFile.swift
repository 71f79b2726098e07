import ArgumentParser
import Foundation
import Inspector

/// A file that stands in its place only once it is whole; or stdout.
final class ExportFile {
  private static let bufferSize = 1 << 20

  private let path: String
  /// Nil: stdout.
  private let file: FileHandle?
  private let temporary: String
  private var buffer: [UInt8] = []

  /// Hands `body` the file, puts it in its place when `body` is through, and leaves nothing behind when
  /// it throws.
  ///
  /// - Parameters:
  ///   - path: `-` is stdout.
  ///   - replaces: an existing file gives way, once the new one is whole.
  static func write<Result>(
    _ path: String, replaces: Bool, _ body: (ExportFile) throws -> Result
  ) throws -> Result {
    let file = try ExportFile(path, replaces: replaces)
    do {
      let result = try body(file)
      try file.close()
      return result
    } catch {
      file.abandon()
      throw error
    }
  }

  private init(_ path: String, replaces: Bool) throws {
    self.path = path
    temporary = "\(path).\(getpid()).tmp"
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
    let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
  }

  /// What `--json` says of a file is no part of the file.
  static func validate(_ path: String?, json: Bool) throws(ValidationError) {
    if path == "-", json {
      throw ValidationError("--json prints on stdout, where --out - has the file: name a file.")
    }
  }

  func write(_ text: String) throws { try write(text.utf8) }

  func write(_ bytes: some Sequence<UInt8>) throws {
    buffer += bytes
    if buffer.count >= Self.bufferSize { try flush() }
  }

  /// Puts the file in its place.
  private func close() throws {
    try flush()
    guard let file else { return }
    guard fsync(file.fileDescriptor) == 0, unsafe rename(temporary, path) == 0 else {
      throw Self.failure(path)
    }
  }

  /// Leaves nothing behind.
  private func abandon() {
    if file != nil { unsafe unlink(temporary) }
  }

  private func flush() throws {
    defer { buffer = [] }
    guard let file else { return Output.exact(String(decoding: buffer, as: UTF8.self)) }
    do { try file.write(contentsOf: buffer) } catch {
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
