import Foundation
import Operators
import Policy
import Queue
import Records
import Stages
import Testing

@Suite struct ForkTests {
  private func finish(_ run: Run) throws {
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: run.settings.rollout.lag > 0,
      interruption: Interruption())
    let end = try session.work()
    #expect(end == .finished)
  }

  /// What `body` finds in a finished run; a queue is open once in a process, so the run is let go.
  private func finished<Result>(
    _ folder: TemporaryRun, _ body: (Run) throws -> Result
  ) throws -> Result {
    let run = try folder.create()
    try finish(run)
    return try body(run)
  }

  private func fork(
    _ folder: TemporaryRun, _ keys: [(String, String)], steps: Int = 1
  ) throws -> Run {
    let place = RunDirectory(folder.folder + "/fork")
    try Run.create(
      try folder.definition(keys), at: place, fork: RunFork(source: folder.directory, steps: steps))
    return try Run(opening: place)
  }

  private func rollouts(_ run: Run, _ count: UInt64) throws -> [RolloutRecord] {
    try (0..<count).map { try run.ledger.existing(RolloutRecord.self, .rollouts, $0) }
  }

  @Test func theFirstStepIsTakenOverAndNotSampledAgain() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let stored = try finished(folder) { try rollouts($0, 6) }
    let forked = try fork(
      folder,
      [
        ("algorithm.name", "grpo"), ("algorithm.form", "paper"),
        ("algorithm.aggregation.constant", "null"),
      ])
    try finish(forked)
    let taken = try rollouts(forked, 6)
    #expect(taken.map { $0.rollouts.map(\.tokens) } == stored.map { $0.rollouts.map(\.tokens) })
    // The paper's form reads the KL anchor, which the source did not record: on the initial weights
    // it is what the sampler stored.
    let bound: Float = forked.compute.measureRowIndependence().holds ? 0 : 1e-4
    for record in taken {
      for rollout in record.rollouts {
        let anchor = try #require(rollout.quantity(RecordedQuantity.anchor))
        let worst = zip(anchor, rollout.logProbabilities).map { abs($0 - $1) }.max() ?? 0
        // The same bits where the product kernel keeps rows apart.
        #expect(worst <= bound)
      }
    }
    let attempts = try forked.attempts.attempts()
    #expect(attempts.keys.allSatisfy { $0 >= 6 })
    let summary = try forked.summary(state: .done, wallSeconds: 0, evaluation: .init())
    let own = try (6..<UInt64(18)).reduce(0) { sum, group in
      let record = try forked.ledger.existing(RolloutRecord.self, .rollouts, group)
      return sum + record.rollouts.reduce(0) { $0 + $1.tokens.count }
    }
    #expect(summary.generatedTokens == UInt64(own))
    #expect(try forked.ledger.head(.rollouts) == 18)
  }

  @Test func aForkUnderTheSameAlgorithmRepeatsTheRun() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let logs = try finished(folder) { try digests($0.queue) }
    let forked = try fork(folder, [])
    try finish(forked)
    #expect(try digests(forked.queue) == logs)
  }

  @Test func laterStepsAreRefusedUnlessTheRatioIsBounded() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try finished(folder) { _ in }
    let error = #expect(throws: StageError.self) { _ = try fork(folder, [], steps: 2) }
    #expect(error?.problem.contains("off-policy") == true, "\(error!)")
    #expect(!FileManager.default.fileExists(atPath: folder.folder + "/fork"))
    let forked = try fork(folder, [("algorithm.correction.kind", "token")], steps: 2)
    try finish(forked)
    #expect(try forked.attempts.attempts().keys.allSatisfy { $0 >= 12 })
  }

  @Test(arguments: [
    ("seed", "18"), ("data.prompts_per_step", "3"), ("rollout.temperature", "0.5"),
    ("rollout.count", "2"), ("rollout.top_p", "0.9"), ("rollout.maximum_tokens", "5"),
  ]) func whatMustAgreeIsNamed(key: String, value: String) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try finished(folder) { _ in }
    let error = #expect(throws: StageError.self) { _ = try fork(folder, [(key, value)]) }
    #expect(error?.problem.contains(key) == true, "\(error!)")
  }

  /// The source recorded the anchor of rollouts only; the fork compares demonstrations with it too.
  @Test func whatTheSourceScoredInPartIsScoredWhole() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let record = ("rollout.record", "[anchor_log_probability]")
    do {
      let run = try folder.create([record])
      try finish(run)
      let bare = try rollouts(run, 6).flatMap(\.demonstrations).allSatisfy { $0.quantities.isEmpty }
      #expect(bare)
    }
    let forked = try fork(
      folder,
      [
        record, ("algorithm.gate.kind", "join"), ("algorithm.gate.sft_weight", "0"),
        ("algorithm.off_aggregation.constant", "16"),
      ])
    for group in try rollouts(forked, 6) {
      let all = group.demonstrations + group.rollouts
      let once = all.allSatisfy { one in
        one.quantities.count == 1 && one.quantity(RecordedQuantity.anchor) != nil
      }
      #expect(once)
    }
  }

  @Test func aFolderWithoutRunIsNamed() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let error = #expect(throws: StageError.self) { _ = try fork(folder, []) }
    #expect(error?.problem.contains("no run") == true)
  }
}
