import Files
import Foundation
import Records

/// The JSON objects at the end of a file that has one on each line.
///
/// For files that others append to without a lock and without syncing: a last line that is half
/// there is left out, and one that cannot be read, as a power cut leaves them, is counted.
struct LineTail: Sendable {
  /// Oldest first.
  private(set) var lines: [JSONValue] = []
  /// Lines that are no JSON.
  private(set) var unreadable = 0

  /// - Parameters:
  ///   - bytes: how much of the file's end is looked at.
  ///   - remedy: what to do about a file that is there and cannot be read; an absent one has no lines.
  init(path: String, bytes: UInt64 = 1 << 20, remedy: String) throws(InspectorError) {
    guard FileManager.default.fileExists(atPath: path) else { return }
    let data: Data
    let start: UInt64
    do {
      // To open a FIFO would be to wait for its writer.
      if let obstacle = RegularFile.obstacle(at: path) { throw obstacle }
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      let length = try file.seekToEnd()
      start = length > bytes ? length - bytes : 0
      try file.seek(toOffset: start)
      data = try file.readToEnd() ?? Data()
      try file.close()
    } catch {
      throw InspectorError(
        .file, at: path, "cannot read it: \(error.localizedDescription)", remedy: remedy)
    }
    var texts = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    if start > 0, !texts.isEmpty { texts.removeFirst() }
    if data.last != UInt8(ascii: "\n"), !texts.isEmpty { texts.removeLast() }
    for text in texts {
      do throws(JSONError) {
        lines.append(try JSONValue(parsing: Array(text), location: path))
      } catch { unreadable += 1 }
    }
  }
}
