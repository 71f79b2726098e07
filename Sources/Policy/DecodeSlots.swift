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
  init(sampling: SamplingSettings, stream: RandomStream, vocabulary: Int) {
    self.sampling = sampling
    self.stream = stream
    filters = SamplingFilters(
      temperature: sampling.temperature, topK: sampling.topK, topP: sampling.topP,
      minP: sampling.minP, tokenLimit: sampling.tokenLimit)
    stops = [Bool](repeating: false, count: vocabulary)
    for id in sampling.stopIDs where stops.indices.contains(Int(id)) { stops[Int(id)] = true }
  }

  mutating func append(_ arrival: Admission.Arrival, key: GenerationRequest) {
    all.append(
      Slot(
        request: arrival.request, rollout: arrival.rollout, limit: arrival.limit, group: key.group,
        number: UInt32(key.firstRollout + arrival.rollout), place: arrival.place))
  }

  /// Draws the next token of the sequences from `first` on, that of `all[first + i]` from row `rows[i]`
  /// of `x`; drops those it ends, and returns them.
  mutating func draw(
    from first: Int, _ compute: Compute, _ shape: TransformerShape, _ weights: Tensor, x: Tensor,
    rows: [Int], _ onToken: Policy.TokenObserver, into results: inout [[Generation]]
  ) -> [Slot] {
    let uniforms = all[first...].map { stream.uniform($0.group, $0.number, UInt32($0.drawn)) }
    let drawn = compute.sample(
      shape, weights, x: x, rows: rows, filters: filters, uniforms: uniforms)
    var ended: [Slot] = []
    var kept = first
    for index in first..<all.count {
      var slot = all[index]
      let token = drawn[index - first]
      let stopped = stops[Int(token.token)]
      record(token, stopped: stopped, in: &results[slot.request][slot.rollout])
      onToken(slot.request, slot.rollout, token.token)
      // The first token stands where the prompt ended; each later one a position further.
      if slot.drawn > 0 { slot.place.position += 1 }
      slot.token = token.token
      slot.drawn += 1
      guard !stopped, slot.drawn < slot.limit else {
        ended.append(slot)
        continue
      }
      all[kept] = slot
      kept += 1
    }
    all.removeLast(all.count - kept)
    return ended
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
