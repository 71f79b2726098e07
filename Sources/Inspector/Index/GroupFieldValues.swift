import Conditions
import Records

/// The values that a group and its rollouts have, field by field.
struct GroupFieldValues {
  let records: GroupRecords
  /// A trajectory as text; asked for the fields that the index lacks.
  let text: (Trajectory) throws -> String

  /// Rows of the group: its rollouts, or one without any.
  static func rows(of records: GroupRecords) -> Int {
    max(1, records.rollouts?.rollouts.count ?? 0)
  }

  /// - Parameter row: a rollout's index; of no account to fields of the group.
  func value(_ field: GroupField, row: Int) throws -> Condition.Value? {
    field.isOfRollouts ? try ofRollout(field, row) : ofGroup(field)
  }

  private func ofGroup(_ field: GroupField) -> Condition.Value? {
    let prompt = records.prompt
    switch field {
    case .group: return .number(Double(records.group))
    case .step: return .number(Double(prompt.step))
    case .wave: return .number(Double(prompt.wave))
    case .epoch: return .number(Double(prompt.epoch))
    case .position: return .number(Double(prompt.position))
    case .question: return .text(prompt.prompt.id)
    case .source: return .text(prompt.prompt.source)
    case .level: return prompt.prompt.tags["level"].map { .text($0) }
    case .fate: return .text(GroupSummary.Fate(records).rawValue)
    case .gate: return records.decision.map { .text($0.rule) }
    case .drop: return records.decision?.drop.map { .text($0) }
    case .solved: return records.solved.map { .number(Double($0.solved)) }
    case .total: return records.solved.map { .number(Double($0.total)) }
    case .accuracy:
      return records.solved.flatMap {
        $0.total == 0 ? nil : .number(Double($0.solved) / Double($0.total))
      }
    case .rollouts: return records.rollouts.map { .number(Double($0.rollouts.count)) }
    case .policy: return records.rollouts.map { .number(Double($0.policyVersion)) }
    case .prompt: return .text(prompt.prompt.text)
    case .truth: return .text(prompt.prompt.groundTruth)
    case .demonstration:
      let texts = prompt.prompt.demonstrations
      return texts.isEmpty ? nil : .text(texts.joined(separator: "\n"))
    case .rollout, .reward, .length, .reason, .finish, .trains, .text, .answer:
      preconditionFailure("\(field) is of rollouts")
    }
  }

  private func ofRollout(_ field: GroupField, _ row: Int) throws -> Condition.Value? {
    guard let rollouts = records.rollouts?.rollouts, row < rollouts.count else { return nil }
    let verdict = records.verdicts.flatMap { row < $0.count ? $0[row] : nil }
    switch field {
    case .rollout: return .number(Double(row))
    case .length: return .number(Double(rollouts[row].tokens.count))
    case .finish: return .text(rollouts[row].finish == .stop ? "stop" : "length")
    case .text: return .text(try text(rollouts[row]))
    case .reward: return verdict?.reward.flatMap { $0.isNaN ? nil : .number($0) }
    case .answer: return verdict?.extracted.map { .text($0) }
    case .reason: return verdict.map { .text($0.reason) }
    case .trains:
      guard let decision = records.decision else { return nil }
      let trains = decision.drop == nil && decision.kept.contains(UInt32(row))
      return .text(trains ? "yes" : "no")
    default: preconditionFailure("\(field) is of the group")
    }
  }
}
