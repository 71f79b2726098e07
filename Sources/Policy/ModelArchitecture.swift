/// What a model computes, by the name that `config.json` gives it; others are refused by name.
///
/// A policy is a transformer with a language-model head, a critic one with a head of one label,
/// `score`, a linear map with a bias; a reward model has the same without a bias. All exist for every
/// family.
public enum ModelArchitecture: String, Sendable, CaseIterable {
  case qwen2ForCausalLM = "Qwen2ForCausalLM"
  case qwen3ForCausalLM = "Qwen3ForCausalLM"
  case llamaForCausalLM = "LlamaForCausalLM"
  case qwen2ForTokenClassification = "Qwen2ForTokenClassification"
  case qwen3ForTokenClassification = "Qwen3ForTokenClassification"
  case llamaForTokenClassification = "LlamaForTokenClassification"
  case qwen2ForSequenceClassification = "Qwen2ForSequenceClassification"
  case qwen3ForSequenceClassification = "Qwen3ForSequenceClassification"
  case llamaForSequenceClassification = "LlamaForSequenceClassification"

  /// What the layers compute; `rawValue` is `model_type` of `config.json`.
  public enum Family: String, Sendable, CaseIterable {
    /// Biases on queries, keys and values. Qwen2.5 and Qwen2.5-Math are of it.
    case qwen2
    /// Every head of queries and keys is normed before RoPE; no bias.
    case qwen3
    /// No bias, no norm of heads. Llama 3 and 3.1.
    case llama
  }

  /// What stands on the last layer.
  public enum Head: Sendable {
    case languageModel
    case value
  }

  public var family: Family {
    switch self {
    case .qwen2ForCausalLM, .qwen2ForTokenClassification, .qwen2ForSequenceClassification: .qwen2
    case .qwen3ForCausalLM, .qwen3ForTokenClassification, .qwen3ForSequenceClassification: .qwen3
    case .llamaForCausalLM, .llamaForTokenClassification, .llamaForSequenceClassification: .llama
    }
  }

  public var head: Head { self == policy ? .languageModel : .value }

  /// Whether it scores whole sequences: a reward model, whose head has no bias.
  public var isRewardModel: Bool { self != policy && self != critic }

  /// The policy of the same family.
  public var policy: ModelArchitecture {
    switch family {
    case .qwen2: .qwen2ForCausalLM
    case .qwen3: .qwen3ForCausalLM
    case .llama: .llamaForCausalLM
    }
  }

  /// The critic of the same family.
  public var critic: ModelArchitecture {
    switch family {
    case .qwen2: .qwen2ForTokenClassification
    case .qwen3: .qwen3ForTokenClassification
    case .llama: .llamaForTokenClassification
    }
  }
}
