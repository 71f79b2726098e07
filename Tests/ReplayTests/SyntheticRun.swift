import Foundation
import Queue
import Randomness
import Records

/// A queue of made-up groups in a temporary folder, written by the real queue: what the measurement of
/// a replay's speed reads. Nothing in it comes from a model.
public struct SyntheticRun {
  public var folder: String
  public var groups: Int
  public var rollouts = 8
  public var tokens = 512
  public var promptsPerStep = 64
  /// Waves of each step.
  public var waves = 1

  public init(folder: String, groups: Int) {
    self.folder = folder
    self.groups = groups
  }

  /// The definition that the groups could have come from.
  public var definition: String {
    """
    name: synthetic
    steps: \((groups + promptsPerStep * waves - 1) / (promptsPerStep * waves))
    model: {tokenizer: t}
    data: {prompts: d, prompts_per_step: \(promptsPerStep)}
    rollout: {count: \(rollouts), maximum_tokens: \(tokens)}
    algorithm: {name: hpt, aggregation: {constant: \(tokens)}}
    """
  }

  /// Prompts, rollouts with log-probabilities, demonstrations and verdicts of every group.
  public func write() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data(definition.utf8).write(to: URL(fileURLWithPath: "\(folder)/pipeline.yaml"))
    let queue = try Queue.create(at: "\(folder)/queue", identity: "synthetic")
    for start in stride(from: 0, to: groups, by: 32) {
      try queue.write(claims: []) { transaction in
        for group in start..<min(start + 32, groups) { try put(UInt64(group), transaction) }
      }
    }
  }

  private func put(_ group: UInt64, _ transaction: WriteTransaction) throws {
    let key = RecordKey(group)
    let step = group / UInt64(promptsPerStep * waves)
    let wave = UInt32(group / UInt64(promptsPerStep)) % UInt32(waves)
    let random = RandomStream(seed: 7, purpose: .rollout)
    func trajectory(_ index: UInt32) -> Trajectory {
      let words = (0..<tokens).map { random.bits(group, index, UInt32($0)) }
      return Trajectory(
        tokens: words.map { Int32($0 & 0x7FFF) },
        logProbabilities: words.map { -Float($0 >> 40) * 0x1p-23 },
        quantities: [])
    }
    try transaction.put(
      PromptRecord(
        step: step, wave: wave, epoch: 0, position: group, dataset: 0, rollouts: UInt32(rollouts),
        prompt: Prompt(
          id: "q-\(group)", content: .text("question \(group)"), groundTruth: "1",
          demonstrations: ["1"], source: "synthetic")), .prompts, key)
    try transaction.put(
      RolloutRecord(
        policyVersion: step, weightsDigest: [], promptTokens: [1, 2, 3],
        demonstrations: [trajectory(1000)], rollouts: (0..<UInt32(rollouts)).map(trajectory)),
      .rollouts, key)
    // Every share of solved rollouts, none and all among them.
    let solved = random.integer(below: UInt64(rollouts + 1), group, 2000)
    let verdicts = (0..<UInt64(rollouts)).map { index in
      Verdict(
        outcome: .scored(reward: index < solved ? 1 : 0, components: []), rule: "synthetic")
    }
    try transaction.put(VerdictRecord(verdicts: verdicts, seconds: []), .verdicts, key)
  }
}
