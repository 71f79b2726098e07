import Queue
import Records

/// What the logs of a run say of it: the part of the summary that no clock or process decides.
///
/// Of trimmed steps the sums come from the run's base, and the curves from `metrics.jsonl`.
struct RunTally {
  var gate: [String: Summary.Gate] = [:]
  var rolloutAccuracy: [String: Double] = [:]
  var logprobMismatchMax: Double
  var generatedTokens: UInt64
  var rawBytes: UInt64
  /// Pages that the rollouts of trimmed steps took.
  let trimmedBytes: UInt64
  var verifierErrors: UInt64

  init(_ ledger: Ledger, attempts: AttemptLog, metrics: MetricsFile) throws {
    let base = try ledger.base
    logprobMismatchMax = base.trimmed.logprobMismatchMax
    generatedTokens = base.trimmed.generatedTokens
    rawBytes = base.trimmed.rawBytes
    trimmedBytes = base.trimmed.storedBytes
    verifierErrors = base.trimmed.verifierErrors
    for (step, metrics) in try metrics.steps(below: base.step) { add(step, metrics) }
    for step in base.step..<(try ledger.cursor(.optimizer)) {
      let cost = try StepCost(step, ledger)
      add(step, cost.metrics)
      verifierErrors += cost.verifierErrors
      logprobMismatchMax = max(logprobMismatchMax, cost.logprobMismatchMax)
    }
    let counting = try GroupCounting(ledger, attempts.attempts())
    var sampledAgain = SampledAgain()
    for group in base.group..<max(base.group, try ledger.head(.rollouts)) {
      let cost = try counting.cost(of: group, ledger, &sampledAgain)
      generatedTokens += cost.generatedTokens
      rawBytes += cost.rawBytes
    }
  }

  private mutating func add(_ step: UInt64, _ metrics: [String: Double]) {
    gate["\(step)"] = Summary.Gate(
      sft: metrics["gate/sft"] ?? 0, rl: metrics["gate/rl"] ?? 0,
      dropped: metrics["gate/dropped"] ?? 0)
    if let accuracy = metrics["rollout/accuracy"] { rolloutAccuracy["\(step)"] = accuracy }
  }
}

/// What a committed step adds to the summary.
struct StepCost {
  let metrics: [String: Double]
  let verifierErrors: UInt64
  let logprobMismatchMax: Double

  init(_ step: UInt64, _ ledger: Ledger) throws {
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try ledger.existing(UpdateRecord.self, .updates, step)
    metrics = Dictionary(batch.metrics.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
    // A stored number that is no count counts nothing.
    verifierErrors = metrics["verifier/errors"].flatMap { UInt64(exactly: $0) } ?? 0
    logprobMismatchMax = update.metrics.first { $0.name == "mismatch/max" }?.value ?? 0
  }
}

/// What a group adds to the summary.
struct GroupCost {
  var generatedTokens: UInt64
  /// Tokens as u32, log-probabilities as f32, prompt text as UTF-8.
  var rawBytes: UInt64
}

/// How groups are counted: asked for them in GroupID order.
struct GroupCounting {
  /// Groups that a fork took over: another run has sampled them.
  private let taken: GroupID
  private let attempts: [GroupID: (groups: UInt64, times: Int)]

  init(_ ledger: Ledger, _ attempts: [GroupID: (groups: UInt64, times: Int)]) throws {
    let forked = try ledger.value(ForkOrigin.key).map { try ForkOrigin(stored: $0).groups } ?? 0
    taken = max(forked, try ledger.origin?.taken ?? 0)
    self.attempts = attempts
  }

  func cost(
    of group: GroupID, _ ledger: Ledger, _ again: inout SampledAgain
  ) throws -> GroupCost {
    let record = try ledger.existing(RolloutRecord.self, .rollouts, group)
    let repeats = again.repeats(of: group, attempts)
    let sampled = record.rollouts.reduce(0) { $0 + $1.tokens.count }
    let imitated = record.demonstrations.reduce(0) { $0 + $1.tokens.count }
    let text = try ledger.existing(PromptRecord.self, .prompts, group).prompt.textBytes
    return GroupCost(
      generatedTokens: group >= taken ? UInt64(sampled * (1 + repeats)) : 0,
      rawBytes: UInt64(4 * (record.promptTokens.count + imitated + sampled) + 4 * sampled + text))
  }
}

/// How often the chunk of a group was begun beside the time that was committed.
struct SampledAgain {
  private var repeats = 0
  private var chunkEnd: GroupID = 0

  /// Asked in GroupID order.
  mutating func repeats(
    of group: GroupID, _ attempts: [GroupID: (groups: UInt64, times: Int)]
  ) -> Int {
    if let chunk = attempts[group] {
      repeats = chunk.times - 1
      chunkEnd = group + chunk.groups
    } else if group >= chunkEnd {
      repeats = 0
    }
    return repeats
  }
}

extension Prompt {
  /// Bytes of its text as UTF-8.
  fileprivate var textBytes: Int {
    switch content {
    case .text(let text): text.utf8.count
    case .messages(let messages): messages.reduce(0) { $0 + $1.content.utf8.count }
    }
  }
}
