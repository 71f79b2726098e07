import Estimator
import Records
import Stages
import Testing

/// What is read of one group, one of its records mutated: whatever decoding accepts, nobody who joins it
/// with the others traps.
@Suite struct JoinFuzzTests {
  private static let trajectory = Trajectory(
    tokens: [1, 2, 3], logProbabilities: [-0.5, -1, -2],
    quantities: [RecordedQuantity(name: RecordedQuantity.anchor, values: [-0.4, -1, -2])])

  private static let prompt = PromptRecord(
    step: 0, wave: 0, epoch: 0, position: 12, dataset: 0, rollouts: 3,
    prompt: Prompt(
      id: "a", content: .text("1 + 1 ="), groundTruth: "2", demonstrations: ["2"], source: "sums"))

  private static let rollouts = RolloutRecord(
    policyVersion: 0, weightsDigest: Array(repeating: 7, count: 32), promptTokens: [5, 6],
    demonstrations: [Trajectory(tokens: [4, 0])], rollouts: [trajectory, trajectory, trajectory])

  private static let verdicts = VerdictRecord(
    verdicts: [0.0, 1, 0].map {
      Verdict(outcome: .scored(reward: $0, components: []), rule: "test")
    }, seconds: [])

  private static let batch = LossBatchRecord(
    step: 0, firstGroup: 12, endGroup: 13,
    groups: [
      LossGroup(
        group: 12, rolloutWeight: 1, demonstrationWeight: 0,
        rows: (0..<3).map { LossRow(source: .rollout($0), advantages: [0.5], reward: 1) })
    ], updates: [[0]], metrics: [])

  private struct Joined {
    var prompt = JoinFuzzTests.prompt
    var rollouts = JoinFuzzTests.rollouts
    var verdicts = JoinFuzzTests.verdicts
    var batch = JoinFuzzTests.batch

    /// Puts a record in place by the byte that says which.
    mutating func read(_ bytes: [UInt8]) throws {
      let volatile = min(Int(bytes[1]), bytes.count - 2)
      let payload = RecordPayload(
        stable: Array(bytes[2..<bytes.count - volatile]), volatile: Array(bytes.suffix(volatile)))
      switch bytes[0] % 4 {
      case 0: prompt = try PromptRecord(payload: payload)
      case 1: rollouts = try RolloutRecord(payload: payload)
      case 2: verdicts = try VerdictRecord(payload: payload)
      default: batch = try LossBatchRecord(payload: payload)
      }
    }

    /// Gate, assembler, and the estimator over one update.
    func work(_ algorithm: Algorithm, _ shaper: RewardShaper) throws {
      var memory: [Double] = []
      let decision = try algorithm.gate.decide(
        12, step: prompt.step, rollouts, verdicts.verdicts, memory: &memory)
      let member = StepMember(
        12, prompt: prompt, rollouts: rollouts, verdicts: verdicts, decision: decision)
      memory = []
      if decision.drop == nil {
        _ = try algorithm.assemble([member], shaper, seed: 1, step: prompt.step, memory: &memory)
      }
      let groups = try batch.groups.map { try TrainedGroup($0, rollouts) }
      for members in batch.updates {
        let update = members.map { groups[Int($0)] }
        let layout = MicroBatches(update, size: 2)
        let normalizers = algorithm.normalizers(
          rows: layout.shapes, pairs: layout.pairs, microBatches: layout.rows)
        for (index, range) in layout.groups.enumerated() {
          let count = update[range].reduce(0) { $0 + $1.tokenCount }
          let tokens = TokenBatch(
            update[range], logProbability: Array(repeating: -1, count: count),
            entropy: Array(repeating: 1, count: count))
          _ = try algorithm.evaluate(tokens, normalizers: normalizers[index])
        }
      }
    }
  }

  @Test(arguments: ["hpt", "grpo", "dr_grpo"]) func joins(name: String) throws {
    let settings =
      name == "grpo" ? [] : [Algorithm.Setting("aggregation.constant", .number(16))]
    let algorithm = try Algorithm.named(name, settings: settings)
    let shaper = try RewardShaper(algorithm.reward)
    let records: [any StoredRecord] = [Self.prompt, Self.rollouts, Self.verdicts, Self.batch]
    let corpus = records.enumerated().map { index, record in
      let payload = record.payload()
      return [UInt8(index), UInt8(payload.volatile.count)] + payload.stable + payload.volatile
    }
    var fuzzing = Fuzzing()
    fuzzing.run(
      FuzzTarget(name: "join-\(name)", corpus: corpus, words: ["\u{1}\u{2}", "~~~~~~~~"]) { bytes in
        guard bytes.count > 2 else { return }
        var joined = Joined()
        try joined.read(bytes)
        try joined.work(algorithm, shaper)
      })
    #expect(fuzzing.findings.isEmpty, "\(fuzzing.findings.prefix(3))")
    #expect(fuzzing.classes.count >= 10 && fuzzing.accepted > 0)
  }
}
