import Definition
import Estimator
import Policy
import Records
import Tokenizer

/// Section `rollout`: how many responses are sampled for a prompt, and how.
public struct RolloutSettings: Sendable, Equatable {
  public var count: Int
  public var temperature: Double
  public var topK: Int
  public var topP: Double
  public var minP: Double
  public var maximumTokens: Int
  /// Groups decoded together.
  public var chunkGroups: Int
  /// Steps that a rollout policy may be behind.
  public var lag: Int
  public var record: [String]

  static let keys: [Key] = [
    Key(
      "rollout.count", .integer(0...65_536), default: .integer(8),
      meaning: "Rollouts per prompt; 0 is plain SFT."),
    Key(
      "rollout.temperature", .number(0...100), default: .number(1),
      meaning: "Divides the logits, in sampling and in training alike; 0 samples greedily."),
    Key(
      "rollout.top_k", .integer(0...1_000_000), default: .integer(0),
      meaning: "Sample from the k most likely tokens; 0 switches it off."),
    Key(
      "rollout.top_p", .number(0...1), default: .number(1),
      meaning: "Sample from the smallest set of tokens with this mass; 1 switches it off."),
    Key(
      "rollout.min_p", .number(0...1), default: .number(0),
      meaning: "Drop tokens less likely than this share of the most likely one; 0 switches it off."),
    Key(
      "rollout.maximum_tokens", .integer(1...1_048_576), default: .integer(64), unit: "tokens",
      meaning: "A response is cut at this length."),
    Key(
      "rollout.chunk_groups", .integer(1...65_536), default: .integer(64),
      meaning: "Groups that are decoded together and committed together."),
    Key(
      "rollout.lag", .integer(0...1000), default: .integer(0), unit: "steps",
      meaning: "Steps that the rollout policy is behind; 0 is strictly on-policy."),
    Key(
      "rollout.record", .list(of: .choice(recordable)), default: .list([]),
      meaning:
        "What is stored for each token beside its log-probability; what the algorithm reads is "
        + "stored in any case."),
  ]

  static let recordable = [
    RecordedQuantity.entropy, RecordedQuantity.filtered, RecordedQuantity.anchor,
    RecordedQuantity.value, RolloutScorer.demonstrations,
  ]

  init(_ definition: Definition) {
    count = definition.integer("rollout.count")
    temperature = definition.number("rollout.temperature")
    topK = definition.integer("rollout.top_k")
    topP = definition.number("rollout.top_p")
    minP = definition.number("rollout.min_p")
    maximumTokens = definition.integer("rollout.maximum_tokens")
    chunkGroups = definition.integer("rollout.chunk_groups")
    lag = definition.integer("rollout.lag")
    record = definition.texts("rollout.record")
  }

  /// For an evaluation: on-policy, nothing recorded beside the log-probabilities.
  public init(
    count: Int, temperature: Double, topP: Double, maximumTokens: Int, chunkGroups: Int
  ) {
    self.count = count
    self.temperature = temperature
    topK = 0
    self.topP = topP
    minP = 0
    self.maximumTokens = maximumTokens
    self.chunkGroups = chunkGroups
    lag = 0
    record = []
  }

  /// The policy version that must answer a step: max(0, step − lag), even if a newer one exists.
  func version(answering step: UInt64) -> UInt64 {
    step > UInt64(lag) ? step - UInt64(lag) : 0
  }

  func sampling(for renderer: PromptRenderer) -> SamplingSettings {
    SamplingSettings(
      temperature: Float(temperature), topK: topK, topP: Float(topP), minP: Float(minP),
      stopIDs: renderer.stopIDs, maximumTokens: maximumTokens,
      tokenLimit: renderer.tokenizer.count,
      recordEntropy: record.contains(RecordedQuantity.entropy),
      recordFiltered: record.contains(RecordedQuantity.filtered))
  }
}

extension RolloutSettings {
  /// Records what an algorithm reads besides what the definition asks for.
  mutating func require(_ quantities: Set<Algorithm.Quantity>) {
    let needed: [(Algorithm.Quantity, String)] = [
      (.logProbabilityAnchor, RecordedQuantity.anchor), (.value, RecordedQuantity.value),
    ]
    for (quantity, name) in needed where quantities.contains(quantity) && !record.contains(name) {
      record.append(name)
    }
  }
}
