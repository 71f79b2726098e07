import Queue
import Records
import Stages

extension GroupView {
  /// Adds what the loss batch of the group's step says of its responses.
  mutating func add(_ batch: LossBatchRecord?) {
    guard let own = batch?.groups.first(where: { $0.group == group }) else { return }
    for row in own.rows {
      switch row.source {
      case .rollout(let index): rollouts.add(row, at: Int(index))
      case .demonstration(let index): demonstrations.add(row, at: Int(index))
      case .rejected(let index): rejected.add(row, at: Int(index))
      }
    }
  }
}

extension [GroupView.Response] {
  fileprivate mutating func add(_ row: LossRow, at index: Int) {
    guard indices.contains(index), !row.advantages.isEmpty else { return }
    self[index].advantage = row.advantages.reduce(0, +) / Double(row.advantages.count)
    for place in (self[index].tokens ?? []).indices {
      let advantage = row.advantages.count == 1 ? row.advantages.first : nil
      self[index].tokens?[place].advantage =
        advantage ?? (row.advantages.indices.contains(place) ? row.advantages[place] : nil)
    }
  }
}

extension GroupView {
  /// Where the numbers on the group's page come from.
  public var sources: [NumberSource] {
    func source(
      _ number: String, _ stage: StageName, _ record: String, _ field: String
    ) -> NumberSource {
      NumberSource(number, stage: stage.longName, record: record, field: field)
    }
    var sources = [
      source("prompt, ground truth, tags", .reader, "prompts/\(group)", "the dataset's row"),
      source("tokens, log p, quantities", .rollout, "rollouts/\(group)", "its trajectories"),
    ]
    if rollouts.contains(where: { $0.verdict != nil }) {
      sources.append(source("reward, reason", .verifier, "verdicts/\(group)", "its verdicts"))
    }
    if decision != nil {
      sources.append(source("fate, weights", .gate, "decisions/\(group)", "rule, kept, α and β"))
    }
    if (rollouts + demonstrations).contains(where: { $0.advantage != nil }) {
      sources.append(
        source("advantage", .loss, "batches/\(step)", "advantages of its rows, mean over tokens"))
    }
    return sources
  }
}
