import Foundation
import Metrics

/// `metrics.jsonl` as columns. It grows line by line and is written anew when a run is resumed.
package struct MetricsTable: Sendable {
  private let path: String
  private var file: UInt64?
  private var offset: UInt64 = 0
  package private(set) var steps: [Double] = []
  /// By name, a value a step; NaN where a step has none.
  package private(set) var columns: [String: [Double]] = [:]
  /// Lines that cannot be read, as a power cut leaves them.
  package private(set) var unreadable = 0
  /// Values that are written as NaN or an infinity, by name.
  package private(set) var nonFinite: [String: Int] = [:]

  package init(path: String) { self.path = path }

  /// Reads the whole lines that were added; all of them where the file is another one.
  package mutating func read() throws {
    var status = stat()
    guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      self = MetricsTable(path: path)
      return
    }
    if UInt64(status.st_ino) != file || UInt64(status.st_size) < offset {
      self = MetricsTable(path: path)
      file = UInt64(status.st_ino)
    }
    guard UInt64(status.st_size) > offset else { return }
    let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { handle.closeFile() }
    try handle.seek(toOffset: offset)
    let data = try handle.readToEnd() ?? Data()
    guard let end = data.lastIndex(of: UInt8(ascii: "\n")) else { return }
    for line in data[...end].split(separator: UInt8(ascii: "\n")) { add(Array(line)) }
    offset += UInt64(end - data.startIndex + 1)
  }

  private mutating func add(_ bytes: [UInt8]) {
    let line: MetricLine
    do { line = try MetricLine(json: bytes, location: path) } catch {
      unreadable += 1
      return
    }
    let row = steps.count
    steps.append(Double(line.step))
    for (name, value) in line.values {
      if !value.isFinite { nonFinite[name, default: 0] += 1 }
      var column = columns.removeValue(forKey: name) ?? []
      while column.count < row { column.append(.nan) }
      column.append(value)
      columns[name] = column
    }
  }

  /// A value for every step.
  package func series(_ name: String) -> [Double] {
    var column = columns[name] ?? []
    while column.count < steps.count { column.append(.nan) }
    return column
  }
}
