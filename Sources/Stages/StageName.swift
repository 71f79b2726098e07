/// The six stages, in the order in which a trajectory passes them.
public enum StageName: String, CaseIterable, Sendable {
  case reader
  case rollout
  case verifier
  case gate
  case loss
  case optimizer

  /// The name in prose: `prompt-shard-reader`.
  public var longName: String {
    switch self {
    case .reader: "prompt-shard-reader"
    case .rollout: "rollout-generator"
    case .verifier: "verifier"
    case .gate: "performance-gate"
    case .loss: "loss-assembler"
    case .optimizer: "optimizer"
    }
  }

  /// Accepts the short and the long name.
  public init?(argument: String) {
    guard let name = Self.allCases.first(where: { [$0.rawValue, $0.longName].contains(argument) })
    else { return nil }
    self = name
  }
}
