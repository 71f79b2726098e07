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
    try config.refuseOtherMathematics()
    if architecture == .qwen2ForTokenClassification { try config.refuseOtherClassifiers() }
    let hidden = try config.count("hidden_size", limit: 1 << 24)
    let heads = try config.count("num_attention_heads", limit: 1 << 16)
    let layers = try config.count("num_hidden_layers", limit: 1 << 12)
    let keyValueHeads = try config.count("num_key_value_heads", limit: 1 << 16, absent: heads)
    guard heads % keyValueHeads == 0 else {
      throw config.refusal("num_key_value_heads", "\(keyValueHeads) does not divide \(heads) heads")
    }
    guard hidden % heads == 0 || config.json.present("head_dim") != nil else {
      throw config.refusal("head_dim", "is missing, and \(heads) heads do not divide \(hidden)")
    }
    let headDimension = try config.count("head_dim", limit: 1 << 16, absent: hidden / heads)
    guard headDimension % 2 == 0 else {
      throw config.refusal("head_dim", "\(headDimension) is odd; RoPE turns pairs")
    }
    try config.refuseOtherAttention(layers: layers)
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
      ropeTheta: try config.ropeTheta(),
      tieEmbeddings: try config.flag("tie_word_embeddings") && architecture == .qwen2ForCausalLM,
      attentionBias: true,
      maximumPositions: try config.count("max_position_embeddings", limit: 1 << 31, absent: 32768),
      stopIDs: Array(Set(stops)).sorted())
  }
}

/// The fields of one configuration file, with its path for errors.
private struct ConfigurationFields {
  let json: JSONValue
  let location: String

  init(_ bytes: [UInt8], location: String) throws(ModelDirectoryError) {
    do {
      json = try JSONValue(parsing: bytes, location: location)
    } catch {
      throw .malformed(location, error.problem)
    }
    guard json.object != nil else { throw .malformed(location, "is not a JSON object") }
    self.location = location
  }

  func refusal(_ field: String, _ problem: String) -> ModelDirectoryError {
    .unsupported(location, field: field, problem)
  }

  /// A count between 1 and `limit`; the limits keep every product of two within 64 bits.
  func count(_ field: String, limit: Int, absent: Int? = nil) throws(ModelDirectoryError) -> Int {
    guard let value = json.present(field) else {
      guard let absent else { throw .malformed(location, "\(field) is missing") }
      return absent
    }
    guard let count = value.integer, count >= 1, count <= limit else {
      throw .malformed(location, "\(field) is not a whole number from 1 to \(limit)")
    }
    return count
  }

  func positive(_ field: String, absent: Double) throws(ModelDirectoryError) -> Double {
    guard let value = json.present(field) else { return absent }
    guard let number = value.double, number > 0 else {
      throw .malformed(location, "\(field) is not a positive number")
    }
    return number
  }

  /// A flag; absent is false, as in transformers' configuration of Qwen2.
  func flag(_ field: String) throws(ModelDirectoryError) -> Bool {
    guard let value = json.present(field) else { return false }
    guard let flag = value.boolean else { throw .malformed(location, "\(field) is not a boolean") }
    return flag
  }

  /// `eos_token_id`, a number, a list or absent.
  func stopIDs(below vocabulary: Int) throws(ModelDirectoryError) -> [Int32] {
    guard let value = json.present("eos_token_id") else { return [] }
    var ids: [Int32] = []
    for entry in value.array ?? [value] {
      guard let id = entry.integer, id >= 0, id < vocabulary, let narrow = Int32(exactly: id) else {
        throw .malformed(location, "eos_token_id is not an id below vocab_size (\(vocabulary))")
      }
      ids.append(narrow)
    }
    return ids
  }

  func architecture() throws(ModelDirectoryError) -> ModelArchitecture {
    let names = (json.present("architectures")?.array ?? []).compactMap(\.string)
    guard names.count == 1, let architecture = ModelArchitecture(rawValue: names[0]) else {
      let found = names.isEmpty ? "is missing" : names.joined(separator: ", ")
      let computed = ModelArchitecture.allCases.map(\.rawValue).joined(separator: " and ")
      throw refusal("architectures", "\(found); only \(computed) are computed")
    }
    return architecture
  }

  /// A critic has one label and no dropout before its head. Where neither `num_labels` nor `id2label`
  /// stands, transformers takes two labels.
  func refuseOtherClassifiers() throws(ModelDirectoryError) {
    if let labels = json.present("num_labels"), labels.integer != 1 {
      throw refusal("num_labels", "is not 1, the value")
    }
    if let names = json.present("id2label"), names.object?.count != 1 {
      throw refusal("id2label", "does not name one label, the value")
    }
    if json.present("num_labels") == nil, json.present("id2label") == nil {
      throw refusal("id2label", "is missing, so that there are two labels; a critic has one")
    }
    if let dropout = json.present("classifier_dropout"), dropout.double != 0 {
      throw refusal("classifier_dropout", "is not 0")
    }
  }

  func refuseOtherMathematics() throws(ModelDirectoryError) {
    if let type = json.present("model_type"), type.string != "qwen2" {
      throw refusal("model_type", "\(type.string ?? "not a string") is not qwen2")
    }
    if let activation = json.present("hidden_act"), activation.string != "silu" {
      throw refusal("hidden_act", "\(activation.string ?? "not a string") is not silu")
    }
    if json.present("quantization_config") != nil {
      throw refusal("quantization_config", "quantized weights are not computed")
    }
    for field in ["attention_bias", "mlp_bias"] where try flag(field) {
      throw refusal(field, "true; Qwen2 has a bias on q, k and v alone")
    }
    if let dropout = json.present("attention_dropout"), dropout.double != 0 {
      throw refusal("attention_dropout", "is not 0")
    }
  }

  func refuseOtherAttention(layers: Int) throws(ModelDirectoryError) {
    // `sliding_window` itself counts only while this flag is on.
    if try flag("use_sliding_window"), json.present("sliding_window") != nil {
      throw refusal("use_sliding_window", "true; only full attention is computed")
    }
    guard let types = json.present("layer_types") else { return }
    guard let names = types.array?.compactMap(\.string), names.count == layers else {
      throw .malformed(location, "layer_types does not name the type of each of \(layers) layers")
    }
    if let other = names.first(where: { $0 != "full_attention" }) {
      throw refusal("layer_types", "\(other) is not full_attention")
    }
  }

  /// The base of the rotary frequencies, from whichever spelling is there; both must agree.
  func ropeTheta() throws(ModelDirectoryError) -> Double {
    var found: [Double] = []
    if let theta = json.present("rope_theta") { found.append(theta.double ?? .nan) }
    for field in ["rope_scaling", "rope_parameters"] {
      guard let rope = json.present(field) else { continue }
      guard rope.object != nil else { throw .malformed(location, "\(field) is not an object") }
      if let type = rope.present("rope_type") ?? rope.present("type"), type.string != "default" {
        throw refusal("\(field).rope_type", "\(type.string ?? "not a string") is not default")
      }
      if let factor = rope.present("partial_rotary_factor"), factor.double != 1 {
        throw refusal("\(field).partial_rotary_factor", "is not 1")
      }
      if let theta = rope.present("rope_theta") { found.append(theta.double ?? .nan) }
    }
    if let factor = json.present("partial_rotary_factor"), factor.double != 1 {
      throw refusal("partial_rotary_factor", "is not 1")
    }
    // 10000 is what transformers takes for Qwen2 when nothing is said.
    let theta = found.first ?? 10_000
    guard theta > 0, found.allSatisfy({ $0 == theta }) else {
      throw .malformed(location, "rope_theta is not one positive number: \(found)")
    }
    return theta
  }
}

extension ModelConfiguration {
  /// `config.json` in the spelling of transformers 4, which transformers 5 reads as well.
  public func configurationJSON(storage: WeightStorage = .f32) -> String {
    let isCritic = architecture == .qwen2ForTokenClassification
    var lines = [
      #""architectures": ["\#(architecture.rawValue)"]"#,
      #""attention_dropout": 0.0"#,
    ]
    // Where it is missing, transformers trains a classifier with a dropout of 0.1.
    if isCritic { lines.append(#""classifier_dropout": 0.0"#) }
    lines.append(#""eos_token_id": \#(stopIDsJSON)"#)
    // Old readers compute it themselves and know no such field.
    if headDimension * headCount != hiddenSize { lines.append(#""head_dim": \#(headDimension)"#) }
    lines += [
      #""hidden_act": "silu""#,
      #""hidden_size": \#(hiddenSize)"#,
    ]
    // One label: transformers writes its names in place of `num_labels`, and reads the number off them.
    if isCritic { lines.append(#""id2label": {"0": "LABEL_0"}"#) }
    lines += [
      #""initializer_range": 0.02"#,
      #""intermediate_size": \#(intermediateSize)"#,
    ]
    if isCritic { lines.append(#""label2id": {"LABEL_0": 0}"#) }
    lines += [
      #""max_position_embeddings": \#(maximumPositions)"#,
      #""max_window_layers": \#(layerCount)"#,
      #""model_type": "qwen2""#,
      #""num_attention_heads": \#(headCount)"#,
      #""num_hidden_layers": \#(layerCount)"#,
      #""num_key_value_heads": \#(keyValueHeadCount)"#,
      #""rms_norm_eps": \#(normEpsilon)"#,
      #""rope_scaling": null"#,
      #""rope_theta": \#(ropeTheta)"#,
      #""sliding_window": null"#,
      #""tie_word_embeddings": \#(tieEmbeddings)"#,
      #""torch_dtype": "\#(storage.torchName)""#,
      #""use_cache": true"#,
      #""use_sliding_window": false"#,
      #""vocab_size": \#(vocabularySize)"#,
    ]
    return "{\n  " + lines.joined(separator: ",\n  ") + "\n}\n"
  }

  /// `generation_config.json`: the end-of-sequence ids and nothing about sampling.
  public var generationJSON: String { "{\n  \"eos_token_id\": \(stopIDsJSON)\n}\n" }

  /// A number, a list or null, as transformers writes them.
  private var stopIDsJSON: String {
    switch stopIDs.count {
    case 0: "null"
    case 1: "\(stopIDs[0])"
    default: "[" + stopIDs.map(String.init).joined(separator: ", ") + "]"
    }
  }
}
