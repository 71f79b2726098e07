import Foundation
import Queue
import Records
import Tokenizer

/// A run directory in the system's temporary folder with records written by hand, removed with the
/// object: two steps of three groups, of which the last has only been prompted.
final class SampleRun: Sendable {
  /// What no terminal may see as it is.
  static let hostile = "1\u{1B}[31m+\u{202E}2\u{0}\u{7F}\u{9B}"

  let folder: String
  let queue: Queue

  init(steps: Int = 4) throws {
    folder = NSTemporaryDirectory() + "/inspector-tests-\(UUID().uuidString)"
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: "\(folder)/checkpoints/0", withIntermediateDirectories: true)
    let json = CharacterTokenizer.json(
      characters: Array("0123456789+-=# \n"), specials: ["<|end|>"])
    try Data(json.utf8).write(to: URL(fileURLWithPath: "\(folder)/checkpoints/0/tokenizer.json"))
    let definition = """
      name: sample
      steps: \(steps)
      model: {tokenizer: t}
      data: {prompts: d}
      algorithm: {name: hpt}
      """
    try Data(definition.utf8).write(to: URL(fileURLWithPath: "\(folder)/pipeline.yaml"))
    queue = try Queue.create(at: "\(folder)/queue", identity: "sample")
    try queue.write(claims: []) { transaction in
      for group in 0..<UInt64(6) { try Self.put(group, transaction) }
      try transaction.setCursor("rollout", to: 5)
      try transaction.setCursor("verifier", to: 5)
      try transaction.setCursor("gate", to: 5)
      try transaction.setCursor("loss", to: 3)
    }
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("left behind: \(folder)")
    }
  }

  /// Group 0 is solved by half, 1 by none, 2 was refused, 3 by all, 4 has a verifier's error.
  private static func put(_ group: UInt64, _ transaction: WriteTransaction) throws {
    let key = RecordKey(group)
    let source = group % 2 == 0 ? "addition" : "subtraction"
    try transaction.put(
      PromptRecord(
        step: group / 3, wave: 0, epoch: 0, position: group, dataset: 0, rollouts: 2,
        prompt: Prompt(
          id: "q-\(group)", content: .text(group == 0 ? hostile : "\(group)+1="),
          groundTruth: "\(group + 1)", demonstrations: ["#\(group + 1)"], source: source,
          tags: ["level": "\(1 + group % 3)"])), .prompts, key)
    guard group < 5 else { return }
    let isRefused = group == 2
    let rollout = Trajectory(
      tokens: [3, 11, 16], logProbabilities: [-0.5, -0.25, -1],
      quantities: [RecordedQuantity(name: "entropy", values: [0.5, 1, 1.5])])
    let cut = Trajectory(tokens: [1, 2], logProbabilities: [-1, -2], finish: .length)
    try transaction.put(
      RolloutRecord(
        policyVersion: group / 3, weightsDigest: Array(repeating: 0xAB, count: 32),
        promptTokens: [1, 10, 2], demonstrations: [Trajectory(tokens: [13, 2, 16])],
        rollouts: isRefused ? [] : [rollout, cut],
        refusal: isRefused ? "prompt-too-long: 9 tokens, the limit is 3" : nil), .rollouts, key)
    try transaction.put(
      VerdictRecord(verdicts: isRefused ? [] : verdicts(group), seconds: []), .verdicts, key)
    try transaction.put(decision(group), .decisions, key)
  }

  private static func verdicts(_ group: UInt64) -> [Verdict] {
    let right = Verdict(
      outcome: .scored(reward: 1, components: []), extracted: "3", span: 0..<1,
      rule: "integer-equal")
    let wrong = Verdict(outcome: .scored(reward: 0, components: []), rule: "no-answer")
    return switch group {
    case 0: [right, wrong]
    case 3: [right, right]
    case 4: [right, Verdict(outcome: .error("timeout"), rule: "error")]
    default: [wrong, wrong]
    }
  }

  private static func decision(_ group: UInt64) -> DecisionRecord {
    switch group {
    case 0, 3:
      DecisionRecord(
        kept: [0, 1], demonstration: .unused, rolloutWeight: 1, demonstrationWeight: 0,
        solved: group == 0 ? 1 : 2, total: 2, drop: nil, rule: "rl")
    case 1:
      DecisionRecord(
        kept: [], demonstration: .imitated, rolloutWeight: 0, demonstrationWeight: 0.5,
        solved: 0, total: 2, drop: nil, rule: "sft")
    default:
      DecisionRecord(
        kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0, solved: 0,
        total: group == 2 ? 0 : 2,
        drop: group == 2 ? "prompt-too-long" : "verifier-error: timeout", rule: "drop")
    }
  }
}
