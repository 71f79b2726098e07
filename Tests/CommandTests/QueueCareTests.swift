import Foundation
import Testing

/// `pipeline queue verify | repair | compact | gc | backup` as a user meets them.
@Suite(.serialized) struct QueueCareTests {
  /// A run whose definition names absolute places, so that it works in any folder.
  private func run(in scratch: Scratch, steps: Int) throws -> String {
    let definition = try scratch.write(
      """
      seed: 5
      steps: \(steps)
      model: {tokenizer: \(Binary.root)/pipelines/tokenizers/ladder, hidden_size: 32, \
      intermediate_size: 64, layers: 1, heads: 2, key_value_heads: 1, head_dimension: 16, \
      maximum_positions: 128}
      data: {prompts: \(Binary.root)/shards/ladder-train, prompts_per_step: 12}
      rollout: {count: 4, maximum_tokens: 20, chunk_groups: 5}
      algorithm: {name: hpt, aggregation: {constant: 64}}
      checkpoint: {every: 5}
      compute: {threads: 1}
      """, to: "tiny.yaml")
    let path = scratch.path + "/run"
    let made = try Binary.run(["run", definition, "--run", path, "--quiet"])
    try #require(made.status == 0, "\(made.error)")
    return path
  }

  private func digests(_ run: String, in folder: String = Binary.root) throws -> String {
    let result = try Binary.run(["queue", "digest", run, "--json"], in: folder)
    try #require(result.status == 0, "\(result.error)")
    return result.out
  }

  @Test func damageIsReportedWithTheStatusOfACorruptStoreAndMended() throws {
    let scratch = try Scratch()
    let path = try run(in: scratch, steps: 6)
    let before = try digests(path)
    let clean = try Binary.run(["queue", "verify", path, "--json"])
    #expect(clean.status == 0, "\(clean.out)")

    let data = URL(fileURLWithPath: path + "/queue/data.mdb")
    var bytes = try Data(contentsOf: data)
    // The frame of a rollout record: kind 2 of the envelope's first version.
    let head = Data("TMPR".utf8) + Data([1, 0, 2, 0])
    let record = try #require(bytes.range(of: head))
    var from = record.lowerBound
    while let found = bytes.range(of: head, in: from..<bytes.endIndex) {
      bytes[found.lowerBound + 50] ^= 1
      from = found.upperBound
    }
    try bytes.write(to: data)

    let verified = try Binary.run(["queue", "verify", path])
    #expect(verified.status == 4 && verified.out.contains("rollouts/0"), "\(verified.out)")
    #expect(verified.out.contains("pipeline queue repair \(path)"), "\(verified.out)")
    let refused = try Binary.run(["queue", "digest", path])
    #expect(refused.status == 4 && refused.isOneLineError, "\(refused.error)")
    let dry = try Binary.run(["queue", "repair", path, "--dry-run"])
    #expect(dry.status == 0 && dry.out.contains("to be made again"), "\(dry.out)")
    let repaired = try Binary.run(["queue", "repair", path, "--json"])
    #expect(repaired.status == 0, "\(repaired.error) \(repaired.out)")
    let again = try Binary.run(["queue", "verify", path, "--deep"])
    #expect(again.status == 0, "\(again.out)")
    #expect(try digests(path) == before)
  }

  @Test func aBackupOfARunAtWorkIsResumedElsewhereToTheSameEnd() throws {
    let scratch = try Scratch()
    let path = try run(in: scratch, steps: 3)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = ["resume", path, "--set", "steps=24", "--quiet"]
    process.currentDirectoryURL = URL(fileURLWithPath: Binary.root)
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    var made: [String] = []
    while process.isRunning, made.count < 4 {
      let target = "\(scratch.path)/backup-\(made.count)"
      let backup = try Binary.run(["queue", "backup", path, "--to", target])
      #expect(backup.status == 0, "\(backup.error)")
      made.append(target)
    }
    process.waitUntilExit()
    #expect(process.terminationStatus == 0 && !made.isEmpty)
    let reference = try digests(path)
    for target in made {
      let verified = try Binary.run(["queue", "verify", target], in: scratch.path)
      #expect(verified.status == 0, "\(verified.out)")
      let resumed = try Binary.run(
        ["resume", target, "--set", "steps=24", "--quiet"], in: scratch.path)
      #expect(resumed.status == 0, "\(resumed.error)")
      #expect(try digests(target, in: scratch.path) == reference, "\(target)")
    }
  }

  @Test func careOfAStoppedRunKeepsWhatItHolds() throws {
    let scratch = try Scratch()
    let path = try run(in: scratch, steps: 2)
    let before = try digests(path)
    try FileManager.default.createDirectory(
      atPath: path + "/checkpoints/tmp-9-1", withIntermediateDirectories: true)
    let dry = try Binary.run(["queue", "gc", path, "--dry-run"])
    #expect(dry.status == 0 && dry.out.contains("unfinished checkpoint"), "\(dry.out)")
    let collected = try Binary.run(["queue", "gc", path, "--json"]).object()
    #expect((collected["items"] as? [Any])?.count == 1)
    let compacted = try Binary.run(["queue", "compact", path, "--json"])
    #expect(compacted.status == 0, "\(compacted.error)")
    #expect(try digests(path) == before)
    #expect(try Binary.run(["queue", "verify", path]).status == 0)
    for command in ["verify", "repair", "compact", "gc"] {
      let refused = try Binary.run(["queue", command, scratch.path])
      #expect(refused.status == 2 && refused.isOneLineError, "\(command): \(refused.error)")
    }
    let taken = try Binary.run(["queue", "backup", path, "--to", scratch.path])
    #expect(taken.status == 2 && taken.isOneLineError, "\(taken.error)")
  }
}
