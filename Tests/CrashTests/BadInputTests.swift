import CrashLab
import Foundation
import Testing

extension Crashes {
  /// Wrong input of every kind: one line that says what, where and what to do, and the documented
  /// exit status.
  @Suite(.serialized) struct BadInputTests {
    private func expectRefused(
      _ arguments: [String], status: Int32, saying words: [String],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let ended = try PipelineCommand.run(arguments)
      let what: Comment = "\(arguments): \(ended.status) \(ended.errors)"
      #expect(ended.status == status, what, sourceLocation: sourceLocation)
      #expect(ended.lines.count == 1 && ended.output.isEmpty, what, sourceLocation: sourceLocation)
      #expect(ended.errors.hasPrefix("pipeline: "), what, sourceLocation: sourceLocation)
      for word in words {
        #expect(ended.errors.contains(word), what, sourceLocation: sourceLocation)
      }
    }

    /// Refused before a run comes to be: nothing stays behind.
    private func expectNoRun(
      _ lines: String, status: Int32, saying words: [String],
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let run = try RunFolder(lines)
      try expectRefused(
        run.command(), status: status, saying: words, sourceLocation: sourceLocation)
      let left = try FileManager.default.contentsOfDirectory(atPath: run.folder)
      #expect(left == ["hpt.yaml"], sourceLocation: sourceLocation)
    }

    private func write(_ text: String, _ path: String) throws {
      try FileManager.default.createDirectory(
        atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    @Test func definitions() throws {
      try expectRefused(["run", "/absent.yaml"], status: 2, saying: ["/absent.yaml"])
      try expectRefused(["run", "pipelines"], status: 2, saying: ["is a folder"])
      try expectRefused(["run"], status: 2, saying: ["pipelines/quickstart.yaml"])
      try expectNoRun("rollout: {cont: 3}\n", status: 2, saying: [":2:11", "rollout.count"])
      try expectNoRun("rollout: [\n", status: 2, saying: [":3:1"])
      try expectNoRun("rollout: {count: many}\n", status: 2, saying: [":2:18", "rollout.count"])
      try expectNoRun("extends: other.yaml\n", status: 2, saying: [":1:1", "extends"])
      try expectNoRun("steps: 0\n", status: 2, saying: [":2:8", "steps"])
      try expectNoRun(
        "verifier: {default: oracle}\n", status: 2, saying: ["oracle", "final_number"])
    }

    @Test func datasets() throws {
      try expectNoRun("data: {prompts: /absent}\n", status: 2, saying: ["/absent/manifest.json"])
      let place = try RunFolder()
      let data = place.folder + "/data"
      try write("{\"format\": 1", data + "/manifest.json")
      try expectNoRun("data: {prompts: \(data)}\n", status: 3, saying: [data + "/manifest.json"])
      try FileManager.default.removeItem(atPath: data)
      try FileManager.default.copyItem(
        atPath: Repository.root + "/shards/ladder-test", toPath: data)
      let shard = data + "/ladder-test-00000.jsonl.zst"
      var bytes = try Data(contentsOf: URL(fileURLWithPath: shard))
      bytes[bytes.count / 2] ^= 0x10
      try bytes.write(to: URL(fileURLWithPath: shard))
      try expectNoRunOrStopped("data: {prompts: \(data)}\n", naming: shard)
      try FileManager.default.removeItem(atPath: shard)
      try expectNoRunOrStopped("data: {prompts: \(data)}\n", naming: shard)
    }

    /// A shard is read when its first row is asked for, so the run may have been created.
    private func expectNoRunOrStopped(_ lines: String, naming path: String) throws {
      let run = try RunFolder(lines)
      let ended = try PipelineCommand.run(run.command())
      #expect(ended.status == 3 || ended.status == 2, "\(ended.errors)")
      #expect(ended.lines.count == 1 && ended.errors.contains(path), "\(ended.errors)")
    }

    @Test func modelsAndTokenizers() throws {
      try expectNoRun("model: {path: /absent}\n", status: 2, saying: ["/absent"])
      try expectNoRun(
        "model: {tokenizer: /absent}\n", status: 2, saying: ["/absent/tokenizer.json"])
      let place = try RunFolder()
      let model = place.folder + "/model"
      try write("{\"model\": {", model + "/tokenizer.json")
      try expectNoRun(
        "model: {tokenizer: \(model)}\n", status: 3, saying: [model + "/tokenizer.json"])
      try write("{\"hidden_size\": ", model + "/config.json")
      try expectNoRun("model: {path: \(model)}\n", status: 3, saying: [model + "/config.json"])
      try expectNoRun("model: {end_of_sequence: \"<|none|>\"}\n", status: 2, saying: ["<|none|>"])
      try expectNoRun("model: {heads: 4, key_value_heads: 3}\n", status: 2, saying: ["4 heads"])
    }

    @Test func runDirectories() throws {
      let run = try RunFolder("steps: 1\n")
      #expect(try PipelineCommand.run(run.command()).status == 0)
      let tiny = ["run", run.definition, "-q", "--run"]
      try expectRefused(tiny + [run.path], status: 2, saying: ["pipeline resume \(run.path)"])
      try expectRefused(tiny + [run.folder], status: 2, saying: [run.folder])
      try expectRefused(tiny + ["/proc/absent/run"], status: 1, saying: ["/proc/absent"])
      for command in [["resume"], ["status"], ["queue", "digest"]] {
        try expectRefused(command + ["/absent"], status: 2, saying: ["/absent"])
        try expectRefused(command + [run.definition], status: 2, saying: [run.definition])
      }
      try expectRefused(
        ["run", "stage", "gate", "--run", "/absent"], status: 2, saying: ["/absent"])
      try expectRefused(
        ["run", "stage", "oracle", "--run", run.path], status: 2, saying: ["oracle"])
    }

    /// Identity keys and data belong to the run; giving back what was there makes it whole again.
    @Test func resumesWithSomethingChanged() throws {
      let place = try RunFolder()
      let data = place.folder + "/data"
      try FileManager.default.copyItem(
        atPath: Repository.root + "/Tests/CrashLab/Data/small", toPath: data)
      let run = try RunFolder("data: {prompts: \(data)}\n")
      let command = try RunningCommand(run.command())
      #expect(command.waits { run.steps >= 3 })
      command.send(SIGKILL)
      _ = try command.wait()

      try expectRefused(["resume", run.path, "--set", "seed=6"], status: 2, saying: ["seed"])
      try "extends: \(run.definition)\nrollout: {count: 5}\n".write(
        toFile: place.folder + "/other.yaml", atomically: true, encoding: .utf8)
      try expectRefused(
        ["resume", run.path, place.folder + "/other.yaml"], status: 2, saying: ["rollout.count"])

      try FileManager.default.moveItem(atPath: data, toPath: data + "-kept")
      try expectRefused(["resume", run.path], status: 2, saying: [data])
      try FileManager.default.copyItem(
        atPath: Repository.root + "/shards/ladder-test", toPath: data)
      try expectRefused(["resume", run.path], status: 3, saying: ["fingerprint"])
      try FileManager.default.removeItem(atPath: data)
      try FileManager.default.moveItem(atPath: data + "-kept", toPath: data)
      try run.expectIdentical("the data is back")
    }

    /// Damage to what is stored: named, with the status of a corrupt store, and never a crash.
    @Test func damagedStores() throws {
      let run = try RunFolder("steps: 2\n")
      #expect(try PipelineCommand.run(run.command()).status == 0)
      let more = ["resume", run.path, "--set", "steps=3", "-q"]
      for file in [
        "checkpoints/2/model.safetensors", "checkpoints/2/MANIFEST.json", "queue/data.mdb",
      ] {
        let url = URL(fileURLWithPath: "\(run.path)/\(file)")
        let whole = try Data(contentsOf: url)
        try whole.prefix(whole.count * 2 / 3).write(to: url)
        try expectRefused(more, status: 4, saying: [file.hasSuffix("mdb") ? "queue" : file])
        try whole.write(to: url)
      }
      let definition = try String(contentsOfFile: run.path + "/pipeline.yaml", encoding: .utf8)
      try "steps: [".write(
        toFile: run.path + "/pipeline.yaml", atomically: true, encoding: .utf8)
      try expectRefused(more, status: 2, saying: [run.path + "/pipeline.yaml"])
      try definition.write(
        toFile: run.path + "/pipeline.yaml", atomically: true, encoding: .utf8)
      #expect(try PipelineCommand.run(more).status == 0, "all is as it was")
    }
  }
}
