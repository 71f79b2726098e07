import Policy
import Queue
public import Randomness
import Records
import Tokenizer

/// Samples the rollouts of each prompt from the policy version that must answer its step, and
/// tokenises prompts and demonstrations: everything a model or a tokenizer is needed for.
///
/// Groups are decoded in chunks that depend on GroupIDs alone, so that a restarted run repeats the
/// same bits even on a product kernel whose rows depend on their neighbours.
public struct RolloutGenerator: Stage {
  public static let name = StageName.rollout

  /// Chunks between two looks at what of the attempt log can go: some ten kilobytes of lines.
  private static let chunksPerCut = 1024

  private let settings: RolloutSettings
  private let renderer: PromptRenderer
  private let policies: any PolicySource
  private let stream: RandomStream
  private let scorer: RolloutScorer?
  private let attempts: AttemptLog?
  private let share: WorkShare
  private let ahead: AheadPolicy?
  private let interruption: Interruption?
  private let clock = ContinuousClock()
  /// Chunks that this process has begun.
  private var begun = 0
  /// Tokens sampled by this process so far, for the progress display.
  public private(set) var generatedTokens = 0

  /// - Parameters:
  ///   - scorer: nil: nothing is scored beside what the sampler knows (evaluations).
  ///   - attempts: where started chunks are noted, so that repeated work can be counted.
  ///   - share: the chunks that are this worker's.
  ///   - ahead: the policy that answers steps whose own version does not exist yet.
  ///   - interruption: asked between tokens.
  public init(
    settings: RolloutSettings, renderer: PromptRenderer, policies: any PolicySource,
    stream: RandomStream, scorer: RolloutScorer? = nil, attempts: AttemptLog?,
    share: WorkShare = .whole, ahead: AheadPolicy? = nil,
    interruption: Interruption? = nil
  ) {
    self.interruption = interruption
    self.share = share
    self.ahead = ahead
    self.settings = settings
    self.renderer = renderer
    self.policies = policies
    self.stream = stream
    self.scorer = scorer
    self.attempts = attempts
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let head = try ledger.head(.prompts)
    let cursor = min(try ledger.cursor(.rollout), head)
    guard cursor < head else { return .waiting("no prompts") }
    guard
      let start = try share.firstPending(
        in: cursor..<head, block: UInt64(settings.chunkGroups), .rollouts, ledger)
    else { return .waiting("no prompts for \(share)") }
    let chunk = try pendingChunk(from: start, to: head, ledger)
    let step = chunk[0].step
    let version = min(settings.version(answering: step), ahead?.version ?? .max)
    if let ahead, step >= ahead.end {
      return .waiting("step \(step) is not among those that version \(ahead.version) answers")
    }
    let asksRollouts = chunk.contains { $0.rollouts > 0 }
    guard
      let policy = try policies.policy(version: version, loaded: needsWeights(for: chunk))
    else { return .waiting("policy version \(version) is not published") }
    if asksRollouts { try note(start, chunk.count, ledger) }
    let records = try answer(chunk, from: start, version: version, with: policy)
    var outcome = Outcome()
    for (index, record) in records.enumerated() {
      outcome.add(record, to: .rollouts, at: RecordKey(start + UInt64(index)))
    }
    outcome.isDear = asksRollouts
    return .made(outcome)
  }

  /// Notes that a chunk is begun; now and then the log loses what the run has trimmed.
  private mutating func note(_ start: GroupID, _ count: Int, _ ledger: Ledger) throws {
    guard let attempts else { return }
    // Of several workers none knows what the others note meanwhile.
    if share == .whole, begun % Self.chunksPerCut == 0 {
      try attempts.forget(below: try ledger.base.group)
    }
    begun += 1
    try attempts.note(first: start, count: count)
  }

  /// Whether a model must look at a chunk at all; plain SFT needs none.
  func needsWeights(for chunk: [PromptRecord]) -> Bool {
    chunk.contains { $0.rollouts > 0 } || scorer?.readsDemonstrations == true
  }

  /// The records of a whole chunk, which begins with group `start`, under the policy given.
  mutating func answer(
    _ chunk: [PromptRecord], from start: GroupID, version: UInt64, with policy: SourcedPolicy
  ) throws -> [RolloutRecord] {
    let began = clock.now
    let groups = try chunk.map { try renderer.render($0.prompt) }
    let generated = try generate(chunk, groups, from: start, with: policy)
    var records = zip(groups, generated).map { group, rollouts in
      RolloutRecord(
        policyVersion: version, weightsDigest: policy.weightsDigest,
        promptTokens: group.promptTokens, demonstrations: group.demonstrations,
        rejected: group.rejected, rollouts: rollouts, refusal: group.refusal)
    }
    try scorer?.score(&records, with: policy)
    let seconds = began.duration(to: clock.now).seconds / Double(chunk.count)
    for index in records.indices { records[index].seconds = seconds }
    return records
  }

  /// The groups from `start` on that share its step, wave and chunk number.
  private func pendingChunk(
    from start: GroupID, to head: GroupID, _ ledger: Ledger
  ) throws -> [PromptRecord] {
    let size = UInt64(settings.chunkGroups)
    var chunk = [try ledger.existing(PromptRecord.self, .prompts, start)]
    for group in start + 1..<max(start + 1, min(head, (start / size + 1) * size)) {
      let record = try ledger.existing(PromptRecord.self, .prompts, group)
      guard record.step == chunk[0].step, record.wave == chunk[0].wave else { break }
      chunk.append(record)
    }
    return chunk
  }

  private mutating func generate(
    _ chunk: [PromptRecord], _ groups: [RenderedPrompt], from start: GroupID,
    with source: SourcedPolicy
  ) throws -> [[Trajectory]] {
    var rollouts = [[Trajectory]](repeating: [], count: chunk.count)
    let asked = chunk.indices.filter { chunk[$0].rollouts > 0 && groups[$0].refusal == nil }
    guard !asked.isEmpty, let policy = source.policy else { return rollouts }
    let requests = asked.map {
      GenerationRequest(
        group: start + UInt64($0), prompt: groups[$0].promptTokens,
        rollouts: Int(chunk[$0].rollouts))
    }
    for (index, group) in zip(asked, try generations(of: requests, with: policy)) {
      rollouts[index] = group.map { trajectory($0) }
      generatedTokens += group.reduce(0) { $0 + $1.tokens.count }
    }
    return rollouts
  }

  private func generations(
    of requests: [GenerationRequest], with policy: Policy
  ) throws -> [[Generation]] {
    do {
      return try policy.generate(
        requests, sampling: settings.sampling(for: renderer), stream: stream,
        isCancelled: { interruption?.status != nil })
    } catch {
      guard error.code == .cancelled else { throw error }
      throw Interrupted()
    }
  }

  private func trajectory(_ generation: Generation) -> Trajectory {
    var quantities: [RecordedQuantity] = []
    if !generation.entropies.isEmpty {
      quantities.append(
        RecordedQuantity(name: RecordedQuantity.entropy, values: generation.entropies))
    }
    if !generation.filteredLogProbabilities.isEmpty {
      quantities.append(
        RecordedQuantity(
          name: RecordedQuantity.filtered, values: generation.filteredLogProbabilities))
    }
    return Trajectory(
      tokens: generation.tokens, logProbabilities: generation.logProbabilities,
      finish: generation.stopped ? .stop : .length, quantities: quantities)
  }
}

/// One given policy that answers the steps up to `end`, instead of each step's own version: for a
/// generator that works ahead of training. Its version stands in every rollout record.
public struct AheadPolicy: Sendable, Equatable {
  public var version: UInt64
  /// The first step that it does not answer.
  public var end: UInt64

  public init(version: UInt64, end: UInt64) {
    self.version = version
    self.end = end
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
