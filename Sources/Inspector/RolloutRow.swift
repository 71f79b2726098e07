import Queue
public import Records
import Stages
import Tokenizer

/// One rollout with everything that is said of it: a line of `inspect export`.
public struct RolloutRow: Sendable, Equatable, Encodable {
  public var step: UInt64
  public var group: GroupID
  public var rollout: Int
  public var id: String
  public var source: String
  public var tags: [String: String]
  public var prompt: String
  /// As the policy read it, special tokens left out.
  public var input: String
  public var groundTruth: String
  public var response: String
  public var tokens: Int
  /// `stop` or `length`.
  public var finish: String
  /// Sum of the stored log-probabilities, in nats.
  public var logProbability: Double?
  public var reward: Double?
  public var right: Bool?
  /// The verifier's rule, and why there is no reward.
  public var rule: String?
  public var error: String?
  public var extracted: String?
  public var components: [String: Double]
  public var fate: GroupSummary.Fate
  /// Of the loss batch, the mean over the tokens; nil where it is in none.
  public var advantage: Double?

  private enum CodingKeys: String, CodingKey {
    case step, group, rollout, id, source, tags, prompt, input, response, tokens, finish, reward
    case right, rule, error, extracted, components, fate, advantage
    case groundTruth = "ground_truth"
    case logProbability = "log_probability"
  }
}

extension StoredRun {
  /// Hands every rollout to `body`, in order, with short transactions.
  ///
  /// - Parameter steps: only of groups of these.
  public func forEachRollout(
    in steps: ClosedRange<UInt64>? = nil, _ body: (RolloutRow) throws -> Void
  ) throws {
    let tokenizer = try tokenizer()
    var advantages = StepAdvantages()
    let start = try steps.map { try firstGroup(ofStep: $0.lowerBound) } ?? 0
    try forEachGroup(from: start) { records in
      if let steps, records.prompt.step > steps.upperBound { return false }
      let own = try advantages.rollouts(of: records.group, step: records.prompt.step, queue)
      for index in (records.rollouts?.rollouts ?? []).indices {
        try body(RolloutRow(records, index, advantage: own[index], tokenizer))
      }
      return true
    }
  }
}

extension RolloutRow {
  init(_ records: GroupRecords, _ index: Int, advantage: Double?, _ tokenizer: Tokenizer) {
    guard let stored = records.rollouts else { preconditionFailure("RolloutRow: no rollouts") }
    let trajectory = stored.rollouts[index]
    let prompt = records.prompt.prompt
    let verdict = records.verdicts.flatMap { $0.indices.contains(index) ? $0[index] : nil }
    step = records.prompt.step
    group = records.group
    rollout = index
    (id, source, tags) = (prompt.id, prompt.source, prompt.tags)
    self.prompt = prompt.text
    input = tokenizer.decode(stored.promptTokens, skipSpecials: true)
    groundTruth = prompt.groundTruth
    response = tokenizer.decode(trajectory.tokens, skipSpecials: true)
    tokens = trajectory.tokens.count
    finish = trajectory.finish == .stop ? "stop" : "length"
    if !trajectory.logProbabilities.isEmpty {
      logProbability = trajectory.logProbabilities.reduce(0) { $0 + Double($1) }
    }
    reward = verdict?.reward
    right = verdict.flatMap { $0.reward == nil ? nil : $0.isRight }
    rule = verdict?.rule
    extracted = verdict?.extracted
    components = [:]
    switch verdict?.outcome {
    case .scored(_, let parts):
      for part in parts { components[part.name] = part.value }
    case .error(let reason): error = reason
    case nil: break
    }
    fate = GroupSummary.Fate(records)
    self.advantage = advantage
  }
}

/// The advantages of one step's rollouts, so that its batch is decoded once.
private struct StepAdvantages {
  private var step: UInt64?
  private var means: [GroupID: [Int: Double]] = [:]

  /// By the rollout's index.
  mutating func rollouts(
    of group: GroupID, step: UInt64, _ queue: Queue
  ) throws -> [Int: Double] {
    if self.step != step {
      self.step = step
      means = [:]
      let batch = try queue.read {
        try $0.record(LossBatchRecord.self, .batches, RecordKey(step))
      }
      for group in batch?.groups ?? [] {
        for case (let row, .rollout(let index)) in group.rows.map({ ($0, $0.source) })
        where !row.advantages.isEmpty {
          means[group.group, default: [:]][Int(index)] =
            row.advantages.reduce(0, +) / Double(row.advantages.count)
        }
      }
    }
    return means[group] ?? [:]
  }
}
