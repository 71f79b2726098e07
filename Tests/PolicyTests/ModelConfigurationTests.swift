import Foundation
import Policy
import Records
import Testing

@Suite struct ModelConfigurationTests {
  /// A small valid config.json in the older spelling.
  static let base = [
    "architectures": #"["Qwen2ForCausalLM"]"#, "model_type": #""qwen2""#, "vocab_size": "256",
    "hidden_size": "64", "intermediate_size": "144", "num_hidden_layers": "2",
    "num_attention_heads": "4", "num_key_value_heads": "2", "rms_norm_eps": "1e-6",
    "rope_theta": "1000000.0", "tie_word_embeddings": "true", "max_position_embeddings": "4096",
    "eos_token_id": "254", "hidden_act": #""silu""#,
  ]

  static func read(
    changing changes: [String: String?] = [:], generation: String? = nil
  ) throws(ModelDirectoryError) -> ModelConfiguration {
    var fields: [String: String] = base
    for (name, value) in changes { fields[name] = value }
    let text = "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    return try ModelConfiguration(
      json: Array(text.utf8), generation: generation.map { Array($0.utf8) })
  }

  @Test(arguments: ["qwen2-tied", "qwen2-untied-bf16"])
  func bothSpellingsSayTheSame(model: String) throws {
    let folder = PolicyFixtures.directory + "/model/\(model)/"
    let new = try Data(contentsOf: URL(fileURLWithPath: folder + "config.json"))
    let old = try Data(contentsOf: URL(fileURLWithPath: folder + "config.legacy.json"))
    let configuration = try ModelConfiguration(json: Array(new))
    #expect(try ModelConfiguration(json: Array(old)) == configuration)
    #expect(configuration.hiddenSize == 64)
    #expect(configuration.ropeTheta == (model == "qwen2-tied" ? 1e6 : 1e4))
  }

  @Test func whatIsWrittenIsReadBackEqual() throws {
    for headDimension in [16, 20] {
      for stops: [Int32] in [[], [7], [7, 9]] {
        let configuration = ModelConfiguration(
          vocabularySize: 256, hiddenSize: 64, intermediateSize: 144, layerCount: 2, headCount: 4,
          keyValueHeadCount: 1, headDimension: headDimension, normEpsilon: 1e-5, ropeTheta: 40_000,
          tieEmbeddings: false, maximumPositions: 4096, stopIDs: stops)
        let read = try ModelConfiguration(
          json: Array(configuration.configurationJSON().utf8),
          generation: Array(configuration.generationJSON.utf8))
        #expect(read == configuration)
      }
    }
  }

  @Test func endOfSequenceIdsOfBothFilesAreJoined() throws {
    let joined = try Self.read(generation: #"{"eos_token_id": [9, 254, 3], "top_k": 20}"#)
    #expect(joined.stopIDs == [3, 9, 254])
    #expect(try Self.read(changing: ["eos_token_id": "null"]).stopIDs == [])
  }

  @Test func missingOptionalFieldsTakeTheirDefaults() throws {
    let read = try Self.read(changing: [
      "num_key_value_heads": nil, "tie_word_embeddings": nil, "head_dim": "null",
    ])
    #expect(read.keyValueHeadCount == 4)
    #expect(read.headDimension == 16)
    #expect(!read.tieEmbeddings)
  }

  @Test func slidingWindowCountsOnlyWhenItIsSwitchedOn() throws {
    _ = try Self.read(changing: ["sliding_window": "16", "use_sliding_window": "false"])
    #expect(throws: ModelDirectoryError.self) {
      try Self.read(changing: ["sliding_window": "16", "use_sliding_window": "true"])
    }
  }

  /// Each change alters the mathematics; the error must name its field.
  @Test func whatIsNotComputedIsRefusedByName() {
    let changes: [(String, String, named: String)] = [
      ("architectures", #"["LlamaForCausalLM"]"#, "LlamaForCausalLM"),
      ("architectures", "null", "architectures"),
      ("model_type", #""qwen3""#, "qwen3"),
      ("hidden_act", #""gelu""#, "hidden_act: gelu"),
      ("attention_bias", "true", "attention_bias"),
      ("mlp_bias", "true", "mlp_bias"),
      ("quantization_config", "{}", "quantization_config"),
      ("rope_scaling", #"{"type": "linear", "factor": 2}"#, "rope_scaling.rope_type: linear"),
      ("rope_parameters", #"{"rope_type": "yarn"}"#, "rope_parameters.rope_type: yarn"),
      ("rope_parameters", #"{"rope_theta": 5}"#, "rope_theta"),
      ("partial_rotary_factor", "0.5", "partial_rotary_factor"),
      ("layer_types", #"["full_attention", "sliding_attention"]"#, "layer_types: sliding"),
      ("layer_types", #"["full_attention"]"#, "layer_types"),
      ("attention_dropout", "0.1", "attention_dropout"),
      ("num_key_value_heads", "3", "num_key_value_heads"),
      ("num_attention_heads", "6", "num_key_value_heads\u{1F}head_dim"),
      ("head_dim", "15", "head_dim"),
      ("hidden_size", "-4", "hidden_size"),
      ("hidden_size", "64.5", "hidden_size"),
      ("vocab_size", "9223372036854775807", "vocab_size"),
      ("num_hidden_layers", "100000000", "num_hidden_layers"),
      ("rms_norm_eps", "0", "rms_norm_eps"),
      ("rope_theta", #""big""#, "rope_theta"),
      ("eos_token_id", "256", "eos_token_id"),
      ("tie_word_embeddings", "1", "tie_word_embeddings"),
    ]
    var wrong: [String] = []
    for (field, value, named) in changes {
      do {
        _ = try Self.read(changing: [field: value])
        wrong.append("\(field) \(value) was accepted")
      } catch {
        let text = error.description
        if !named.split(separator: "\u{1F}").contains(where: { text.contains($0) }) {
          wrong.append(text)
        }
        if text.contains("\n") { wrong.append("more than one line: \(text)") }
      }
    }
    #expect(wrong == [])
  }

  @Test func requiredFieldsAreNamedWhenMissing() {
    for field in ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"] {
      #expect(throws: ModelDirectoryError.self) { try Self.read(changing: [field: nil]) }
    }
  }
}
