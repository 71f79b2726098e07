import Records

extension ModelConfiguration {
  /// Reads a Hugging Face `config.json`, in the spelling of transformers 4 (`rope_theta`,
  /// `rope_scaling`) or 5 (`rope_parameters`, `layer_types`), and `generation_config.json`, of which
  /// only the end-of-sequence ids are used.
  ///
  /// What would change the mathematics is refused by name: another architecture, activation, RoPE
  /// scaling, attention window, quantization or bias. What does not is ignored.
  /// - Parameter location: the path of config.json, for errors.
  public init(
    json bytes: [UInt8], generation: [UInt8]? = nil, location: String = "config.json"
  ) throws(ModelDirectoryError) {
    let config = try ConfigurationFields(bytes, location: location)
    let architecture = try config.architecture()
    try config.refuseOtherMathematics(than: architecture.family)
    if architecture.head == .value { try config.refuseOtherClassifiers() }
    let hidden = try config.count("hidden_size", limit: 1 << 24)
    let heads = try config.count("num_attention_heads", limit: 1 << 16)
    let layers = try config.count("num_hidden_layers", limit: 1 << 12)
    let keyValueHeads = try config.count("num_key_value_heads", limit: 1 << 16, absent: heads)
    guard heads % keyValueHeads == 0 else {
      throw config.refusal("num_key_value_heads", "\(keyValueHeads) does not divide \(heads) heads")
    }
    let headDimension = try config.headDimension(architecture.family, hidden: hidden, heads: heads)
    try config.refuseOtherAttention(layers: layers)
    let rope = try config.rope()
    let vocabulary = try config.count("vocab_size", limit: 1 << 31)
    var stops = try config.stopIDs(below: vocabulary)
    if let generation {
      // A sibling of config.json, named like it in errors.
      let place = location.hasSuffix("config.json") ? String(location.dropLast(11)) : ""
      let fields = try ConfigurationFields(
        generation, location: place + "generation_config.json")
      stops += try fields.stopIDs(below: vocabulary)
    }
    self.init(
      architecture: architecture, vocabularySize: vocabulary, hiddenSize: hidden,
      intermediateSize: try config.count("intermediate_size", limit: 1 << 24),
      layerCount: layers, headCount: heads, keyValueHeadCount: keyValueHeads,
      headDimension: headDimension,
      normEpsilon: Float(try config.positive("rms_norm_eps", absent: 1e-6)),
      ropeTheta: rope.theta, ropeScaling: rope.scaling,
      tieEmbeddings: try config.flag("tie_word_embeddings") && architecture.head == .languageModel,
      maximumPositions: try config.count("max_position_embeddings", limit: 1 << 31, absent: 32768),
      stopIDs: Array(Set(stops)).sorted())
    beginID = try config.passedOnID("bos_token_id", below: vocabulary)
    padID = try config.passedOnID("pad_token_id", below: vocabulary)
    // Far above any model, and far below where counts and bytes of parameters overflow.
    let count = parameters.reduce(0.0) { $0 + $1.shape.reduce(1.0) { $0 * Double($1) } }
    guard count < 0x1p50 else {
      throw .malformed(location, "describes a model of \(count) parameters")
    }
  }
}
