/// The shape of a decoder-only transformer, as a Hugging Face `config.json` says it.
public struct ModelConfiguration: Sendable, Equatable {
  public var architecture: ModelArchitecture
  /// Rows of the embedding; may exceed the tokenizer's ids (padding rows are never sampled).
  public var vocabularySize: Int
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var keyValueHeadCount: Int
  public var headDimension: Int
  public var normEpsilon: Float
  /// Base of the rotary frequencies.
  public var ropeTheta: Double
  /// nil: none, rope type `default`.
  public var ropeScaling: RopeScaling?
  /// Whether the head shares the embedding's weights; then there is no `lm_head.weight`. Says nothing
  /// in a critic, whose head is its own; false in those that are read or made here.
  public var tieEmbeddings: Bool
  /// Longest sequence that is generated or trained on, in tokens; RoPE itself has no such limit.
  public var maximumPositions: Int
  /// End-of-sequence ids of config.json and generation_config.json together, ascending.
  public var stopIDs: [Int32]
  /// `bos_token_id` and `pad_token_id`: not used here, passed on to written checkpoints.
  public var beginID: Int32?
  public var padID: Int32?

  public init(
    architecture: ModelArchitecture = .qwen2ForCausalLM, vocabularySize: Int, hiddenSize: Int,
    intermediateSize: Int, layerCount: Int, headCount: Int, keyValueHeadCount: Int,
    headDimension: Int, normEpsilon: Float = 1e-6, ropeTheta: Double = 10_000,
    ropeScaling: RopeScaling? = nil, tieEmbeddings: Bool = true, maximumPositions: Int,
    stopIDs: [Int32]
  ) {
    self.architecture = architecture
    self.vocabularySize = vocabularySize
    self.hiddenSize = hiddenSize
    self.intermediateSize = intermediateSize
    self.layerCount = layerCount
    self.headCount = headCount
    self.keyValueHeadCount = keyValueHeadCount
    self.headDimension = headDimension
    self.normEpsilon = normEpsilon
    self.ropeTheta = ropeTheta
    self.ropeScaling = ropeScaling
    self.tieEmbeddings = tieEmbeddings
    self.maximumPositions = maximumPositions
    self.stopIDs = stopIDs
  }
}

/// A tensor's name and shape, `[out, in]` for a linear weight.
public struct TensorShape: Sendable, Equatable {
  public var name: String
  public var shape: [Int]
  public var count: Int { shape.reduce(1, *) }

  public init(name: String, shape: [Int]) {
    self.name = name
    self.shape = shape
  }
}

extension ModelConfiguration {
  /// Whether queries, keys and values have biases.
  public var hasAttentionBias: Bool { architecture.family == .qwen2 }
  /// Whether every head of queries and keys is normed before RoPE.
  public var hasHeadNorms: Bool { architecture.family == .qwen3 }

  /// Every parameter of a checkpoint of this shape, in ascending order of name (by UTF-8 bytes):
  /// the order of the flat parameter array and of the weights digest.
  public var parameters: [TensorShape] {
    let queries = headCount * headDimension
    let keys = keyValueHeadCount * headDimension
    var all = [
      TensorShape(name: "model.embed_tokens.weight", shape: [vocabularySize, hiddenSize]),
      TensorShape(name: "model.norm.weight", shape: [hiddenSize]),
    ]
    switch architecture.head {
    case .languageModel:
      if !tieEmbeddings {
        all.append(TensorShape(name: "lm_head.weight", shape: [vocabularySize, hiddenSize]))
      }
    case .value:
      all.append(TensorShape(name: "score.weight", shape: [1, hiddenSize]))
      if !architecture.isRewardModel { all.append(TensorShape(name: "score.bias", shape: [1])) }
    }
    for layer in 0..<layerCount {
      let prefix = "model.layers.\(layer)."
      all += [
        TensorShape(name: prefix + "input_layernorm.weight", shape: [hiddenSize]),
        TensorShape(name: prefix + "post_attention_layernorm.weight", shape: [hiddenSize]),
        TensorShape(name: prefix + "self_attn.q_proj.weight", shape: [queries, hiddenSize]),
        TensorShape(name: prefix + "self_attn.k_proj.weight", shape: [keys, hiddenSize]),
        TensorShape(name: prefix + "self_attn.v_proj.weight", shape: [keys, hiddenSize]),
        TensorShape(name: prefix + "self_attn.o_proj.weight", shape: [hiddenSize, queries]),
        TensorShape(name: prefix + "mlp.gate_proj.weight", shape: [intermediateSize, hiddenSize]),
        TensorShape(name: prefix + "mlp.up_proj.weight", shape: [intermediateSize, hiddenSize]),
        TensorShape(name: prefix + "mlp.down_proj.weight", shape: [hiddenSize, intermediateSize]),
      ]
      if hasAttentionBias {
        all += [
          TensorShape(name: prefix + "self_attn.q_proj.bias", shape: [queries]),
          TensorShape(name: prefix + "self_attn.k_proj.bias", shape: [keys]),
          TensorShape(name: prefix + "self_attn.v_proj.bias", shape: [keys]),
        ]
      }
      if hasHeadNorms {
        all += [
          TensorShape(name: prefix + "self_attn.q_norm.weight", shape: [headDimension]),
          TensorShape(name: prefix + "self_attn.k_norm.weight", shape: [headDimension]),
        ]
      }
    }
    return all.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  public var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }
}
