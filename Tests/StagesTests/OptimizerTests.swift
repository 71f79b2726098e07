import Foundation
import Operators
import Queue
import Records
import Stages
import Testing

/// The optimizer inside a run: what it replays, what it refuses.
@Suite struct OptimizerTests {
  private static let upstream: [StageName] = [.reader, .rollout, .verifier, .gate, .loss]

  /// Works with some stages on the run as it stands; the session, and the queue with it, is closed.
  @discardableResult
  private func work(
    _ folder: TemporaryRun, _ stages: [StageName], limit: UInt64? = nil,
    replayed: (UInt64) throws -> Void = { _ in }
  ) throws -> Runner.End {
    let session = try RunSession(
      try Run(opening: folder.directory), stages: stages, publishes: true,
      interruption: Interruption(), replayed: replayed)
    return try session.work(limit: limit)
  }

  /// What a run must repeat: the digests of its logs, and its checkpoint at `step`.
  private func results(_ folder: TemporaryRun, step: UInt64) throws -> [String] {
    let run = try Run(opening: folder.directory)
    let checkpoint = folder.directory.checkpoint(step)
    return try digests(run.queue)
      + ["model.safetensors", "optimizer.safetensors"].map {
        try Data(contentsOf: URL(fileURLWithPath: "\(checkpoint)/\($0)")).base64EncodedString()
      }
  }

  /// Replaces a stored record, as damage or a meddler would.
  private func replace<R: StoredRecord>(
    _ folder: TemporaryRun, _ log: Log, _ key: RecordKey, with change: (inout R) -> Void
  ) throws {
    let queue = try Queue.open(at: folder.directory.queue)
    var record = try #require(try queue.read { try $0.record(R.self, log, key) })
    change(&record)
    try queue.write(claims: []) { transaction in
      try transaction.setAside(log, key, reason: "test")
      try transaction.put(record, log, key)
    }
  }

  private func fresh(_ keys: [(String, String)] = [], prompts: [Prompt] = sums(20)) throws
    -> TemporaryRun
  {
    let folder = try TemporaryRun(prompts: prompts)
    _ = try folder.create(keys)
    return folder
  }

  @Test func stagesTogetherAndOneAfterTheOtherGiveTheSameBits() throws {
    let together = try fresh()
    #expect(try work(together, StageName.allCases) == .finished)
    let apart = try fresh()
    var rounds = 0
    while try !Run(opening: apart.directory).isFinished, rounds < 10 {
      for stage in StageName.allCases { try work(apart, [stage]) }
      rounds += 1
    }
    #expect(rounds == 3, "strictly on-policy, so a step a round")
    #expect(try results(apart, step: 3) == results(together, step: 3))
  }

  @Test func aLimitEndsAtACommitAndGoingOnGivesTheSameBits() throws {
    let whole = try fresh()
    try work(whole, StageName.allCases)
    let cut = try fresh()
    #expect(try work(cut, StageName.allCases, limit: 1) == .limit)
    #expect(try work(cut, StageName.allCases) == .finished)
    #expect(try results(cut, step: 3) == results(whole, step: 3))
  }

  /// Takes back the pointers to all checkpoints but the first, as if the process had been killed
  /// before the second.
  private func forgetCheckpoints(_ folder: TemporaryRun, but pointers: [UInt8]) throws {
    let queue = try Queue.open(at: folder.directory.queue)
    try queue.write(claims: []) { try $0.setState("checkpoints", to: pointers) }
  }

  private func pointers(_ folder: TemporaryRun) throws -> [UInt8] {
    let queue = try Queue.open(at: folder.directory.queue)
    return try #require(try queue.read { try $0.state("checkpoints") })
  }

  @Test func replayGivesTheFirstTimesWeightsAndRewritesTheMetricsFile() throws {
    let folder = try fresh()
    let start = try pointers(folder)
    try work(folder, StageName.allCases)
    let expected = try results(folder, step: 3)
    let metrics = try Data(contentsOf: URL(fileURLWithPath: folder.directory.metrics))
    #expect(metrics.split(separator: 10).count == 3)

    try forgetCheckpoints(folder, but: start)
    // A line more than is committed, and one that a kill tore.
    try (metrics + Data("{\"step\":3}\n{\"st".utf8)).write(
      to: URL(fileURLWithPath: folder.directory.metrics))
    var replayed: [UInt64] = []
    #expect(try work(folder, StageName.allCases) { replayed.append($0) } == .finished)
    #expect(replayed == [0, 1, 2])
    #expect(try results(folder, step: 3) == expected)
    #expect(try Data(contentsOf: URL(fileURLWithPath: folder.directory.metrics)) == metrics)
  }

  @Test func aTamperedBatchIsFoundByItsReplay() throws {
    let folder = try fresh()
    let start = try pointers(folder)
    try work(folder, StageName.allCases)
    try forgetCheckpoints(folder, but: start)
    try replace(folder, .batches, RecordKey(1)) { (batch: inout LossBatchRecord) in
      batch.groups[0].rolloutWeight *= 1.5
      for row in batch.groups[0].rows.indices { batch.groups[0].rows[row].advantages = [0.25] }
    }
    var replayed: [UInt64] = []
    let error = #expect(throws: StageError.self) {
      try work(folder, StageName.allCases) { replayed.append($0) }
    }
    #expect(error?.code == .mismatch && error?.location == "updates/1" && replayed == [0])
    #expect(error?.exitStatus == .mismatch)
  }

  // MARK: Stored and recomputed log-probabilities

  /// A group of the first step's first update: its rows alone are scored by the weights that sampled.
  private func firstTrained(_ folder: TemporaryRun) throws -> RecordKey {
    let run = try Run(opening: folder.directory)
    let batch = try run.ledger.existing(LossBatchRecord.self, .batches, 0)
    return RecordKey(batch.groups[Int(batch.updates[0][0])].group)
  }

  /// Changes one stored log-probability of the first step and lets the optimizer at it.
  private func perturbed(
    _ keys: [(String, String)] = [], by change: (Float) -> Float
  ) throws -> Runner.End {
    let folder = try fresh(keys)
    try work(folder, Self.upstream)
    try replace(folder, .rollouts, try firstTrained(folder)) { (record: inout RolloutRecord) in
      record.rollouts[1].logProbabilities[0] = change(record.rollouts[1].logProbabilities[0])
    }
    return try work(folder, [.optimizer])
  }

  @Test func theTrainersLogProbabilitiesAreTheSamplersBits() throws {
    let folder = try fresh()
    try work(folder, StageName.allCases)
    let run = try Run(opening: folder.directory)
    let bound = run.compute.measureRowIndependence().holds ? 0 : 1e-4
    for step in UInt64(0)..<3 {
      let update = try run.ledger.existing(UpdateRecord.self, .updates, step)
      let metrics = Dictionary(uniqueKeysWithValues: update.metrics.map { ($0.name, $0.value) })
      #expect(try #require(metrics["mismatch/max"]) <= bound)
      #expect(try #require(metrics["mismatch/tokens"]) >= 18, "nothing was compared")
    }
  }

  @Test(
    .enabled(
      if: Compute(threads: 1).measureRowIndependence().holds,
      "skipped: the product kernel in force does not keep rows apart"))
  func oneUnitInTheLastPlaceIsSeenAndRefused() throws {
    let error = #expect(throws: StageError.self) { try perturbed { $0.nextUp } }
    #expect(error?.code == .mismatch && error?.exitStatus == .mismatch)
    #expect(error?.location == "step 0")
    #expect(error?.problem.hasSuffix("the bound is 0.0") == true)
  }

  @Test func aDifferenceAboveEveryKernelsBoundIsRefused() throws {
    #expect(throws: StageError.self) { try perturbed { $0 + 1e-3 } }
  }

  @Test func aLogProbabilityThatIsNoNumberIsRefused() throws {
    #expect(throws: StageError.self) { try perturbed { _ in .nan } }
  }

  /// What is refused is not committed, so nothing is lost: the run stands before the step.
  @Test func aRefusedStepIsNotCommitted() throws {
    let folder = try fresh()
    try work(folder, Self.upstream)
    try replace(folder, .rollouts, try firstTrained(folder)) { (record: inout RolloutRecord) in
      record.rollouts[0].logProbabilities[0] += 1e-3
    }
    #expect(throws: StageError.self) { try work(folder, [.optimizer]) }
    let run = try Run(opening: folder.directory)
    #expect(try run.ledger.cursor(.optimizer) == 0 && run.ledger.head(.updates) == 0)
    #expect(try run.ledger.head(.batches) == 1)
  }

  @Test func aStatedBoundIsTheBound() throws {
    let end = try perturbed([("optimizer.mismatch_bound", "0.01")]) { $0 + 1e-3 }
    #expect(end != .finished)
    #expect(throws: StageError.self) {
      try perturbed([("optimizer.mismatch_bound", "0.0001")]) { $0 + 1e-3 }
    }
  }

  // MARK: Steps without an update

  @Test func anEmptyBatchIsARecordedStepThatChangesNothing() throws {
    var prompts = sums(20)
    for index in prompts.indices { prompts[index].groundTruth = "no number" }
    let folder = try fresh(prompts: prompts)
    #expect(try work(folder, StageName.allCases) == .finished)
    let run = try Run(opening: folder.directory)
    for step in UInt64(0)..<3 {
      let batch = try run.ledger.existing(LossBatchRecord.self, .batches, step)
      let update = try run.ledger.existing(UpdateRecord.self, .updates, step)
      #expect(batch.groups.isEmpty && batch.updates.isEmpty)
      #expect(update.adamUpdates == 0 && update.updates.isEmpty)
      #expect(try run.digestText(version: step + 1) == run.digestText(version: 0))
    }
  }

  @Test func aNormAboveTheGuardSkipsTheUpdateWhole() throws {
    let folder = try fresh([("optimizer.skip_norm", "1e-30")], prompts: sums(20))
    try work(folder, StageName.allCases)
    let run = try Run(opening: folder.directory)
    let update = try run.ledger.existing(UpdateRecord.self, .updates, 0)
    let skipped = update.updates.flatMap { $0 }.filter { $0.name == "skipped" }.map(\.value)
    let norms = update.updates.flatMap { $0 }.filter { $0.name == "gradient_norm" }.map(\.value)
    #expect(zip(skipped, norms).allSatisfy { ($0 == 1) == ($1 > 1e-30) })
    #expect(update.adamUpdates == UInt64(skipped.count { $0 == 0 }))
  }
}
