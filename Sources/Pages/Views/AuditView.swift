import Inspector
import Records
import Stages

/// Whether rewards are what they should be, from samples spread evenly over the run.
struct AuditView: Encodable {
  struct Answer: Encodable {
    var answer: String
    var count: Int
    var right: Int
    var groups: [GroupID]
  }

  struct Reason: Encodable {
    var rule: String
    var count: Int
    var right: Int
    var meanReward: Double?
  }

  struct Failure: Encodable {
    var reason: String
    var count: Int
    var groups: [GroupID]
  }

  struct Duplicate: Encodable {
    var text: String
    var count: Int
    var groups: [GroupID]
  }

  struct Bin: Encodable {
    var low: Double
    var high: Double
    var count: Int
    var right: Int?
  }

  struct Look: Encodable {
    var group: GroupID
    var step: UInt64
    var reward: Double
    var rule: String
  }

  struct Change: Encodable {
    var id: String
    var first: Look
    var last: Look
  }

  var groups: Int
  var rollouts: Int
  /// Groups that were read.
  var sampled: Int
  /// Length, reward, group, index of the rollout.
  var lengthReward: [[Double]]
  var answers: [Answer]
  var reasons: [Reason]
  var errors: [Failure]
  var duplicates: [Duplicate]
  var rewards: [Bin]
  var lengths: [Bin]
  var changed: [Change]
  var sources: Named<String>

  /// Groups that are read at most, rows of a table, and points of the scatter.
  private static let sample = 1000
  private static let rows = 20
  private static let points = 4000

  init(_ run: LibraryRun) throws {
    let (first, head) = try run.stored.groups()
    let sample = try AuditSample(run.stored, first..<head, most: Self.sample)
    groups = Int(head - first)
    rollouts = sample.rollouts.count
    sampled = sample.groups
    let stride = max(1, (sample.rollouts.count + Self.points - 1) / Self.points)
    lengthReward = Swift.stride(from: 0, to: sample.rollouts.count, by: stride).compactMap {
      place in
      let rollout = sample.rollouts[place]
      return rollout.reward.map {
        [Double(rollout.length), $0, Double(rollout.group), Double(rollout.index)]
      }
    }
    answers = sample.mostFrequent({ $0.answer }, most: Self.rows).map { answer, own in
      Answer(
        answer: answer, count: own.count, right: own.count { $0.isRight },
        groups: AuditSample.groups(own))
    }
    reasons = sample.mostFrequent({ $0.error == nil ? $0.rule : nil }, most: Self.rows).map {
      rule, own in
      let given = own.compactMap(\.reward)
      return Reason(
        rule: rule, count: own.count, right: own.count { $0.isRight },
        meanReward: given.isEmpty ? nil : given.reduce(0, +) / Double(given.count))
    }
    errors = sample.mostFrequent({ $0.error }, most: Self.rows).map { reason, own in
      Failure(reason: reason, count: own.count, groups: AuditSample.groups(own))
    }
    duplicates = sample.mostFrequent({ $0.shape.isEmpty ? nil : $0.shape }, most: 4 * Self.rows)
      .filter { Set($0.1.map(\.group)).count > 1 }.prefix(Self.rows).map { _, own in
        Duplicate(text: own[0].text, count: own.count, groups: AuditSample.groups(own))
      }
    rewards = Histogram(sample.rollouts.compactMap(\.reward).filter(\.isFinite)).bins.map {
      Bin(low: $0.low, high: $0.high, count: $0.count)
    }
    lengths = Self.lengths(sample)
    changed = sample.changes(most: Self.rows)
    let range = "of \(sample.groups) groups spread evenly over \(groups)"
    sources = Named([
      "length_reward": "rollouts/{group} · tokens; verdicts/{group} · reward; \(range)",
      "answers": "verifier · verdicts/* · the answer as found; \(range)",
      "reasons": "verifier · verdicts/* · rule; \(range)",
      "errors": "verifier · verdicts/* · error; \(range)",
      "duplicates":
        "rollouts/* · the same text but for case, white space and numbers, in several groups; \(range)",
      "rewards": "verifier · verdicts/* · reward; \(range)",
      "lengths": "rollout generator · rollouts/* · tokens; \(range)",
      "changed":
        "verdicts/{group} · questions whose mean reward rose while the rule behind the reward changed; "
        + range,
    ])
  }

  private static func lengths(_ sample: AuditSample) -> [Bin] {
    let histogram = Histogram(sample.rollouts.map { Double($0.length) })
    var right = [Int](repeating: 0, count: histogram.bins.count)
    for rollout in sample.rollouts where rollout.isRight {
      if let place = histogram.place(of: Double(rollout.length)) { right[place] += 1 }
    }
    return zip(histogram.bins, right).map {
      Bin(low: $0.low, high: $0.high, count: $0.count, right: $1)
    }
  }
}
