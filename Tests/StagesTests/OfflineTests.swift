import Queue
import Records
import Stages
import Testing

/// Stages as off-line units: several workers of one stage, and stages that work ahead.
@Suite struct OfflineTests {
  private static let steps = 4

  /// One stage's turn in a session of its own.
  @discardableResult
  private func work(
    _ run: Run, _ stage: StageName, share: WorkShare = .whole, ahead: Int = 0,
    limit: UInt64? = nil
  ) throws -> Runner.End {
    let session = try RunSession(
      run, stages: [stage], publishes: true, interruption: Interruption(), share: share,
      ahead: ahead)
    // As the end of its process would.
    defer { run.ledger.releaseClaims() }
    return try session.work(limit: limit)
  }

  private func undisturbed(_ keys: [(String, String)]) throws -> [String] {
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create(keys)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    #expect(try session.work() == .finished)
    return try digests(run.queue)
  }

  /// Three generators and two verifiers, later ones first, give the bits of one of each.
  @Test func anyNumberOfWorkersGivesTheBitsOfOne() throws {
    let keys = [("steps", "\(Self.steps)"), ("data.prompts_per_step", "14")]
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create(keys)
    for step in 0..<Self.steps {
      try work(run, .reader)
      for worker in [3, 1, 2] {
        let before = try run.ledger.cursor(.rollout)
        try work(run, .rollout, share: WorkShare(worker: worker, of: 3))
        // Groups 4 to 7 are missing until worker 2 has come, though later ones are there.
        if step == 0 { #expect(try run.ledger.cursor(.rollout) == [0, 4, 14][worker % 3]) }
        #expect(try run.ledger.cursor(.rollout) >= before)
      }
      try work(run, .verifier, share: WorkShare(worker: 2, of: 2))
      try work(run, .verifier, share: WorkShare(worker: 1, of: 2))
      for stage in [StageName.gate, .loss, .optimizer] { try work(run, stage) }
    }
    #expect(try run.isFinished)
    let wanted = try undisturbed(keys)
    #expect(try digests(run.queue) == wanted)
  }

  /// Who takes over another worker's share makes nothing twice that is there.
  @Test func aWorkerPassesOverWhatIsThere() throws {
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create([("data.prompts_per_step", "14")])
    try work(run, .reader)
    try work(run, .rollout, share: WorkShare(worker: 2, of: 3))
    let session = try RunSession(
      run, stages: [.rollout], publishes: true, interruption: Interruption())
    _ = try session.work()
    run.ledger.releaseClaims()
    #expect(session.worked[.rollout] == 10)
    #expect(try run.ledger.head(.rollouts) == 14)
  }

  @Test func stagesThatGoInOrderHaveOneWorker() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let run = try folder.create()
    for stage in [StageName.reader, .gate, .loss, .optimizer] {
      let error = #expect(throws: StageError.self) {
        try work(run, stage, share: WorkShare(worker: 1, of: 2))
      }
      #expect(error?.exitStatus == .usage)
    }
  }

  @Test(arguments: ["0/2", "3/2", "1", "1/2/3", "a/b", "1/9999", "-1/2", ""])
  func whatIsNoShareIsRefused(text: String) { #expect(WorkShare(text: text) == nil) }

  /// A reader that works ahead changes nothing but the time at which prompts are there.
  @Test func aReaderAheadGivesTheBitsOfOneThatIsNot() throws {
    let keys = [("steps", "\(Self.steps)")]
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create(keys)
    try work(run, .reader, ahead: 3)
    #expect(try run.ledger.head(.prompts) == 18)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    #expect(try session.work() == .finished)
    let wanted = try undisturbed(keys)
    #expect(try digests(run.queue) == wanted)
  }

  /// A generator that works ahead answers the steps with the one policy there is, and says so.
  @Test func aGeneratorAheadAnswersWithOnePolicyWhichTheRecordsSay() throws {
    let keys = [("steps", "\(Self.steps)"), ("optimizer.mismatch_bound", "0")]
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create(keys)
    try work(run, .reader, ahead: 4)
    try work(run, .rollout, ahead: 3)
    #expect(try run.ledger.head(.rollouts) == 18)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: true, interruption: Interruption())
    #expect(try session.work() == .finished)
    let versions = try (0..<24).map {
      try run.ledger.existing(RolloutRecord.self, .rollouts, $0).policyVersion
    }
    #expect(versions == Array(repeating: 0, count: 18) + Array(repeating: 3, count: 6))
  }

  @Test func aheadIsRefusedWhereItCannotBe() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    let run = try folder.create([
      ("algorithm.name", "dapo"), ("algorithm.aggregation.constant", "null"),
    ])
    for stage in StageName.allCases {
      let error = #expect(throws: StageError.self, "\(stage)") { try work(run, stage, ahead: 2) }
      #expect(error?.exitStatus == .usage)
    }
    let other = try TemporaryRun(prompts: sums(9))
    let unbounded = try other.create()
    let error = #expect(throws: StageError.self) { try work(unbounded, .rollout, ahead: 2) }
    #expect(error?.remedy.contains("mismatch_bound") == true)
    _ = try work(unbounded, .rollout, ahead: 1)
  }

  /// Logs that contradict each other leave every stage waiting: that is never taken for the end.
  @Test func stagesThatAllWaitForEachOtherAreDamageAndNotTheEnd() throws {
    let folder = try TemporaryRun(prompts: sums(20))
    let run = try folder.create()
    try work(run, .reader)
    // A reader that believes to serve step 7, while no batch is there.
    try run.queue.write(claims: []) { transaction in
      try transaction.setState(
        "stage.reader",
        to: [7] + [UInt8](repeating: 0, count: 7) + [1, 0, 0, 0]
          + [6] + [UInt8](repeating: 0, count: 7))
      try transaction.setCursor("loss", to: 6)
    }
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    let error = #expect(throws: StageError.self) { try session.work() }
    #expect(error?.exitStatus == .corrupt && error?.problem.contains("no stage") == true)
  }
}
