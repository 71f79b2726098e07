import Files
import Foundation
import Stages

/// A file that is written piece by piece beside its place, and appears there when it is whole.
public final class StreamedFile {
  private let path: String
  private let temporary: String
  private let file: FileHandle
  private var buffer: [UInt8] = []
  private var isFinished = false

  /// - Throws: where the folder of `path` is not there or may not be written.
  public init(_ path: String) throws {
    self.path = path
    temporary = "\(path).tmp-\(getpid())"
    guard FileManager.default.createFile(atPath: temporary, contents: nil) else {
      throw InspectorError(
        .file, at: path, "cannot write it: \(SystemCause(errno).reason)",
        remedy: "Check that its folder is there and may be written.")
    }
    file = try FileHandle(forWritingTo: URL(fileURLWithPath: temporary))
  }

  deinit {
    guard !isFinished else { return }
    // Without its end nobody wants it.
    unlinkIgnoringErrors()
  }

  private func unlinkIgnoringErrors() { _ = unsafe unlink(temporary) }

  public func write(_ bytes: some Sequence<UInt8>) throws {
    buffer += bytes
    if buffer.count >= 1 << 18 { try flush() }
  }

  private func flush() throws {
    try file.write(contentsOf: buffer)
    buffer.removeAll(keepingCapacity: true)
  }

  /// Puts the whole file in its place.
  public func finish() throws {
    try flush()
    try file.synchronize()
    try file.close()
    guard unsafe rename(temporary, path) == 0 else {
      throw InspectorError(
        .file, at: path, "cannot put it there: \(SystemCause(errno).reason)",
        remedy: "Check that its folder may be written and that it is no folder.")
    }
    isFinished = true
  }
}
