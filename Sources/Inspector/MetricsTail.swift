import Files
import Foundation
public import Records

/// The last lines of a run's `metrics.jsonl`.
///
/// The file is derived from the logs and not synced, so a power cut may leave holes in it, which
/// the next start of the run fills: a line that cannot be read is counted and left out.
public struct MetricsTail: Sendable {
  /// One object a step, oldest first.
  public private(set) var lines: [JSONValue] = []
  /// Lines that are no JSON.
  public private(set) var unreadable = 0

  /// - Parameter bytes: how much of the file's end is looked at.
  /// - Throws: when the file is there and cannot be read; an absent one has no lines.
  public init(path: String, bytes: UInt64 = 1 << 20) throws(InspectorError) {
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
        .file, at: path, "cannot read it: \(error.localizedDescription)",
        remedy: "Check its permissions; `pipeline resume` writes it anew.")
    }
    var texts = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: true)
    if start > 0, !texts.isEmpty { texts.removeFirst() }
    // The file is appended to without a lock, so its last line may be half there.
    if data.last != UInt8(ascii: "\n"), !texts.isEmpty { texts.removeLast() }
    for text in texts {
      do throws(JSONError) {
        lines.append(try JSONValue(parsing: Array(text), location: path))
      } catch { unreadable += 1 }
    }
  }

  /// One metric over the steps; NaN where a step has none.
  public func series(_ name: String) -> [Double] {
    lines.map { Self.number($0[name]) ?? .nan }
  }

  /// The last step's value.
  public func last(_ name: String) -> Double? {
    series(name).last.flatMap { $0.isNaN ? nil : $0 }
  }

  /// The steps of the lines.
  var steps: [UInt64] { lines.compactMap { $0["step"]?.integer.flatMap(UInt64.init(exactly:)) } }

  /// What is not finite stands as text.
  private static func number(_ value: JSONValue?) -> Double? {
    value.flatMap { $0.double ?? $0.string.flatMap(Double.init) }
  }
}
