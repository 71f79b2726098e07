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

  @Test(arguments: [
    ("qwen2-tied", 1e6), ("qwen2-untied-bf16", 1e4), ("qwen3", 1e6), ("llama3", 5e5),
  ])
  func bothSpellingsSayTheSame(model: String, theta: Double) throws {
    let folder = PolicyFixtures.directory + "/model/\(model)/"
    let new = try Data(contentsOf: URL(fileURLWithPath: folder + "config.json"))
    let old = try Data(contentsOf: URL(fileURLWithPath: folder + "config.legacy.json"))
    let configuration = try ModelConfiguration(json: Array(new))
    #expect(try ModelConfiguration(json: Array(old)) == configuration)
    #expect(configuration.hiddenSize == (model == "qwen3" ? 48 : 64))
    #expect(configuration.ropeTheta == theta)
    #expect((configuration.ropeScaling != nil) == (model == "llama3"))
    #expect(configuration.beginID == (model == "qwen2-untied-bf16" ? 237 : 253))
    #expect(configuration.padID == nil)
    let written = try ModelConfiguration(json: Array(configuration.configurationJSON().utf8))
    #expect(written == configuration)
  }

  @Test(arguments: ModelArchitecture.allCases)
  func whatIsWrittenIsReadBackEqual(architecture: ModelArchitecture) throws {
    for headDimension in [16, 20] {
      for stops: [Int32] in [[], [7], [7, 9]] {
        let configuration = ModelConfiguration(
          architecture: architecture, vocabularySize: 256, hiddenSize: 64, intermediateSize: 144,
          layerCount: 2, headCount: 4,
          keyValueHeadCount: 1, headDimension: headDimension, normEpsilon: 1e-5, ropeTheta: 40_000,
          ropeScaling: headDimension == 20 ? .lengthened : nil, tieEmbeddings: false,
          maximumPositions: 4096, stopIDs: stops)
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
      ("architectures", #"["GemmaForCausalLM"]"#, "GemmaForCausalLM"),
      ("architectures", #"["LlamaForCausalLM"]"#, "model_type: qwen2 is not llama"),
      ("architectures", #"["Qwen2ForCausalLM", "LlamaForCausalLM"]"#, "architectures"),
      ("architectures", "null", "architectures"),
      ("model_type", #""qwen3""#, "qwen3"),
      ("hidden_act", #""gelu""#, "hidden_act: gelu"),
      ("attention_bias", "true", "attention_bias"),
      ("mlp_bias", "true", "mlp_bias"),
      ("quantization_config", "{}", "quantization_config"),
      ("rope_scaling", #"{"type": "linear", "factor": 2}"#, "rope_scaling.rope_type: linear"),
      ("rope_parameters", #"{"rope_type": "yarn"}"#, "rope_parameters.rope_type: yarn"),
      ("rope_parameters", #"{"rope_theta": 5}"#, "rope_theta"),
      ("rope_scaling", #"{"factor": 2}"#, "rope_scaling.rope_type: is missing"),
      ("rope_parameters", #"{"full_attention": {"rope_theta": 5}}"#, "full_attention: an object"),
      ("rope_parameters", #"{"partial_rotary_factor": 0.5}"#, "partial_rotary_factor"),
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

  static let llama: [String: String?] = [
    "architectures": #"["LlamaForCausalLM"]"#, "model_type": #""llama""#,
  ]
  static let scaling = [
    "rope_type": #""llama3""#, "factor": "8.0", "low_freq_factor": "1.0",
    "high_freq_factor": "4.0", "original_max_position_embeddings": "8192",
  ]

  static func scaled(by changes: [String: String?]) -> [String: String?] {
    let fields = scaling.merging(changes.compactMapValues { $0 }) { $1 }
      .filter { changes[$0.key] != .some(nil) }
    let text = fields.map { "\"\($0)\": \($1)" }.joined(separator: ", ")
    return llama.merging(["rope_scaling": "{\(text)}"]) { $1 }
  }

  @Test func theScalingOfLlama3IsReadAndNothingOfItIsGuessed() throws {
    let wanted = RopeScaling(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 8192)
    #expect(try Self.read(changing: Self.scaled(by: [:])).ropeScaling == wanted)
    // Old files call the type `type`.
    let old = Self.scaled(by: ["rope_type": nil, "type": #""llama3""#])
    #expect(try Self.read(changing: old).ropeScaling == wanted)
    var wrong: [String] = []
    for (field, value) in [
      ("factor", nil), ("factor", "0"), ("factor", #""8""#), ("low_freq_factor", nil),
      ("high_freq_factor", nil), ("high_freq_factor", "1"), ("low_freq_factor", "-1"),
      ("original_max_position_embeddings", nil), ("original_max_position_embeddings", "0.5"),
    ] as [(String, String?)] {
      do {
        _ = try Self.read(changing: Self.scaled(by: [field: value]))
        wrong.append("\(field) \(value ?? "missing") was accepted")
      } catch {
        if !error.description.contains(field) { wrong.append(error.description) }
      }
    }
    let both = Self.scaled(by: [:])
      .merging(["rope_parameters": #"{"rope_type": "default"}"#]) { $1 }
    #expect(throws: ModelDirectoryError.self) { try Self.read(changing: both) }
    #expect(wrong == [])
  }

  /// By hand, theta 10000 and d = 4: wavelengths 2 pi and 200 pi. An original context of 400 with
  /// factors 1 and 4 keeps those below 100 and stretches those above 400; with 800 and 1 and 4 the
  /// second one, 628.3, is interpolated with share (800 / 628.3 - 1) / 3.
  @Test func llama3ScalesFrequenciesByTheirWavelength() throws {
    var model = try Self.read(changing: ["rope_theta": "10000", "head_dim": "4"])
    #expect(model.inverseFrequencies == [1, 0.01])
    model.ropeScaling = RopeScaling(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 400)
    #expect(model.inverseFrequencies == [1, 0.01 / 8])
    model.ropeScaling?.originalPositions = 800
    let share = (800 / (200 * Double.pi) - 1) / 3
    let wanted = 0.01 * ((1 - share) / 8 + share)
    #expect(abs(model.inverseFrequencies[1] - wanted) < 1e-15 && wanted > 0.01 / 8)
  }

  @Test func everyFamilyIsReadWithItsOwnParameters() throws {
    func names(_ changes: [String: String?]) throws -> Set<String> {
      Set(try Self.read(changing: changes).parameters.map(\.name))
    }
    let plain = try names(Self.llama)
    let layer = "model.layers.1.self_attn."
    let biases = Set(
      ["q", "k", "v"].flatMap { name in
        (0...1).map { "model.layers.\($0).self_attn.\(name)_proj.bias" }
      })
    #expect(try names([:]) == plain.union(biases))
    let qwen3: [String: String?] = [
      "architectures": #"["Qwen3ForCausalLM"]"#, "model_type": #""qwen3""#, "head_dim": "20",
    ]
    let normed = try names(qwen3)
    #expect(normed.subtracting(plain).count == 4 && normed.isSuperset(of: plain))
    #expect(normed.contains(layer + "q_norm.weight") && normed.contains(layer + "k_norm.weight"))
    // transformers takes 128 where a Qwen3 does not say, not the heads' share.
    #expect(throws: ModelDirectoryError.self) {
      try Self.read(changing: qwen3.merging(["head_dim": nil]) { $1 })
    }
    #expect(
      try Self.read(changing: qwen3.merging(["head_dim": nil, "hidden_size": "512"]) { $1 })
        .headDimension == 128)
    for family in ["Llama", "Qwen3"] {
      let critic: [String: String?] = [
        "architectures": "[\"\(family)ForTokenClassification\"]", "head_dim": "16",
        "model_type": "\"\(family.lowercased())\"", "num_labels": "1",
      ]
      #expect(try Self.read(changing: critic).architecture.head == .value)
      #expect(try names(critic).isSuperset(of: ["score.weight", "score.bias"]))
    }
  }

  @Test func biasesThatAreNotComputedAreRefusedInEveryFamily() {
    for field in ["attention_bias", "mlp_bias"] {
      #expect(throws: ModelDirectoryError.self) {
        try Self.read(changing: Self.llama.merging([field: "true"]) { $1 })
      }
    }
  }

  /// Each count is within its limit; together they are beyond every memory.
  @Test func modelsWhoseParametersCannotBeCountedAreRefused() {
    #expect(throws: ModelDirectoryError.self) {
      try Self.read(changing: [
        "hidden_size": "16777216", "intermediate_size": "16777216", "num_hidden_layers": "4096",
        "num_attention_heads": "65536", "num_key_value_heads": nil, "head_dim": "65536",
        "vocab_size": "2147483648",
      ])
    }
  }

  @Test func requiredFieldsAreNamedWhenMissing() {
    for field in ["vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"] {
      #expect(throws: ModelDirectoryError.self) { try Self.read(changing: [field: nil]) }
    }
  }
}
