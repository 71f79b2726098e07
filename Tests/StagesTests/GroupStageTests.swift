import Estimator
import Operators
import Policy
import Queue
import Randomness
import Records
import Stages
import Testing
import Tokenizer
import Verifiers

/// The stages that work group by group: rollout generator, verifier, performance gate.
@Suite struct GroupStageTests {
  private let compute = Compute(threads: 1)

  private func policy(_ tokenizer: Tokenizer) throws -> Policy {
    let stop = try #require(tokenizer.id(of: "<|endoftext|>"))
    return Policy(
      configuration: ModelConfiguration(
        vocabularySize: (tokenizer.count + 15) / 16 * 16, hiddenSize: 16, intermediateSize: 24,
        layerCount: 1, headCount: 2, keyValueHeadCount: 1, headDimension: 8, maximumPositions: 64,
        stopIDs: [stop]), seed: 3, compute: compute)
  }

  private func renderer(promptLimit: Int = 20, demonstrationLimit: Int = 30) throws
    -> PromptRenderer
  {
    let tokenizer = try Tokenizer(file: TemporaryRun.tokenizer + "/tokenizer.json")
    return PromptRenderer(
      tokenizer: tokenizer, template: "{prompt} ", promptLimit: promptLimit,
      demonstrationLimit: demonstrationLimit, demonstrationsPerPrompt: 1,
      stopIDs: [try #require(tokenizer.id(of: "<|endoftext|>"))])
  }

  private func generator(_ run: TemporaryRun, promptLimit: Int = 20) throws -> RolloutGenerator {
    let renderer = try renderer(promptLimit: promptLimit)
    return RolloutGenerator(
      settings: try run.settings().rollout, renderer: renderer,
      policies: FixedPolicy(try policy(renderer.tokenizer)),
      stream: RandomStream(seed: 8, purpose: .rollout), attempts: nil)
  }

  /// Prompts as the reader writes them, `perStep` to a step.
  private func records(_ prompts: [Prompt], perStep: Int, rollouts: UInt32 = 2) -> [PromptRecord] {
    prompts.enumerated().map { index, prompt in
      PromptRecord(
        step: UInt64(index / perStep), wave: 0, epoch: 0, position: UInt64(index), dataset: 0,
        rollouts: rollouts, prompt: prompt)
    }
  }

  private func generate(_ generator: inout RolloutGenerator, _ ledger: Ledger) throws
    -> (chunks: [Int], records: [RolloutRecord])
  {
    var chunks: [Int] = []
    var all: [RolloutRecord] = []
    while let outcome = try generator.advance(ledger).outcome {
      let made = outcome.all(RolloutRecord.self, .rollouts)
      chunks.append(made.count)
      all += made
      try ledger.commit(outcome, by: .rollout)
    }
    return (chunks, all)
  }

  // MARK: Rollout generator

  /// Chunks of four by GroupID, cut at the ends of steps of six: 4, 2 | 2, 4 | 4.
  @Test func chunksAreCutByGroupIDAndStepAlone() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(records(sums(16), perStep: 6), .prompts, by: .reader)
    var generator = try generator(run)
    #expect(try generate(&generator, ledger).chunks == [4, 2, 2, 4, 4])
    #expect(try generator.advance(ledger).reason == "no prompts")
  }

  @Test func aGeneratorThatStartsAnewMakesTheSameRollouts() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(records(sums(10), perStep: 10), .prompts, by: .reader)
    var lasting = try generator(run)
    let expected = try generate(&lasting, ledger).records
    let other = try TemporaryRun(prompts: sums(1))
    let again = try other.ledger()
    try again.put(records(sums(10), perStep: 10), .prompts, by: .reader)
    var found: [RolloutRecord] = []
    while true {
      var fresh = try generator(other)
      // Made once and dropped, as by a kill before the commit; then made again.
      _ = try fresh.advance(again)
      guard let outcome = try fresh.advance(again).outcome else { break }
      found += outcome.all(RolloutRecord.self, .rollouts)
      try again.commit(outcome, by: .rollout)
    }
    #expect(found.map { $0.payload().stable } == expected.map { $0.payload().stable })
    let sampled = expected.flatMap(\.rollouts)
    #expect(sampled.count == 20 && Set(sampled.map(\.tokens)).count > 10)
    #expect(sampled.allSatisfy { $0.logProbabilities.count == $0.tokens.count })
    #expect(
      sampled.allSatisfy { $0.tokens.count <= 6 && ($0.finish == .stop || $0.tokens.count == 6) })
  }

  @Test func anOverlongPromptGetsARecordThatRefusesItAndTheGateDropsItForThat() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    var prompts = sums(3)
    prompts[1].content = .text(String(repeating: "1 + ", count: 30))
    try ledger.put(records(prompts, perStep: 3), .prompts, by: .reader)
    var generator = try generator(run)
    let made = try generate(&generator, ledger).records
    #expect(made.map(\.rollouts.count) == [2, 0, 2])
    let refusal = try #require(made[1].refusal)
    #expect(refusal.hasPrefix("prompt-too-long: ") && refusal.hasSuffix("the limit is 20"))

    try verify(ledger)
    let decisions = try decide(ledger, Gate(.reinforce))
    #expect(decisions.map(\.drop) == [nil, refusal, nil])
  }

  @Test func aGroupThatAsksNoRolloutsPassesAsAnEmptyRecordWithItsDemonstration() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(records(sums(2), perStep: 2, rollouts: 0), .prompts, by: .reader)
    var generator = try generator(run)
    let made = try generate(&generator, ledger).records
    #expect(made.allSatisfy { $0.rollouts.isEmpty && $0.demonstrations.count == 1 })
    // A whole demonstration ends with the end of sequence, which is trained on.
    let renderer = try renderer()
    #expect(made.allSatisfy { $0.demonstrations[0].tokens.last == renderer.stopIDs[0] })
    try verify(ledger)
    let decisions = try decide(ledger, Gate(.imitate, demonstrationWeight: 0.5))
    #expect(decisions.allSatisfy { $0.demonstration == .imitated && $0.demonstrationWeight == 0.5 })
    #expect(decisions.allSatisfy { $0.kept.isEmpty && $0.drop == nil })
  }

  @Test func aDemonstrationThatIsCutHasNoEndOfSequence() throws {
    let renderer = try renderer(demonstrationLimit: 4)
    let trajectory = try renderer.render(sums(1)[0]).demonstrations[0]
    #expect(trajectory.tokens.count == 4 && trajectory.finish == .length)
    #expect(!trajectory.tokens.contains(renderer.stopIDs[0]))
  }

  @Test func aPromptsOwnTextNeverBecomesASpecialToken() throws {
    let renderer = try renderer(promptLimit: 50)
    var prompt = sums(1)[0]
    prompt.content = .text("<|endoftext|>1")
    #expect(try !renderer.render(prompt).promptTokens.contains(renderer.stopIDs[0]))
  }

  // MARK: Verifier and gate

  private func verify(
    _ ledger: Ledger, _ verifier: any Verifier = FinalNumberVerifier()
  ) throws {
    var stage = VerifierStage(
      verifiers: VerifierTable(standard: verifier, bySource: [:]), renderer: try renderer())
    while let outcome = try stage.advance(ledger).outcome {
      try ledger.commit(outcome, by: .verifier)
    }
  }

  private func decide(_ ledger: Ledger, _ gate: Gate) throws -> [DecisionRecord] {
    var stage = PerformanceGate(gate: gate)
    var all: [DecisionRecord] = []
    while let outcome = try stage.advance(ledger).outcome {
      all += outcome.all(DecisionRecord.self, .decisions)
      try ledger.commit(outcome, by: .gate)
    }
    return all
  }

  /// A group with the given responses, as the rollout generator stores it.
  private func rollouts(_ responses: [String], demonstrated: Bool = true) throws -> RolloutRecord {
    let renderer = try renderer()
    func trajectory(_ text: String, _ logProbability: Float?) -> Trajectory {
      let tokens = renderer.tokenizer.encode(text) + [renderer.stopIDs[0]]
      return Trajectory(
        tokens: tokens,
        logProbabilities: logProbability.map { Array(repeating: $0, count: tokens.count) } ?? [])
    }
    return RolloutRecord(
      policyVersion: 0, weightsDigest: [], promptTokens: [1],
      demonstrations: demonstrated ? [trajectory("#### 0", nil)] : [],
      rollouts: responses.map { trajectory($0, -1) })
  }

  @Test func aVerifiersErrorIsAnErrorAndTheGroupIsDroppedWithItsReason() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    var prompts = sums(2)
    prompts[1].groundTruth = "seven"
    try ledger.put(records(prompts, perStep: 2), .prompts, by: .reader)
    try ledger.put(
      [try rollouts(["#### 0", "#### 9"]), try rollouts(["#### 2", "#### 9"])], .rollouts,
      by: .rollout)
    try verify(ledger)
    let judged = try ledger.existing(VerdictRecord.self, .verdicts, 0).verdicts
    #expect(judged.map(\.reward) == [1, 0])
    #expect(judged[0].extracted == "0" && judged[0].rule == "marker-equal")
    let failed = try ledger.existing(VerdictRecord.self, .verdicts, 1).verdicts
    #expect(failed.map(\.reward) == [nil, nil])

    let decisions = try decide(ledger, Gate(.reinforce))
    #expect(decisions[0].kept == [0, 1] && decisions[0].drop == nil)
    #expect(decisions[1].kept.isEmpty && decisions[1].rule == "drop")
    #expect(decisions[1].drop == "verifier-error: the ground truth is not a number")
  }

  /// A right answer's reward is not 1 then, and the group is compared as a whole.
  @Test func theGateCountsAccuracyWhateverTheRewardComesTo() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(records(sums(2), perStep: 2, rollouts: 3), .prompts, by: .reader)
    try ledger.put(
      [try rollouts(["#### 0", "#### 0  ", "#### 9"]), try rollouts(["#### 9", "#### 8", "9"])],
      .rollouts, by: .rollout)
    let composed = try Verifiers.make([
      VerifierPart("final_number"), VerifierPart("len_reward", weight: 0.5),
    ])
    try verify(ledger, composed)
    let judged = try ledger.existing(VerdictRecord.self, .verdicts, 0)
    #expect(judged.verdicts.map(\.reward) == [1.25, 0.75, 0])
    #expect(judged.verdicts.map(\.accuracy) == [1, 1, 0] && judged.seconds.count == 3)
    let decisions = try decide(ledger, Gate(.switch))
    #expect(decisions.map(\.solved) == [2, 0])
    #expect(decisions.map(\.demonstration) == [.unused, .imitated])
  }

  @Test func sourcesHaveVerifiersOfTheirOwn() throws {
    let table = VerifierTable(
      standard: FinalNumberVerifier(), bySource: ["countdown": CountdownVerifier()])
    #expect(table.verifier(for: "countdown").name == CountdownVerifier().name)
    #expect(table.verifier(for: "addition").name == FinalNumberVerifier().name)
  }

  @Test func theSwitchImitatesWhatNoRolloutSolvesAndReinforcesTheRest() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(
      records(Array(repeating: sums(1)[0], count: 4), perStep: 4), .prompts, by: .reader)
    try ledger.put(
      [
        try rollouts(["#### 3", "#### 4"]), try rollouts(["#### 0", "#### 4"]),
        try rollouts(["#### 3", "no"], demonstrated: false), try rollouts(["#### 0", "0"]),
      ], .rollouts, by: .rollout)
    try verify(ledger)
    let gate = Gate(
      .switch, rolloutWeight: 0.7, demonstrationWeight: 0.3)
    let decisions = try decide(ledger, gate)
    #expect(decisions.map(\.solved) == [0, 1, 0, 2] && decisions.allSatisfy { $0.total == 2 })
    #expect(decisions.map(\.demonstration) == [.imitated, .unused, .unused, .unused])
    #expect(decisions.map(\.kept) == [[], [0, 1], [], [0, 1]])
    #expect(decisions.map(\.drop) == [nil, nil, "no_demonstration", nil])
    #expect(decisions[0].demonstrationWeight == 0.3 && decisions[1].rolloutWeight == 0.7)
  }

  @Test func aComponentThatNoVerdictHasDropsTheGroupByItsName() throws {
    let run = try TemporaryRun(prompts: sums(1))
    let ledger = try run.ledger()
    try ledger.put(records(sums(1), perStep: 1), .prompts, by: .reader)
    try ledger.put([try rollouts(["#### 0", "#### 9"])], .rollouts, by: .rollout)
    try verify(ledger)
    #expect(
      try decide(ledger, Gate(.reinforce, component: "style"))[0].drop == "component_missing: style"
    )
  }
}
