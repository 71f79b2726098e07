import Foundation
import Pages
import Testing

/// `metrics.jsonl` as it grows, is torn, and is written anew.
@Suite("Metrics as columns")
struct MetricsTableTests {
  @Test("lines that are added are read on from; another file is read from its start")
  func growth() throws {
    let path = NSTemporaryDirectory() + "/metrics-\(UUID().uuidString).jsonl"
    defer { try? FileManager.default.removeItem(atPath: path) }
    func write(_ text: String) throws { try Data(text.utf8).write(to: URL(fileURLWithPath: path)) }
    func append(_ text: String) throws {
      let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try file.seekToEnd()
      try file.write(contentsOf: Data(text.utf8))
      try file.close()
    }
    var table = MetricsTable(path: path)
    try table.read()
    #expect(table.steps.isEmpty)
    try write("{\"step\":0,\"a\":1}\n{\"step\":1,\"a\":\"NaN\",\"b\":2}\n{\"step\":2,\"a\"")
    try table.read()
    // The last line is half there.
    #expect(table.steps == [0, 1] && table.series("b").map(\.isNaN) == [true, false])
    #expect(table.nonFinite == ["a": 1])
    try append(":3}\nno json\n{\"step\":3,\"a\":\"-Infinity\"}\n")
    try table.read()
    #expect(table.steps == [0, 1, 2, 3] && table.unreadable == 1)
    #expect(table.series("a")[2] == 3 && table.series("a")[3] == -.infinity)
    // A resumed run writes another file under the name.
    let other = path + ".new"
    let lines = (0..<9).map { "{\"step\":\($0),\"a\":7}\n" }.joined()
    try Data(lines.utf8).write(to: URL(fileURLWithPath: other))
    #expect(unsafe rename(other, path) == 0)
    try table.read()
    #expect(table.steps == (0..<9).map(Double.init) && table.series("a").allSatisfy { $0 == 7 })
    #expect(table.nonFinite.isEmpty)
    try FileManager.default.removeItem(atPath: path)
    try table.read()
    #expect(table.steps.isEmpty)
  }
}
