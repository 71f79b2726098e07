import Foundation
import Queue
import Randomness
import Records

/// A stored run of synthetic groups, as large as wanted: to measure what reads runs.
///
/// Each group has four rollouts of 32 tokens, verdicts of a few rules, and a decision at γ = 0; 64 groups
/// make a step with its loss batch and update. A question comes again every 100,000 groups, and is solved
/// more often the later it is.
public struct SyntheticRun {
  private static let stepGroups = 64
  private static let rollouts = 4
  private static let tokens = 32
  private static let questions: UInt64 = 100_000
  private static let rules = ["integer-equal", "boxed-equal", "fallback", "no-answer"]
  /// Steps of a transaction.
  private static let portion = 16

  private let folder: String
  private let steps: Int
  private let vocabulary: UInt64
  private let stream = RandomStream(seed: 9, purpose: .dataset)

  /// - Parameters:
  ///   - folder: of the run; made here.
  ///   - groups: rounded up to whole steps.
  ///   - tokenizer: a directory with the tokenizer.json that gives the tokens their texts.
  public init(in folder: String, groups: Int, tokenizer: String) throws {
    precondition(groups > 0, "a run of \(groups) groups")
    self.folder = folder
    steps = (groups + Self.stepGroups - 1) / Self.stepGroups
    // Ids of any published tokenizer.
    vocabulary = 200
    let manager = FileManager.default
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: false)
    try manager.createDirectory(
      atPath: "\(folder)/checkpoints/0", withIntermediateDirectories: true)
    try manager.copyItem(
      atPath: "\(tokenizer)/tokenizer.json", toPath: "\(folder)/checkpoints/0/tokenizer.json")
    let definition = """
      name: synthetic
      steps: \(steps)
      model: {tokenizer: "\(tokenizer)"}
      data: {prompts: synthetic, prompts_per_step: \(Self.stepGroups)}
      rollout: {count: \(Self.rollouts), maximum_tokens: \(Self.tokens)}
      algorithm: {name: hpt, aggregation: {constant: \(Self.tokens)}}

      """
    try Data(definition.utf8).write(to: URL(fileURLWithPath: "\(folder)/pipeline.yaml"))
  }

  /// Writes all of it.
  ///
  /// - Parameter progress: told the groups that are there, now and then.
  public func write(progress: (Int) -> Void = { _ in }) throws {
    let identity = """
      {"blas_core":"fma","data":["synthetic"],"definition":"synthetic","model":"synthetic",\
      "tokenizer":"synthetic"}
      """
    let queue = try Queue.create(at: folder + "/queue", identity: identity)
    let claim = try queue.claim(stage: "synthetic")
    let metrics = try FileHandle(
      forWritingTo: Self.emptyFile("\(folder)/metrics.jsonl"))
    var next = prepared(0, queue)
    for first in stride(from: 0, to: steps, by: Self.portion) {
      let current = next
      if first + Self.portion < steps { next = prepared(first + Self.portion, queue) }
      let records = try current.records()
      let end = min(first + Self.portion, steps)
      try queue.write(claims: [claim]) { transaction in
        for record in records { try transaction.put(record) }
        for stage in ["rollout", "verifier", "gate", "loss"] {
          try transaction.setCursor(stage, to: UInt64(end * Self.stepGroups))
        }
        try transaction.setCursor("optimizer", to: UInt64(end))
      }
      for step in first..<end { try metrics.write(contentsOf: Data(line(step).utf8)) }
      progress(end * Self.stepGroups)
    }
    try metrics.close()
  }

  private static func emptyFile(_ path: String) throws -> URL {
    let place = URL(fileURLWithPath: path)
    try Data().write(to: place)
    return place
  }

  private func prepared(_ first: Int, _ queue: Queue) -> Preparation {
    queue.prepare((first..<min(first + Self.portion, steps)).flatMap { records(ofStep: $0) })
  }

  // MARK: Records

  private func records(
    ofStep step: Int
  ) -> [(log: Log, key: RecordKey, record: any StoredRecord)] {
    let first = UInt64(step * Self.stepGroups)
    var all: [(log: Log, key: RecordKey, record: any StoredRecord)] = []
    var groups: [LossGroup] = []
    for group in first..<first + UInt64(Self.stepGroups) {
      let key = RecordKey(group)
      let rewards = (0..<UInt32(Self.rollouts)).map { reward(group, $0) }
      all.append((.prompts, key, prompt(group, step: UInt64(step))))
      all.append((.rollouts, key, rollouts(group, step: UInt64(step))))
      all.append((.verdicts, key, verdicts(group, rewards)))
      all.append((.decisions, key, decision(rewards)))
      groups.append(lossGroup(group, rewards))
    }
    let key = RecordKey(UInt64(step))
    let batch = LossBatchRecord(
      step: UInt64(step), firstGroup: first, endGroup: first + UInt64(Self.stepGroups),
      groups: groups, updates: [Array(0..<UInt32(Self.stepGroups))], metrics: measured(step))
    let update = UpdateRecord(
      step: UInt64(step), weightsDigest: [UInt8](repeating: 0, count: 32),
      adamUpdates: UInt64(step) + 1, metrics: [Records.Measurement("mismatch/max", 0)], updates: [],
      timings: [])
    return all + [(.batches, key, batch), (.updates, key, update)]
  }

  private func prompt(_ group: UInt64, step: UInt64) -> PromptRecord {
    let question = group % Self.questions
    let (a, b) = (
      stream.integer(below: 1000, question, 0), stream.integer(below: 1000, question, 1)
    )
    return PromptRecord(
      step: step, wave: 0, epoch: group / Self.questions, position: question, dataset: 0,
      rollouts: UInt32(Self.rollouts),
      prompt: Prompt(
        id: "question-\(question)", content: .text("What is \(a) + \(b)?"), groundTruth: "\(a + b)",
        source: "source-\(question % 7)", tags: ["level": "\(1 + question % 5)"]))
  }

  private func rollouts(_ group: UInt64, step: UInt64) -> RolloutRecord {
    let trajectories = (0..<UInt32(Self.rollouts)).map { rollout in
      var tokens: [Int32] = []
      var logProbabilities: [Float] = []
      let length = Self.tokens - Int(stream.integer(below: 8, group, 2, rollout))
      for token in 0..<UInt32(length) {
        let (uniform, choice) = stream.uniformPair(group, 3, rollout << 16 | token)
        tokens.append(Int32(uniform * uniform * Double(vocabulary)))
        logProbabilities.append(Float(log(max(1e-6, choice)) * uniform))
      }
      return Trajectory(
        tokens: tokens, logProbabilities: logProbabilities,
        finish: length == Self.tokens ? .length : .stop)
    }
    return RolloutRecord(
      policyVersion: step, weightsDigest: [UInt8](repeating: 0, count: 32),
      promptTokens: [1, 2, 3, 4, 5, 6, 7, 8], demonstrations: [], rollouts: trajectories)
  }

  private func reward(_ group: UInt64, _ rollout: UInt32) -> Double {
    let progress = Double(group) / Double(steps * Self.stepGroups)
    return stream.uniform(group, 4, rollout) < 0.2 + 0.6 * progress ? 1 : 0
  }

  private func verdicts(_ group: UInt64, _ rewards: [Double]) -> VerdictRecord {
    VerdictRecord(
      verdicts: rewards.enumerated().map { rollout, reward in
        let rule = stream.integer(below: UInt64(Self.rules.count), group, 5, UInt32(rollout))
        return Verdict(
          outcome: .scored(reward: reward, components: []), extracted: "\(group % 1000)",
          rule: Self.rules[Int(rule)])
      }, seconds: [Double](repeating: 1e-4, count: rewards.count))
  }

  private func decision(_ rewards: [Double]) -> DecisionRecord {
    let solved = UInt32(rewards.count { $0 == 1 })
    let isImitated = solved == 0
    return DecisionRecord(
      kept: isImitated ? [] : Array(0..<UInt32(rewards.count)),
      demonstration: isImitated ? .imitated : .unused, rolloutWeight: isImitated ? 0 : 1,
      demonstrationWeight: isImitated ? 1 : 0, solved: solved, total: UInt32(rewards.count),
      drop: nil, rule: isImitated ? "switch_sft" : "switch_rl")
  }

  private func lossGroup(_ group: UInt64, _ rewards: [Double]) -> LossGroup {
    let mean = rewards.reduce(0, +) / Double(rewards.count)
    return LossGroup(
      group: group, rolloutWeight: mean == 0 ? 0 : 1, demonstrationWeight: mean == 0 ? 1 : 0,
      rows: rewards.enumerated().map {
        LossRow(source: .rollout(UInt32($0)), advantages: [$1 - mean], reward: $1)
      })
  }

  private func measured(_ step: Int) -> [Records.Measurement] {
    let share = 0.2 + 0.6 * Double(step) / Double(steps)
    return [
      Records.Measurement("gate/sft", pow(1 - share, 4)),
      Records.Measurement("reward/mean", share), Records.Measurement("rollout/accuracy", share),
      Records.Measurement("response/length_mean", 28.5), Records.Measurement("verifier/errors", 0),
    ]
  }

  private func line(_ step: Int) -> String {
    let numbers = measured(step) + [Records.Measurement("mismatch/max", 0)]
    let fields = numbers.map { "\"\($0.name)\":\($0.value)" }.joined(separator: ",")
    return "{\(fields),\"step\":\(step)}\n"
  }
}
