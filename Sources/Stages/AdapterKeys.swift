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
      "adapter.dropout", .number(0...0.99), default: .number(0),
      meaning:
        "Share of the values before A that training drops (PEFT's lora_dropout). Rollouts drop none, so "
        + "that log-probabilities of training are others: state optimizer.mismatch_bound with it."),
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
    let dropout = definition.number("adapter.dropout")
    guard dropout == 0 || definition.numberIfSet("optimizer.mismatch_bound") != nil else {
      throw refusal(
        "adapter.dropout",
        "with it the log-probabilities of training are others than those of the rollouts",
        "State the difference to accept as optimizer.mismatch_bound, or set it to 0.")
    }
    let targets = definition.texts("adapter.targets").compactMap(AdapterTarget.init)
    guard !targets.isEmpty else {
      throw refusal("adapter.targets", "no linear map is named", "Name one or more.")
    }
    return AdapterSettings(
      rank: rank, alpha: definition.numberIfSet("adapter.alpha") ?? Double(rank),
      isRankStabilized: definition.flag("adapter.rank_stabilized"), dropout: dropout,
      targets: Set(targets))
  }
}
