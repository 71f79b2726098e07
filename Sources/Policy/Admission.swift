import Operators

/// Who is decoded next, and where in the cache: rollouts in the order of their requests, as many at once
/// as there are rows and room.
struct Admission {
  /// A rollout that begins.
  struct Arrival {
    var request: Int
    var rollout: Int
    /// Tokens of its response at most.
    var limit: Int
    var place: DecodePlace
    /// Row of what its prompt was prefilled to.
    var lane: Int
    /// Whether its prompt has to be prefilled.
    var isFirst: Bool
  }

  /// A request of which rollouts are being decoded, or were not begun yet.
  private struct Prompt {
    var shared: Range<Int>
    var lane: Int
    var active = 0
    var waiting: Int
  }

  /// Floats of the cache that places are given in.
  let cacheFloats: Int
  /// Requests that are decoded at once, at most.
  let lanes: Int
  /// Positions that any sequence can reach.
  let mostPositions: Int

  private let requests: [(promptTokens: Int, rollouts: Int, limit: Int)]
  private let blockFloats: Int
  private let rowsAtOnce: Int
  /// The first request of which rollouts wait.
  private var next = 0
  private var prompts: [Int: Prompt] = [:]
  private var freeLanes: [Int]
  private var room: CacheRoom

  /// - Parameters:
  ///   - blockFloats: of a block of positions in all layers and heads.
  ///   - rowsAtOnce: sequences, at most.
  init(
    _ requests: [GenerationRequest], sampling: SamplingSettings,
    configuration: ModelConfiguration, blockFloats: Int, rowsAtOnce: Int
  ) {
    self.blockFloats = blockFloats
    self.requests = requests.map {
      (
        $0.prompt.count, $0.rollouts,
        min(sampling.maximumTokens, configuration.maximumPositions - $0.prompt.count)
      )
    }
    mostPositions = self.requests.map { $0.promptTokens + $0.limit }.max() ?? 0
    self.rowsAtOnce = rowsAtOnce
    lanes = max(min(requests.count, rowsAtOnce), 1)
    freeLanes = (0..<lanes).reversed()
    var all = 0
    var largest = 0
    for request in self.requests {
      let shared = Self.blocks(request.promptTokens)
      let own = Self.ownBlocks(request.promptTokens, request.limit)
      all += shared + request.rollouts * own
      largest = max(largest, shared + own)
    }
    let bound = max(Policy.cacheFloats / blockFloats, largest)
    let blocks = min(all, bound, rowsAtOnce * largest)
    cacheFloats = blocks * blockFloats
    room = CacheRoom(blocks)
  }

  /// Blocks that hold `tokens` positions.
  static func blocks(_ tokens: Int) -> Int {
    (tokens + keyBlockPositions - 1) / keyBlockPositions
  }

  /// Blocks that one rollout fills: from the block that its prompt left half full.
  static func ownBlocks(_ promptTokens: Int, _ limit: Int) -> Int {
    blocks(promptTokens % keyBlockPositions + limit)
  }

  var isDone: Bool { next == requests.count && prompts.isEmpty }

  /// The rollouts that begin now beside `active` others. They come in batches, since prompts are
  /// prefilled together.
  mutating func admit(beside active: Int) -> [Arrival] {
    guard next < requests.count, active <= rowsAtOnce / 4 * 3 else { return [] }
    var arrivals: [Arrival] = []
    while next < requests.count, active + arrivals.count < rowsAtOnce,
      let arrival = admitNext()
    {
      arrivals.append(arrival)
    }
    precondition(
      active + arrivals.count > 0 || next == requests.count, "no room for a single rollout")
    return arrivals
  }

  private mutating func admitNext() -> Arrival? {
    let (tokens, rollouts, limit) = requests[next]
    guard rollouts > 0 else {
      next += 1
      return next < requests.count ? admitNext() : nil
    }
    let shared = Self.blocks(tokens)
    let own = Self.ownBlocks(tokens, limit)
    let isFirst = prompts[next] == nil
    if isFirst {
      guard let place = room.take(shared + own) else { return nil }
      // Taken in one piece, so that a prompt never waits for its first rollout.
      let middle = place.lowerBound + shared
      let lane = freeLanes.removeLast()
      prompts[next] = Prompt(
        shared: place.lowerBound..<middle, lane: lane, waiting: rollouts)
      return arrival(own: middle..<place.upperBound, isFirst: true, tokens, limit)
    }
    guard let place = room.take(own) else { return nil }
    return arrival(own: place, isFirst: false, tokens, limit)
  }

  private mutating func arrival(
    own: Range<Int>, isFirst: Bool, _ tokens: Int, _ limit: Int
  ) -> Arrival {
    guard var prompt = prompts[next] else { preconditionFailure("no prompt \(next)") }
    let request = next
    let rollout = requests[request].rollouts - prompt.waiting
    prompt.waiting -= 1
    prompt.active += 1
    prompts[request] = prompt
    if prompt.waiting == 0 { next += 1 }
    return Arrival(
      request: request, rollout: rollout, limit: limit,
      place: DecodePlace(
        sharedOffset: prompt.shared.lowerBound * blockFloats, sharedStride: prompt.shared.count,
        sharedBlocks: tokens / keyBlockPositions, ownOffset: own.lowerBound * blockFloats,
        ownStride: own.count, position: tokens),
      lane: prompt.lane, isFirst: isFirst)
  }

  /// Takes back what an ended rollout held.
  mutating func release(_ slot: DecodeSlots.Slot) {
    let start = slot.place.ownOffset / blockFloats
    room.give(start..<start + slot.place.ownStride)
    guard var prompt = prompts[slot.request] else { preconditionFailure("no such prompt") }
    prompt.active -= 1
    prompts[slot.request] = prompt
    guard prompt.active == 0, prompt.waiting == 0 else { return }
    room.give(prompt.shared)
    freeLanes.append(prompt.lane)
    prompts[slot.request] = nil
  }
}

/// Blocks of a cache that are free, as runs in ascending order.
package struct CacheRoom {
  private var free: [Range<Int>]

  package init(_ blocks: Int) { free = blocks > 0 ? [0..<blocks] : [] }

  /// The first free run of `count` blocks; nil where there is none.
  package mutating func take(_ count: Int) -> Range<Int>? {
    guard let index = free.firstIndex(where: { $0.count >= count }) else { return nil }
    let start = free[index].lowerBound
    let rest = start + count..<free[index].upperBound
    if rest.isEmpty { free.remove(at: index) } else { free[index] = rest }
    return start..<start + count
  }

  package mutating func give(_ run: Range<Int>) {
    guard !run.isEmpty else { return }
    let index = free.firstIndex { $0.lowerBound > run.lowerBound } ?? free.count
    free.insert(run, at: index)
    if index + 1 < free.count, free[index].upperBound == free[index + 1].lowerBound {
      free[index] = free[index].lowerBound..<free[index + 1].upperBound
      free.remove(at: index + 1)
    }
    if index > 0, free[index - 1].upperBound == free[index].lowerBound {
      free[index - 1] = free[index - 1].lowerBound..<free[index].upperBound
      free.remove(at: index)
    }
  }
}

extension Policy {
  /// Floats of the key-value cache, at most.
  static var cacheFloats: Int { 1 << 28 }

  /// Sequences that are decoded at once, at most. Where the weights leave room in the processor's cache
  /// the keys stay there too: then fewer rows are faster, if products stay large. Weights that
  /// come from memory at every token are shared by as many rows as there are.
  static func rowsAtOnce(_ shape: TransformerShape, layers: Int, parameters: Int) -> Int {
    guard parameters <= 1 << 22 else { return 1024 }
    // 16 MiB of keys and values, at some 64 positions a sequence.
    let sequence = 4 * blockFloats(shape, layers: layers)
    return min(max((1 << 22) / sequence / 16 * 16, 64), 1024)
  }

  /// Floats of a block of positions in all layers and heads.
  static func blockFloats(_ shape: TransformerShape, layers: Int) -> Int {
    shape.keyBlockFloats * shape.keyValueHeads * layers
  }
}
