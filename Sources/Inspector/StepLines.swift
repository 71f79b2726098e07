import Files
public import Metrics
public import Stages

/// The lines of a run's `metrics.jsonl`, read one by one.
///
/// The file is not synced, so a power cut may leave holes in it, and its last line may be half there
/// while the run goes on: what cannot be read is counted and left out.
public struct StepLines {
  private let path: String
  /// Longest line that is read: one of thousands of sources.
  private static let longest = 1 << 22

  public init(of run: RunDirectory) { path = run.metrics }

  /// - Returns: how many lines could not be read.
  /// - Throws: what `body` throws, and when there is no file or it cannot be read.
  @discardableResult
  public func forEachLine(_ body: (MetricLine) throws -> Void) throws -> Int {
    let file = try open()
    var unreadable = 0
    var rest: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    while case let count = try file.read(into: &piece), count > 0 {
      rest += piece[..<count]
      var start = 0
      while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
        let line: MetricLine?
        do { line = try MetricLine(json: rest[start..<end], location: path) } catch { line = nil }
        if let line { try body(line) } else { unreadable += 1 }
        start = end + 1
      }
      rest.removeFirst(start)
      guard rest.count <= Self.longest else {
        throw InspectorError(
          .file, at: path, "a line has more than \(Self.longest) bytes",
          remedy: "`pipeline resume` writes the file anew.")
      }
    }
    return unreadable
  }

  private func open() throws -> RegularFileReader {
    do { return try RegularFileReader(path) } catch {
      throw InspectorError(
        .file, at: path, "cannot read it: \(error)",
        remedy: error == .missing
          ? "A run has it from its first step on; `pipeline resume` writes it anew."
          : "Check its permissions.")
    }
  }
}
