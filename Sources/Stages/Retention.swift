import Definition
import Queue
import Records

/// Section `retention`.
public struct RetentionSettings: Sendable, Equatable {
  /// Committed steps whose records stay; nil: all of them.
  public var steps: Int?

  static let keys: [Key] = [
    Key(
      "retention.steps", .integer(1...10_000_000), default: .absent, role: .operational,
      unit: "steps",
      meaning:
        "Steps whose records stay in the queue, if checkpoints allow; not set, everything stays.")
  ]

  init(_ definition: Definition) { steps = definition.integerIfSet("retention.steps") }
}

/// Takes the oldest steps of a run away, a few with every step that is added, so that the queue stops
/// growing.
///
/// Step by step over all logs together, never a step that the oldest kept checkpoint or a policy version
/// that still answers prompts needs, and in the transaction that brings new records. What later steps
/// need of the trimmed ones moves into the ``RunBase``. Checkpoint 0 stays as a model; no run with
/// trimmed steps can be replayed from it.
struct Trimmer {
  /// Whole steps that go with one commit: twice what a step adds, so that a window that was made
  /// smaller is reached, and no transaction grows with the backlog.
  private static let stepsPerCommit = 2

  private let kept: UInt64
  private let lag: UInt64
  private let fold: StageFold
  private let metrics: MetricsFile
  private var attempts: AttemptTail
  /// Lines of the metrics file below this step are durable.
  private var synced: UInt64 = 0

  /// nil when the definition keeps everything.
  init?(_ settings: RunSettings, metrics: MetricsFile, attempts: AttemptLog) throws {
    guard let steps = settings.retention.steps else { return nil }
    kept = UInt64(steps)
    lag = UInt64(settings.rollout.lag)
    fold = try StageFold(settings)
    self.metrics = metrics
    self.attempts = AttemptTail(attempts)
  }

  /// Prepares what can go and attaches it to the next commit.
  mutating func prepare(_ ledger: Ledger) throws {
    let limit = try self.limit(ledger)
    let known = try ledger.base
    let forked = try ledger.origin?.boundary ?? StepBoundary()
    guard known.step < limit else { return }
    if synced < limit {
      try metrics.sync()
      synced = try ledger.cursor(.optimizer)
    }
    try attempts.read()
    var next = known
    while next.step < min(limit, known.step + UInt64(Self.stepsPerCommit)) {
      try pass(&next, ledger, forked)
    }
    attempts.forget(below: next.group)
    let base = next
    ledger.attach { transaction in
      guard try RunBase(transaction) == known else { return }
      try transaction.trim(to: base)
    }
  }

  /// The first step that must stay.
  private func limit(_ ledger: Ledger) throws -> UInt64 {
    let committed = try ledger.cursor(.optimizer)
    let reach = max(kept, lag)
    guard committed > reach,
      let oldest = try CheckpointStore.pointers(ledger).first(where: { $0.step > 0 })
    else { return 0 }
    return min(committed - reach, oldest.step)
  }

  /// Moves `base` over its first step.
  ///
  /// - Parameter forked: where the run was forked, if it was.
  private func pass(
    _ base: inout RunBase, _ ledger: Ledger, _ forked: StepBoundary
  ) throws {
    let step = base.step
    let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try ledger.existing(UpdateRecord.self, .updates, step)
    let groups = batch.firstGroup..<batch.endGroup
    if step >= forked.step {
      try fold.pass(step, groups, ledger, &base.start.memory)
    } else if step + 1 == forked.step {
      // Before it another definition may have held.
      base.start.memory = forked.memory
    }
    let cost = try StepCost(step, ledger)
    base.trimmed.verifierErrors += cost.verifierErrors
    base.trimmed.logprobMismatchMax = max(
      base.trimmed.logprobMismatchMax, cost.logprobMismatchMax)
    let counting = try GroupCounting(ledger, attempts.attempts)
    var again = SampledAgain()
    for group in groups {
      let cost = try counting.cost(of: group, ledger, &again)
      base.trimmed.generatedTokens += cost.generatedTokens
      base.trimmed.rawBytes += cost.rawBytes
    }
    base.trimmed.lines.add(try MetricsFile.line(of: step, ledger))
    base.start.waves =
      try ledger.existing(
        PromptRecord.self, .prompts, batch.endGroup - 1
      ).wave + 1
    base.start.digests = .init(policy: update.weightsDigest, critic: update.criticDigest)
    base.start.group = batch.endGroup
    base.start.step = step + 1
  }
}

extension WriteTransaction {
  /// Removes what lies before `base` and makes it the run's.
  fileprivate func trim(to base: RunBase) throws {
    let before = try pagesInUse(.rollouts)
    for log in Log.allCases {
      switch log {
      case .prompts, .rollouts, .verdicts, .decisions:
        try removeRecords(log, below: RecordKey(base.group))
      case .batches, .updates, .demands:
        try removeRecords(log, below: RecordKey(base.step))
      }
    }
    var base = base
    base.trimmed.storedBytes += UInt64(max(0, before - (try pagesInUse(.rollouts))))
    try setState(RunBase.key, to: base.stored())
  }
}
