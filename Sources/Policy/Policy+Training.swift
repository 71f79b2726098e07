import Operators

extension Policy {
  /// Floats of activations that `accumulate` keeps between its forward and its backward pass; what
  /// does not fit is computed again.
  private static var keptActivations: Int { 1 << 29 }

  /// Log-probabilities and entropies of all response tokens under the present parameters.
  ///
  /// - Parameter temperature: divides the logits; 0 (greedy sampling) counts as 1.
  /// - Precondition: prompts are not empty and ids are inside the vocabulary, see `validate`.
  public func score(_ groups: [TrainingGroup], temperature: Float) -> TokenScores {
    var scores = emptyScores(groups)
    for batch in MicroBatch.cut(groups) {
      let x = forwardOnly(batch.rows)
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
  ///   - weights: called once, with the scores of all groups; what it throws ends the call before
  ///     `gradient` has changed.
  /// - Returns: the scores that `weights` saw.
  @discardableResult
  public func accumulate(
    _ groups: [TrainingGroup], temperature: Float, into gradient: Gradient,
    weights: (TokenScores) throws -> TokenWeights
  ) rethrows -> TokenScores {
    precondition(gradient.tensor.count == self.weights.count, "a gradient of another model")
    var scores = emptyScores(groups)
    let batches = MicroBatch.cut(groups)
    let perRow = Activations.floatsPerRow(shape, layerCount: layers.count)
    var room = Self.keptActivations
    var kept: [Activations?] = []
    for (index, batch) in batches.enumerated() {
      // The room that tensors have beyond their rows is never touched, so it takes no memory.
      let floats = batch.rows.count * perRow
      let keep = index == 0 || floats <= room
      let slot = keep ? index : -1
      if keep { room -= floats }
      let activations = forward(batch.rows, slot: slot)
      kept.append(keep ? activations : nil)
      score(batch, x: activations.x[layers.count], temperature: temperature, into: &scores)
    }
    let loss = try weights(scores)
    precondition(
      loss.logProbability.count == scores.logProbabilities.count
        && (loss.entropy == nil || loss.entropy?.count == scores.entropies.count),
      "weights of another number of tokens")
    for (index, batch) in batches.enumerated() {
      let activations = kept[index] ?? forward(batch.rows, slot: -1)
      backward(batch, activations, temperature: temperature, loss: loss, into: gradient)
    }
    return scores
  }

  /// Checks prompts and token ids before a pass.
  public func validate(_ groups: [TrainingGroup]) throws(PolicyError) {
    for (index, group) in groups.enumerated() {
      let location = "group \(index) of the batch"
      guard !group.prompt.isEmpty else { throw .emptyPrompt(location) }
      let longest = group.responses.reduce(0) { max($0, $1.count) }
      guard group.prompt.count + longest <= configuration.maximumPositions + 1 else {
        throw .promptTooLong(
          location, tokens: group.prompt.count + longest,
          positions: configuration.maximumPositions)
      }
      try validate(group.prompt, location)
      for response in group.responses { try validate(response, location) }
    }
  }

  func validate(_ tokens: [Int32], _ location: String) throws(PolicyError) {
    for token in tokens where token < 0 || token >= configuration.vocabularySize {
      throw .tokenOutOfRange(location, token: token, vocabulary: configuration.vocabularySize)
    }
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
    _ batch: MicroBatch, x: Tensor, temperature: Float, into scores: inout TokenScores
  ) {
    compute.score(
      shape, weights, x: x, rows: batch.headRows, targets: batch.targets, temperature: temperature,
      logProbabilities: &scores.logProbabilities, entropies: &scores.entropies)
  }
}
