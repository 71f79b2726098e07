import Conditions
import Foundation
import Preparation
import Records
import Shards
import Testing

@Suite struct DatasetPartsTests {
  @Test func aSampleIsDrawnWithoutReplacementInStoredOrder() throws {
    let sample = try DatasetSample(.rows(40), of: 100, seed: 3).places
    #expect(sample.count == 40 && Set(sample).count == 40 && sample == sample.sorted())
    #expect(try DatasetSample(.rows(40), of: 100, seed: 3).places == sample)
    #expect(try DatasetSample(.rows(40), of: 100, seed: 4).places != sample)
    #expect(try DatasetSample(.rows(100), of: 100, seed: 4).places == Array(0..<100))
    #expect(throws: ShardError.self) { try DatasetSample(.rows(101), of: 100, seed: 4) }
  }

  @Test func everyValueGetsItsRows() throws {
    // 90 of a, 9 of b, 1 of c.
    let value = { (place: Int) in place < 90 ? "a" : place < 99 ? "b" : "c" }
    let places = try DatasetSample(.rowsOfEach(5), of: 100, seed: 1, groups: value).places
    let counts = Dictionary(grouping: places, by: value).mapValues(\.count)
    #expect(counts == ["a": 5, "b": 5, "c": 1])
  }

  @Test func partsFollowFromSeedAndPromptAlone() {
    let split = DatasetSplit([.init(name: "a", share: 9), .init(name: "b", share: 1)], seed: 1)
    let rows = (0..<5000).map { row("question \($0)", id: "\($0)") }
    let second = rows.count { split.part(of: $0) == 1 }
    // 500 expected; five standard deviations of 21.
    #expect(abs(second - 500) < 106, "\(second)")
    for other in rows.prefix(200) {
      var twin = other
      twin.id = "another"
      twin.content = .text(other.content.body.uppercased() + " ?")
      #expect(split.part(of: twin) == split.part(of: other))
    }
    #expect(
      Set((0..<100).map { split.part(of: row(String(repeating: "+", count: $0))) }).count == 2)
  }

  @Test func aMixHoldsItsSharesAndNoRowTwice() throws {
    let folder = NSTemporaryDirectory() + "preparation-tests-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let sources = try [("a", 70), ("b", 20)].map { name, count in
      _ = try DatasetWriter.write(count: count, folder: "\(folder)/\(name)", name: name) {
        row("\(name) \($0)", id: "\($0)")
      }
      return try Dataset(folder: "\(folder)/\(name)")
    }
    let mix = try DatasetMix(sources, shares: [0.6, 0.2], seed: 1)
    // 20 of b are a quarter of 80; up to three of a may stand before the first that is missing.
    #expect((80...83).contains(mix.longest), "\(mix.longest)")
    let ids = try (0..<mix.longest).map { try mix.row($0).id }
    #expect(Set(ids).count == mix.longest && ids.contains("a/0") && ids.contains("b/19"))
    for start in stride(from: 0, to: 80, by: 4) {
      #expect(ids[start..<start + 4].count { $0.hasPrefix("a/") } == 3)
    }
  }

  @Test func fieldsOfARow() throws {
    var example = row(
      "äb", id: "x", truth: "7", demonstrations: ["one", "two"], tags: ["level": "3"])
    example.rejected = ["no"]
    let values: [(String, Condition.Value?)] = [
      ("id", .text("x")), ("source", .text("test")), ("prompt", .text("äb")),
      ("ground_truth", .text("7")), ("demonstration", .text("one")), ("demonstrations", .number(2)),
      ("rejected", .number(1)), ("messages", .number(0)), ("prompt_bytes", .number(3)),
      ("demonstration_bytes", .number(3)), ("tag.level", .text("3")), ("tag.none", nil),
    ]
    for (name, value) in values {
      #expect(PromptFields.kind(name) != nil, "\(name)")
      #expect(PromptFields.value(name, of: example) == value, "\(name)")
    }
    #expect(PromptFields.kind("level") == nil && PromptFields.kind("tag.") == nil)
  }
}
