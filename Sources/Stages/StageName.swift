package import Queue

/// The six stages, in the order in which a trajectory passes them.
public enum StageName: String, CaseIterable, Sendable {
  case reader
  case rollout
  case verifier
  case gate
  case loss
  case optimizer

  /// The log in which the stage writes one record for every group it consumes, under the same
  /// GroupID. Its head is then the stage's cursor, and several workers may share the stage.
  var annotated: Log? {
    switch self {
    case .rollout: .rollouts
    case .verifier: .verdicts
    case .gate: .decisions
    case .reader, .loss, .optimizer: nil
    }
  }

  /// The log that the stage consumes; the reader reads shards.
  package var input: Log? {
    switch self {
    case .reader: nil
    case .rollout: .prompts
    case .verifier: .rollouts
    case .gate: .verdicts
    case .loss: .decisions
    case .optimizer: .batches
    }
  }

  /// Whether several workers may share the stage: it works off each group by itself.
  public var isShareable: Bool { self == .rollout || self == .verifier }

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
