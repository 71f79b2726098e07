import Operators

/// Passes over whole groups, in micro-batches cut by index and size alone.
extension Transformer {
  /// Floats of activations that `accumulate` keeps between its forward and its backward pass; what
  /// does not fit is computed again.
  private static var keptActivations: Int { 1 << 29 }

  /// Shows `head` the residual stream after the last layer of every micro-batch, in order.
  func forEachBatch(_ groups: [TrainingGroup], head: (MicroBatch, Tensor) -> Void) {
    for batch in MicroBatch.cut(groups) { head(batch, forwardOnly(batch.rows)) }
  }

  /// One forward and backward pass: `head` sees every micro-batch, then `loss` is called once, then
  /// `headBackward` is asked for each micro-batch in the same order, so that the sum in `gradient` has
  /// one order whatever the number of threads. What `loss` throws leaves `gradient` alone.
  func accumulate<Loss>(
    _ groups: [TrainingGroup], into gradient: Gradient, head: (MicroBatch, Tensor) -> Void,
    loss: () throws -> Loss, headBackward: (Loss, MicroBatch, HeadPass) -> Void
  ) rethrows {
    precondition(gradient.tensor.count == weights.count, "a gradient of another model")
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
      head(batch, activations.x[layers.count])
    }
    let found = try loss()
    for (index, batch) in batches.enumerated() {
      let activations = kept[index] ?? forward(batch.rows, slot: -1)
      backward(batch, activations, into: gradient) { headBackward(found, batch, $0) }
    }
  }

  /// Checks prompts and token ids before a pass.
  func validate(_ groups: [TrainingGroup]) throws(PolicyError) {
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
}
