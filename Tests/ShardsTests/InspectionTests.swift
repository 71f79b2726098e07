import Foundation
import Records
import Shards
import Testing

@Suite struct InspectionTests {
  private func prompt(
    _ id: String, _ text: String, _ truth: String = "1", _ demonstrations: [String] = []
  ) -> Prompt {
    Prompt(
      id: id, content: .text(text), groundTruth: truth, demonstrations: demonstrations,
      source: "s", tags: ["level": "\(text.utf8.count)"])
  }

  @Test func checkCountsEveryKind() throws {
    let folder = try TemporaryFolder()
    let rows = [
      prompt("a", "x"), prompt("b", "y"), prompt("a", "z"), prompt("c", "x"), prompt("", "w"),
      prompt("d", " "), prompt("e", "v", ""), prompt("f", "u", "1", ["ok", ""]),
    ]
    _ = try DatasetTests.write(rows, folder, rowsPerShard: 3)
    let check = try DatasetCheck(folder: folder.path, findingsPerKind: 1)
    #expect(
      check.counts == [
        "duplicate_id": 1, "duplicate_prompt": 1, "empty_id": 1, "empty_prompt": 1,
        "empty_ground_truth": 1, "empty_demonstration": 1,
      ])
    #expect(!check.passes)
    #expect(check.findings.first { $0.kind == .duplicateID }?.location.hasSuffix("row 2") == true)
    let shard = try Dataset(folder: folder.path).manifest.shards[1].file
    try folder.write([1, 2, 3], shard)
    let damaged = try DatasetCheck(folder: folder.path)
    #expect(damaged.counts["shard"] == 1)
    #expect(damaged.counts["duplicate_id"] == 1)
    #expect(damaged.counts["empty_ground_truth"] == 1)
    #expect(damaged.counts["empty_id"] == nil)
  }

  @Test func aCleanDatasetPasses() throws {
    let folder = try TemporaryFolder()
    _ = try DatasetTests.write([prompt("a", "x"), prompt("b", "y")], folder)
    let check = try DatasetCheck(folder: folder.path)
    #expect(check.passes && check.findings.isEmpty && check.rows == 2)
  }

  @Test func statisticsCountSourcesTagsAndLengths() throws {
    let folder = try TemporaryFolder()
    let rows = [prompt("a", "xyz"), prompt("b", "y", ""), prompt("c", "é", "12", ["1234", ""])]
    _ = try DatasetTests.write(rows, folder)
    let statistics = try DatasetStatistics(of: Dataset(folder: folder.path))
    #expect(statistics.rows == 3)
    #expect(statistics.sources == ["s": 3])
    #expect(statistics.tags == ["level": ["3": 1, "1": 1, "2": 1]])
    #expect(statistics.prompts.total == 6 && statistics.prompts.longest == 3)
    #expect(statistics.prompts.histogram == [1, 2])
    #expect(statistics.demonstrations.histogram == [1, 0, 1])
    #expect(statistics.rowsWithoutDemonstration == 2)
    #expect(statistics.rowsWithoutGroundTruth == 1)
  }

  @Test func demonstrationsJoinByPromptID() throws {
    let (left, right) = (try TemporaryFolder(), try TemporaryFolder())
    _ = try DatasetTests.write(
      [prompt("a", "x", "1", ["own"]), prompt("b", "y"), prompt("c", "z")], left)
    _ = try DatasetTests.write(
      [
        prompt("b", "", "", ["b1"]), prompt("a", "", "", ["a1", "a2"]), prompt("q", "", "", ["q"]),
        prompt("b", "", "", ["b2"]),
      ], right)
    let (prompts, others) = (try Dataset(folder: left.path), try Dataset(folder: right.path))
    let joined = try JoinedDemonstrations(prompts: prompts, demonstrations: others)
    #expect(
      try (0..<3).map { try joined.row($0).demonstrations } == [
        ["own", "a1", "a2"], ["b1", "b2"], [],
      ])
    #expect(joined.rows == 3 && joined.unmatchedRows == 1 && joined.unmatchedPrompts == 1)
    #expect(try joined.row(0).content == .text("x"))
    #expect(joined.fingerprint != prompts.fingerprint)
    let twice = try TemporaryFolder()
    _ = try DatasetTests.write([prompt("a", "x"), prompt("a", "y")], twice)
    let error = #expect(throws: ShardError.self) {
      try JoinedDemonstrations(prompts: Dataset(folder: twice.path), demonstrations: others)
    }
    #expect(error?.code == .row)
  }
}
