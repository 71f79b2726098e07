public import Conditions

/// What groups are chosen, sorted and shown by.
///
/// A field of the group has one value; one of its rollouts has a value in each, and a condition holds
/// of a group when it holds, as a whole, of one of its rollouts.
public enum GroupField: String, Sendable, CaseIterable {
  case group, step, wave, epoch, position, question, source, level, fate, gate, drop, solved, total
  case accuracy, rollouts, policy
  case rollout, reward, length, reason, finish, trains
  case prompt, truth, demonstration, text, answer

  /// Also what `--where` calls it.
  private static let aliases: [String: GroupField] = [
    "id": .question, "verdict": .reason, "tokens": .length, "n": .rollouts,
  ]

  public static func named(_ name: String) -> GroupField? {
    GroupField(rawValue: name) ?? aliases[name]
  }

  public var kind: Condition.Kind {
    switch self {
    case .group, .step, .wave, .epoch, .position, .solved, .total, .accuracy, .rollouts, .policy,
      .rollout, .reward, .length:
      .number
    case .level: .either
    case .question, .source, .fate, .gate, .drop, .reason, .finish, .trains, .prompt, .truth,
      .demonstration, .text, .answer:
      .text
    }
  }

  /// Whether each rollout has a value of its own.
  public var isOfRollouts: Bool {
    switch self {
    case .rollout, .reward, .length, .reason, .finish, .trains, .text, .answer: true
    default: false
    }
  }

  /// Whether the index holds it. The others are read from the records of the groups that are left.
  public var isIndexed: Bool {
    switch self {
    case .prompt, .truth, .demonstration, .text, .answer: false
    default: true
    }
  }

  /// Whether the index has a column of it; the others follow from where a row stands.
  var hasColumn: Bool { isIndexed && self != .group && self != .rollout }

  public var meaning: String {
    switch self {
    case .group: "GroupID"
    case .step: "step that the group was sampled for, from 0"
    case .wave: "wave of its step, from 0"
    case .epoch: "pass over the dataset, from 0"
    case .position: "place in that pass"
    case .question: "the prompt's id in its dataset"
    case .source: "the prompt's source"
    case .level: "the prompt's tag level"
    case .fate: "prompted, generated, verified, imitated, reinforced, mixed or dropped"
    case .gate: "the gate's rule"
    case .drop: "why the group was dropped"
    case .solved: "rollouts that are right"
    case .total: "rollouts that the gate counted"
    case .accuracy: "solved / total"
    case .rollouts: "rollouts that were sampled"
    case .policy: "version of the policy that sampled them"
    case .rollout: "index of a rollout in its group"
    case .reward: "a rollout's reward; none where the verifier had an error"
    case .length: "a rollout's tokens"
    case .reason: "the verifier's rule for a rollout, or its error"
    case .finish: "stop, or length where a rollout was cut"
    case .trains: "yes where the gate let a rollout train, no where not"
    case .prompt: "the prompt's text"
    case .truth: "the ground truth"
    case .demonstration: "a demonstration's text"
    case .text: "a rollout's text"
    case .answer: "the answer as found in a rollout"
    }
  }
}

extension Condition {
  /// A condition on groups and their rollouts.
  public init(onGroups text: String) throws(ConditionError) {
    try self.init(text, names: GroupField.allCases.map(\.rawValue)) {
      GroupField.named($0)?.kind
    }
  }
}
