import Operators
import Randomness

/// The sequences that are being decoded, dense and in order: those that have ended are dropped.
struct DecodeSlots {
  struct Slot {
    var request: Int
    /// Index of the rollout in the request's results.
    var rollout: Int
    var limit: Int
    /// Group and rollout number, the key of the random numbers.
    var group: UInt64
    var number: UInt32
    /// Index of the prompt in the prefill.
    var promptRow: Int
    /// Where its keys stand; `position` is that of `token`.
    var place: DecodePlace
    /// The last token drawn.
    var token: Int32 = 0
    var drawn = 0
  }

  private(set) var all: [Slot] = []
  private let filters: SamplingFilters
  private let sampling: SamplingSettings
  private let stream: RandomStream
  /// Whether an id ends a response.
  private var stops: [Bool]
  /// Positions that any sequence can reach.
  private(set) var mostPositions = 0

  init(sampling: SamplingSettings, stream: RandomStream, vocabulary: Int) {
    self.sampling = sampling
    self.stream = stream
    filters = SamplingFilters(
      temperature: sampling.temperature, topK: sampling.topK, topP: sampling.topP,
      minP: sampling.minP, tokenLimit: sampling.tokenLimit)
    stops = [Bool](repeating: false, count: vocabulary)
    for id in sampling.stopIDs where stops.indices.contains(Int(id)) { stops[Int(id)] = true }
  }

  mutating func append(
    request: Int, rollout: Int, limit: Int, key: GenerationRequest, promptRow: Int,
    place: DecodePlace
  ) {
    all.append(
      Slot(
        request: request, rollout: rollout, limit: limit, group: key.group,
        number: UInt32(key.firstRollout + rollout), promptRow: promptRow, place: place))
    mostPositions = max(mostPositions, place.position + limit)
  }

  /// Draws the next token of every sequence from row `rows[i]` of `x`, and drops those it ends.
  mutating func draw(
    _ compute: Compute, _ shape: TransformerShape, _ weights: Tensor, x: Tensor, rows: [Int],
    _ onToken: Policy.TokenObserver, into results: inout [[Generation]]
  ) {
    let uniforms = all.map { stream.uniform($0.group, $0.number, UInt32($0.drawn)) }
    let drawn = compute.sample(
      shape, weights, x: x, rows: rows, filters: filters, uniforms: uniforms)
    var kept = 0
    for index in all.indices {
      var slot = all[index]
      let token = drawn[index]
      let stopped = stops[Int(token.token)]
      record(token, stopped: stopped, in: &results[slot.request][slot.rollout])
      onToken(slot.request, slot.rollout, token.token)
      // The first token stands where the prompt ended; each later one a position further.
      if slot.drawn > 0 { slot.place.position += 1 }
      slot.token = token.token
      slot.drawn += 1
      guard !stopped, slot.drawn < slot.limit else { continue }
      all[kept] = slot
      kept += 1
    }
    all.removeLast(all.count - kept)
  }

  private func record(_ token: DrawnToken, stopped: Bool, in generation: inout Generation) {
    generation.tokens.append(token.token)
    generation.logProbabilities.append(token.logProbability)
    if sampling.recordFiltered {
      generation.filteredLogProbabilities.append(token.filteredLogProbability)
    }
    if sampling.recordEntropy { generation.entropies.append(token.entropy) }
    generation.stopped = stopped
  }
}
