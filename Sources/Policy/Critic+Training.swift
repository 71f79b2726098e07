import Operators

extension Critic {
  /// As `Policy.checkpointsGradients`.
  public var checkpointsGradients: Bool {
    get { transformer.checkpointsGradients }
    set { transformer.checkpointsGradients = newValue }
  }

  /// The value before every response token, flat over groups, then responses, then tokens: the layout
  /// of `TokenScores`.
  ///
  /// - Precondition: prompts are not empty and ids are inside the vocabulary, see `validate`.
  public func values(_ groups: [TrainingGroup]) -> [Float] {
    var values = zeros(groups)
    transformer.forEachBatch(groups) { read($0, x: $1, into: &values) }
    return values
  }

  /// The value after every token of one sequence: `values[t]` is that of the state that ends with
  /// `tokens[t]`, the one before token t + 1.
  /// - Throws: `PolicyError` for an empty or too long sequence and ids outside of the vocabulary.
  public func values(of tokens: [Int32]) throws(PolicyError) -> [Float] {
    let group = TrainingGroup.states(of: tokens)
    try validate([group])
    return values([group])
  }

  /// One forward and backward pass: computes all values, asks for the derivatives of the loss with
  /// respect to them, and adds the derivatives with respect to every parameter to `gradient`.
  ///
  /// Groups are worked off in micro-batches cut by index and size, so the sum has one order whatever
  /// the number of threads.
  /// - Parameter weights: called once, with the values of all response tokens; returns dL/dvalue of
  ///   each. What it throws ends the call before `gradient` has changed.
  /// - Returns: the values that `weights` saw.
  @discardableResult
  public func accumulate(
    _ groups: [TrainingGroup], into gradient: Gradient, weights: ([Float]) throws -> [Float]
  ) rethrows -> [Float] {
    var values = zeros(groups)
    try transformer.accumulate(
      groups, into: gradient, dropoutKey: nil,
      head: { read($0, x: $1, into: &values) },
      loss: {
        let loss = try weights(values)
        precondition(
          loss.count == values.count, "\(loss.count) weights of \(values.count) tokens")
        return loss
      },
      headBackward: { loss, batch, pass in
        guard let gradient = pass.gradient else { preconditionFailure("a critic with an adapter") }
        compute.valuesBackward(
          transformer.shape, head, transformer.weights, x: pass.x, xRows: batch.rows.count,
          rows: batch.headRows, targets: batch.targets, dValues: loss, into: pass.dx,
          gradient: gradient, workspace: pass.workspace)
      })
    return values
  }

  /// Checks prompts and token ids before a pass.
  public func validate(_ groups: [TrainingGroup]) throws(PolicyError) {
    try transformer.validate(groups)
  }

  private var head: ValueHead {
    guard let head = transformer.valueHead else { preconditionFailure("a critic without a head") }
    return head
  }

  private func zeros(_ groups: [TrainingGroup]) -> [Float] {
    [Float](
      repeating: 0,
      count: groups.reduce(0) { $1.responses.reduce($0) { $0 + $1.count } })
  }

  private func read(_ batch: MicroBatch, x: Tensor, into values: inout [Float]) {
    compute.values(
      transformer.shape, head, transformer.weights, x: x, rows: batch.headRows,
      targets: batch.targets, into: &values)
  }
}

extension TrainingGroup {
  /// A group whose response tokens have the states of `tokens` before them, one after each token: the
  /// first token is the prompt, and the last state comes before a token that nothing reads.
  public static func states(of tokens: [Int32]) -> TrainingGroup {
    TrainingGroup(
      prompt: Array(tokens.prefix(1)),
      responses: [Array(tokens.dropFirst()) + tokens.prefix(1)])
  }
}
