import Estimator
import Queue
import Records
import Stages
import Testing

@Suite struct LossAssemblerTests {
  /// The assembler over `count` groups of two rollouts each; every third one is dropped if asked.
  private func batch(
    _ count: Int, epochs: Int, miniBatches: Int, shuffles: Bool = true, dropping: Bool = false,
    droppingAll: Bool = false
  ) throws -> LossBatchRecord {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    let rollout = Trajectory(tokens: [1, 2], logProbabilities: [-1, -1])
    try ledger.put(
      sums(count).enumerated().map { index, prompt in
        PromptRecord(
          step: 0, wave: 0, epoch: 0, position: UInt64(index), dataset: 0, rollouts: 2,
          prompt: prompt)
      }, .prompts, by: .reader)
    try ledger.put(
      (0..<count).map { _ in
        RolloutRecord(
          policyVersion: 0, weightsDigest: [], promptTokens: [3], demonstrations: [],
          rollouts: [rollout, rollout])
      }, .rollouts, by: .rollout)
    func scored(_ reward: Double) -> Verdict {
      Verdict(outcome: .scored(reward: reward, components: []), rule: "test")
    }
    try ledger.put(
      (0..<count).map { _ in VerdictRecord(verdicts: [scored(1), scored(0)], seconds: []) },
      .verdicts, by: .verifier)
    try ledger.put(
      (0..<count).map { index in
        let drops = droppingAll || dropping && index % 3 == 0
        return DecisionRecord(
          kept: drops ? [] : [0, 1], demonstration: .unused, rolloutWeight: drops ? 0 : 1,
          demonstrationWeight: 0, solved: 1, total: 2, drop: drops ? "test" : nil,
          rule: drops ? "drop" : "rl")
      }, .decisions, by: .gate)
    let settings = try run.settings([
      ("loss.epochs", "\(epochs)"), ("loss.mini_batches", "\(miniBatches)"),
      ("loss.shuffle", "\(shuffles)"),
    ])
    var assembler = try LossAssembler(
      algorithm: settings.algorithm.algorithm, settings: settings.loss, promptsPerStep: count,
      steps: 1, seed: 5)
    let outcome = try #require(try assembler.advance(ledger).outcome)
    #expect(outcome.cursor == UInt64(count))
    try ledger.commit(outcome, by: .loss)
    #expect(try assembler.advance(ledger).reason == "all steps are assembled")
    return try #require(outcome.all(LossBatchRecord.self, .batches).first)
  }

  @Test func everyEpochsUpdatesCoverEveryGroupOnce() throws {
    var wrong: [String] = []
    for count in [1, 2, 7, 15, 16, 17] {
      for miniBatches in [1, 2, 3, 16] {
        let updates = try batch(count, epochs: 3, miniBatches: miniBatches).updates
        let parts = min(miniBatches, count)
        let sizes = updates.map(\.count)
        if updates.count != 3 * parts || (sizes.max() ?? 0) - (sizes.min() ?? 0) > 1 {
          wrong.append("\(count) in \(miniBatches): sizes \(sizes)")
        }
        for epoch in 0..<3 {
          let members = updates[epoch * parts..<(epoch + 1) * parts].flatMap { $0 }
          if members.sorted() != (0..<count).map(UInt32.init) {
            wrong.append("\(count) in \(miniBatches), epoch \(epoch): \(members)")
          }
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong)")
  }

  @Test func epochsAreShuffledOnlyWhereItMatters() throws {
    let shuffled = try batch(16, epochs: 2, miniBatches: 2).updates
    #expect(Array(shuffled[0] + shuffled[1]) != Array(shuffled[2] + shuffled[3]))
    let plain = try batch(16, epochs: 2, miniBatches: 2, shuffles: false).updates
    #expect(plain[0] + plain[1] == (0..<16).map(UInt32.init))
    #expect(try batch(16, epochs: 2, miniBatches: 1).updates[0] == (0..<16).map(UInt32.init))
  }

  @Test func droppedGroupsAreConsumedAndNotTrained() throws {
    let batch = try batch(7, epochs: 1, miniBatches: 2, dropping: true)
    #expect(batch.groups.map(\.group) == [1, 2, 4, 5])
    #expect(batch.firstGroup == 0 && batch.endGroup == 7)
    #expect(batch.updates.flatMap { $0 }.sorted() == [0, 1, 2, 3])
    let metrics = Dictionary(uniqueKeysWithValues: batch.metrics.map { ($0.name, $0.value) })
    #expect(metrics["gate/dropped"] == 3.0 / 7 && metrics["gate/rl"] == 4.0 / 7)
  }

  @Test func anEmptyBatchHasNoUpdate() throws {
    let batch = try batch(5, epochs: 2, miniBatches: 2, droppingAll: true)
    #expect(batch.groups.isEmpty && batch.updates.isEmpty && batch.endGroup == 5)
  }

  /// Dr. GRPO: Â = reward − mean of the group's rewards (arXiv 2503.20783), here 1 − ½ and 0 − ½.
  @Test func advantagesAreTheAlgorithms() throws {
    let batch = try batch(3, epochs: 1, miniBatches: 1)
    #expect(batch.groups.allSatisfy { $0.rows.map(\.advantages) == [[0.5], [-0.5]] })
    #expect(batch.groups.allSatisfy { $0.rows.map(\.reward) == [1, 0] })
  }
}
