import Queue
public import Records

/// One group in a list.
public struct GroupSummary: Sendable, Equatable, Encodable {
  /// How far the group has come.
  public enum Fate: String, Sendable, Equatable, CaseIterable, Encodable {
    case prompted
    case generated
    case verified
    /// The demonstration alone trains.
    case imitated
    /// Rollouts alone train.
    case reinforced
    /// Rollouts and the demonstration train.
    case mixed
    case dropped
  }

  public var group: GroupID
  public var step: UInt64
  public var wave: UInt32
  /// The prompt's id in its dataset.
  public var id: String
  public var source: String
  /// The prompt's `level` tag.
  public var level: String?
  public var fate: Fate
  public var solved: Int?
  public var total: Int?
  /// One for each rollout; nil where the verifier had an error.
  public var rewards: [Double?]
  /// The gate's rule, or why the group was dropped.
  public var reason: String?
  /// Tokens of each rollout.
  public var lengths: [Int]
  /// The verifier's rule for each rollout, or its error.
  public var verdicts: [String]
  public var prompt: String

  init(_ records: GroupRecords) {
    group = records.group
    step = records.prompt.step
    wave = records.prompt.wave
    id = records.prompt.prompt.id
    source = records.prompt.prompt.source
    level = records.prompt.prompt.tags["level"]
    fate = Fate(records)
    solved = records.solved?.solved
    total = records.solved?.total
    rewards = records.verdicts?.map(\.reward) ?? []
    reason = records.decision?.drop ?? records.decision?.rule ?? records.rollouts?.refusal
    lengths = records.rollouts?.rollouts.map(\.tokens.count) ?? []
    verdicts = records.verdicts?.map(\.reason) ?? []
    prompt = records.prompt.prompt.text
  }
}

extension GroupSummary.Fate {
  init(_ records: GroupRecords) {
    guard let decision = records.decision else {
      self =
        records.verdicts != nil ? .verified : records.rollouts != nil ? .generated : .prompted
      return
    }
    switch (decision.drop != nil, decision.demonstration != .unused, !decision.kept.isEmpty) {
    case (true, _, _): self = .dropped
    case (false, true, true): self = .mixed
    case (false, true, false): self = .imitated
    case (false, false, _): self = .reinforced
    }
  }
}

extension Verdict {
  /// Why there is this reward, or none.
  var reason: String {
    if case .error(let reason) = outcome { reason } else { rule }
  }
}
