import Foundation
import Testing

@Suite("model", .needsBinary)
struct ModelTests {
  /// A small Qwen3 in the spelling of published checkpoints.
  private static let config = """
    {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 96, \
    "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 4, \
    "num_key_value_heads": 2, "head_dim": 10, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0, \
    "tie_word_embeddings": true, "max_position_embeddings": 512, "eos_token_id": 3, \
    "hidden_act": "silu", "bos_token_id": 2}
    """
  private static let parameters = 96 * 24 + 24 + 2 * (2 * 24 + 24 * 40 * 3 + 24 * 10 * 12 + 2 * 10)

  @Test("a model is made, looked at, converted and compared")
  func whole() throws {
    let scratch = try Scratch()
    let config = try scratch.write(Self.config, to: "shape.json")
    let (first, again) = (scratch.path + "/first", scratch.path + "/again")
    let (other, wide) = (scratch.path + "/other", scratch.path + "/wide")
    for (path, seed) in [(first, "1"), (again, "1"), (other, "2")] {
      let made = try Binary.run([
        "model", "init", path, "--config", config, "--seed", seed, "--shard-size", "4KB", "--json",
      ])
      #expect(made.status == 0 && made.error.isEmpty, "\(made)")
      let facts = try made.object()
      #expect(facts["parameters"] as? Int == Self.parameters)
      #expect(facts["bytes"] as? Int == 2 * Self.parameters)
      #expect(facts["storage"] as? String == "BF16")
    }
    let looked = try Binary.run(["model", "inspect", first, "--json", "--tensors"]).object()
    #expect(looked["architecture"] as? String == "Qwen3ForCausalLM")
    #expect(looked["parameters"] as? Int == Self.parameters)
    #expect((looked["files"] as? [Any] ?? []).count > 2)
    #expect((looked["tensors"] as? [Any])?.count == looked["tensor_count"] as? Int)
    #expect(looked["has_head_norms"] as? Bool == true)
    let text = try Binary.run(["model", "inspect", first])
    #expect(text.status == 0 && text.out.contains("4 over 2 of keys and values, 10 wide, normed"))

    let converted = try Binary.run(["model", "convert", first, wide, "--dtype", "f32"])
    #expect(
      converted.status == 0 && converted.out.contains("bytes of F32 in 1 file"), "\(converted)")
    for (path, status) in [(again, 0), (wide, 0), (other, 3)] as [(String, Int32)] {
      let compared = try Binary.run(["model", "diff", first, path, "--json"])
      #expect(compared.status == status && compared.error.isEmpty, "\(compared)")
      let facts = try compared.object()
      #expect(facts["equal"] as? Bool == (status == 0))
      let largest = try #require(facts["max_abs_difference"] as? Double)
      #expect((largest > 0) == (status == 3))
    }
    let shown = try Binary.run(["model", "diff", first, other])
    #expect(shown.status == 3 && shown.out.contains("model.embed_tokens.weight"))
  }

  @Test("nothing is overwritten, and a damaged model is named")
  func refusals() throws {
    let scratch = try Scratch()
    let config = try scratch.write(Self.config, to: "shape.json")
    let path = scratch.path + "/model"
    let make = ["model", "init", path, "--config", config]
    #expect(try Binary.run(make).status == 0)
    let again = try Binary.run(make)
    #expect(again.status == 1 && again.isOneLineError && again.error.contains("already"))
    #expect(try Binary.run(["model", "convert", path, path]).status == 1)
    let text = try String(contentsOfFile: path + "/config.json", encoding: .utf8)
    try Data(text.replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 3").utf8)
      .write(to: URL(fileURLWithPath: path + "/config.json"))
    for command in [["inspect", path], ["convert", path, path + "2"], ["diff", path, path]] {
      let refused = try Binary.run(["model"] + command)
      #expect(refused.status == 3 && refused.isOneLineError, "\(refused)")
      #expect(refused.error.contains("model.layers.2.") && refused.error.contains("missing"))
    }
    #expect(!FileManager.default.fileExists(atPath: path + "2"))
  }
}
