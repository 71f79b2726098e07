import Estimator
import Records
import Stages

extension PreparedBatch {
  /// Hands out the trajectories of the batch with every token's parts, in the order of the rows.
  ///
  /// - Parameters:
  ///   - parts: of the micro-batches, evaluated with their parts.
  ///   - wanted: only this group; nil: all.
  func forEachTrajectory(
    _ parts: [EvaluatedPart], of wanted: GroupID?,
    _ place: (step: UInt64, algorithm: Int, label: String),
    _ each: (ReplayedTrajectory) throws -> Void
  ) throws {
    for (range, part) in zip(layout.groups, parts) {
      var next = 0
      for index in range {
        let group = groups[index]
        let first = next
        next += group.tokenCount
        guard wanted == nil || wanted == group.loss.group else { continue }
        var offset = 0
        for (row, trajectory) in zip(group.loss.rows, group.trajectories) {
          let source = row.source.place
          try each(
            ReplayedTrajectory(
              step: place.step, group: group.loss.group, kind: source.kind, index: source.index,
              algorithm: place.algorithm, label: place.label,
              tokens: tokens(trajectory, of: index, from: offset, part, at: first + offset)))
          offset += trajectory.tokens.count
        }
      }
    }
  }

  /// - Parameters:
  ///   - offset: of the trajectory within its group.
  ///   - start: of the trajectory within the micro-batch.
  private func tokens(
    _ trajectory: Trajectory, of group: Int, from offset: Int, _ part: EvaluatedPart,
    at start: Int
  ) -> [ReplayedTrajectory.Token] {
    guard let parts = part.parts else { return [] }
    let isKnown = !trajectory.lacksLogProbabilities
    let current = logProbabilities(group)
    return trajectory.tokens.indices.map { position in
      let token = start + position
      return ReplayedTrajectory.Token(
        position: position, id: trajectory.tokens[position],
        logProbability: isKnown ? Double(current[offset + position]) : .nan,
        mask: parts.mask[token], ratio: parts.ratio[token], shape: parts.shape[token],
        advantage: parts.advantage[token], norm: parts.norm[token], added: parts.added[token],
        logReference: parts.logReference[token], weight: part.weights[token])
    }
  }
}
