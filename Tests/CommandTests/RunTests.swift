import Foundation
import Testing

/// One small run, made once by the command itself and read by every test below.
private final class TinyRun: Sendable {
  static let shared = Result { try TinyRun() }

  let scratch: Scratch
  let path: String
  let made: Binary.Result

  private init() throws {
    scratch = try Scratch()
    path = scratch.path + "/run"
    let root = scratch.path
    try scratch.makeQuestions(rows: 60)
    let definition = try scratch.write(
      """
      seed: 5
      steps: 3
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 4}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      """, to: "tiny.yaml")
    made = try Binary.run(["run", definition, "--run", path, "--quiet", "--json"])
  }
}

@Suite("Reading a run", .needsBinary)
struct RunTests {
  private func run() throws -> TinyRun {
    let run = try TinyRun.shared.get()
    try #require(run.made.status == 0, "\(run.made)")
    return run
  }

  @Test("status shows stages, steps and the checkpoint")
  func status() throws {
    let run = try run()
    let text = try Binary.run(["status", run.path])
    #expect(text.status == 0 && text.out.contains("step 3 of 3"), "\(text)")
    for stage in ["reader", "rollout", "verifier", "gate", "loss", "optimizer"] {
      #expect(text.out.contains("\n\(stage)"))
    }
    let facts = try Binary.run(["status", run.path, "--json"]).object()
    #expect(facts["state"] as? String == "done")
    #expect(facts["newest_checkpoint"] as? Int == 3)
  }

  @Test("inspect list has a line for each group, and filters")
  func list() throws {
    let run = try run()
    let all = try Binary.run(["inspect", "list", run.path, "--json"])
    #expect(all.out.split(separator: "\n").count == 12)
    let step = try Binary.run(["inspect", "list", run.path, "--step", "1", "--json"])
    #expect(step.out.split(separator: "\n").count == 4)
    let text = try Binary.run(["inspect", "list", run.path, "--limit", "2"])
    #expect(text.out.split(separator: "\n").count == 3)
    #expect(text.error == "2 of 12 groups; more: --from 2\n")
    #expect(text.out.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test("inspect show decodes prompt, demonstration and rollouts; tokens on demand")
  func show() throws {
    let run = try run()
    let text = try Binary.run(["inspect", "show", run.path, "1", "--tokens"])
    #expect(text.status == 0 && text.out.contains("rollout 1"), "\(text)")
    #expect(text.out.contains("#### ") && text.out.contains("log p"))
    let view = try Binary.run(["inspect", "show", run.path, "1", "--json"]).object()
    #expect((view["rollouts"] as? [Any])?.count == 2)
    let past = try Binary.run(["inspect", "show", run.path, "12"])
    #expect(past.status == 2 && past.isOneLineError && past.error.contains("0 to 11"))
  }

  @Test("inspect stats counts all groups, config show reads the run's definition")
  func stats() throws {
    let run = try run()
    let facts = try Binary.run(["inspect", "stats", run.path, "--json"]).object()
    #expect((facts["overall"] as? [String: Any])?["groups"] as? Int == 12)
    #expect(try Binary.run(["inspect", "stats", run.path]).out.contains("groups"))
    let shown = try Binary.run(["config", "show", run.path])
    #expect(shown.status == 0 && shown.out.contains("steps: 3\n"))
  }

  @Test("queue digest is the same each time, and that of a copy")
  func digest() throws {
    let run = try run()
    let first = try Binary.run(["queue", "digest", run.path, "--json"])
    #expect(first.status == 0 && first.out.contains("\"rollouts\""))
    let copy = run.path + "-copy"
    try FileManager.default.copyItem(atPath: run.path, toPath: copy)
    #expect(try Binary.run(["queue", "digest", copy, "--json"]).out == first.out)
  }

  @Test("a missing run is usage, a damaged queue is a corrupt store, both in one line")
  func bad() throws {
    let run = try run()
    for command in [
      ["status"], ["inspect", "list"], ["inspect", "stats"], ["queue", "digest"], ["resume"],
    ] {
      let result = try Binary.run(command + [run.path + "-none"])
      #expect(result.status == 2 && result.isOneLineError, "\(command): \(result)")
    }
    let copy = run.path + "-damaged"
    try FileManager.default.copyItem(atPath: run.path, toPath: copy)
    let data = try FileHandle(forWritingTo: URL(fileURLWithPath: copy + "/queue/data.mdb"))
    try data.truncate(atOffset: 8192)
    try data.close()
    for command in [["status"], ["inspect", "list"], ["queue", "digest"], ["resume"]] {
      let result = try Binary.run(command + [copy])
      #expect(result.status == 4 && result.isOneLineError, "\(command): \(result)")
    }
  }

  @Test("replay puts the stored groups under other algorithms, side by side and token by token")
  func replay() throws {
    let run = try run()
    let side = try Binary.run(["replay", run.path, "--under", "run,grpo,dr_grpo,gvpo,sft"])
    #expect(side.status == 0, "\(side)")
    for name in ["run", "grpo", "dr_grpo", "gvpo", "sft"] {
      #expect(side.out.contains("\n\(name) "), "\(name)")
    }
    let report = try Binary.run(["replay", run.path, "--under", "hpt,grpo", "--json"]).object()
    #expect((report["algorithms"] as? [Any])?.count == 2)
    let group = try Binary.run(["replay", run.path, "--under", "hpt,grpo", "--group", "0"])
    #expect(group.status == 0 && group.out.contains("weight"), "\(group)")
    let sweep = try Binary.run(["replay", run.path, "--gate", "gamma=0,0.5"])
    #expect(sweep.status == 0, "\(sweep)")
  }

  @Test("replay names what is missing, unknown or not there")
  func replayRefusals() throws {
    let run = try run()
    let missing = try Binary.run(["replay", run.path, "--under", "ppo,grpo"])
    #expect(missing.status == 3 && (missing.out + missing.error).contains("value"), "\(missing)")
    let unknown = try Binary.run(["replay", run.path, "--under", "grop"])
    #expect(unknown.status == 2 && unknown.error.contains("grpo"), "\(unknown)")
    let group = try Binary.run(["replay", run.path, "--under", "grpo", "--group", "999"])
    #expect(group.status != 0 && group.error.contains("999"), "\(group)")
  }

  @Test("a fork begins with the stored groups and says why it cannot")
  func fork() throws {
    let run = try run()
    let definition = run.scratch.path + "/tiny.yaml"
    let place = run.scratch.path + "/fork"
    let forked = try Binary.run([
      "run", definition, "--run", place, "--fork", run.path, "--quiet",
      "--set", "algorithm.name=dr_grpo",
    ])
    #expect(forked.status == 0, "\(forked)")
    let refused = try Binary.run([
      "run", definition, "--run", place + "-2", "--fork", run.path, "--fork-steps", "2", "--quiet",
      "--set", "algorithm.name=dr_grpo",
    ])
    #expect(refused.status == 2 && refused.error.contains("off-policy"), "\(refused)")
    let compared = try Binary.run(["compare", run.path, place])
    #expect(compared.status == 0 && compared.out.contains("tiny"), "\(compared)")
  }

  @Test("a run may have a name of one letter")
  func shortName() throws {
    let run = try run()
    let place = run.scratch.path
    for arguments in [
      ["run", "tiny.yaml", "--run", "r", "-q"], ["status", "r"], ["queue", "verify", "r"],
      ["queue", "backup", "r", "--to", "b"], ["rewind", "b", "--to", "2"], ["resume", "b", "-q"],
      ["checkpoint", "restore", "b", "1"], ["queue", "compact", "b"],
    ] {
      let result = try Binary.run(arguments, in: place)
      #expect(result.status == 0, "\(arguments): \(result)")
    }
    let missing = try Binary.run(["resume", "x"], in: place)
    #expect(missing.status == 2 && missing.isOneLineError, "\(missing)")
  }
}
