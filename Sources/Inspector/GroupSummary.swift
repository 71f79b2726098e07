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

/// Which groups a list shows.
public struct GroupFilter: Sendable, Equatable {
  public var step: UInt64?
  public var source: String?
  /// The first group to look at.
  public var from: GroupID
  public var limit: Int

  public init(step: UInt64? = nil, source: String? = nil, from: GroupID = 0, limit: Int = .max) {
    self.step = step
    self.source = source
    self.from = from
    self.limit = limit
  }
}

extension StoredRun {
  /// Hands the groups that pass `filter` to `body`, in order.
  /// - Returns: whether there are more than `filter.limit`.
  @discardableResult
  public func list(
    _ filter: GroupFilter, _ body: (GroupSummary) throws -> Void
  ) throws -> Bool {
    var start = filter.from
    if let step = filter.step { start = max(start, try firstGroup(ofStep: step)) }
    var left = filter.limit
    var hasMore = false
    try forEachGroup(from: start) { records in
      if let step = filter.step, records.prompt.step != step { return false }
      if let source = filter.source, records.prompt.prompt.source != source { return true }
      guard left > 0 else {
        hasMore = true
        return false
      }
      left -= 1
      try body(GroupSummary(records))
      return true
    }
    return hasMore
  }
}
