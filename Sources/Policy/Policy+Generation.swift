import Operators
public import Randomness

extension Policy {
  /// Hears of a token as it is drawn: index of the request, of its rollout, and the id.
  public typealias TokenObserver = (_ request: Int, _ rollout: Int, _ token: Int32) -> Void

  /// Sequences that are decoded at once, and floats of their key-value cache, at most.
  static var decodedAtOnce: Int { 1024 }
  static var cacheFloats: Int { 1 << 28 }
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
    for wave in cutIntoWaves(requests, sampling) {
      try decode(wave, requests, sampling, stream, isCancelled, onToken, into: &results)
    }
    return results
  }

  /// Some rollouts of a request.
  private struct Share {
    var request: Int
    var rollouts: Range<Int>
    var limit: Int  // tokens of a response at most
  }

  /// Cuts the requests, in order, into what is decoded at once.
  private func cutIntoWaves(_ requests: [GenerationRequest], _ sampling: SamplingSettings)
    -> [[Share]]
  {
    let block = blockFloats
    var waves: [[Share]] = []
    var wave: [Share] = []
    var sequences = 0
    var floats = 0
    for (index, request) in requests.enumerated() {
      let limit = min(
        sampling.maximumTokens, configuration.maximumPositions - request.prompt.count)
      let own = ownBlocks(promptTokens: request.prompt.count, limit: limit) * block
      let shared = keyBlocks(request.prompt.count) * block
      var next = 0
      while next < request.rollouts {
        let room = min(Self.decodedAtOnce - sequences, (Self.cacheFloats - floats - shared) / own)
        if room <= 0, !wave.isEmpty {
          waves.append(wave)
          wave = []
          sequences = 0
          floats = 0
          continue
        }
        let end = min(request.rollouts, next + max(room, 1))
        wave.append(Share(request: index, rollouts: next..<end, limit: limit))
        sequences += end - next
        floats += shared + (end - next) * own
        next = end
      }
    }
    if !wave.isEmpty { waves.append(wave) }
    return waves
  }

  /// Floats of a block of positions in all layers and heads.
  private var blockFloats: Int {
    let shape = transformer.shape
    return shape.keyBlockFloats * shape.keyValueHeads * transformer.layers.count
  }

  /// Blocks that hold `tokens` positions.
  private func keyBlocks(_ tokens: Int) -> Int {
    (tokens + keyBlockPositions - 1) / keyBlockPositions
  }

  /// Blocks that one rollout fills: from the block that its prompt left half full.
  private func ownBlocks(promptTokens: Int, limit: Int) -> Int {
    keyBlocks(promptTokens % keyBlockPositions + limit)
  }

  /// Prefills the prompts of a wave, draws every first token, and decodes until all have ended.
  private func decode(
    _ wave: [Share], _ requests: [GenerationRequest], _ sampling: SamplingSettings,
    _ stream: RandomStream, _ isCancelled: () -> Bool, _ onToken: TokenObserver,
    into results: inout [[Generation]]
  ) throws(PolicyError) {
    let shape = transformer.shape
    let blockFloats = blockFloats
    var slots = DecodeSlots(sampling: sampling, stream: stream, vocabulary: shape.vocabulary)
    var cacheCount = 0
    var prompts: [(tokens: [Int32], cacheOffset: Int)] = []
    for share in wave {
      let request = requests[share.request]
      let sharedOffset = cacheCount
      let shared = keyBlocks(request.prompt.count)
      let own = ownBlocks(promptTokens: request.prompt.count, limit: share.limit)
      cacheCount += shared * blockFloats
      for rollout in share.rollouts {
        slots.append(
          request: share.request, rollout: rollout, limit: share.limit, key: request,
          promptRow: prompts.count,
          place: DecodePlace(
            sharedOffset: sharedOffset, sharedStride: shared,
            sharedBlocks: request.prompt.count / keyBlockPositions, ownOffset: cacheCount,
            ownStride: own, position: request.prompt.count))
        cacheCount += own * blockFloats
      }
      prompts.append((request.prompt, sharedOffset))
    }
    transformer.rope.reserve(slots.mostPositions)
    let cache = transformer.buffers.tensor("cache", count: cacheCount, compute)
    let prefilled = prefill(prompts, cache)
    for slot in slots.all { copyStraddlingBlocks(slot.place, cache) }
    let weights = transformer.weights
    slots.draw(
      compute, shape, weights, x: prefilled, rows: slots.all.map(\.promptRow), onToken,
      into: &results)
    while !slots.all.isEmpty {
      if isCancelled() { throw .cancelled }
      let x = transformer.decode(
        slots.all.map(\.token), at: slots.all.map(\.place), cache: cache)
      slots.draw(
        compute, shape, weights, x: x, rows: Array(0..<slots.all.count), onToken, into: &results)
    }
  }

  /// Runs prompts through all layers, some thousand rows at a time, and keeps their keys and values;
  /// row i of the result is the residual stream after the last token of prompt i.
  private func prefill(_ prompts: [(tokens: [Int32], cacheOffset: Int)], _ cache: Tensor) -> Tensor
  {
    let width = transformer.shape.hidden
    let last = transformer.buffers.rows("prefilled", prompts.count, width, compute)
    var rows = PackedRows()
    var ends: [Int] = []
    var done = 0
    for (index, prompt) in prompts.enumerated() {
      rows.groups.append(
        RowGroup(
          firstRow: rows.count, promptRows: prompt.tokens.count, responses: 0, firstResponse: 0,
          cacheOffset: prompt.cacheOffset))
      rows.tokens += prompt.tokens
      rows.positions += prompt.tokens.indices.map { Int32($0) }
      ends.append(rows.count - 1)
      guard rows.count >= Self.prefilledAtOnce || index == prompts.count - 1 else { continue }
      let x = transformer.forwardOnly(rows, cache: cache)
      for end in ends {
        x.copy(from: end * width, count: width, to: last, at: done * width)
        done += 1
      }
      rows = PackedRows()
      ends = []
    }
    return last
  }

  /// Gives a rollout its own copy of the block that its prompt left half full.
  private func copyStraddlingBlocks(_ place: DecodePlace, _ cache: Tensor) {
    guard place.position % keyBlockPositions != 0 else { return }
    let floats = transformer.shape.keyBlockFloats
    for head in 0..<transformer.layers.count * transformer.shape.keyValueHeads {
      cache.copy(
        from: place.sharedOffset + (head * place.sharedStride + place.sharedBlocks) * floats,
        count: floats, to: cache, at: place.ownOffset + head * place.ownStride * floats)
    }
  }
}
