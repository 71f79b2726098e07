import Foundation
import Inspector
import Testing

@Suite("metrics.jsonl")
struct MetricsTailTests {
  private func tail(_ text: String, bytes: UInt64 = 1 << 20) throws -> MetricsTail {
    let path = NSTemporaryDirectory() + "/metrics-\(UUID().uuidString).jsonl"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    defer {
      do { try FileManager.default.removeItem(atPath: path) } catch { print("left: \(path)") }
    }
    return try MetricsTail(path: path, bytes: bytes)
  }

  @Test("a half-written last line is left out; non-finite numbers are strings")
  func series() throws {
    let metrics = try tail(#"{"a":1}"# + "\n" + #"{"a":"Infinity","b":2}"# + "\n" + #"{"a":3"#)
    #expect(metrics.lines.count == 2)
    #expect(metrics.series("a") == [1, .infinity])
    #expect(metrics.series("b")[0].isNaN)
    #expect(metrics.last("b") == 2)
  }

  @Test("of a long file only whole lines of its end are read")
  func end() throws {
    let metrics = try tail((0..<100).map { #"{"a":\#($0)}"# + "\n" }.joined(), bytes: 20)
    #expect(metrics.series("a") == [98, 99])
  }

  @Test("no file, no lines; what a power cut left of a line is counted and left out")
  func bad() throws {
    #expect(try MetricsTail(path: NSTemporaryDirectory() + "/none.jsonl").lines.isEmpty)
    let torn = try tail(#"{"a":1}"# + "\n" + "{\"a\":\0\0\0\n" + #"{"a":3}"# + "\n")
    #expect(torn.series("a") == [1, 3] && torn.unreadable == 1)
  }
}
