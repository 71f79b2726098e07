import Digest
import Foundation
import Queue
import Records
import Testing

/// Bytes under the header of a record, whatever they are: its envelope is sound.
private protocol Forgery: StoredRecord {
  var bytes: [UInt8] { get }
}

extension Forgery {
  func encode(into encoder: inout RecordEncoder) { for byte in bytes { encoder.stable.put(byte) } }
  init(from decoder: inout RecordDecoder) throws(RecordError) {
    throw RecordError(problem: "is never read")
  }
}

private struct ForgedRollout: Forgery {
  static let kind = RolloutRecord.kind
  static let version = RolloutRecord.version
  let bytes: [UInt8]
}

private struct ForgedVersion: Forgery {
  static let kind = RolloutRecord.kind
  static let version: UInt16 = 999
  let bytes: [UInt8]
}

extension StoredRecord {
  fileprivate func put(into transaction: WriteTransaction, _ key: UInt64) throws {
    try transaction.put(self, .rollouts, RecordKey(key))
  }
}

extension Hostile {
  @Suite struct RunAttackTests {
    /// A version, no digest, no refusal and no names: so rollout records begin.
    private static let start = [UInt8](repeating: 0, count: 11)
    /// No demonstrations, nothing rejected, no rollouts; tokens of eight bits follow.
    private static let promptAlone: [UInt8] = [0, 0, 0, 8]

    private static func count(_ value: Int) -> [UInt8] {
      var writer = ByteWriter()
      writer.put(count: value)
      return writer.bytes
    }

    /// Records that a sound checksum vouches for and that would take gigabytes, or all time.
    @Test func records() throws {
      let large = 60 << 20
      let zeros = [UInt8](repeating: 0, count: large)
      let cases: [(String, any StoredRecord)] = [
        ("zeros", ForgedRollout(bytes: zeros)),
        ("an endless count", ForgedRollout(bytes: Self.start + Array(repeating: 0xFF, count: 40))),
        ("an endless prompt", ForgedRollout(bytes: Self.start + Self.count(1 << 40))),
        (
          "tokens that are not there",
          ForgedRollout(bytes: Self.start + Self.count(large) + Self.promptAlone)
        ),
        // Four bytes of memory for each that is stored.
        (
          "tokens of a byte",
          ForgedRollout(bytes: Self.start + Self.count(large) + Self.promptAlone + zeros)
        ),
        // No prompt tokens, then trajectories of nothing.
        (
          "empty trajectories",
          ForgedRollout(bytes: Self.start + [0] + Self.count(large / 8) + zeros)
        ),
        ("nothing", ForgedRollout(bytes: [])),
        ("another version", ForgedVersion(bytes: [1, 2, 3])),
      ]
      let run = try HostileRun()
      var faults = Faults()
      for (index, (name, record)) in cases.enumerated() {
        // Beyond the run's own groups: nothing stands there yet.
        let key = UInt64(2 + index)
        try run.write { transaction in
          try transaction.put(Self.prompt, .prompts, RecordKey(key))
          try record.put(into: transaction, key)
        }
        try faults.expectRefused(
          name, ["inspect", "show", run.path, "\(key)"], [2, 3, 4])
      }
      let digest = try Command.run(["queue", "digest", run.path])
      if let fault = digest.fault(expecting: [0, 4]), digest.status != 0 || digest.seconds > 10 {
        faults.add("digest: \(fault)")
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    private static let prompt = PromptRecord(
      step: 1, wave: 0, epoch: 0, position: 0, dataset: 0, rollouts: 1,
      prompt: Prompt(id: "x", content: .text("1 + 1 = ?"), groundTruth: "2", source: "x"))

    /// JSON of a run that is read again: cut, deep, of another type, and no file at all.
    @Test func files() throws {
      let run = try HostileRun()
      var faults = Faults()
      for file in ["summary.json", "pipeline.yaml"] {
        let path = "\(run.path)/\(file)"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for (name, bytes) in [
          ("cut", Array(whole.prefix(whole.count / 2)) + Array("[".utf8)),
          ("deep", [UInt8](repeating: UInt8(ascii: "["), count: 500_000)), ("zeros", [0, 0, 0]),
        ] {
          try run.place.write(bytes, "run/\(file)")
          try faults.expectRefused(
            "\(file) \(name)", ["resume", run.path, "-q"], [1, 2, 3, 4], saying: [file])
        }
        try FileManager.default.removeItem(atPath: path)
        _ = try run.place.makeFIFO("run/\(file)")
        try faults.expectRefused(
          "\(file) FIFO", ["resume", run.path, "-q"], [1, 2, 3, 4], saying: [file])
        try FileManager.default.removeItem(atPath: path)
        try whole.write(to: URL(fileURLWithPath: path))
      }
      let healed = try Command.run(["resume", run.path, "-q"])
      if healed.status != 0 { faults.add("all is as it was: \(healed)") }
      #expect(faults.found.isEmpty, faults.text)
    }

    /// A FIFO in the place of a checkpoint's file: to open it would be to wait for its writer.
    @Test func checkpointsOfFIFOs() throws {
      let run = try HostileRun()
      var faults = Faults()
      for file in ["MANIFEST.json", "state.json", "model.safetensors"] {
        let path = "\(run.path)/checkpoints/1/\(file)"
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try FileManager.default.removeItem(atPath: path)
        _ = try run.place.makeFIFO("run/checkpoints/1/\(file)")
        try faults.expectRefused(
          file, ["resume", run.path, "-q"], [4],
          saying: [file, "it is a FIFO", "pipeline checkpoint restore \(run.path) 1"])
        for command in ["queue", "checkpoint"] {
          let ended = try Command.run([command, "verify", run.path])
          if ended.status != 4 || !(ended.out + ended.errors).contains(file) {
            faults.add("\(command) verify, \(file): \(ended)")
          }
        }
        try FileManager.default.removeItem(atPath: path)
        try whole.write(to: URL(fileURLWithPath: path))
      }
      let metrics = run.path + "/metrics.jsonl"
      try FileManager.default.removeItem(atPath: metrics)
      _ = try run.place.makeFIFO("run/metrics.jsonl")
      try faults.expectRefused("status", ["status", run.path], [1, 2], saying: [metrics, "FIFO"])
      #expect(faults.found.isEmpty, faults.text)
    }

    /// A `state.json` of another shape, with a manifest and a pointer that vouch for it.
    @Test func aStateThatSaysNothingIsNamedAndGoneBackBefore() throws {
      let run = try HostileRun()
      let folder = run.path + "/checkpoints/1"
      let state = Array("{}".utf8)
      let url = URL(fileURLWithPath: folder + "/MANIFEST.json")
      var entries = try #require(
        try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [[String: Any]])
      for index in entries.indices where entries[index]["name"] as? String == "state.json" {
        entries[index]["bytes"] = state.count
        entries[index]["sha256"] = hexadecimal(SHA256.hash(state))
      }
      let manifest = try JSONSerialization.data(withJSONObject: entries)
      try manifest.write(to: url)
      try run.place.write(state, "run/checkpoints/1/state.json")
      let first = try Data(
        contentsOf: URL(fileURLWithPath: run.path + "/checkpoints/0/MANIFEST.json"))
      try run.write { transaction in
        var writer = ByteWriter()
        writer.put(array: [(UInt64(0), first), (UInt64(1), manifest)]) {
          $0.put($1.0)
          $0.put(SHA256.hash([UInt8]($1.1)))
        }
        try transaction.setState("checkpoints", to: writer.bytes)
      }
      var faults = Faults()
      try faults.expectRefused(
        "resume", ["resume", run.path, "-q"], [4],
        saying: [folder + "/state.json", "pipeline rewind \(run.path) --to 0"])
      for command in [["rewind", run.path, "--to", "0"], ["resume", run.path, "-q"]] {
        let ended = try Command.run(command)
        if ended.status != 0 { faults.add("\(command[0]): \(ended)") }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func names() throws {
      var faults = Faults()
      let name = "\u{1B}]0;title\u{7}\u{202E}a\nb\r\u{9B}31m"
      for arguments in [
        ["resume", name], ["status", name], ["inspect", "show", name, "0"],
        ["queue", "digest", name],
        ["data", "show", name], ["data", "check", name], ["compare", name],
        ["config", "show", name],
        ["run", "pipelines/quickstart.yaml", "-q", "--run", "/proc/\(name)"], [name], ["--\(name)"],
        ["config", "explain", name], ["inspect", name],
      ] {
        try faults.expectRefused("\(arguments[0])", arguments, [1, 2])
      }
      #expect(faults.found.isEmpty, faults.text)
    }
  }
}
