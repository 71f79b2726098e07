import Definition
import Policy

/// Section `adapter`: LoRA in place of all weights.
enum AdapterKeys {
  static let keys: [Key] = [
    Key(
      "adapter.rank", .integer(1...65_536), default: .absent,
      meaning:
        "Train a low-rank adapter (LoRA) of this rank and keep the model of model.path frozen, in its "
        + "stored type. Checkpoints hold the adapter as PEFT reads it. Default: all weights are trained."
    ),
    Key(
      "adapter.alpha", .number(Double.leastNonzeroMagnitude ... .infinity), default: .absent,
      meaning: "The update is scaled by alpha / rank. Default: the rank, so that the scale is 1."),
    Key(
      "adapter.rank_stabilized", .flag, default: .flag(false),
      meaning: "Scale by alpha / sqrt(rank) in place of that (rsLoRA)."),
    Key(
      "adapter.targets", .list(of: .choice(AdapterTarget.allCases.map(\.rawValue))),
      default: .list(AdapterTarget.allCases.map { .text($0.rawValue) }),
      meaning: "The linear maps that get an update, in every layer."),
    Key(
      "adapter.dropout", .number(0...1), default: .number(0),
      meaning: "Must be 0: dropout before an update (PEFT's lora_dropout) is not computed here."),
  ]

  /// nil where all weights are trained.
  static func read(_ definition: Definition) throws(DefinitionError) -> AdapterSettings? {
    func refusal(_ key: String, _ problem: String, _ remedy: String) -> DefinitionError {
      definition.error(at: key, problem, remedy: remedy)
    }
    guard let rank = definition.integerIfSet("adapter.rank") else {
      if let other = keys.dropFirst().first(where: { definition.value($0.path) != $0.standard }) {
        throw refusal(
          other.path, "it says something of an adapter and adapter.rank is not set",
          "Set adapter.rank, or leave the section out to train all weights.")
      }
      return nil
    }
    guard definition.number("adapter.dropout") == 0 else {
      throw refusal(
        "adapter.dropout", "dropout is not computed here, in rollouts or in training",
        "Set it to 0: log-probabilities of rollouts and of training are then equal.")
    }
    let targets = definition.texts("adapter.targets").compactMap(AdapterTarget.init)
    guard !targets.isEmpty else {
      throw refusal("adapter.targets", "no linear map is named", "Name one or more.")
    }
    return AdapterSettings(
      rank: rank, alpha: definition.numberIfSet("adapter.alpha") ?? Double(rank),
      isRankStabilized: definition.flag("adapter.rank_stabilized"), targets: Set(targets))
  }
}
