import Foundation
import Testing

/// A run that the command made, for tests that change it: every test copies it.
private final class TravelledRun: Sendable {
  static let shared = Result { try TravelledRun() }

  let scratch: Scratch
  let path: String
  let data: String
  let definition: String
  let made: Binary.Result

  private init() throws {
    scratch = try Scratch()
    path = scratch.path + "/run"
    let root = scratch.path
    data = root + "/data"
    try scratch.makeQuestions(rows: 60)
    definition = try scratch.write(
      """
      seed: 5
      steps: 6
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(self.data), prompts_per_step: 4}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      checkpoint: {every: 2}
      compute: {threads: 1}
      """, to: "travelled.yaml")
    made = try Binary.run(["run", definition, "--run", path, "--quiet", "--json"])
  }
}

@Suite("Going back and forth in a run", .needsBinary)
struct TravelTests {
  private func original() throws -> TravelledRun {
    let run = try TravelledRun.shared.get()
    try #require(run.made.status == 0, "\(run.made)")
    return run
  }

  /// A copy of the run in a folder of its own, with everything that `body` leaves in it.
  private func withCopy(_ body: (_ run: String, _ folder: String) throws -> Void) throws {
    let scratch = try Scratch()
    let copy = scratch.path + "/run"
    try FileManager.default.copyItem(atPath: try original().path, toPath: copy)
    try body(copy, scratch.path)
  }

  private func digest(_ run: String) throws -> String {
    let result = try Binary.run(["queue", "digest", run, "--json"])
    try #require(result.status == 0, "\(result)")
    return result.out
  }

  @Test("checkpoint list, verify, restore and prune")
  func checkpoints() throws {
    try withCopy { run, _ in
      let list = try Binary.run(["checkpoint", "list", run])
      #expect(list.status == 0 && list.out.contains("whole") && !list.out.contains("damaged"))
      #expect(try Binary.run(["checkpoint", "verify", run]).status == 0)
      let weights = run + "/checkpoints/6/model.safetensors"
      let before = try Data(contentsOf: URL(fileURLWithPath: weights))
      try Scratch.damage(weights)
      let verify = try Binary.run(["checkpoint", "verify", run])
      #expect(verify.status == 4 && verify.error.contains(weights), "\(verify)")
      let resume = try Binary.run(["resume", run, "--quiet"])
      #expect(resume.status == 4 && resume.isOneLineError, "\(resume)")
      #expect(resume.error.contains("`pipeline checkpoint restore \(run) 6`"), "\(resume)")
      let restored = try Binary.run(["checkpoint", "restore", run, "6"])
      #expect(restored.status == 0 && restored.out.contains("from step 4"), "\(restored)")
      #expect(try Data(contentsOf: URL(fileURLWithPath: weights)) == before)
      let pruned = try Binary.run(["checkpoint", "prune", run, "--keep", "1", "--json"]).object()
      #expect(pruned["removed"] as? [Int] == [4])
      #expect(try Binary.run(["checkpoint", "prune", run, "--keep", "0"]).status == 2)
    }
  }

  @Test("rewind, then resume, gives the same records and summary")
  func rewind() throws {
    try withCopy { run, _ in
      let before = try digest(run)
      let dry = try Binary.run(["rewind", run, "--to", "3", "--dry-run"])
      #expect(dry.status == 0 && dry.out.contains("would go"), "\(dry)")
      #expect(try digest(run) == before)
      let rewound = try Binary.run(["rewind", run, "--to", "3", "--json"]).object()
      #expect(rewound["from"] as? Int == 6 && rewound["checkpoint"] as? Int == 0)
      let status = try Binary.run(["status", run, "--json"]).object()
      #expect(status["step"] as? Int == 3 && status["state"] as? String == "interrupted")
      let resumed = try Binary.run(["resume", run, "--quiet", "--json"])
      #expect(resumed.status == 0, "\(resumed)")
      #expect(try digest(run) == before)
      let first = try original().made.object()
      #expect(
        try resumed.object()["weights_sha256"] as? String == first["weights_sha256"] as? String)
      let past = try Binary.run(["rewind", run, "--to", "7"])
      #expect(past.status == 2 && past.isOneLineError)
    }
  }

  @Test("at inspect, eval and fork")
  func at() throws {
    try withCopy { run, folder in
      let model = folder + "/model"
      let inspect = try Binary.run(["at", "5", "inspect", run, "--weights", model, "--json"])
      #expect(inspect.status == 0, "\(inspect)")
      #expect(try inspect.object()["groups"] as? Int == 20)
      #expect(FileManager.default.fileExists(atPath: model + "/model.safetensors"))
      #expect(try Binary.run(["at", "5", "inspect", run]).out.contains("next group"))
      let none = try Binary.run(["at", "5", "eval", run])
      #expect(none.status == 2 && none.isOneLineError, "\(none)")
      let data = try original().data
      let set = try Binary.run([
        "resume", run, "--quiet", "--set", "evaluation.datasets=[\(data)]", "--set",
        "evaluation.samples=1", "--set", "evaluation.before=false", "--set",
        "evaluation.after=false",
      ])
      #expect(set.status == 0, "\(set)")
      let eval = try Binary.run(["at", "5", "eval", run])
      #expect(eval.status == 0 && eval.out.contains("/evaluations/5-addition"), "\(eval)")
      let fork = folder + "/fork"
      let forked = try Binary.run(["at", "3", "fork", run, "--into", fork])
      #expect(forked.status == 0 && forked.error.contains("resume \(fork)"), "\(forked)")
      #expect(try Binary.run(["resume", fork, "--quiet"]).status == 0)
      #expect(try digest(fork) == digest(run))
      let other = folder + "/other"
      let changed = try Binary.run([
        "at", "3", "fork", run, "--into", other, "--set", "optimizer.learning_rate=0.5",
      ])
      #expect(changed.status == 0, "\(changed)")
      #expect(try Binary.run(["resume", other, "--quiet"]).status == 0)
      #expect(try digest(other) != digest(run))
      let status = try Binary.run(["status", other])
      #expect(status.out.contains("of \(run), from step 3"), "\(status)")
      #expect(status.out.contains("optimizer.learning_rate: "))
      #expect(try Binary.run(["at", "3", "fork", run]).status == 2)
      #expect(try Binary.run(["at", "3", "inspect", run, "--into", other]).status == 2)
    }
  }

  @Test("a stage works off again what it has consumed, in a fork")
  func stageAgain() throws {
    try withCopy { run, folder in
      let fork = folder + "/fork"
      let again = try Binary.run([
        "run", "stage", "verifier", "--run", run, "--from", "10", "--into", fork,
      ])
      #expect(again.status == 0 && again.error.contains("verifier: 14 groups"), "\(again)")
      let status = try Binary.run(["status", fork])
      #expect(status.out.contains("stage verifier again from group 10"), "\(status)")
      #expect(try Binary.run(["resume", fork, "--quiet"]).status == 0)
      #expect(try digest(fork) == digest(run))
      let alone = try Binary.run(["run", "stage", "gate", "--run", run, "--from", "10"])
      #expect(alone.status == 2 && alone.isOneLineError, "\(alone)")
      let past = try Binary.run([
        "run", "stage", "gate", "--run", run, "--from", "24", "--into", fork + "2",
      ])
      #expect(past.status == 2 && past.error.contains("0 to 23"), "\(past)")
      #expect(!FileManager.default.fileExists(atPath: fork + "2"))
    }
  }

  @Test("a finished run says so, and goes on when more steps are asked")
  func finished() throws {
    try withCopy { run, _ in
      let before = try digest(run)
      let resume = try Binary.run(["resume", run])
      #expect(resume.status == 0 && resume.error.contains("all 6 steps are done"), "\(resume)")
      #expect(try digest(run) == before)
      let more = try Binary.run(["resume", run, "--quiet", "--json", "--set", "steps=8"])
      #expect(try more.object()["steps_done"] as? Int == 8, "\(more)")
    }
  }

  @Test("another product kernel is refused, or allowed by a flag and written down")
  func kernel() throws {
    let scratch = try Scratch()
    let definition = try scratch.write(
      "extends: \(try original().definition)\ncompute: {precision: bf16}\n", to: "bf16.yaml")
    let run = scratch.path + "/run"
    let made = try Binary.run(["run", definition, "--run", run, "--quiet", "--json"])
    let first = try #require(try made.object()["blas_core"] as? String, "\(made)")
    #expect(try made.object()["logprob_mismatch_max"] as? Double == 0)
    // Where the processor has no bf16 there is one kernel, and nothing to refuse.
    guard first == "avx512-bf16" else { return }
    let environment = ["TEMPER_ISA": "avx2"]
    let refused = try Binary.run(["resume", run, "--quiet"], environment: environment)
    #expect(refused.status == 3 && refused.isOneLineError, "\(refused)")
    #expect(refused.error.contains("fma") && refused.error.contains("allow_other_kernel"))
    let allowed = try Binary.run(
      [
        "resume", run, "--quiet", "--json", "--set", "compute.allow_other_kernel=true", "--set",
        "steps=7",
      ], environment: environment)
    #expect(try allowed.object()["blas_core"] as? String == "fma", "\(allowed)")
    let status = try Binary.run(["status", run])
    #expect(status.out.contains("fma from step 6"), "\(status)")
  }

  @Test("a moved dataset is named anew, a changed one refused with its file")
  func data() throws {
    try withCopy { run, folder in
      let moved = folder + "/elsewhere"
      try FileManager.default.copyItem(atPath: try original().data, toPath: moved)
      let same = try Binary.run(["resume", run, "--quiet", "--set", "data.prompts=\(moved)"])
      #expect(same.status == 0, "\(same)")
      let other = folder + "/other"
      #expect(
        try Binary.run([
          "data", "generate", "ladder", "--to", other, "--rows", "50", "--families", "addition",
          "--levels", "1",
        ]).status == 0)
      let refused = try Binary.run(["resume", run, "--quiet", "--set", "data.prompts=\(other)"])
      #expect(refused.status == 3 && refused.isOneLineError, "\(refused)")
      #expect(refused.error.contains("data.prompts") && refused.error.contains("50 rows"))
      #expect(refused.error.contains("at STEP fork"))
      let fork = folder + "/fork"
      let forked = try Binary.run([
        "at", "4", "fork", run, "--into", fork, "--set", "data.prompts=\(other)",
      ])
      #expect(forked.status == 0, "\(forked)")
      #expect(try Binary.run(["resume", fork, "--quiet"]).status == 0)
      let tokenizer = try Binary.run(["resume", run, "--set", "model.pretrain=x.yaml"])
      #expect(tokenizer.status == 3 && tokenizer.error.contains("model.pretrain"), "\(tokenizer)")
    }
  }
}
