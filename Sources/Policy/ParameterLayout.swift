import Operators

/// Where each parameter stands in the flat array.
struct ParameterLayout {
  let shape: TransformerShape
  let layers: [LayerOffsets]
  /// A critic's head.
  let valueHead: ValueHead?
  let count: Int

  init(_ configuration: ModelConfiguration) {
    var offsets: [String: Int] = [:]
    var next = 0
    for tensor in configuration.parameters {
      offsets[tensor.name] = next
      next += tensor.count
    }
    count = next
    func offset(_ name: String) -> Int {
      guard let offset = offsets[name] else { preconditionFailure("no parameter \(name)") }
      return offset
    }
    let embedding = offset("model.embed_tokens.weight")
    let head: Int?
    switch configuration.architecture.head {
    case .languageModel:
      head = configuration.tieEmbeddings ? embedding : offset("lm_head.weight")
      valueHead = nil
    case .value:
      head = nil
      valueHead = ValueHead(weight: offset("score.weight"), bias: offsets["score.bias"])
    }
    shape = TransformerShape(
      vocabulary: configuration.vocabularySize, hidden: configuration.hiddenSize,
      intermediate: configuration.intermediateSize, heads: configuration.headCount,
      keyValueHeads: configuration.keyValueHeadCount, headDimension: configuration.headDimension,
      normEpsilon: configuration.normEpsilon, embedding: embedding,
      finalNorm: offset("model.norm.weight"),
      head: head)
    layers = (0..<configuration.layerCount).map { layer in
      let prefix = "model.layers.\(layer)."
      let gate = offset(prefix + "mlp.gate_proj.weight")
      // One product computes gate and up: their names follow each other, so their rows do.
      precondition(
        offset(prefix + "mlp.up_proj.weight")
          == gate + configuration.intermediateSize * configuration.hiddenSize,
        "up does not follow gate in the order of names")
      let attention = prefix + "self_attn."
      return LayerOffsets(
        inputNorm: offset(prefix + "input_layernorm.weight"),
        q: offset(attention + "q_proj.weight"), k: offset(attention + "k_proj.weight"),
        v: offset(attention + "v_proj.weight"),
        biases: configuration.hasAttentionBias
          ? (
            q: offset(attention + "q_proj.bias"), k: offset(attention + "k_proj.bias"),
            v: offset(attention + "v_proj.bias")
          ) : nil,
        headNorms: configuration.hasHeadNorms
          ? (q: offset(attention + "q_norm.weight"), k: offset(attention + "k_norm.weight")) : nil,
        o: offset(attention + "o_proj.weight"),
        postNorm: offset(prefix + "post_attention_layernorm.weight"), gateUp: gate,
        down: offset(prefix + "mlp.down_proj.weight"))
    }
  }
}
