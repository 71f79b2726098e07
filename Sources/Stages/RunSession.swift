import Estimator
import Foundation
import Operators
public import Policy
import Queue
import Records

/// Some or all stages of a run at work in this process: claims, start-up after a kill, the loop,
/// checkpoints, metrics and the summary.
public final class RunSession {
  public let run: Run
  private let names: [StageName]
  private let share: WorkShare
  private let interruption: Interruption
  private let metrics: MetricsFile
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  /// Set when the optimizer is among the stages.
  private let optimizer: Optimizer?
  private var stages: [any Stage] = []
  /// Groups (of the optimizer: steps) that each stage has worked off in this session.
  public private(set) var worked: [StageName: UInt64] = [:]
  private var trimmer: Trimmer?

  /// Claims the stages and brings the optimizer's weights up to the cursor.
  ///
  /// - Parameters:
  ///   - publishes: whether other processes need the policy versions.
  ///   - share: what this worker does of a stage that several share.
  ///   - ahead: steps that reader and generator may be ahead of training; see ``AheadPolicy``.
  ///   - replayed: told of every step that is worked off again.
  /// - Throws: `QueueError.locked` when another process has one of the stages; `StageError` for a share
  ///   or a lead that the stages or the algorithm do not allow.
  public init(
    _ run: Run, stages names: [StageName], publishes: Bool, interruption: Interruption,
    share: WorkShare = .whole, ahead: Int = 0, replayed: (UInt64) throws -> Void = { _ in }
  ) throws {
    self.run = run
    self.names = names
    self.share = share
    self.interruption = interruption
    try run.checkShare(share, of: names)
    try run.checkLead(ahead, of: names)
    began = clock.now
    metrics = MetricsFile(of: run.directory, run.settings)
    if names.contains(.verifier) { try run.prepareVerifiers() }
    for name in names { try run.ledger.claim(name, worker: share.worker) }
    if names.contains(.rollout) || names.contains(.optimizer) { try run.noteKernel() }
    if names.contains(.optimizer) {
      try run.checkpoints.removeRubbish(run.ledger)
      AbandonedFiles.removeAll(of: run.directory)
      let optimizer = try run.makeOptimizer(
        try run.checkpoints.loadNewest(run.ledger, on: run.base, compute: run.compute),
        publisher: publishes || run.settings.rollout.lag > 0 ? run.publisher : nil, interruption)
      self.optimizer = optimizer
      try metrics.rewrite(from: run.ledger)
      // An interruption here is found again at the first turn, and ends the session there.
      do { try optimizer.replay(run.ledger, each: replayed) } catch is Interrupted {}
      trimmer = try Trimmer(run.settings, metrics: metrics, attempts: run.attempts)
    } else {
      optimizer = nil
    }
    let work = StageWork(share: share, ahead: ahead, interruption: interruption)
    stages = try names.map { try run.makeStage($0, optimizer: optimizer, work) }
  }

  /// The weights in memory, if this process has the optimizer.
  public var policy: Policy? { optimizer?.policy }
  /// Steps that the weights in memory contain.
  public var version: UInt64? { optimizer?.version }

  /// Runs the stages until the run is finished, nothing is pending, or the process is asked to end;
  /// then saves a checkpoint of what is committed.
  ///
  /// - Parameters:
  ///   - limit: see ``Runner/run(limit:)``.
  ///   - follows: wait for other processes instead of ending when nothing is pending.
  ///   - atStage: told before a stage has its turn.
  ///   - report: told of every committed step.
  ///   - afterStep: done after it, with the number of committed steps, before any stage goes on:
  ///     `policy` has these weights.
  /// - Throws: besides what the stages throw, when the disk is low, and when all stages are here and
  ///   wait for each other.
  public func work(
    limit: UInt64? = nil, follows: Bool = false, atStage: @escaping (StageName) -> Void = { _ in },
    report: @escaping (StepReport) -> Void = { _ in },
    afterStep: @escaping (UInt64) throws -> Void = { _ in }
  ) throws -> Runner.End {
    do {
      return try advance(
        limit: limit, follows: follows, atStage: atStage, report: report, afterStep: afterStep)
    } catch {
      // Who goes on in this process' place may have taken its files from under it.
      if let supersession = run.ledger.supersession { throw supersession }
      throw error
    }
  }

  private func advance(
    limit: UInt64?, follows: Bool, atStage: @escaping (StageName) -> Void,
    report: @escaping (StepReport) -> Void, afterStep: @escaping (UInt64) throws -> Void
  ) throws -> Runner.End {
    let steps = UInt64(run.settings.steps)
    var last = clock.now
    var runner = Runner(
      stages: stages, ledger: run.ledger, steps: run.settings.steps, interruption: interruption,
      activity: run.directory.activity, atStage: atStage
    ) { [self] step in
      try metrics.append(step: step, run.ledger)
      let done = step + 1
      if done % UInt64(run.settings.checkpoint.every) == 0 || done == steps { try save() }
      try trimmer?.prepare(run.ledger)
      let now = clock.now
      report(try stepReport(step, seconds: last.duration(to: now).seconds))
      try afterStep(done)
      last = clock.now
    }
    defer { worked = runner.worked }
    var seen = run.queue.lastCommit
    var end = try runner.run(limit: limit)
    while follows, case .idle = end {
      awaitCommit(after: seen)
      seen = run.queue.lastCommit
      end = try runner.run(limit: limit)
    }
    try save()
    switch end {
    case .lowOnSpace: throw QueueError.lowOnSpace(run.queue)
    case .idle(let reasons) where Set(names) == Set(StageName.allCases): throw stuck(reasons)
    default: return end
    }
  }

  /// With all stages in one process something is always pending until the last step, unless the logs
  /// contradict each other: never to be taken for the end.
  private func stuck(_ reasons: [String]) -> StageError {
    StageError(
      .damaged, at: run.directory.path,
      "no stage has anything to do before the last step: \(reasons.joined(separator: "; "))",
      remedy: "Look at it with `pipeline queue verify \(run.directory.path)`.")
  }

  /// Until somebody has committed since the commit numbered `seen`: a look at the mapped file, so
  /// cheap that a hand-off need not wait. At most a tenth of a second, since a signal and room on the
  /// disk show in no commit.
  private func awaitCommit(after seen: UInt64) {
    let end = clock.now + .milliseconds(100)
    var pause = 0.0005
    while run.queue.lastCommit == seen, clock.now < end {
      Thread.sleep(forTimeInterval: pause)
      pause = min(0.01, 1.5 * pause)
    }
  }

  /// A checkpoint of the weights in memory, unless there is one.
  private func save() throws {
    guard let optimizer, optimizer.isWhole,
      optimizer.version == (try run.ledger.cursor(.optimizer))
    else { return }
    try run.checkpoints.save(
      step: optimizer.version, optimizer.content(tokenizer: run.directory.checkpoint(0)),
      run.ledger)
  }

  private func stepReport(_ step: UInt64, seconds: Double) throws -> StepReport {
    let batch = try run.ledger.existing(LossBatchRecord.self, .batches, step)
    let update = try run.ledger.existing(UpdateRecord.self, .updates, step)
    let all = batch.metrics + update.metrics + update.timings
    return StepReport(
      step: step, steps: UInt64(run.settings.steps),
      metrics: Dictionary(all.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 }),
      seconds: seconds)
  }

  /// The run's figures as of now, with the evaluations given.
  public func summary(
    state: Summary.State, evaluation: Summary.Evaluation
  ) throws -> Summary {
    let earlier = try Summary.read(from: run.directory)?.wallSeconds ?? 0
    return try run.summary(
      state: state, wallSeconds: earlier + began.duration(to: clock.now).seconds,
      evaluation: evaluation)
  }
}

extension Run {
  /// The figures of the run: from its logs, but for state, time and memory.
  public func summary(
    state: Summary.State, wallSeconds: Double, evaluation: Summary.Evaluation
  ) throws -> Summary {
    let tally = try RunTally(
      ledger, attempts: attempts, metrics: MetricsFile(of: directory, settings))
    let checkpoint = try checkpoints.newestStep(ledger) ?? 0
    let weights = PolicyFiles.weights(in: directory.checkpoint(checkpoint), settings)
    let judges = try directory.judgeCosts()
    return Summary(
      definition: settings.name, seed: settings.seed, steps: settings.steps,
      stepsDone: Int(try ledger.cursor(.optimizer)), state: state, wallSeconds: wallSeconds,
      peakMemoryBytes: ProcessMemory.peakBytes, productKernel: compute.productKernel,
      weightsSHA256: try DurableFile.sha256(of: weights),
      logprobMismatchMax: tally.logprobMismatchMax, generatedTokens: tally.generatedTokens,
      evaluation: evaluation, gate: tally.gate, rolloutAccuracy: tally.rolloutAccuracy,
      storedBytes: UInt64(try queue.pagesInUse(.rollouts)) + tally.trimmedBytes,
      rawBytes: tally.rawBytes,
      errors: ["verifier": tally.verifierErrors], judges: judges.isEmpty ? nil : judges)
  }

  fileprivate func makeStage(
    _ name: StageName, optimizer: Optimizer?, _ work: StageWork
  ) throws -> any Stage {
    switch name {
    case .reader:
      return PromptShardReader(
        source: stream, settings: settings.reader, steps: settings.steps,
        lag: settings.rollout.lag, rollouts: settings.rollout.count,
        firstRolloutStep: settings.algorithm.algorithm.gate.firstRolloutStep, ahead: work.ahead)
    case .rollout:
      let published = PublishedPolicies(
        directory: directory, compute: compute, base: base
      ) { [self] version in try loggedDigests(version) }
      return RolloutGenerator(
        settings: settings.rollout, renderer: renderer,
        policies: optimizer.map { LivePolicies(optimizer: $0, published: published) }
          ?? (published as any PolicySource), stream: rolloutStream, scorer: makeScorer(),
        attempts: attempts, share: work.share, ahead: try aheadPolicy(work.ahead),
        interruption: work.interruption)
    case .verifier:
      return VerifierStage(
        verifiers: verifiers, renderer: renderer,
        judgesDemonstrations: settings.algorithm.algorithm.gate.judgesDemonstrations,
        share: work.share, interruption: work.interruption)
    case .gate: return PerformanceGate(gate: settings.algorithm.algorithm.gate)
    case .loss:
      return try LossAssembler(
        algorithm: settings.algorithm.algorithm, settings: settings.loss,
        promptsPerStep: settings.reader.promptsPerStep, steps: settings.steps,
        seed: settings.seed)
    case .optimizer:
      guard let optimizer else { preconditionFailure("the optimizer stage was not opened") }
      return optimizer
    }
  }

  /// What scores beside the sampler; nil where nothing is asked.
  func makeScorer() -> RolloutScorer? {
    let record = Set(settings.rollout.record)
    // What the sampler knows by itself asks for no pass.
    let sampled: Set = [RecordedQuantity.entropy, RecordedQuantity.filtered]
    guard !record.subtracting(sampled).isEmpty else { return nil }
    let gate = settings.algorithm.algorithm.gate
    return RolloutScorer(
      record: record, temperature: settings.rollout.temperature,
      scoresDemonstrations: gate.joinsDemonstrations, anchor: { [self] in try anchorPolicy() })
  }
}

/// How a process takes part in a run.
private struct StageWork {
  var share: WorkShare
  var ahead: Int
  var interruption: Interruption
}

extension Run {
  /// Stages that go through their input in order, with what they remember of it, have one worker.
  fileprivate func checkShare(_ share: WorkShare, of names: [StageName]) throws {
    guard share != .whole, let alone = names.first(where: { !$0.isShareable }) else { return }
    throw StageError(
      .badRun, at: "--workers", "\(alone.longName) works its input off in order and has one worker",
      remedy: "Leave --workers out; rollout and verifier can be shared.")
  }

  /// Whether reader and generator may work ahead of training.
  fileprivate func checkLead(_ steps: Int, of names: [StageName]) throws {
    guard steps > 0 else { return }
    func refusal(_ problem: String, _ remedy: String) -> StageError {
      StageError(.badRun, at: "--ahead", problem, remedy: remedy)
    }
    if let other = names.first(where: { $0 != .reader && $0 != .rollout }) {
      throw refusal(
        "\(other.longName) works off what is there and cannot be ahead of it",
        "Give --ahead to the reader and the rollout generator.")
    }
    let algorithm = settings.algorithm.algorithm
    if algorithm.gate.spread?.fill == true {
      throw refusal(
        "\(settings.algorithm.name) demands further waves of a step, which then come too late",
        "Leave --ahead out, or set algorithm.gate.spread.fill to false.")
    }
    let isBound =
      algorithm.rollouts.correction != nil || algorithm.rollouts.reference == .rollout
      || settings.optimizer.mismatchBound != nil || !algorithm.gate.usesRollouts
    if names.contains(.rollout), steps > settings.rollout.lag + 1, !isBound {
      throw refusal(
        "rollouts \(steps) steps ahead are off-policy and the definition states no bound for them",
        "Use an algorithm with algorithm.correction.kind or algorithm.reference: rollout, or state "
          + "optimizer.mismatch_bound.")
    }
  }

  /// The newest committed version answers the steps from its own on.
  fileprivate func aheadPolicy(_ steps: Int) throws -> AheadPolicy? {
    guard steps > 0 else { return nil }
    let version = try ledger.cursor(.optimizer)
    return AheadPolicy(
      version: version, end: version + UInt64(max(steps, settings.rollout.lag + 1)))
  }
}
