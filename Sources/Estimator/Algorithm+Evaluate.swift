extension Algorithm {
  /// Loss, gradients and diagnostics of one micro-batch.
  ///
  /// Linear in the tokens, with a handful of allocations whatever their number.
  ///
  /// - Parameters:
  ///   - batch: the micro-batch; untrained tokens are never read.
  ///   - normalizers: of its mini-batch, from ``normalizers(rows:microBatches:)``.
  ///   - recordingParts: also return every token's mask, ratio, advantage and norm.
  /// - Throws: `.shapeMismatch`, `.missingQuantity` (the algorithm reads what the batch lacks), or
  ///   `.notFinite` with row and token for a number or a resulting weight that is infinite or NaN.
  public func evaluate(
    _ batch: TokenBatch, normalizers: Normalizers, recordingParts: Bool = false
  ) throws(EstimatorError) -> Evaluation {
    try batch.validate()
    var evaluation = Evaluation(
      gradLogProbability: Array(repeating: 0, count: batch.tokenCount),
      gradEntropy: [], terms: LossTerms(), diagnostics: Diagnostics(),
      parts: recordingParts ? TokenParts(tokens: batch.tokenCount) : nil)
    for row in batch.rows.indices {
      try evaluateRow(row, of: batch, normalizers: normalizers, into: &evaluation)
    }
    try addKL(batch, normalizers: normalizers, to: &evaluation)
    try addEntropy(batch, normalizers: normalizers, to: &evaluation)
    try finish(batch, &evaluation)
    return evaluation
  }

  /// A mini-batch in one piece.
  public func evaluate(_ batch: TokenBatch, recordingParts: Bool = false) throws(EstimatorError)
    -> Evaluation
  {
    try batch.validate()
    let rows = batch.shapes()
    return try evaluate(
      batch, normalizers: normalizers(rows: rows, microBatches: [0..<rows.count])[0],
      recordingParts: recordingParts)
  }

  private func evaluateRow(
    _ row: Int, of batch: TokenBatch, normalizers: Normalizers, into evaluation: inout Evaluation
  ) throws(EstimatorError) {
    let (kind, group, weight) = (
      batch.rows[row].kind, batch.rows[row].group, batch.rows[row].weight
    )
    guard weight.isFinite else { throw .notFinite("the row's weight", weight, row: row, token: 0) }
    let term = kind == .rollout ? rollouts : demonstrations
    let range = batch.rowStarts[row]..<batch.rowStarts[row + 1]
    let norm =
      weight * term.weight * normalizers.share
      * normalizers.weight(
        of: term.aggregation, totals: normalizers.totals(kind),
        RowShape(
          kind: kind, group: group, trainedTokens: range.count { batch.trained[$0] }))
    guard norm.isFinite else { throw .notFinite("the row's normaliser", norm, row: row, token: 0) }
    let reference: [Double]?
    switch term.reference {
    case .current, .one: reference = nil
    case .updateStart:
      reference = try required(batch.logProbabilityOld, .logProbabilityOld)
    case .rollout:
      reference = try required(batch.logProbabilityRollout, .logProbabilityRollout)
    }
    var sums = RowSums()
    if term.reference == .current {
      let old = kind == .rollout ? batch.logProbabilityOld : nil
      sums = likelihoodRow(range, row, batch, old, norm, &evaluation)
    } else {
      sums = surrogateRow(
        range, row, batch, reference, StabilizationMask.Bounds(term.mask), norm, &evaluation)
    }
    if let bad = sums.bad { throw Self.located(bad, row: row, of: batch) }
    switch kind {
    case .rollout:
      evaluation.terms.policy += norm * sums.loss
      evaluation.diagnostics.add(sums, rolloutReference: term.reference)
    case .demonstration:
      evaluation.terms.imitation += norm * sums.loss
      evaluation.diagnostics.demonstrationTokens += sums.tokens
      evaluation.diagnostics.demonstrationSurprisalSum += sums.surprisal
    }
  }

  /// π_ref = π_θ: `ℓ = −Â · log π`, gradient `−Â`. The policy at the start of the step, where it is
  /// known, serves the diagnostics alone.
  private func likelihoodRow(
    _ range: Range<Int>, _ row: Int, _ batch: TokenBatch, _ old: [Double]?, _ norm: Double,
    _ evaluation: inout Evaluation
  ) -> RowSums {
    var sums = RowSums()
    for token in range where batch.trained[token] {
      let logProbability = batch.logProbability[token]
      let advantage = batch.advantages.at(token: token, row: row)
      guard (logProbability + advantage).isFinite else { return sums.stopped(at: token) }
      evaluation.gradLogProbability[token] = -norm * advantage
      sums.loss -= advantage * logProbability
      sums.surprisal -= logProbability
      if let old { sums.logRatio += logProbability - old[token] }
      sums.ratio += 1
      sums.largest = 1
      sums.tokens += 1
      evaluation.parts?.set(token, mask: 1, ratio: 1, advantage, norm, reference: logProbability)
    }
    return sums
  }

  /// Any other π_ref: the masked surrogate, gradient `−mask · r · Â`.
  private func surrogateRow(
    _ range: Range<Int>, _ row: Int, _ batch: TokenBatch, _ reference: [Double]?,
    _ mask: StabilizationMask.Bounds, _ norm: Double, _ evaluation: inout Evaluation
  ) -> RowSums {
    var sums = RowSums()
    for token in range where batch.trained[token] {
      let logProbability = batch.logProbability[token]
      let logReference = reference?[token] ?? 0
      let advantage = batch.advantages.at(token: token, row: row)
      let logRatio = logProbability - logReference
      let one = mask.evaluate(logRatio: logRatio, advantage: advantage)
      let gradient = -norm * one.mask * one.ratio * advantage
      guard (logRatio + advantage + one.loss + gradient).isFinite else {
        return sums.stopped(at: token)
      }
      evaluation.gradLogProbability[token] = gradient
      sums.loss += one.loss
      sums.surprisal -= logProbability
      sums.ratio += one.ratio
      sums.largest = max(sums.largest, one.ratio)
      sums.logRatio += max(-mask.clamp, min(mask.clamp, logRatio))
      sums.tokens += 1
      sums.masked += one.mask == 0 ? 1 : 0
      sums.clipped += one.clipped ? 1 : 0
      sums.dualClipped += one.dualClipped ? 1 : 0
      evaluation.parts?.set(
        token, mask: one.mask, ratio: one.ratio, advantage, norm, reference: logReference)
    }
    return sums
  }

  private func required(_ values: [Double]?, _ quantity: Quantity) throws(EstimatorError)
    -> [Double]
  {
    guard let values else {
      throw .missing(quantity.rawValue, needed: "\(name) (\(form.rawValue))")
    }
    return values
  }
}

// Regularisers.
extension Algorithm {
  /// `+ weight · aggregated KL(π_θ, π_anchor)`, over the rollouts, aggregated as their term.
  private func addKL(
    _ batch: TokenBatch, normalizers: Normalizers, to evaluation: inout Evaluation
  ) throws(EstimatorError) {
    guard let kl, kl.place == .loss else { return }
    let anchor = try required(batch.logProbabilityAnchor, .logProbabilityAnchor)
    evaluation.terms.klWeight = kl.weight
    for row in batch.rows.indices where batch.rows[row].kind == .rollout {
      let range = batch.rowStarts[row]..<batch.rowStarts[row + 1]
      let norm =
        normalizers.share
        * normalizers.weight(
          of: rollouts.aggregation, totals: normalizers.rollouts,
          RowShape(
            kind: .rollout, group: batch.rows[row].group,
            trainedTokens: range.count { batch.trained[$0] }))
      var sum = 0.0
      for token in range where batch.trained[token] {
        let (value, gradient) = kl(
          logProbability: batch.logProbability[token], anchor: anchor[token])
        guard (value + gradient).isFinite else {
          throw .notFinite(
            "the KL estimate", value + gradient, row: row, token: token - range.lowerBound)
        }
        sum += value
        evaluation.gradLogProbability[token] += kl.weight * norm * gradient
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
      let range = batch.rowStarts[row]..<batch.rowStarts[row + 1]
      let norm =
        normalizers.share
        * normalizers.weight(
          of: bonus?.aggregation ?? .tokenMean, totals: normalizers.all,
          RowShape(
            kind: batch.rows[row].kind, group: batch.rows[row].group,
            trainedTokens: range.count { batch.trained[$0] }))
      var sum = 0.0
      for token in range where batch.trained[token] {
        guard values[token].isFinite else {
          throw .notFinite("the entropy", values[token], row: row, token: token - range.lowerBound)
        }
        sum += values[token]
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

  private static func located(_ token: Int, row: Int, of batch: TokenBatch) -> EstimatorError {
    let advantage = batch.advantages.at(token: token, row: row)
    let position = token - batch.rowStarts[row]
    let logProbability = batch.logProbability[token]
    if !logProbability.isFinite {
      return .notFinite("the log-probability", logProbability, row: row, token: position)
    }
    if !advantage.isFinite { return .notFinite("Â", advantage, row: row, token: position) }
    return .notFinite(
      "the ratio to the reference policy, or the weight that it makes,", .infinity, row: row,
      token: position)
  }
}

/// What a pass over one row adds up.
struct RowSums {
  var loss = 0.0
  var surprisal = 0.0
  var ratio = 0.0
  var largest = 0.0
  var logRatio = 0.0
  var tokens = 0
  var masked = 0
  var clipped = 0
  var dualClipped = 0
  /// The first token with a number that is not finite.
  var bad: Int?

  func stopped(at token: Int) -> RowSums {
    var stopped = self
    stopped.bad = token
    return stopped
  }
}

extension Diagnostics {
  mutating func add(_ sums: RowSums, rolloutReference: ReferenceDenominator) {
    rolloutTokens += sums.tokens
    maskedTokens += sums.masked
    clippedTokens += sums.clipped
    dualClippedTokens += sums.dualClipped
    ratioSum += sums.ratio
    ratioMaximum = max(ratioMaximum, sums.largest)
    // Against π_ref = 1 the log-ratio is the log-probability, and no divergence.
    if rolloutReference != .one { logRatioSum += sums.logRatio }
  }
}

extension Normalizers {
  func weight(of aggregation: Aggregation, totals: Totals, _ row: RowShape) -> Double {
    aggregation.weight(
      tokens: row.trainedTokens, rowsInGroup: rowsInGroup(row.kind, row.group), totals: totals,
      workers: workers)
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

extension TokenParts {
  @inline(__always)
  mutating func set(
    _ token: Int, mask: Double, ratio: Double, _ advantage: Double, _ norm: Double,
    reference: Double
  ) {
    self.mask[token] = mask
    self.ratio[token] = ratio
    self.advantage[token] = advantage
    self.norm[token] = norm
    logReference[token] = reference
  }
}
