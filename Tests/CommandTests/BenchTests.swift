import Foundation
import Testing

@Suite("bench", .needsBinary)
struct BenchTests {
  private static func model(_ scratch: Scratch) throws -> String {
    let config = try scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 64, \
      "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu", \
      "max_position_embeddings": 128, "eos_token_id": null}
      """, to: "shape.json")
    let path = "\(scratch.path)/model"
    let made = try Binary.run(["model", "init", path, "--config", config])
    try #require(made.status == 0, "\(made)")
    return path
  }

  private func lines(_ result: Binary.Result) throws -> [[String: Any]] {
    try result.out.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test("a line of JSON for every job; wrong ones are said and cost none of the others")
  func oneLineEach() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch)
    let result = try Binary.run([
      "bench", "train", model, "\(scratch.path)/none", "--shape", "2x8,2x,9999999x8", "--shape",
      "1x6", "--steps", "1", "--threads", "1", "--json", "--no-roofline", "--out",
      "\(scratch.path)/lines",
    ])
    let lines = try lines(result)
    #expect(try String(contentsOfFile: "\(scratch.path)/lines", encoding: .utf8) == result.out)
    #expect(lines.map { $0["shape"] as? String } == ["2x8", "1x6"])
    #expect(lines.allSatisfy { ($0["tokens_per_second_median"] as? Double ?? 0) > 0 })
    #expect(lines.allSatisfy { ($0["peak_memory_bytes"] as? Int ?? 0) > 1 << 20 })
    #expect(result.status == 2, "\(result.error)")
    #expect(result.error.contains("\"2x\" is no shape"))
    #expect(result.error.contains("/none: no such model directory"))
  }

  @Test("every precision that is named")
  func precisions() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch)
    let result = try Binary.run([
      "bench", "train", model, "--shape", "1x4", "--precision", "f32,bf16", "--steps", "1",
      "--threads", "1", "--json", "--no-roofline",
    ])
    #expect(try lines(result).map { $0["precision"] as? String } == ["f32", "bf16"], "\(result)")
  }

  @Test("as a table: job, rate, parts")
  func table() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch)
    let result = try Binary.run([
      "bench", "rollout", model, "--shape", "1x2x3", "--steps", "1", "--threads", "1",
    ])
    #expect(result.status == 0, "\(result)")
    #expect(result.out.contains("rollout model 1x2x3 f32") && result.out.contains("tokens/s"))
    #expect(result.out.contains("first_token"))
  }
}
