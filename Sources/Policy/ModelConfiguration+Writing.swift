extension ModelConfiguration {
  /// `config.json` in the spelling of transformers 4, which transformers 5 reads as well.
  public func configurationJSON(storage: WeightStorage = .f32) -> String {
    let lines = configurationFields(storage: storage).map { "\"\($0.name)\": \($0.value)" }
    return "{\n  " + lines.joined(separator: ",\n  ") + "\n}\n"
  }

  /// Names, ascending, and values as JSON.
  func configurationFields(storage: WeightStorage) -> [(name: String, value: String)] {
    let isCritic = architecture.head == .value
    let family = architecture.family
    var fields: [(name: String, value: String)] = [
      ("architectures", "[\"\(architecture.rawValue)\"]"),
      ("attention_dropout", "0.0"),
      ("eos_token_id", stopIDsJSON),
      ("hidden_act", "\"silu\""),
      ("hidden_size", "\(hiddenSize)"),
      ("initializer_range", "0.02"),
      ("intermediate_size", "\(intermediateSize)"),
      ("max_position_embeddings", "\(maximumPositions)"),
      ("model_type", "\"\(family.rawValue)\""),
      ("num_attention_heads", "\(headCount)"),
      ("num_hidden_layers", "\(layerCount)"),
      ("num_key_value_heads", "\(keyValueHeadCount)"),
      ("rms_norm_eps", "\(normEpsilon)"),
      ("rope_scaling", ropeScaling?.json ?? "null"),
      ("rope_theta", "\(ropeTheta)"),
      ("tie_word_embeddings", "\(tieEmbeddings)"),
      ("torch_dtype", "\"\(storage.torchName)\""),
      ("use_cache", "true"),
      ("vocab_size", "\(vocabularySize)"),
    ]
    if family != .qwen2 { fields.append(("attention_bias", "false")) }
    if family == .llama {
      fields.append(("mlp_bias", "false"))
    } else {
      fields += [
        ("max_window_layers", "\(layerCount)"), ("sliding_window", "null"),
        ("use_sliding_window", "false"),
      ]
    }
    // Old readers of Qwen2 compute it themselves and know no such field; a Qwen3 must say it.
    if family == .qwen3 || headDimension * headCount != hiddenSize {
      fields.append(("head_dim", "\(headDimension)"))
    }
    if let beginID { fields.append(("bos_token_id", "\(beginID)")) }
    if let padID { fields.append(("pad_token_id", "\(padID)")) }
    if isCritic {
      // Where it is missing, transformers trains a classifier with a dropout of 0.1. One label:
      // it writes the names in place of `num_labels`, and reads the number off them.
      fields += [
        ("classifier_dropout", "0.0"), ("id2label", "{\"0\": \"LABEL_0\"}"),
        ("label2id", "{\"LABEL_0\": 0}"),
      ]
    }
    return fields.sorted { $0.name < $1.name }
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

extension RopeScaling {
  /// `rope_scaling` of config.json.
  fileprivate var json: String {
    "{\"factor\": \(factor), \"high_freq_factor\": \(highFrequencyFactor), "
      + "\"low_freq_factor\": \(lowFrequencyFactor), "
      + "\"original_max_position_embeddings\": \(originalPositions), \"rope_type\": \"llama3\"}"
  }
}
