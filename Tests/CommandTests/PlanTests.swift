import Foundation
import Testing

@Suite("run --plan", .needsBinary)
struct PlanTests {
  /// Random weights whose every rollout is trained on, so that the memory is known beforehand.
  private static let definition = """
    seed: 5
    steps: 2
    model: {tokenizer: pipelines/tokenizers/ladder, hidden_size: 512, intermediate_size: 1536, \
    layers: 8, heads: 8, key_value_heads: 8, head_dimension: 64}
    data: {prompts: shards/ladder-train, prompts_per_step: 4}
    rollout: {count: 4, maximum_tokens: 16}
    algorithm: {name: reinforce}
    """

  @Test("the peak of a run is what was planned, within 15 %")
  func peak() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.definition, to: "a.yaml")
    let plan = try Binary.run(["run", "--plan", "--json", file, "--run", "\(scratch.path)/run"])
    #expect(plan.status == 0, "\(plan)")
    #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/run"))
    let planned = try #require(try plan.object()["peak_bytes"] as? Double)
    let run = try Binary.run(["run", file, "--run", "\(scratch.path)/run", "-q", "--json"])
    #expect(run.status == 0, "\(run)")
    let peak = try #require(try run.object()["peak_memory_bytes"] as? Double)
    #expect(abs(planned / peak - 1) < 0.15, "planned \(planned), was \(peak)")
  }

  @Test("gradient checkpointing takes less memory, as planned, and gives the same weights")
  func checkpointing() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.definition, to: "a.yaml")
    func figures(_ checkpoints: Bool) throws -> (planned: Double, peak: Double, weights: String) {
      let keys = [
        "steps=1", "rollout.maximum_tokens=64", "optimizer.gradient_checkpointing=\(checkpoints)",
      ]
      let arguments = [file, "--json"] + keys.flatMap { ["--set", $0] }
      let plan = try Binary.run(["run", "--plan"] + arguments)
      let run = try Binary.run(
        ["run", "-q", "--run", "\(scratch.path)/\(checkpoints)"] + arguments)
      try #require(plan.status == 0 && run.status == 0, "\(plan) \(run)")
      let summary = try run.object()
      return (
        try #require(try plan.object()["peak_bytes"] as? Double),
        try #require(summary["peak_memory_bytes"] as? Double),
        try #require(summary["weights_sha256"] as? String)
      )
    }
    let (kept, computed) = (try figures(false), try figures(true))
    #expect(computed.planned < kept.planned && computed.peak < kept.peak, "\(kept) \(computed)")
    #expect(abs(computed.planned / computed.peak - 1) < 0.15, "\(computed)")
    #expect(computed.weights == kept.weights)
  }

  @Test("a published recipe is planned without its model and its data")
  func recipe() throws {
    let recipe = "pipelines/hpt-qwen2.5-math-7b.yaml"
    let plan = try Binary.run(["run", "--plan", "--json", recipe])
    let facts = try #require(
      try JSONSerialization.jsonObject(with: Data(plan.out.utf8)) as? [String: Any])
    let parts = try #require(facts["plan"] as? [String: Any])
    #expect(parts["parameters"] as? Int == 7_615_616_512)
    // Weights, gradient and two moments alone.
    let peak = try #require(facts["peak_bytes"] as? Double)
    #expect(peak > 121.8e9 && peak < 150e9)
    let machine = try #require(facts["machine_bytes"] as? Double)
    #expect(plan.status == (peak > machine ? 2 : 0))
    #expect((plan.error.isEmpty) == (peak <= machine))
    let text = try Binary.run(["run", "--plan", recipe]).out
    #expect(text.contains("published shape qwen2.5-math-7b"), "\(text)")
  }

  @Test("what cannot fit is refused before anything is made")
  func refused() throws {
    let scratch = try Scratch()
    let run = try Binary.run([
      "run", "pipelines/hpt-llama-3.1-8b.yaml", "--run", "\(scratch.path)/run", "--set",
      "model.path=null", "--set", "model.tokenizer=pipelines/tokenizers/ladder", "--set",
      "model.hidden_size=65536", "--set", "model.layers=512", "--set",
      "model.overrides.rope_theta=null",
    ])
    #expect(run.status == 2 && run.error.contains("its peak is planned at"), "\(run)")
    #expect(!FileManager.default.fileExists(atPath: "\(scratch.path)/run"))
  }
}
