import Records

/// The fields of one configuration file, with its path for errors.
struct ConfigurationFields {
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

  /// An id that only goes on to written checkpoints; some configurations say -1 where they mean none.
  func passedOnID(_ field: String, below vocabulary: Int) throws(ModelDirectoryError) -> Int32? {
    guard let id = json.present(field)?.integer, id >= 0, id < vocabulary else { return nil }
    return Int32(exactly: id)
  }

  /// The width of a head: stated, or what the heads share of the hidden size.
  func headDimension(
    _ family: ModelArchitecture.Family, hidden: Int, heads: Int
  ) throws(ModelDirectoryError) -> Int {
    if json.present("head_dim") == nil {
      guard hidden % heads == 0 else {
        throw refusal("head_dim", "is missing, and \(heads) heads do not divide \(hidden)")
      }
      // transformers takes 128 for a Qwen3 that does not say, others the share.
      guard family != .qwen3 || hidden / heads == 128 else {
        throw refusal(
          "head_dim", "is missing; a Qwen3 without it has 128, its \(heads) heads of \(hidden) not")
      }
    }
    let dimension = try count("head_dim", limit: 1 << 16, absent: hidden / heads)
    guard dimension % 2 == 0 else {
      throw refusal("head_dim", "\(dimension) is odd; RoPE turns pairs")
    }
    return dimension
  }

  func architecture() throws(ModelDirectoryError) -> ModelArchitecture {
    let names = (json.present("architectures")?.array ?? []).compactMap(\.string)
    guard names.count == 1, let architecture = ModelArchitecture(rawValue: names[0]) else {
      let found = names.isEmpty ? "is missing" : names.joined(separator: ", ")
      let computed = ModelArchitecture.allCases.map(\.rawValue).joined(separator: ", ")
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

  func refuseOtherMathematics(
    than family: ModelArchitecture.Family
  ) throws(ModelDirectoryError) {
    if let type = json.present("model_type"), type.string != family.rawValue {
      throw refusal(
        "model_type",
        "\(type.string ?? "not a string") is not \(family), which architectures names")
    }
    if let activation = json.present("hidden_act"), activation.string != "silu" {
      throw refusal("hidden_act", "\(activation.string ?? "not a string") is not silu")
    }
    if json.present("quantization_config") != nil {
      throw refusal("quantization_config", "quantized weights are not computed")
    }
    for field in ["attention_bias", "mlp_bias"] where try flag(field) {
      throw refusal(field, "true; biases are computed on q, k and v of a Qwen2 alone")
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
}
