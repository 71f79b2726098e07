public import Policy
import Records

/// Scores what the algorithm reads and no sampler knows: log-probabilities under the KL anchor, the
/// critic's values, log-probabilities of demonstrations. All of it is stored with the rollouts, so
/// that gate, loss assembler and replay need no model.
public final class RolloutScorer {
  private let record: Set<String>
  private let temperature: Float
  /// Demonstrations, and responses that a pair rejects, are scored by the anchor as well.
  private let scoresDemonstrations: Bool
  private let loadAnchor: () throws -> Policy
  private var anchor: Policy?

  /// - Parameters:
  ///   - record: names of ``RecordedQuantity``, and `demonstration_log_probability`.
  ///   - anchor: called once, when the first group needs it.
  public init(
    record: Set<String>, temperature: Double, scoresDemonstrations: Bool,
    anchor: @escaping () throws -> Policy
  ) {
    self.record = record
    self.temperature = Float(temperature)
    self.scoresDemonstrations = scoresDemonstrations
    loadAnchor = anchor
  }

  /// Log-probabilities of demonstrations under the rollout policy.
  public static let demonstrations = "demonstration_log_probability"

  /// Whether groups without rollouts need weights too.
  var readsDemonstrations: Bool {
    record.contains(Self.demonstrations)
      || (record.contains(RecordedQuantity.anchor) && scoresDemonstrations)
  }

  /// Adds the quantities to the trajectories of some groups of one chunk.
  func score(_ records: inout [RolloutRecord], with source: SourcedPolicy) throws {
    if record.contains(RecordedQuantity.anchor) {
      let policy = try anchor ?? loadAnchor()
      anchor = policy
      try fill(&records, [.rollouts] + (scoresDemonstrations ? [.demonstrations, .rejected] : [])) {
        RolloutScorer.add(RecordedQuantity.anchor, $1, to: &$0)
      } scoring: {
        policy.score($0, temperature: temperature).logProbabilities
      }
    }
    if record.contains(RecordedQuantity.value) {
      guard let critic = source.critic else {
        throw StageError(
          .badRun, at: "rollout", "values are to be recorded and the run trains no critic",
          remedy: "Choose an algorithm with a critic, or leave value out of rollout.record.")
      }
      try fill(&records, [.rollouts]) {
        RolloutScorer.add(RecordedQuantity.value, $1, to: &$0)
      } scoring: {
        critic.values($0)
      }
    }
    if record.contains(Self.demonstrations), let policy = source.policy {
      try fill(&records, [.demonstrations, .rejected]) {
        $0.logProbabilities = $1
      } scoring: {
        policy.score($0, temperature: temperature).logProbabilities
      }
      guard record.contains(RecordedQuantity.entropy) else { return }
      try fill(&records, [.demonstrations, .rejected]) {
        RolloutScorer.add(RecordedQuantity.entropy, $1, to: &$0)
      } scoring: {
        policy.score($0, temperature: temperature).entropies
      }
    }
  }

  private enum Part {
    case rollouts
    case demonstrations
    case rejected

    var place: WritableKeyPath<RolloutRecord, [Trajectory]> {
      switch self {
      case .rollouts: \.rollouts
      case .demonstrations: \.demonstrations
      case .rejected: \.rejected
      }
    }
  }

  /// One pass over all groups; its numbers are flat over groups, then trajectories, then tokens.
  private func fill(
    _ records: inout [RolloutRecord], _ parts: [Part],
    store: (inout Trajectory, [Float]) -> Void, scoring: ([TrainingGroup]) throws -> [Float]
  ) throws {
    let scored = records.indices.filter { index in
      records[index].refusal == nil
        && parts.contains { !records[index][keyPath: $0.place].isEmpty }
    }
    let groups = scored.map { index in
      TrainingGroup(
        prompt: records[index].promptTokens,
        responses: parts.flatMap { records[index][keyPath: $0.place].map(\.tokens) })
    }
    guard !groups.isEmpty else { return }
    let numbers = try scoring(groups)
    var offset = 0
    for index in scored {
      for part in parts {
        for row in records[index][keyPath: part.place].indices {
          let count = records[index][keyPath: part.place][row].tokens.count
          store(
            &records[index][keyPath: part.place][row], Array(numbers[offset..<offset + count]))
          offset += count
        }
      }
    }
  }

  /// A number that was there already (a fork's groups) is replaced, never stored twice.
  private static func add(_ name: String, _ values: [Float], to trajectory: inout Trajectory) {
    trajectory.quantities.removeAll { $0.name == name }
    trajectory.quantities.append(RecordedQuantity(name: name, values: values))
  }
}
