public import Randomness

// What must look at a whole mini-batch before it is cut into micro-batches.
extension Algorithm {
  /// Whether ``correct(_:)`` has something to do.
  public var corrects: Bool { rollouts.correction?.numerator == .updateStart }

  /// Whether ``select(_:stream:key:)`` needs the policy's log-probabilities of the whole mini-batch:
  /// a scoring pass.
  public var selects: Bool { rollouts.selection != nil && normalizerScope == .miniBatch }

  /// Applies the rollout correction to a mini-batch: drops what a rejection rule drops from
  /// `trained`, and sets the weights. It comes before the normalisers.
  ///
  /// - Parameter batch: with the log-probabilities at the start of the step and at the rollout.
  public func correct(_ batch: inout TokenBatch) throws(EstimatorError) {
    guard corrects, let correction = rollouts.correction else { return }
    let old = try required(batch.logProbabilityOld, .logProbabilityOld)
    try correction.apply(to: &batch, numerator: old)
  }

  /// Picks the tokens of ``TokenSelection`` in a mini-batch that has been scored.
  ///
  /// - Parameters:
  ///   - stream: of purpose `.selection`.
  ///   - key: distinguishes mini-batches: the same key picks the same tokens again.
  public func select(
    _ batch: inout TokenBatch, stream: RandomStream, key: UInt64
  ) throws(EstimatorError) {
    guard let selection = rollouts.selection else { return }
    let reference = try self.reference(of: rollouts, in: batch) ?? batch.logProbability
    var tokens: [Int] = []
    var advantages: [Double] = []
    var clipped: [Bool] = []
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      for token in batch.range(row) where batch.trained[token] {
        let advantage = batch.advantages.at(token: token, row: row)
        let logRatio = batch.logProbability[token] - reference[token]
        tokens.append(token)
        advantages.append(advantage)
        clipped.append(rollouts.mask(logRatio: logRatio, advantage: advantage).clipped)
      }
    }
    let covariances = TokenSelection.covariances(
      advantages: advantages, logProbabilities: tokens.map { batch.logProbability[$0] })
    var selected = Array(repeating: false, count: batch.tokenCount)
    for pick in selection.picks(
      covariances: covariances, clipped: clipped, stream: stream, key: key)
    {
      selected[tokens[pick]] = true
    }
    batch.selection = selected
  }

  /// What KL in the reward takes from each token of a response: `weight · KL(update start, anchor)`.
  ///
  /// - Returns: empty where the algorithm has no such penalty.
  public func penalties(
    logProbability: [Double], anchor: [Double]
  ) throws(EstimatorError) -> [Double] {
    guard let kl, kl.place == .reward, kl.weight != 0 else { return [] }
    guard anchor.count == logProbability.count else {
      throw .shape("anchor log-probabilities", anchor.count, expected: logProbability.count)
    }
    return logProbability.indices.map {
      kl.weight * kl(logProbability: logProbability[$0], anchor: anchor[$0]).value
    }
  }

  func required(_ values: [Double]?, _ quantity: Quantity) throws(EstimatorError) -> [Double] {
    guard let values else {
      throw .missing(quantity.rawValue, needed: "\(name) (\(form.rawValue))")
    }
    return values
  }

  /// `log π_ref` of a term, or nil where it is the policy's own or 0.
  func reference(
    of term: PolicyTerm, in batch: TokenBatch
  ) throws(EstimatorError) -> [Double]? {
    switch term.reference {
    case .current, .one: nil
    case .updateStart, .currentFromStart:
      try required(batch.logProbabilityOld, .logProbabilityOld)
    case .rollout: try required(batch.logProbabilityRollout, .logProbabilityRollout)
    case .behaviour:
      // The peers add 1e-6 to a probability that was stored rounded.
      try required(batch.logProbabilityBehaviour, .logProbabilityBehaviour).map {
        naturalLogarithm(exponential($0) + 1e-6)
      }
    }
  }
}
