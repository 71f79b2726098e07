public import Definition
import Files
import Policy

/// Section `model`: where the initial weights come from.
public struct ModelSettings: Sendable, Equatable {
  public enum Origin: Sendable, Equatable {
    /// A Hugging Face model directory.
    case directory(String)
    /// Another definition whose last checkpoint is taken; it is trained first where it is missing.
    case pretrained(String)
    /// Random weights of a shape, with the tokenizer of a directory.
    case random(tokenizer: String)
  }

  /// What a run changes in the configuration of the model that it starts from. Weights stay.
  public struct Overrides: Sendable, Equatable {
    /// Replaces `rope_theta`: a longer base before training on longer texts (HPT: 10000 to 40000).
    public var ropeTheta: Double?
    /// Replaces `max_position_embeddings`.
    public var maximumPositions: Int?

    var isEmpty: Bool { ropeTheta == nil && maximumPositions == nil }

    /// As errors name them.
    var text: String {
      "rope_theta \(ropeTheta.map { "\($0)" } ?? "as it is"), max_position_embeddings "
        + (maximumPositions.map { "\($0)" } ?? "as it is")
    }

    func applied(to configuration: ModelConfiguration) -> ModelConfiguration {
      var configuration = configuration
      if let ropeTheta { configuration.ropeTheta = ropeTheta }
      if let maximumPositions { configuration.maximumPositions = maximumPositions }
      return configuration
    }
  }

  public var origin: Origin?
  public var overrides: Overrides
  /// The directory of the initial weights, where they come from one.
  var path: String? { if case .directory(let path)? = origin { path } else { nil } }
  /// Model directory of the KL anchor; nil: the run's initial weights.
  public var anchor: String?
  public var hiddenSize: Int
  public var intermediateSize: Int
  public var layerCount: Int
  public var headCount: Int
  public var keyValueHeadCount: Int
  public var headDimension: Int
  public var maximumPositions: Int
  public var ropeTheta: Double
  public var endOfSequence: String

  static let keys: [Key] = [
    Key(
      "model.path", .text, default: .absent, role: .operational,
      meaning:
        "Hugging Face model directory to start from. Its content is identity, its place is not."),
    Key(
      "model.pretrain", .text, default: .absent, role: .operational,
      meaning: "Definition whose last checkpoint to start from, trained first if it is missing."),
    Key(
      "model.tokenizer", .text, default: .absent, role: .operational,
      meaning: "Directory with a tokenizer.json, for a model with random weights."),
    Key(
      "model.anchor", .text, default: .absent, role: .operational,
      meaning:
        "Model directory of the KL anchor, for penalties and DPO. Its content is identity, its place is "
        + "not. Default: the initial weights."),
    Key(
      "model.overrides.rope_theta", .number(1...1e9), default: .absent,
      meaning:
        "Base of the rotary frequencies in place of the one of model.path or model.pretrain; stands in "
        + "the checkpoints' config.json. The anchor's stays as it is."),
    Key(
      "model.overrides.max_position_embeddings", .integer(8...1_048_576), default: .absent,
      unit: "tokens",
      meaning: "Longest prompt and response together in place of the model's own, likewise."),
    Key(
      "model.hidden_size", .integer(8...65_536), default: .integer(192),
      meaning: "Width of the residual stream (random weights only, like all that follows)."),
    Key(
      "model.intermediate_size", .integer(8...262_144), default: .integer(512),
      meaning: "Width of the feed-forward layer."),
    Key("model.layers", .integer(1...512), default: .integer(6), meaning: "Decoder layers."),
    Key("model.heads", .integer(1...512), default: .integer(6), meaning: "Query heads."),
    Key(
      "model.key_value_heads", .integer(1...512), default: .integer(6),
      meaning: "Key and value heads; must divide the query heads."),
    Key(
      "model.head_dimension", .integer(2...512), default: .integer(32),
      meaning: "Width of a head; even."),
    Key(
      "model.maximum_positions", .integer(8...1_048_576), default: .integer(512),
      meaning: "Longest prompt and response together, in tokens."),
    Key(
      "model.rope_theta", .number(1...1e9), default: .number(10_000),
      meaning: "Base of the rotary frequencies."),
    Key(
      "model.end_of_sequence", .text, default: .text("<|endoftext|>"),
      meaning: "The token that ends a response of a model with random weights."),
  ]

  /// The file that `model.pretrain` of a definition names, which is relative to the definition's own.
  public static func baseFile(of definition: Definition) -> String? {
    definition.textIfSet("model.pretrain").map {
      $0.hasPrefix("/") ? $0 : PathParts.path($0, beside: definition.source)
    }
  }

  init(_ definition: Definition) {
    if let path = definition.textIfSet("model.path") {
      origin = .directory(path)
    } else if let path = definition.textIfSet("model.pretrain") {
      origin = .pretrained(path)
    } else if let path = definition.textIfSet("model.tokenizer") {
      origin = .random(tokenizer: path)
    }
    overrides = Overrides(
      ropeTheta: definition.numberIfSet("model.overrides.rope_theta"),
      maximumPositions: definition.integerIfSet("model.overrides.max_position_embeddings"))
    anchor = definition.textIfSet("model.anchor")
    hiddenSize = definition.integer("model.hidden_size")
    intermediateSize = definition.integer("model.intermediate_size")
    layerCount = definition.integer("model.layers")
    headCount = definition.integer("model.heads")
    keyValueHeadCount = definition.integer("model.key_value_heads")
    headDimension = definition.integer("model.head_dimension")
    maximumPositions = definition.integer("model.maximum_positions")
    ropeTheta = definition.number("model.rope_theta")
    endOfSequence = definition.text("model.end_of_sequence")
  }
}
