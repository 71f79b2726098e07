/// A term with the arrays of the batch that it reads.
struct TermView {
  let term: PolicyTerm
  /// `log π_ref`; nil: the policy's own, or 0 where π_ref = 1.
  private let reference: [Double]?
  /// The policy at the start of the step, where the term has no ratio: for the diagnostics alone.
  private let start: [Double]?
  private let correction: [Double]?
  private let selection: [Bool]?
  private let isSequenceLevel: Bool

  init(
    _ term: PolicyTerm, _ algorithm: Algorithm, _ batch: TokenBatch, isUsed: Bool
  ) throws(EstimatorError) {
    self.term = term
    isSequenceLevel = term.level == .sequence
    guard isUsed else {
      (reference, start, correction, selection) = (nil, nil, nil, nil)
      return
    }
    reference = try algorithm.reference(of: term, in: batch)
    start = term.reference.hasRatio ? nil : batch.logProbabilityOld
    correction = term.correction == nil ? nil : batch.correction
    selection = term.selection == nil ? nil : batch.selection
  }

  /// Adds the segment's gradients; returns its sums, before the norm.
  func add(
    _ segment: Segment, _ batch: TokenBatch, _ evaluation: inout Evaluation
  ) -> RowSums {
    if !term.reference.hasRatio { return likelihood(segment, batch, &evaluation) }
    if term.shape.kind != .none { return shaped(segment, batch, &evaluation) }
    if let custom = term.custom { return surrogate(custom, segment, batch, &evaluation) }
    switch term.mask.kind {
    case .none, .clip:
      return surrogate(StabilizationMask.ClipRule(term.mask), segment, batch, &evaluation)
    case .cap:
      return surrogate(StabilizationMask.CapRule(term.mask), segment, batch, &evaluation)
    case .smooth:
      return surrogate(StabilizationMask.SmoothRule(term.mask), segment, batch, &evaluation)
    }
  }

  /// π_ref = π_θ: `ℓ = −Â · log π`, gradient `−Â`. Counted from the start of the step, the loss is
  /// `−Â · (log π − log π_old)`, the gradient the same.
  private func likelihood(
    _ segment: Segment, _ batch: TokenBatch, _ evaluation: inout Evaluation
  ) -> RowSums {
    var sums = RowSums()
    let fixed = segment.credit ?? segment.advantage
    let counted = term.reference == .currentFromStart ? reference : nil
    for token in segment.range where batch.trained[token] {
      let logProbability = batch.logProbability[token]
      let advantage = fixed ?? batch.advantages.at(token: token, row: segment.row)
      let factor = correction?[token] ?? 1
      guard (logProbability + advantage * factor).isFinite else {
        return sums.stopped(at: token)
      }
      evaluation.gradLogProbability[token] -= segment.norm * advantage * factor
      sums.loss -= advantage * factor * (logProbability - (counted?[token] ?? 0))
      sums.surprisal -= logProbability
      if let start, batch.rows[segment.row].kind == .rollout {
        sums.logRatio += logProbability - start[token]
      }
      sums.ratio += factor
      sums.largest = max(sums.largest, factor)
      sums.tokens += 1
      evaluation.record(
        token, segment,
        PartValues(
          ratio: factor, advantage: advantage,
          logReference: logProbability - (factor == 1 ? 0 : naturalLogarithm(factor))))
    }
    return sums
  }

  /// Any other π_ref: the masked surrogate, gradient `−mask · r · Â`.
  @inline(__always)
  private func surrogate<Rule: TokenRule>(
    _ rule: Rule, _ segment: Segment, _ batch: TokenBatch, _ evaluation: inout Evaluation
  ) -> RowSums {
    var sums = RowSums()
    let fixed = segment.credit ?? segment.advantage
    let shared = isSequenceLevel ? sequenceLogRatio(segment, batch) : nil
    let records = evaluation.parts != nil
    for token in segment.range where batch.trained[token] {
      let logProbability = batch.logProbability[token]
      let advantage = fixed ?? batch.advantages.at(token: token, row: segment.row)
      let logRatio = shared ?? (logProbability - (reference?[token] ?? 0))
      var one = rule(
        logProbability: logProbability, logRatio: logRatio, advantage: advantage)
      var extra = 0.0
      if let correction {
        one.ratio *= correction[token]
        one.loss *= correction[token]
      }
      if let selection, selection[token] { extra = select(&one, logRatio) }
      let gradient = -segment.norm * (one.mask * one.ratio * advantage - extra)
      guard (logRatio + advantage + one.loss + gradient).isFinite else {
        return sums.stopped(at: token)
      }
      evaluation.gradLogProbability[token] += gradient
      sums.loss += one.loss
      sums.surprisal -= logProbability
      sums.ratio += one.ratio
      sums.largest = max(sums.largest, one.ratio)
      sums.logRatio += max(-rule.clamp, min(rule.clamp, logRatio))
      sums.tokens += 1
      sums.masked += one.mask == 0 ? 1 : 0
      sums.clipped += one.clipped ? 1 : 0
      sums.dualClipped += one.dualClipped ? 1 : 0
      if records {
        evaluation.record(
          token, segment,
          PartValues(
            mask: one.mask, ratio: one.ratio, advantage: advantage,
            // Beyond the clamp the ratio is the clamp's; π_ref is what it is.
            logReference: logProbability
              - (one.mask == 0 ? logRatio : naturalLogarithm(one.ratio))))
        evaluation.parts?.added[token] -= segment.norm * extra
      }
    }
    return sums
  }

  /// π_ref = 1 with a shape: `ℓ = −Â·f(p)`, gradient `−Â·p·f′(p)`.
  private func shaped(
    _ segment: Segment, _ batch: TokenBatch, _ evaluation: inout Evaluation
  ) -> RowSums {
    var sums = RowSums()
    let fixed = segment.credit ?? segment.advantage
    for token in segment.range where batch.trained[token] {
      let logProbability = batch.logProbability[token]
      let advantage = fixed ?? batch.advantages.at(token: token, row: segment.row)
      let p = exponential(logProbability)
      let (value, derivative) = term.shape(p)
      let gradient = -segment.norm * advantage * p * derivative
      guard (logProbability + advantage + value + gradient).isFinite else {
        return sums.stopped(at: token)
      }
      evaluation.gradLogProbability[token] += gradient
      sums.loss -= advantage * value
      sums.surprisal -= logProbability
      sums.ratio += value
      sums.largest = max(sums.largest, value)
      sums.tokens += 1
      evaluation.record(
        token, segment,
        PartValues(ratio: p, shape: derivative, advantage: advantage, logReference: 0))
    }
    return sums
  }

  /// What the selected tokens get: `clip_cov` nothing at all, `kl_cov` a pull back towards π_ref,
  /// `+ coefficient·|log r|`. Returns the gradient of what was added.
  private func select(_ token: inout MaskedToken, _ logRatio: Double) -> Double {
    guard let selection = term.selection else { return 0 }
    switch selection.kind {
    case .clipCovariance:
      token.mask = 0
      token.loss = 0
      token.clipped = true
      return 0
    case .klCovariance:
      token.loss += selection.coefficient * abs(logRatio)
      return selection.coefficient * (logRatio > 0 ? 1 : logRatio < 0 ? -1 : 0)
    }
  }

  /// `(1/T) Σ_t (log π_θ − log π_ref)` over the segment's trained tokens.
  private func sequenceLogRatio(_ segment: Segment, _ batch: TokenBatch) -> Double {
    var (sum, count) = (0.0, 0.0)
    for token in segment.range where batch.trained[token] {
      sum += batch.logProbability[token] - (reference?[token] ?? 0)
      count += 1
    }
    return count == 0 ? 0 : sum / count
  }
}

/// The parts of one token, 1 where nothing else is said.
struct PartValues {
  var mask = 1.0
  var ratio = 1.0
  var shape = 1.0
  var advantage: Double
  var logReference: Double
}

extension Evaluation {
  @inline(__always)
  mutating func record(_ token: Int, _ segment: Segment, _ values: PartValues) {
    guard parts != nil else { return }
    if segment.isSecond {
      parts?.added[token] +=
        segment.norm * values.mask * values.ratio * values.shape * values.advantage
      return
    }
    parts?.mask[token] = values.mask
    parts?.ratio[token] = values.ratio
    parts?.shape[token] = values.shape
    parts?.advantage[token] = values.advantage
    parts?.norm[token] = segment.norm
    parts?.logReference[token] = values.logReference
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
