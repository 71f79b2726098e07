import Operators
public import Randomness

extension Policy {
  /// Hears of a token as it is drawn: index of the request, of its rollout, and the id.
  public typealias TokenObserver = (_ request: Int, _ rollout: Int, _ token: Int32) -> Void

  /// Rows of prompts that go through the layers together, about.
  static var prefilledAtOnce: Int { 4096 }

  /// Answers every request; the result has one list of rollouts per request, in their order.
  ///
  /// A group's prompt is prefilled once for its rollouts. Token t of rollout r of group g is drawn
  /// with `stream.uniform(g, r, t)` by inverse transform, so a rollout does not depend on what else
  /// is decoded with it, as far as the product kernel keeps rows independent.
  /// - Parameters:
  ///   - isCancelled: asked before every further token of what is decoded at once.
  ///   - onToken: told of every token as it is drawn, in the order of the rollouts.
  /// - Throws: `PolicyError` for empty or too long prompts, ids outside of the vocabulary and
  ///   settings out of range; nothing has been computed then. `.cancelled` when `isCancelled` says so.
  public func generate(
    _ requests: [GenerationRequest], sampling: SamplingSettings, stream: RandomStream,
    isCancelled: () -> Bool = { false }, onToken: TokenObserver = { _, _, _ in }
  ) throws(PolicyError) -> [[Generation]] {
    try sampling.validate(vocabulary: configuration.vocabularySize)
    for request in requests {
      let location = "group \(request.group)"
      guard !request.prompt.isEmpty else { throw .emptyPrompt(location) }
      guard request.prompt.count < configuration.maximumPositions else {
        throw .promptTooLong(
          location, tokens: request.prompt.count, positions: configuration.maximumPositions)
      }
      try transformer.validate(request.prompt, location)
    }
    var results = requests.map { [Generation](repeating: Generation(), count: $0.rollouts) }
    try decode(requests, sampling, stream, isCancelled, onToken, into: &results)
    return results
  }

  /// Decodes until all have ended. As rollouts end others take their places, so that products stay
  /// large; whose company a rollout has changes none of its bits.
  private func decode(
    _ requests: [GenerationRequest], _ sampling: SamplingSettings, _ stream: RandomStream,
    _ isCancelled: () -> Bool, _ onToken: TokenObserver, into results: inout [[Generation]]
  ) throws(PolicyError) {
    let (shape, weights) = (transformer.shape, transformer.weights)
    var admission = Admission(
      requests, sampling: sampling, configuration: configuration,
      blockFloats: Self.blockFloats(shape, layers: transformer.layers.count),
      rowsAtOnce: rowsAtOnce
        ?? Self.rowsAtOnce(
          shape, layers: transformer.layers.count, parameters: weights.count))
    var slots = DecodeSlots(sampling: sampling, stream: stream, vocabulary: shape.vocabulary)
    transformer.rope.reserve(admission.mostPositions)
    let cache = transformer.buffers.tensor("cache", count: admission.cacheFloats, compute)
    let ends = transformer.buffers.rows("prefilled", admission.lanes, shape.hidden, compute)
    while true {
      if isCancelled() { throw .cancelled }
      let arrivals = admission.admit(beside: slots.all.count)
      if !arrivals.isEmpty {
        prefill(
          arrivals.filter(\.isFirst).map { (requests[$0.request].prompt, $0) }, cache, into: ends)
        let first = slots.all.count
        var lanes: [Int] = []
        for arrival in arrivals {
          copyStraddlingBlock(arrival.place, cache)
          slots.append(arrival, key: requests[arrival.request])
          lanes.append(arrival.lane)
        }
        for ended in slots.draw(
          from: first, compute, shape, weights, x: ends, rows: lanes, onToken, into: &results)
        {
          admission.release(ended)
        }
      }
      // Where all have ended with their first token, those that wait come next.
      guard !slots.all.isEmpty else {
        if admission.isDone { return }
        continue
      }
      let x = transformer.decode(
        slots.all.map(\.token), at: slots.all.map(\.place), cache: cache)
      for ended in slots.draw(
        from: 0, compute, shape, weights, x: x, rows: Array(0..<slots.all.count), onToken,
        into: &results)
      {
        admission.release(ended)
      }
    }
  }

  /// Runs prompts through all layers, some thousand rows at a time, and keeps their keys and values;
  /// row `lane` of `ends` becomes the residual stream after a prompt's last token.
  private func prefill(
    _ prompts: [(tokens: [Int32], arrival: Admission.Arrival)], _ cache: Tensor, into ends: Tensor
  ) {
    let width = transformer.shape.hidden
    var rows = PackedRows()
    var places: [(row: Int, lane: Int)] = []
    for (index, prompt) in prompts.enumerated() {
      rows.groups.append(
        RowGroup(
          firstRow: rows.count, promptRows: prompt.tokens.count, responses: 0, firstResponse: 0,
          cacheOffset: prompt.arrival.place.sharedOffset))
      rows.tokens += prompt.tokens
      rows.positions += prompt.tokens.indices.map { Int32($0) }
      places.append((rows.count - 1, prompt.arrival.lane))
      guard rows.count >= Self.prefilledAtOnce || index == prompts.count - 1 else { continue }
      let x = transformer.forwardOnly(rows, cache: cache)
      for place in places {
        x.copy(from: place.row * width, count: width, to: ends, at: place.lane * width)
      }
      rows = PackedRows()
      places = []
    }
  }

  /// Gives a rollout its own copy of the block that its prompt left half full.
  private func copyStraddlingBlock(_ place: DecodePlace, _ cache: Tensor) {
    guard place.position % keyBlockPositions != 0 else { return }
    let floats = transformer.shape.keyBlockFloats
    for head in 0..<transformer.layers.count * transformer.shape.keyValueHeads {
      cache.copy(
        from: place.sharedOffset + (head * place.sharedStride + place.sharedBlocks) * floats,
        count: floats, to: cache, at: place.ownOffset + head * place.ownStride * floats)
    }
  }
}
