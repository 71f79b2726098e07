import Operators

extension Policy {
  /// Floats of logits that `accumulate` keeps between its forward and its backward pass; others are
  /// computed again, to the same bits. A quarter of a gigabyte.
  static var keptLogits: Int { 1 << 26 }

  /// Log-probabilities and entropies of all response tokens under the present parameters.
  ///
  /// - Parameter temperature: divides the logits; 0 (greedy sampling) counts as 1.
  /// - Precondition: prompts are not empty and ids are inside the vocabulary, see `validate`.
  public func score(_ groups: [TrainingGroup], temperature: Float) -> TokenScores {
    var scores = emptyScores(groups)
    transformer.forEachBatch(groups) { batch, x in
      score(batch, x: x, temperature: temperature, into: &scores)
    }
    return scores
  }

  /// One forward and backward pass: scores all response tokens, asks for the derivatives of the loss
  /// with respect to them, and adds the derivatives with respect to every parameter to `gradient`.
  ///
  /// Groups are worked off in micro-batches cut by index and size, so the sum has one order whatever
  /// the number of threads.
  /// - Parameters:
  ///   - temperature: divides the logits; 0 counts as 1.
  ///   - dropoutKey: with an adapter that has dropout: the same key drops the same values; nil: no
  ///     dropout.
  ///   - weights: called once, with the scores of all groups; what it throws ends the call before
  ///     `gradient` has changed.
  /// - Returns: the scores that `weights` saw.
  @discardableResult
  public func accumulate(
    _ groups: [TrainingGroup], temperature: Float, into gradient: Gradient,
    dropoutKey: UInt64? = nil,
    weights: (TokenScores) throws -> TokenWeights
  ) rethrows -> TokenScores {
    var scores = emptyScores(groups)
    // Of micro-batches in their order, as long as there is room.
    var logits: [Tensor?] = []
    var room = Self.keptLogits
    var next = 0
    try transformer.accumulate(
      groups, into: gradient, dropoutKey: dropoutKey,
      head: { batch, x in
        let floats = transformer.shape.logitFloats(rows: batch.headRows.count)
        let kept =
          floats <= room
          ? transformer.buffers.tensor("logits \(logits.count)", count: floats, compute) : nil
        if kept != nil { room -= floats }
        logits.append(kept)
        score(batch, x: x, temperature: temperature, into: &scores, keeping: kept)
      },
      loss: {
        let loss = try weights(scores)
        precondition(
          loss.logProbability.count == scores.logProbabilities.count
            && (loss.entropy == nil || loss.entropy?.count == scores.entropies.count),
          "weights of another number of tokens")
        return loss
      },
      headBackward: { loss, batch, pass in
        defer { next += 1 }
        compute.scoreBackward(
          transformer.shape, transformer.weights, x: pass.x, xRows: batch.rows.count,
          rows: batch.headRows, targets: batch.targets, temperature: temperature,
          dLogProbabilities: loss.logProbability, dEntropies: loss.entropy, into: pass.dx,
          gradient: pass.gradient, workspace: pass.workspace, kept: logits[next])
      })
    return scores
  }

  /// Checks prompts and token ids before a pass.
  public func validate(_ groups: [TrainingGroup]) throws(PolicyError) {
    try transformer.validate(groups)
  }

  /// Logits after every token of one sequence, `[tokens, V]`, as training computes them.
  public func logits(_ tokens: [Int32]) throws(PolicyError) -> [Float] {
    let group = TrainingGroup(prompt: tokens, responses: [])
    try transformer.validate([group])
    guard let batch = MicroBatch.cut([group]).first else { return [] }
    let x = transformer.forwardOnly(batch.rows)
    return compute.logits(
      transformer.shape, transformer.weights, x: x, rows: Array(tokens.indices))
  }

  private func emptyScores(_ groups: [TrainingGroup]) -> TokenScores {
    var offsets = [0]
    for group in groups {
      for response in group.responses {
        offsets.append(offsets[offsets.count - 1] + response.count)
      }
    }
    let zeros = [Float](repeating: 0, count: offsets[offsets.count - 1])
    return TokenScores(logProbabilities: zeros, entropies: zeros, offsets: offsets)
  }

  private func score(
    _ batch: MicroBatch, x: Tensor, temperature: Float, into scores: inout TokenScores,
    keeping kept: Tensor? = nil
  ) {
    compute.score(
      transformer.shape, transformer.weights, x: x, rows: batch.headRows, targets: batch.targets,
      temperature: temperature, logProbabilities: &scores.logProbabilities,
      entropies: &scores.entropies, keeping: kept)
  }
}
