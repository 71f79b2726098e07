import Operators

/// Passes over whole groups, in micro-batches cut by index and size alone.
extension Transformer {
  /// Floats of activations that `accumulate` keeps between its forward and its backward pass; what
  /// does not fit is computed again. A gigabyte.
  static var keptActivations: Int { 1 << 28 }

  /// What `accumulate` keeps of micro-batches of so many rows each, in their order; nil: nothing. It
  /// decides time and memory, and no bit. The first one's residuals are always kept, since the
  /// backward pass needs that room anyway.
  static func kept(
    rows: [Int], _ shape: TransformerShape, layerCount: Int, room: Int = keptActivations
  ) -> [Activations.Kept?] {
    var room = room
    return rows.enumerated().map { index, rows in
      for kept in [Activations.Kept.everything, .residuals] {
        // The room that tensors have beyond their rows is never touched, so it takes no memory.
        let floats = rows * Activations.floatsPerRow(kept, shape, layerCount: layerCount)
        guard floats <= room || (index == 0 && kept == .residuals) else { continue }
        room -= floats
        return kept
      }
      return nil
    }
  }

  /// Whether no more than the first micro-batch's residual stream is kept.
  var checkpointsGradients: Bool {
    get { activationRoom == 0 }
    set { activationRoom = newValue ? 0 : Self.keptActivations }
  }

  /// Shows `head` the residual stream after the last layer of every micro-batch, in order.
  func forEachBatch(_ groups: [TrainingGroup], head: (MicroBatch, Tensor) -> Void) {
    shape.keepsPanels = false
    defer { shape.keepsPanels = true }
    for batch in MicroBatch.cut(groups) { head(batch, forwardOnly(batch.rows)) }
  }

  /// One forward and backward pass: `head` sees every micro-batch, then `loss` is called once, then
  /// `headBackward` is asked for each micro-batch in the same order, so that the sum in `gradient` has
  /// one order whatever the number of threads. What `loss` throws leaves `gradient` alone.
  /// - Parameter dropoutKey: with an adapter that has dropout, decides what all passes drop; nil:
  ///   nothing.
  func accumulate<Loss>(
    _ groups: [TrainingGroup], into gradient: Gradient, dropoutKey: UInt64?,
    head: (MicroBatch, Tensor) -> Void, loss: () throws -> Loss,
    headBackward: (Loss, MicroBatch, HeadPass) -> Void
  ) rethrows {
    shape.keepsPanels = false
    defer {
      shape.keepsPanels = true
      adapter?.dropout = nil
    }
    precondition(gradient.tensor.count == trained.count, "a gradient of another model")
    let batches = MicroBatch.cut(groups)
    let keeps = Self.kept(
      rows: batches.map(\.rows.count), shape, layerCount: layers.count, room: activationRoom)
    var kept: [Activations?] = []
    for (index, batch) in batches.enumerated() {
      drop(index, dropoutKey)
      guard let keep = keeps[index] else {
        kept.append(nil)
        head(batch, forwardOnly(batch.rows))
        continue
      }
      let activations = forward(batch.rows, keep, slot: index)
      kept.append(activations)
      head(batch, activations.x[layers.count])
    }
    let found = try loss()
    for (index, batch) in batches.enumerated() {
      drop(index, dropoutKey)
      let activations = kept[index] ?? forward(batch.rows, .residuals, slot: -1)
      backward(batch, activations, into: gradient) { headBackward(found, batch, $0) }
    }
  }

  /// Lets the next passes drop what micro-batch `index` drops.
  private func drop(_ index: Int, _ key: UInt64?) {
    guard let adapter, adapter.settings.dropout > 0 else { return }
    adapter.dropout = key.map {
      // Keys of micro-batches are far apart: the operators add places to them.
      LayerAdapter.Dropout(
        rate: Float(adapter.settings.dropout), key: $0 &+ UInt64(index) << 40)
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
