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
