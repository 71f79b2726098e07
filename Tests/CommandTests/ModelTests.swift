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
    #expect(shown.out.contains("different in values ("))
  }

  @Test("models without a tensor in common differ, by no number")
  func shapes() throws {
    let scratch = try Scratch()
    let (first, second) = (scratch.path + "/first", scratch.path + "/second")
    let wider = Self.config.replacing("\"hidden_size\": 24", with: "\"hidden_size\": 32")
      .replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 1")
      .replacing("\"head_dim\": 10", with: "\"head_dim\": 12")
    for (path, text) in [(first, Self.config), (second, wider)] {
      let config = try scratch.write(text, to: "shape.json")
      #expect(try Binary.run(["model", "init", path, "--config", config]).status == 0)
    }
    let shown = try Binary.run(["model", "diff", first, second])
    #expect(shown.status == 3 && !shown.out.contains("at most by"), "\(shown)")
    let end =
      "0 tensors compared: different in config.json (4), tensors of one alone (11), shapes (13)\n"
    #expect(shown.out.hasSuffix(end), "\(shown)")
    let facts = try Binary.run(["model", "diff", first, second, "--json"]).object()
    #expect(facts["equal"] as? Bool == false && facts["max_abs_difference"] == nil)
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

  @Test("a tokenizer that has more tokens than the model has embeddings is refused")
  func tokenizers() throws {
    let scratch = try Scratch()
    let config = try scratch.write(Self.config, to: "shape.json")
    let path = scratch.path + "/model"
    let refused = try Binary.run([
      "model", "init", path, "--config", config, "--tokenizer",
      "Tests/TokenizerTests/Fixtures/arith-1024",
    ])
    #expect(refused.status == 2 && refused.isOneLineError, "\(refused)")
    #expect(refused.error.contains("tokens, the model has"), "\(refused)")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  private static let adapterConfig = """
    {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 2, "lora_alpha": 4, \
    "target_modules": ["q_proj"], "base_model_name_or_path": "model\\u001b[31m", BASE}
    """

  @Test("an adapter is looked at and merged with the base that it names")
  func adapters() throws {
    let scratch = try Scratch()
    let config = try scratch.write(Self.config, to: "shape.json")
    let (model, other) = (scratch.path + "/model", scratch.path + "/other")
    for (path, seed) in [(model, "1"), (other, "2")] {
      #expect(
        try Binary.run(["model", "init", path, "--config", config, "--seed", seed]).status == 0)
    }
    let adapter = scratch.path + "/adapter"
    try FileManager.default.createDirectory(atPath: adapter, withIntermediateDirectories: true)
    // Two layers of A [2, 24] and B [40, 2] in ones: every element of the update is alpha.
    try Self.writeOnes(
      (0..<2).flatMap { layer in
        let name = "base_model.model.model.layers.\(layer).self_attn.q_proj.lora_"
        return [(name + "A.weight", [2, 24]), (name + "B.weight", [40, 2])]
      }, to: adapter + "/adapter_model.safetensors")
    func describe(_ base: String) throws {
      _ = try scratch.write(
        Self.adapterConfig.replacing("BASE", with: base), to: "adapter/adapter_config.json")
    }
    try describe(#""use_dora": false"#)
    let facts = try Binary.run(["model", "inspect", adapter, "--json", "--tensors"]).object()
    #expect(facts["rank"] as? Int == 2 && facts["scale"] as? Double == 2)
    #expect(facts["targets"] as? [String] == ["q_proj"] && facts["parameters"] as? Int == 256)
    #expect((facts["tensors"] as? [Any])?.count == 4)
    let shown = try Binary.run(["model", "inspect", adapter])
    #expect(shown.status == 0 && shown.out.contains("rank 2") && !shown.out.contains("\u{1B}"))

    let merged = scratch.path + "/merged"
    let done = try Binary.run(["model", "merge", model, adapter, "--to", merged])
    #expect(done.status == 0 && done.error.contains("does not say which base"), "\(done)")
    let difference = try Binary.run(["model", "diff", model, merged, "--json"]).object()
    let differing = try #require(difference["differing"] as? [[String: Any]])
    #expect(differing.count == 2)
    #expect(differing.allSatisfy { ($0["name"] as? String)?.hasSuffix("q_proj.weight") == true })
    // 2 · (1 + 1), rounded to BF16 after the sum.
    let largest = try #require(difference["max_abs_difference"] as? Double)
    #expect(abs(largest - 4) < 0.02)
    let again = try Binary.run(["model", "merge", model, adapter, "--to", merged])
    #expect(again.status == 1 && again.error.contains("already"))

    // The digest of a run's record of its weights: of nothing here, so of another base.
    try describe(#""base_weights_sha256": "\#(String(repeating: "00", count: 32))""#)
    let refused = try Binary.run(["model", "merge", other, adapter, "--to", other + "2"])
    #expect(refused.status == 3 && refused.isOneLineError, "\(refused)")
    #expect(refused.error.contains("000000000000…"))
    try describe(#""use_dora": true"#)
    let dora = try Binary.run(["model", "merge", model, adapter, "--to", other + "2"])
    #expect(dora.status == 2 && dora.isOneLineError && dora.error.contains("use_dora"))
    #expect(!FileManager.default.fileExists(atPath: other + "2"))
    try describe(#""use_dora": false"#)
    let none = try Binary.run(["model", "merge", adapter, adapter, "--to", other + "2"])
    #expect(none.status == 2 && none.isOneLineError && none.error.contains("no model"))
  }

  /// A safetensors file of f32 ones.
  private static func writeOnes(_ tensors: [(name: String, shape: [Int])], to path: String) throws {
    var entries: [String] = []
    var count = 0
    for (name, shape) in tensors {
      let end = count + shape.reduce(1, *)
      entries.append(
        "\"\(name)\":{\"dtype\":\"F32\",\"shape\":\(shape),"
          + "\"data_offsets\":[\(4 * count),\(4 * end)]}")
      count = end
    }
    let header = Array("{\(entries.joined(separator: ","))}".utf8)
    var bytes = Data((0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header)
    for _ in 0..<count { bytes += [0, 0, 0x80, 0x3F] }
    try bytes.write(to: URL(fileURLWithPath: path))
  }
}
