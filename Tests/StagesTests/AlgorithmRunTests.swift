import Definition
import Estimator
import Foundation
import Policy
import Queue
import Randomness
import Records
import Stages
import Testing

/// What a definition must say for an entry of the catalogue to run on these small prompts.
private func keys(_ entry: CatalogEntry) -> [(String, String)] {
  var keys = [
    ("algorithm.name", entry.name), ("algorithm.form", (entry.form ?? .released).rawValue),
  ]
  let algorithm = entry.build()
  let constants = [
    ("aggregation", algorithm.rollouts, algorithm.gate.usesRollouts),
    ("off_aggregation", algorithm.offPolicy, algorithm.gate.joinsDemonstrations),
    ("sft_aggregation", algorithm.imitation, algorithm.gate.imitates),
  ]
  // The definition of these tests gives dr_grpo's constant, which not every algorithm reads.
  keys.append(
    (
      "algorithm.aggregation.constant",
      algorithm.rollouts.aggregation.dividesByConstant
        ? "16" : "null"
    ))
  for (name, term, isUsed) in constants.dropFirst()
  where isUsed && term.aggregation.dividesByConstant {
    keys.append(("algorithm.\(name).constant", "16"))
  }
  switch entry.name {
  case "gfpo": keys.append(("algorithm.gate.filter.keep", "2"))
  case "dapo":
    keys.append(("algorithm.gate.spread.maximum_waves", "2"))
    keys.append(("algorithm.gate.spread.when_short", "train"))
  case "sft_rl": keys.append(("algorithm.gate.sft_steps", "1"))
  case "riskpo": keys.append(("algorithm.advantage.risk.bundle", "2"))
  default: break
  }
  return keys
}

/// Runs to its end; the digests of all logs and of the last checkpoint's weights.
private func outcome(_ folder: TemporaryRun, _ keys: [(String, String)]) throws -> [String] {
  let run = try folder.create(keys)
  let session = try RunSession(
    run, stages: StageName.allCases, publishes: false, interruption: Interruption())
  let end = try session.work()
  #expect(end == .finished)
  return try digests(run.queue)
}

@Suite struct AlgorithmRunTests {
  @Test(arguments: Algorithm.catalog.indices)
  func everyAlgorithmOfTheCatalogueRunsThroughAllStages(index: Int) throws {
    let entry = Algorithm.catalog[index]
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create(keys(entry))
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    let end = try session.work()
    #expect(end == .finished)
    for step in 0..<UInt64(3) {
      let update = try #require(
        try run.ledger.record(UpdateRecord.self, .updates, RecordKey(step)))
      let numbers = update.metrics + update.updates.flatMap { $0 }
      let bad = numbers.filter { !$0.value.isFinite }
      #expect(bad.isEmpty, "\(entry.name): \(bad.map(\.name))")
      #expect(update.criticDigest.isEmpty == (entry.name != "ppo"))
    }
    let weights = try run.checkpointPolicy(3).parameters
    let sound = weights.allSatisfy { $0.isFinite }
    #expect(sound, "\(entry.name)")
  }

  @Test(arguments: ["ppo", "dapo", "riskpo", "gvpo", "srft", "clip_cov"])
  func sixProcessesWorthOfStagesGiveTheSameRecordsAsOne(name: String) throws {
    let entry = try CatalogEntry.find(name, form: .paper)
    let together = try outcome(TemporaryRun(prompts: sums(18)), keys(entry))
    // One stage after the other, each with a session of its own, until nothing moves.
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create(keys(entry))
    for _ in 0..<40 {
      for stage in StageName.allCases {
        let session = try RunSession(
          run, stages: [stage], publishes: true, interruption: Interruption())
        _ = try session.work()
        run.ledger.releaseClaims()
      }
      if try run.isFinished { break }
    }
    let isFinished = try run.isFinished
    #expect(isFinished)
    let apart = try digests(run.queue)
    #expect(apart == together)
  }

  @Test(arguments: [
    "kl: {kind: k1, weight: 0.05, place: reward}",
    "kl: {kind: k3, weight: 0.05, log_ratio_clamp: 20, value_clamp: 10}, entropy_weight: 0.01",
    "correction: {kind: token, normalized: true, rejection: [token_k1 0.5 2, seq_mean_k3 0.2]}",
    "correction: {kind: sequence, numerator: current}, reference: current, mask: {kind: none}",
    "gate: {kind: table, rl_table: [0, 0.5, 1], sft_table: [1, 0.5, 0]}",
    "gate: {kind: join, sft_weight: 0}, off_shape: {kind: root}",
    "gate: {filter: {keep: 2, score: reward - 0.01 * length, adaptive: [2, 2, 1, 1], warmup: 2}}",
    "reward: {expression: 2 * reward - 1, overlong_limit: 6, overlong_buffer: 3}",
    "advantage: {kind: leave_one_out, discounted: true, discount: 0.9, whiten: plain}",
    "mask: {kind: cap, weight_max: 2}, normalizers: micro_batch_sum",
    "aggregation: {kind: group_token_mean}, level: sequence",
  ]) func partsComposeFreely(parts: String) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let text = try folder.definition().yaml()
    let start = try #require(text.range(of: "\nalgorithm:"))
    let end = try #require(text.range(of: "\nloss:"))
    let definition = try RunKeys.schema.resolve(
      text: text[..<start.lowerBound] + "\nalgorithm: {name: grpo, \(parts)}"
        + text[end.lowerBound...],
      name: folder.folder + "/parts.yaml", overrides: [])
    try Run.create(definition, at: folder.directory)
    let run = try Run(opening: folder.directory)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    let end2 = try session.work()
    #expect(end2 == .finished)
    let weights = try run.checkpointPolicy(3).parameters
    let sound = weights.allSatisfy { $0.isFinite }
    #expect(sound)
  }

  @Test func dpoTrainsOnImportedPairsWithoutRollouts() throws {
    var pairs = sums(18)
    for index in pairs.indices { pairs[index].rejected = ["#### 99"] }
    let folder = try TemporaryRun(prompts: pairs)
    let run = try folder.create([
      ("algorithm.name", "dpo"), ("algorithm.gate.kind", "pairs"), ("rollout.count", "0"),
      ("algorithm.aggregation.constant", "null"), ("algorithm.off_credit.beta", "0.5"),
    ])
    let before = try run.checkpointPolicy(0)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    let end = try session.work()
    #expect(end == .finished)
    let record = try run.ledger.existing(RolloutRecord.self, .rollouts, 0)
    #expect(record.rollouts.isEmpty && record.rejected.count == 1)
    #expect(record.rejected[0].quantity(RecordedQuantity.anchor)?.isEmpty == false)
    // Every pair's margin grew from 0: the chosen response gained on the rejected one.
    let after = try run.checkpointPolicy(3)
    var grew = 0
    for group in 0..<UInt64(18) {
      let stored = try run.ledger.existing(RolloutRecord.self, .rollouts, group)
      let training = TrainingGroup(
        prompt: stored.promptTokens,
        responses: [stored.demonstrations[0].tokens, stored.rejected[0].tokens])
      let count = stored.demonstrations[0].tokens.count
      func margin(_ policy: Policy) -> Float {
        let scores = policy.score([training], temperature: 1).logProbabilities
        return scores[..<count].reduce(0, +) - scores[count...].reduce(0, +)
      }
      grew += margin(after) > margin(before) ? 1 : 0
    }
    #expect(grew == 18)
  }

  @Test func theOptimizerBeginsAnewWhereImitationEnds() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create(keys(try CatalogEntry.find("sft_rl", form: nil)))
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    _ = try session.work()
    let updates = try (0..<UInt64(3)).map {
      try run.ledger.existing(UpdateRecord.self, .updates, $0).adamUpdates
    }
    // Two epochs of two mini-batches: four updates a step, counted anew after the first.
    #expect(updates == [4, 4, 8])
    #expect(try run.ledger.existing(RolloutRecord.self, .rollouts, 0).rollouts.isEmpty)
    #expect(try run.ledger.existing(RolloutRecord.self, .rollouts, 6).rollouts.count == 3)
  }

  @Test func whatIsRecordedForDemonstrationsIsWhatTheTrainerFinds() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create([
      ("algorithm.name", "luffy"), ("algorithm.off_aggregation.constant", "16"),
      ("rollout.record", "[entropy, demonstration_log_probability]"),
      ("optimizer.record", "[log_probability]"),
    ])
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    _ = try session.work()
    let record = try run.ledger.existing(RolloutRecord.self, .rollouts, 0)
    let demonstration = try #require(record.demonstrations.first)
    #expect(demonstration.logProbabilities.count == demonstration.tokens.count)
    #expect(record.rollouts[0].quantity(RecordedQuantity.entropy)?.isEmpty == false)
    #expect(try run.ledger.existing(VerdictRecord.self, .verdicts, 0).demonstrations.count == 1)
    let update = try run.ledger.existing(UpdateRecord.self, .updates, 0)
    #expect(update.logProbabilities.count == 4)
    let mismatch = try #require(update.metrics.first { $0.name == "mismatch/max" })
    #expect(mismatch.value <= 1e-4)
  }

  /// An algorithm that this module brings along: new parts, and no stage knows of them.
  @Test func anAlgorithmFromOutsideTheModuleRunsLikeAnyOther() throws {
    let folder = try TemporaryRun(prompts: sums(6))
    let run = try folder.create()
    let toy = Algorithm(
      name: "toy", advantage: AdvantageEstimate(.reward),
      rollouts: PolicyTerm(
        reference: .updateStart, aggregation: .tokenMean,
        custom: CustomTokenRule(name: "square", equation: "−Â·r²") { _, logRatio, advantage in
          let ratio = exp(logRatio)
          return MaskedToken(mask: 2 * ratio, ratio: ratio, loss: -advantage * ratio * ratio)
        }),
      customAdvantage: CustomAdvantage(name: "rank", equation: "place among the rewards") {
        rewards in rewards.map { reward in Double(rewards.count { $0 < reward }) }
      })
    try toy.validate()
    let settings = run.settings
    let reader = PromptShardReader(
      source: try PromptStream(settings.reader, seed: 3), settings: settings.reader, steps: 1,
      lag: 0, rollouts: 3)
    let policy = try run.checkpointPolicy(0)
    let stages: [any Stage] = [
      reader,
      RolloutGenerator(
        settings: settings.rollout, renderer: run.renderer, policies: FixedPolicy(policy),
        stream: .init(seed: 3, purpose: .rollout), attempts: nil),
      VerifierStage(verifiers: run.verifiers, renderer: run.renderer),
      PerformanceGate(gate: toy.gate),
      try LossAssembler(
        algorithm: toy, settings: settings.loss, promptsPerStep: 6, steps: 1, seed: 3),
      try Optimizer(
        policy: try run.checkpointPolicy(0), moments: AdamWState(for: policy), version: 0,
        algorithm: toy, settings: settings.optimizer, temperature: 1, mismatchBound: 1e-4, seed: 3,
        publisher: nil),
    ]
    let place = try TemporaryRun(prompts: sums(1))
    let ledger = try place.ledger()
    for stage in StageName.allCases { try ledger.claim(stage) }
    var runner = Runner(
      stages: stages, ledger: ledger, steps: 1, interruption: nil, afterStep: { _ in })
    let end = try runner.run()
    #expect(end == .finished)
    let batch = try ledger.existing(LossBatchRecord.self, .batches, 0)
    #expect(batch.groups.allSatisfy { $0.rows.count == 3 })
    let update = try ledger.existing(UpdateRecord.self, .updates, 0)
    #expect(update.metrics.allSatisfy { $0.value.isFinite })
    withExtendedLifetime(place) {}
  }
}
