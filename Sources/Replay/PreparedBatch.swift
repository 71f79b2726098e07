import Estimator
import Records
package import Stages

/// The trained groups of a step as one mini-batch, ready for the estimator: advantages, normalisers,
/// the current policy's log-probabilities, and what must be picked before the batch is cut.
package struct PreparedBatch {
  let algorithm: Algorithm
  package private(set) var groups: [TrainedGroup] = []
  /// Of each group its index within the step.
  private(set) var places: [Int] = []
  private(set) var layout: MicroBatches
  private var normalizers: [Normalizers] = []
  /// Of each group, flat over its rows.
  private var logProbabilities: [[Float]] = []
  private let setting: ReplaySetting
  /// Tells apart what is drawn for one pass from all others, as the optimizer does.
  private let key: UInt64
  /// Rows that the recorded update did not score and whose weight depends on the policy: left out.
  private(set) var unscoredRows = 0

  /// - Parameter recorded: then the mini-batch is that update's.
  init(
    _ assembled: [LossGroup], _ step: StoredStep, _ subject: ReplayedAlgorithm,
    _ setting: ReplaySetting, recorded: RecordedUpdate?
  ) throws {
    algorithm = subject.algorithm
    self.setting = setting
    key = step.step << 32 | UInt64((recorded?.index ?? 0) & 0xFFFF) << 16
    layout = MicroBatches([], size: setting.microBatchGroups)
    let indices = Dictionary(
      uniqueKeysWithValues: step.groups.enumerated().map { ($0.element.group, $0.offset) })
    var members = assembled
    if let recorded {
      let byGroup = Dictionary(uniqueKeysWithValues: assembled.map { ($0.group, $0) })
      members = recorded.groups.compactMap { byGroup[$0] }
    }
    for member in members {
      guard let index = indices[member.group] else { continue }
      groups.append(try TrainedGroup(member, step.groups[index].rollouts))
      places.append(index)
    }
    var unscored: [(group: Int, tokens: Range<Int>)] = []
    for index in groups.indices {
      unscored += try score(index, step, recorded)
    }
    try pick()
    layout = MicroBatches(groups, size: setting.microBatchGroups)
    normalizers = algorithm.normalizers(
      rows: layout.shapes, pairs: layout.pairs, microBatches: layout.rows)
    // After the normalisers: the row counts there, only its own weights are unknown.
    for (group, tokens) in unscored {
      for token in tokens { groups[group].trained[token] = false }
    }
    unscoredRows = unscored.count
  }

  /// Loss, weights and diagnostics of one micro-batch.
  func evaluate(_ microBatch: Int, recordingParts: Bool) throws -> Evaluation {
    let range = layout.groups[microBatch]
    var batch = tokenBatch(range)
    if !algorithm.selects {
      try algorithm.select(
        &batch, stream: setting.selection, key: key | UInt64(microBatch & 0xFFFF))
    }
    return try algorithm.evaluate(
      batch, normalizers: normalizers[microBatch], recordingParts: recordingParts)
  }

  /// The current policy's log-probabilities of a group as they were taken, flat over its rows.
  func logProbabilities(_ group: Int) -> [Float] { logProbabilities[group] }

  private func tokenBatch(_ range: Range<Int>) -> TokenBatch {
    var current: [Double] = []
    current.reserveCapacity(groups[range].reduce(0) { $0 + $1.tokenCount })
    for own in logProbabilities[range] { current += own.lazy.map(Double.init) }
    return TokenBatch(
      groups[range], logProbability: current,
      entropy: algorithm.quantities.contains(.entropy) ? entropies(range) : nil)
  }

  /// As recorded at generation; 0 where nothing but the bonus reads it, whose gradient does not depend
  /// on it.
  private func entropies(_ range: Range<Int>) -> [Double] {
    var all: [Double] = []
    for group in groups[range] {
      for trajectory in group.trajectories {
        if let own = trajectory.quantity(RecordedQuantity.entropy) {
          all += own.lazy.map(Double.init)
        } else {
          all += repeatElement(0, count: trajectory.tokens.count)
        }
      }
    }
    return all
  }

  /// Rejection, correction and selection over the whole mini-batch, as before an update.
  private mutating func pick() throws {
    guard algorithm.corrects || algorithm.selects, !groups.isEmpty else { return }
    var batch = tokenBatch(0..<groups.count)
    try algorithm.correct(&batch)
    if algorithm.selects {
      try algorithm.select(&batch, stream: setting.selection, key: key)
    }
    var offset = 0
    for index in groups.indices {
      let range = offset..<offset + groups[index].tokenCount
      groups[index].trained = Array(batch.trained[range])
      if let correction = batch.correction { groups[index].correction = Array(correction[range]) }
      if let selection = batch.selection { groups[index].selection = Array(selection[range]) }
      offset = range.upperBound
    }
  }
}

// Where the log-probabilities come from.
extension PreparedBatch {
  /// Takes the log-probabilities of a group's rows.
  ///
  /// - Returns: the tokens of rows that cannot be weighed, because the recorded update lacks them.
  private mutating func score(
    _ index: Int, _ step: StoredStep, _ recorded: RecordedUpdate?
  ) throws -> [(group: Int, tokens: Range<Int>)] {
    let group = groups[index]
    var current: [Float] = []
    var start: [Float] = []
    var unscored: [(group: Int, tokens: Range<Int>)] = []
    for (row, trajectory) in zip(group.loss.rows, group.trajectories) {
      if let missing = algorithm.missing(toEvaluate: row, of: group.loss, trajectory) {
        throw missing.error(group.loss.group)
      }
      // 0 stands where nothing reads it.
      let stored =
        trajectory.lacksLogProbabilities
        ? Array(repeating: 0, count: trajectory.tokens.count) : trajectory.logProbabilities
      start += stored
      guard let recorded else {
        current += stored
        continue
      }
      let found = recorded.logProbabilities(group.loss.group, row.source.place)
      if found == nil, algorithm.readsPolicy(at: row, of: group.loss) {
        unscored.append((index, current.count..<current.count + trajectory.tokens.count))
      }
      current += found ?? stored[...]
    }
    logProbabilities.append(current)
    if let recorded, recorded.index > 0 {
      try requireStart(step, group)
      groups[index].updateStart = start
    } else if algorithm.corrects {
      groups[index].updateStart = start
    }
    // A credit that compares the responses of a group needs them all.
    let compares = algorithm.rollouts.credit.comparesPolicies
    return unscored.isEmpty || !compares ? unscored : [(index, 0..<current.count)]
  }

  /// The policy at the start of the step is the one that sampled, if the run was on-policy; of
  /// demonstrations nothing is known then, nor of any entropy after the first update.
  private func requireStart(_ step: StoredStep, _ group: TrainedGroup) throws {
    let loss = group.loss
    let joins = loss.offPolicyWeight != 0 && algorithm.offPolicy.reference == .updateStart
    let imitates = loss.demonstrationWeight != 0 && algorithm.imitation.reference == .updateStart
    let hasDemonstration = loss.rows.contains { $0.source.place.kind != .rollout }
    if algorithm.quantities.contains(.logProbabilityOld),
      !step.isOnPolicy || (hasDemonstration && (joins || imitates))
    {
      throw MissingQuantity(
        name: "log_probability at the start of the step",
        owner: step.isOnPolicy ? "demonstrations" : "rollouts", record: []
      ).error(loss.group)
    }
    if algorithm.terms.contains(where: \.credit.readsEntropy) {
      throw MissingQuantity(name: "entropy after an update", owner: "rows", record: [])
        .error(loss.group)
    }
  }
}

extension Algorithm {
  /// Whether the row's weights depend on the current policy.
  fileprivate func readsPolicy(at row: LossRow, of group: LossGroup) -> Bool {
    func reads(_ term: PolicyTerm) -> Bool {
      term.reference.hasRatio || term.credit.comparesPolicies || term.correction != nil
    }
    guard case .rollout = row.source else {
      return (group.offPolicyWeight != 0 && (reads(offPolicy) || rollouts.credit.comparesPolicies))
        || (group.demonstrationWeight != 0 && reads(imitation))
    }
    let hasPenalty = kl.map { $0.place == .loss && $0.weight != 0 } ?? false
    return reads(rollouts) || hasPenalty || rollouts.selection != nil
  }
}
