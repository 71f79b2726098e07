package import Estimator
import Policy
import Queue
package import Records

/// A group of a loss batch with the tokens of its rows, and what was found of them before the batch is
/// cut into passes.
package struct TrainedGroup {
  package var loss: LossGroup
  var training: TrainingGroup
  package var trajectories: [Trajectory]
  /// Digest of the weights that sampled its rollouts.
  var weightsDigest: [UInt8]
  let policyVersion: UInt64
  /// Flat over the rows, as all that follows. What a rejection rule leaves of the trained tokens.
  package var trained: [Bool]
  /// Log-probabilities at the start of the step; empty until scored.
  package var updateStart: [Float] = []
  /// Weights of a rollout correction; empty for none.
  package var correction: [Double] = []
  /// Tokens picked over the whole mini-batch; empty for none.
  package var selection: [Bool] = []

  package var tokenCount: Int { trained.count }

  init(_ loss: LossGroup, _ ledger: Ledger) throws {
    let record = try ledger.existing(RolloutRecord.self, .rollouts, loss.group)
    try self.init(loss, record)
  }

  package init(_ loss: LossGroup, _ record: RolloutRecord) throws {
    self.loss = loss
    trajectories = try loss.rows.map { row in
      switch row.source {
      case .rollout(let index): try Self.element(record.rollouts, index, "rollout", loss.group)
      case .demonstration(let index):
        try Self.element(record.demonstrations, index, "demonstration", loss.group)
      case .rejected(let index):
        try Self.element(record.rejected, index, "rejected response", loss.group)
      }
    }
    for (row, trajectory) in zip(loss.rows, trajectories) {
      let (count, tokens) = (row.advantages.count, trajectory.tokens.count)
      guard count <= 1 || count == tokens, row.returns.isEmpty || row.returns.count == tokens else {
        throw StageError.disagreement(
          "rollouts/\(loss.group)",
          "a loss batch has \(count) advantages and \(row.returns.count) returns for \(tokens) of its "
            + "tokens")
      }
    }
    training = TrainingGroup(
      prompt: record.promptTokens, responses: trajectories.map(\.tokens))
    weightsDigest = record.weightsDigest
    policyVersion = record.policyVersion
    trained = trajectories.flatMap(\.trained)
  }

  private static func element(
    _ all: [Trajectory], _ index: UInt32, _ what: String, _ group: GroupID
  ) throws -> Trajectory {
    guard index < all.count else {
      throw StageError.disagreement(
        "rollouts/\(group)", "a loss batch names \(what) \(index) of \(all.count)")
    }
    return all[Int(index)]
  }

  /// The rows as the normalisers see them.
  func shapes(group: Int) -> [RowShape] {
    var token = 0
    return trajectories.indices.map { index in
      var valid = 0
      for place in token..<token + trajectories[index].tokens.count where trained[place] {
        valid += 1
      }
      token += trajectories[index].tokens.count
      return row(index, group: group).shape(trainedTokens: valid)
    }
  }

  /// The row as the estimator reads it.
  func row(_ index: Int, group: Int) -> TokenBatch.Row {
    let row = loss.rows[index]
    return TokenBatch.Row(
      kind: row.kind, group: group,
      weight: row.kind == .rollout ? loss.rolloutWeight : loss.offPolicyWeight,
      imitationWeight: loss.demonstrationWeight, reward: row.reward, isIdle: row.isIdle)
  }
}

extension LossRow {
  var kind: RowKind {
    if case .rollout = source { .rollout } else { .demonstration }
  }
}

extension TokenBatch {
  /// Some groups of an update with what was stored at generation.
  ///
  /// - Parameters:
  ///   - groups: a slice of the update's: its indices number the groups of the mini-batch.
  ///   - logProbability: under the policy as it is, flat over the rows; empty: not scored yet.
  ///   - entropy: of the same pass.
  package init(
    _ groups: ArraySlice<TrainedGroup>, logProbability: [Double] = [], entropy: [Double]? = nil
  ) {
    var rows: [Row] = []
    var starts = [0]
    var trained: [Bool] = []
    var advantages: [Double] = []
    var pairs: [PreferencePair] = []
    for (index, group) in zip(groups.indices, groups) {
      let firstRow = rows.count
      pairs += group.loss.pairs.map {
        PreferencePair(chosen: firstRow + Int($0.chosen), rejected: firstRow + Int($0.rejected))
      }
      for (place, row) in group.loss.rows.enumerated() {
        let count = group.trajectories[place].tokens.count
        rows.append(group.row(place, group: index))
        starts.append(starts[starts.count - 1] + count)
        if row.advantages.count == count {
          advantages += row.advantages
        } else {
          advantages += repeatElement(row.advantages.first ?? 0, count: count)
        }
      }
      trained += group.trained
    }
    let start = groups.flatMap { $0.updateStart.map(Double.init) }
    self.init(
      rows: rows, rowStarts: starts, trained: trained, advantages: .perToken(advantages),
      logProbability: logProbability,
      // Before the first update of a step the policy is the one at the step's start.
      logProbabilityOld: start.isEmpty ? logProbability : start,
      logProbabilityRollout: Self.stored(groups) { $0.logProbabilities },
      logProbabilityAnchor: Self.stored(groups) { $0.quantity(RecordedQuantity.anchor) ?? [] },
      entropy: entropy)
    self.pairs = pairs
    if groups.contains(where: { !$0.correction.isEmpty }) {
      correction = groups.flatMap(\.correction)
    }
    if groups.contains(where: { !$0.selection.isEmpty }) {
      selection = groups.flatMap(\.selection)
    }
  }

  /// As above, of the pass that just ran.
  init(_ groups: ArraySlice<TrainedGroup>, _ scores: TokenScores) {
    self.init(
      groups, logProbability: scores.logProbabilities.map(Double.init),
      entropy: scores.entropies.map(Double.init))
  }

  /// A stored quantity, 0 at the tokens of trajectories that do not have it (demonstrations); nil where
  /// none has it.
  private static func stored(
    _ groups: ArraySlice<TrainedGroup>, _ values: (Trajectory) -> [Float]
  ) -> [Double]? {
    var all: [Double] = []
    var isPresent = false
    for group in groups {
      for trajectory in group.trajectories {
        let own = values(trajectory)
        isPresent = isPresent || !own.isEmpty
        if own.isEmpty {
          all += repeatElement(0, count: trajectory.tokens.count)
        } else {
          all += own.lazy.map(Double.init)
        }
      }
    }
    return isPresent ? all : nil
  }
}

/// How the groups of an update fall into forward and backward passes: by index alone.
package struct MicroBatches {
  package var groups: [Range<Int>] = []
  /// The rows of each range of groups.
  package var rows: [Range<Int>] = []
  /// Preference pairs of each.
  package var pairs: [Int] = []
  package var shapes: [RowShape] = []

  package init(_ all: [TrainedGroup], size: Int) {
    shapes = all.indices.flatMap { all[$0].shapes(group: $0) }
    var row = 0
    for start in stride(from: 0, to: all.count, by: size) {
      let range = start..<min(start + size, all.count)
      let count = all[range].reduce(0) { $0 + $1.loss.rows.count }
      groups.append(range)
      rows.append(row..<row + count)
      pairs.append(all[range].reduce(0) { $0 + $1.loss.pairs.count })
      row += count
    }
  }
}
