public import Records
public import Stages
import Verifiers

/// Verdicts of stored rollouts, made again by other verifiers. Nothing stored changes.
public struct VerdictRescore: Sendable, Encodable {
  /// A verdict as a flip shows it.
  public struct Side: Sendable, Equatable, Encodable {
    /// Nil: there is no verdict.
    public var right: Bool?
    public var reward: Double?
    public var error: String?
    public var rule: String
    public var extracted: String?

    init(_ verdict: Verdict) {
      right = verdict.reward.map { _ in verdict.isRight }
      reward = verdict.reward
      if case .error(let reason) = verdict.outcome { error = reason }
      rule = verdict.rule
      extracted = verdict.extracted
    }
  }

  /// A rollout that was right and is not, or the other way round; or has an error on one side.
  public struct Flip: Sendable, Encodable {
    public var group: GroupID
    /// Its place in the group.
    public var rollout: Int
    public var source: String
    public var old: Side
    public var new: Side
  }

  /// What the rollouts of one source come to.
  public struct Totals: Sendable, Encodable {
    public var verifier = ""
    public var groups = 0
    public var rollouts = 0
    public var rightBefore = 0
    public var rightAfter = 0
    public var errorsBefore = 0
    public var errorsAfter = 0
    public var flips = 0
    /// Rewards that differ without a flip.
    public var rewards = 0

    private enum CodingKeys: String, CodingKey {
      case verifier, groups, rollouts, flips
      case rightBefore = "right_before"
      case rightAfter = "right_after"
      case errorsBefore = "errors_before"
      case errorsAfter = "errors_after"
      case rewards = "rewards_changed"
    }

    mutating func add(_ old: Verdict, _ new: Verdict) {
      rollouts += 1
      rightBefore += old.isRight ? 1 : 0
      rightAfter += new.isRight ? 1 : 0
      errorsBefore += old.reward == nil ? 1 : 0
      errorsAfter += new.reward == nil ? 1 : 0
    }
  }

  public var groups = 0
  public var rollouts = 0
  public var flips: [Flip] = []
  public var sources: [String: Totals] = [:]
  /// What judges were paid for it, in words.
  public var spent: [String] = []

  mutating func add(
    _ group: GroupID, _ source: String, _ verifier: String, _ old: [Verdict], _ new: [Verdict]
  ) {
    groups += 1
    rollouts += old.count
    var totals = sources[source] ?? Totals()
    totals.verifier = verifier
    totals.groups += 1
    for (index, (old, new)) in zip(old, new).enumerated() {
      totals.add(old, new)
      if old.isRight != new.isRight || (old.reward == nil) != (new.reward == nil) {
        totals.flips += 1
        flips.append(
          Flip(group: group, rollout: index, source: source, old: Side(old), new: Side(new)))
      } else if old.reward != new.reward {
        totals.rewards += 1
      }
    }
    sources[source] = totals
  }
}

extension StoredRun {
  /// Judges every stored rollout that has a verdict once more. Verifiers that ask something outside are
  /// asked anew, whatever the run has stored of them.
  public func rescore(with verifiers: VerifierTable) throws -> VerdictRescore {
    try verifiers.prepare()
    var rescore = VerdictRescore()
    var portion: [(group: GroupID, old: [Verdict], asked: AskedGroup)] = []
    try forEachAnsweredPrompt { answered in
      let old = answered.verdicts
      guard !old.isEmpty, old.count == answered.responses.count else { return }
      portion.append(
        (
          answered.group, old, AskedGroup(prompt: answered.prompt, responses: answered.responses)
        ))
      if portion.count == 64 { rescore.add(&portion, verifiers) }
    }
    rescore.add(&portion, verifiers)
    rescore.spent = verifiers.spent
    return rescore
  }
}

extension VerdictRescore {
  /// Judges a portion of groups, and empties it.
  fileprivate mutating func add(
    _ portion: inout [(group: GroupID, old: [Verdict], asked: AskedGroup)],
    _ verifiers: VerifierTable
  ) {
    for (member, judged) in zip(portion, verifiers.judge(portion.map(\.asked))) {
      guard let judged else { preconditionFailure("judging stopped without an interruption") }
      let source = member.asked.prompt.source
      add(
        member.group, source, verifiers.verifier(for: source).name, member.old, judged.verdicts)
    }
    portion = []
  }
}
