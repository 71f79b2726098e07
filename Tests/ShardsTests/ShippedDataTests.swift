import Foundation
import Records
import Shards
import Testing

/// The datasets under `shards/` are what the generators make today.
@Suite struct ShippedDataTests {
  private static let folder = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("shards").path

  private func differences(
    _ name: String, count: Int, _ expected: (Int) -> Prompt
  ) throws -> [Int] {
    let dataset = try Dataset(folder: "\(Self.folder)/\(name)")
    #expect(dataset.name == name)
    #expect(dataset.rows == count)
    return try (0..<min(count, dataset.rows)).filter { try dataset.row($0) != expected($0) }
  }

  @Test(arguments: LadderSettings.Side.allCases)
  func ladder(side: LadderSettings.Side) throws {
    let ladder = try Ladder(.standard(side))
    #expect(
      try differences("ladder-\(side.rawValue)", count: ladder.count, ladder.row).isEmpty)
  }

  @Test func countdown() throws {
    for (name, settings) in [
      ("countdown", CountdownSettings.train), ("countdown-test", CountdownSettings.test),
    ] {
      let countdown = try Countdown(settings)
      #expect(try differences(name, count: countdown.count, countdown.row).isEmpty)
    }
  }

  @Test func allPassTheCheck() throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder).sorted() {
      let check = try DatasetCheck(folder: "\(Self.folder)/\(name)")
      #expect(check.passes, "\(name): \(check.counts)")
      #expect(check.counts["empty_ground_truth"] == nil)
    }
  }
}
