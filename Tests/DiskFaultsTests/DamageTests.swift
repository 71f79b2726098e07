import DiskFaults
import Foundation
import Testing

@Suite struct DamageTests {
  @Test func everyDamageChangesTheFileTheSameWayForTheSameSeed() throws {
    let folder = NSTemporaryDirectory() + "/damage-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var noise = Choices(seed: 1)
    let whole = noise.noise(20_000)
    var failures: [String] = []
    for damage in Damage.allCases {
      for seed in 0..<20 as Range<UInt64> {
        var found: [Data?] = []
        for copy in 0..<2 {
          let path = "\(folder)/\(damage)-\(seed)-\(copy)"
          try Data(whole).write(to: URL(fileURLWithPath: path))
          var choices = Choices(seed: seed)
          let what = try damage.apply(to: path, &choices)
          let now = FileManager.default.contents(atPath: path)
          if (what != nil) != (now != Data(whole)) {
            failures.append("\(damage) \(seed): \(what ?? "nil")")
          }
          found.append(now)
        }
        if found[0] != found[1] { failures.append("\(damage) \(seed) differs") }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  @Test func aPatchThatDoesNotApplyOnceFailsLoudly() throws {
    let folder = NSTemporaryDirectory() + "/patch-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try "one two two".write(toFile: folder + "/f", atomically: true, encoding: .utf8)
    func bug(_ old: String) -> PlantedBug {
      PlantedBug(name: "b", meaning: "m", edits: [.init("f", old, "x")], hunts: [])
    }
    #expect(try bug("one").planted(in: folder) == ["f": "x two two"])
    for old in ["two", "three"] {
      #expect(throws: PlantedBug.DoesNotApply.self) { try bug(old).planted(in: folder) }
    }
  }
}
