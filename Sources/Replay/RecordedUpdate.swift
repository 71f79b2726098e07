import Records
import Stages

/// The log-probabilities that one update of a step was computed from, by the rows of its loss batch.
package struct RecordedUpdate: Sendable {
  private struct Row: Hashable {
    var group: GroupID
    var place: TrajectoryPlace
  }

  /// Of the update within its step.
  let index: Int
  /// Groups of the update in the order in which the optimizer worked them off.
  let groups: [GroupID]
  private let logProbabilities: [Float]
  private var ranges: [Row: Range<Int>] = [:]

  /// - Throws: where the step has fewer updates, or nothing was recorded of this one.
  init(
    _ batch: LossBatchRecord, _ update: UpdateRecord, index: Int, _ step: StoredStep
  ) throws(ReplayError) {
    self.index = index
    let place = "updates/\(batch.step)"
    guard batch.updates.indices.contains(index) else {
      throw ReplayError(
        .notThere, at: place, "step \(batch.step) has \(batch.updates.count) updates, no \(index)",
        remedy: "Count updates from 0 within the step, over epochs and mini-batches.")
    }
    guard update.logProbabilities.indices.contains(index) else {
      throw ReplayError(
        .notRecorded, at: place, "the log-probabilities of its updates were not recorded",
        remedy: "Set `optimizer.record: [log_probability]` in the definition and train again with "
          + "`pipeline run DEFINITION`.")
    }
    logProbabilities = update.logProbabilities[index]
    let members = batch.updates[index].compactMap { member in
      batch.groups.indices.contains(Int(member)) ? batch.groups[Int(member)] : nil
    }
    groups = members.map(\.group)
    var next = 0
    for member in members {
      guard let stored = step.groups.first(where: { $0.group == member.group }) else { continue }
      for row in member.rows {
        let count = stored.rollouts[row.source.place]?.tokens.count ?? 0
        ranges[Row(group: member.group, place: row.source.place)] = next..<next + count
        next += count
      }
    }
    guard next == logProbabilities.count else {
      throw ReplayError(
        .badData, at: place,
        "\(logProbabilities.count) log-probabilities are recorded for \(next) tokens",
        remedy: StageError.contradictionRemedy)
    }
  }

  /// Of the tokens of a row; nil where the optimizer did not train it.
  func logProbabilities(_ group: GroupID, _ place: TrajectoryPlace) -> ArraySlice<Float>? {
    ranges[Row(group: group, place: place)].map { logProbabilities[$0] }
  }
}
