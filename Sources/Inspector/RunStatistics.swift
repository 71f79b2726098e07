import Queue
import Records
import Stages

/// What a stored run comes to, over all of its groups.
public struct RunStatistics: Sendable, Equatable, Encodable {
  /// Mean, smallest and largest of some lengths in tokens.
  public struct Lengths: Sendable, Equatable, Encodable {
    public var count = 0
    public var total = 0
    public var shortest = 0
    public var longest = 0
    public var mean: Double { count == 0 ? 0 : Double(total) / Double(count) }

    private enum CodingKeys: String, CodingKey {
      case count, total, shortest, longest, mean
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(count, forKey: .count)
      try container.encode(total, forKey: .total)
      try container.encode(shortest, forKey: .shortest)
      try container.encode(longest, forKey: .longest)
      try container.encode(mean, forKey: .mean)
    }

    mutating func add(_ length: Int) {
      shortest = count == 0 ? length : min(shortest, length)
      longest = max(longest, length)
      count += 1
      total += length
    }
  }

  /// Solved rollouts of how many.
  public struct Accuracy: Sendable, Equatable, Encodable {
    public var groups = 0
    public var solved = 0
    public var rollouts = 0
    /// nil without rollouts.
    public var share: Double? { rollouts == 0 ? nil : Double(solved) / Double(rollouts) }

    private enum CodingKeys: String, CodingKey {
      case groups, solved, rollouts, share
    }

    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(groups, forKey: .groups)
      try container.encode(solved, forKey: .solved)
      try container.encode(rollouts, forKey: .rollouts)
      try container.encodeIfPresent(share, forKey: .share)
    }

    mutating func add(_ solved: (solved: Int, total: Int)?) {
      guard let solved else { return }
      groups += 1
      self.solved += solved.solved
      rollouts += solved.total
    }
  }

  /// The groups of one step, or of the whole run.
  public struct Part: Sendable, Equatable, Encodable {
    public var groups = 0
    /// Groups by `GroupSummary.Fate`.
    public var fates: [String: Int] = [:]
    public var accuracy = Accuracy()
    public var rewardSum = 0.0
    public var rewards = 0
    public var verifierErrors = 0
    public var lengths = Lengths()
    /// Rollouts that ended at the length limit.
    public var cut = 0

    /// Share of the groups with this fate.
    public func share(_ fate: GroupSummary.Fate) -> Double {
      groups == 0 ? 0 : Double(fates[fate.rawValue] ?? 0) / Double(groups)
    }

    public var meanReward: Double? { rewards == 0 ? nil : rewardSum / Double(rewards) }

    mutating func add(_ records: GroupRecords) {
      groups += 1
      fates[GroupSummary.Fate(records).rawValue, default: 0] += 1
      accuracy.add(records.solved)
      for verdict in records.verdicts ?? [] {
        guard let reward = verdict.reward else {
          verifierErrors += 1
          continue
        }
        rewardSum += reward
        rewards += 1
      }
      for rollout in records.rollouts?.rollouts ?? [] {
        lengths.add(rollout.tokens.count)
        if rollout.finish == .length { cut += 1 }
      }
    }
  }

  public struct Step: Sendable, Equatable, Encodable {
    public var step: UInt64
    public var part: Part
    /// By `Distribution.Quantity`.
    public var spreads: [String: Distribution.Spread] = [:]
  }

  /// What a log takes on disk.
  public struct Storage: Sendable, Equatable, Encodable {
    public var log: String
    public var records: Int
    /// Pages in use times their size.
    public var bytes: Int
  }

  public var overall = Part()
  public var steps: [Step] = []
  /// Why groups were dropped, and how often.
  public var dropReasons: [String: Int] = [:]
  /// The gate's rules, and how many groups each decided.
  public var gateRules: [String: Int] = [:]
  /// The verifier's rules, and how many rollouts each judged.
  public var verdictRules: [String: Int] = [:]
  public var errors: [String: Int] = [:]
  public var bySource: [String: Accuracy] = [:]
  public var byLevel: [String: Accuracy] = [:]
  /// Of reward and length over rollouts, and so on; those of which the run has values.
  public var distributions: [Distribution] = []
  public var storage: [Storage] = []
  /// Records set aside as damaged or poisonous.
  public var quarantined = 0

  mutating func add(_ records: GroupRecords) {
    overall.add(records)
    let step = records.prompt.step
    if steps.last?.step != step { steps.append(Step(step: step, part: Part())) }
    steps[steps.count - 1].part.add(records)
    let prompt = records.prompt.prompt
    bySource[prompt.source, default: Accuracy()].add(records.solved)
    if let level = prompt.tags["level"] { byLevel[level, default: Accuracy()].add(records.solved) }
    if let decision = records.decision {
      gateRules[decision.rule, default: 0] += 1
      if let drop = decision.drop { dropReasons[drop, default: 0] += 1 }
    }
    for verdict in records.verdicts ?? [] {
      verdictRules[verdict.rule, default: 0] += 1
      if case .error(let reason) = verdict.outcome { errors[reason, default: 0] += 1 }
    }
  }
}

extension StoredRun {
  /// Reads every group once.
  public func statistics() throws -> RunStatistics {
    var statistics = RunStatistics()
    var tally = DistributionTally()
    func endStep() {
      guard !statistics.steps.isEmpty else { return }
      statistics.steps[statistics.steps.count - 1].spreads = tally.takeStep()
    }
    try forEachGroup { records in
      if statistics.steps.last?.step != records.prompt.step { endStep() }
      statistics.add(records)
      tally.add(records)
      return true
    }
    endStep()
    statistics.distributions = tally.distributions
    for log in Log.allCases {
      let storage = try queue.storage(log)
      statistics.storage.append(
        .init(log: log.rawValue, records: storage.records, bytes: storage.bytes))
    }
    statistics.quarantined = try queue.read { try $0.quarantine().count }
    return statistics
  }
}

extension StoredRun {
  /// The mean of a step metric over the committed steps that are kept; 0 where no step has it.
  public func meanMetric(_ name: String) throws -> Double {
    try queue.read { transaction in
      var (sum, count) = (0.0, 0.0)
      for step in try RunBase(transaction).step..<transaction.head(.updates) {
        let record = try transaction.record(UpdateRecord.self, .updates, RecordKey(step))
        guard let value = record?.metrics.first(where: { $0.name == name })?.value else { continue }
        sum += value
        count += 1
      }
      return count == 0 ? 0 : sum / count
    }
  }
}

extension RunStatistics {
  /// Where the numbers of the page come from.
  public var sources: [NumberSource] {
    func source(
      _ number: String, _ stage: StageName, _ log: Log, _ field: String
    ) -> NumberSource {
      NumberSource(
        number, stage: stage.longName,
        record: "\(log.rawValue)/… of \(overall.groups) groups", field: field)
    }
    return [
      source("groups, source, level", .reader, .prompts, "counted"),
      source(
        "rollouts, tokens, cut, entropy", .rollout, .rollouts, "counted from its trajectories"),
      source("reward, verdict, verifier error", .verifier, .verdicts, "counted from its verdicts"),
      source("solved, accuracy, fate, gate rule", .gate, .decisions, "solved of total, rule, drop"),
      NumberSource(
        "dropped because", stage: StageName.loss.longName, record: "decisions/…, batches/…",
        field: "drop of the gate, else of the loss assembler"),
      NumberSource("records, bytes", record: "queue/data.mdb", field: "entries and pages in use"),
    ]
  }
}
