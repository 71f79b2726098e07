import Randomness

extension Algorithm {
  /// Loss, gradients and diagnostics of one micro-batch.
  ///
  /// Linear in the tokens, with a handful of allocations whatever their number.
  ///
  /// - Parameters:
  ///   - batch: the micro-batch; untrained tokens are never read.
  ///   - normalizers: of its mini-batch, from ``normalizers(rows:pairs:microBatches:)``.
  ///   - recordingParts: also return every token's mask, ratio, advantage and norm.
  /// - Throws: `.shapeMismatch`, `.missingQuantity` (the algorithm reads what the batch lacks), or
  ///   `.notFinite` with row and token for a number or a resulting weight that is infinite or NaN.
  public func evaluate(
    _ batch: TokenBatch, normalizers: Normalizers, recordingParts: Bool = false
  ) throws(EstimatorError) -> Evaluation {
    try batch.validate()
    var batch = batch
    if let correction = rollouts.correction, correction.numerator == .current {
      try correction.apply(to: &batch, numerator: batch.logProbability)
    }
    var evaluation = Evaluation(tokens: batch.tokenCount, recordingParts: recordingParts)
    var pass = try TermPass(self, batch, normalizers)
    for row in batch.rows.indices {
      try pass.evaluate(row, into: &evaluation)
    }
    try addKL(batch, normalizers: normalizers, to: &evaluation)
    try addEntropy(batch, normalizers: normalizers, to: &evaluation)
    try finish(batch, &evaluation)
    return evaluation
  }

  /// A mini-batch in one piece: correction and selection included, the latter drawn from `seed`.
  public func evaluate(
    _ batch: TokenBatch, recordingParts: Bool = false, seed: UInt64 = 0
  ) throws(EstimatorError) -> Evaluation {
    try batch.validate()
    var batch = batch
    try correct(&batch)
    if batch.selection == nil {
      try select(&batch, stream: .init(seed: seed, purpose: .selection), key: 0)
    }
    let rows = batch.shapes()
    let normalizers = normalizers(
      rows: rows, pairs: [batch.pairs.count], microBatches: [0..<rows.count])
    return try evaluate(batch, normalizers: normalizers[0], recordingParts: recordingParts)
  }
}

// Regularisers.
extension Algorithm {
  /// `+ weight · aggregated KL(π_θ, π_anchor)`, over the rollouts, aggregated as their term.
  private func addKL(
    _ batch: TokenBatch, normalizers: Normalizers, to evaluation: inout Evaluation
  ) throws(EstimatorError) {
    guard let kl, kl.place == .loss, kl.weight != 0 else { return }
    let anchor = try required(batch.logProbabilityAnchor, .logProbabilityAnchor)
    evaluation.terms.klWeight = kl.weight
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      let range = batch.range(row)
      let norm =
        normalizers.share
        * normalizers.weight(
          of: rollouts.aggregation, totals: normalizers.rollouts, batch.shape(row))
      var sum = 0.0
      for token in range where batch.trained[token] {
        let (value, gradient) = kl(
          logProbability: batch.logProbability[token], anchor: anchor[token])
        guard (value + gradient).isFinite else {
          throw .notFinite(
            "the KL estimate", value + gradient, row: row, token: token - range.lowerBound)
        }
        sum += value
        let pull = kl.weight * norm * gradient
        evaluation.gradLogProbability[token] += pull
        evaluation.parts?.added[token] -= pull
      }
      evaluation.terms.kl += norm * sum
      evaluation.diagnostics.klSum += sum
    }
  }

  /// `− weight · aggregated entropy`, over all rows.
  private func addEntropy(
    _ batch: TokenBatch, normalizers: Normalizers, to evaluation: inout Evaluation
  ) throws(EstimatorError) {
    let bonus = entropy.flatMap { $0.weight == 0 ? nil : $0 }
    let values: [Double]
    if bonus != nil {
      values = try required(batch.entropy, .entropy)
      evaluation.gradEntropy = Array(repeating: 0, count: batch.tokenCount)
    } else {
      guard let recorded = batch.entropy else { return }
      values = recorded
    }
    evaluation.terms.entropyWeight = bonus?.weight ?? 0
    for row in batch.rows.indices {
      let range = batch.range(row)
      let norm =
        normalizers.share
        * normalizers.weight(
          of: bonus?.aggregation ?? .tokenMean, totals: normalizers.all, batch.shape(row))
      var sum = 0.0
      for token in range where batch.trained[token] {
        guard values[token].isFinite else {
          throw .notFinite("the entropy", values[token], row: row, token: token - range.lowerBound)
        }
        sum += values[token]
        evaluation.diagnostics.entropyTokens += 1
        if let bonus { evaluation.gradEntropy[token] = -bonus.weight * norm }
      }
      evaluation.terms.entropy += norm * sum
      evaluation.diagnostics.entropySum += sum
    }
  }

  /// Nothing that is no number leaves the module.
  private func finish(_ batch: TokenBatch, _ evaluation: inout Evaluation) throws(EstimatorError) {
    var squares = 0.0
    for gradient in evaluation.gradLogProbability { squares += gradient * gradient }
    evaluation.diagnostics.squaredGradientSum = squares
    guard squares.isFinite, evaluation.loss.isFinite else {
      throw .notFinite(
        "the loss or the norm of its gradient", evaluation.loss + squares, row: batch.rows.count,
        token: batch.tokenCount)
    }
  }
}

extension TokenBatch.Advantages {
  @inline(__always)
  func at(token: Int, row: Int) -> Double {
    switch self {
    case .perRow(let values): values[row]
    case .perToken(let values): values[token]
    }
  }
}
