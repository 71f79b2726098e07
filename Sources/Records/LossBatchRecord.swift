/// One trajectory of a loss batch.
public struct LossRow: Sendable, Equatable {
  /// Which trajectory of the group's rollout record.
  public enum Source: Sendable, Hashable {
    case rollout(UInt32)
    case demonstration(UInt32)
    /// The response that an imported pair rejects.
    case rejected(UInt32)
  }

  public var source: Source
  /// Â: one number for the whole response, or one for each of its tokens.
  public var advantages: [Double]
  /// What the critic should have said before each token; empty where none is trained.
  public var returns: [Double]
  /// Reward of the response as verified; NaN where none was given (a demonstration).
  public var reward: Double
  /// Counts in the normalisers and nothing more.
  public var isIdle: Bool

  public init(
    source: Source, advantages: [Double], returns: [Double] = [], reward: Double,
    isIdle: Bool = false
  ) {
    self.source = source
    self.advantages = advantages
    self.returns = returns
    self.reward = reward
    self.isIdle = isIdle
  }
}

/// Two rows of a group of which one is preferred: indices into its rows.
public struct LossPair: Sendable, Equatable {
  public var chosen: UInt32
  public var rejected: UInt32

  public init(chosen: UInt32, rejected: UInt32) {
    self.chosen = chosen
    self.rejected = rejected
  }
}

/// One group of a loss batch with its weights.
public struct LossGroup: Sendable, Equatable {
  public var group: GroupID
  /// α for its rollouts, the weight of demonstrations that join them, β for those that are imitated.
  public var rolloutWeight: Double
  public var offPolicyWeight: Double
  public var demonstrationWeight: Double
  public var rows: [LossRow]
  public var pairs: [LossPair]

  public init(
    group: GroupID, rolloutWeight: Double, offPolicyWeight: Double = 0,
    demonstrationWeight: Double, rows: [LossRow], pairs: [LossPair] = []
  ) {
    self.group = group
    self.rolloutWeight = rolloutWeight
    self.offPolicyWeight = offPolicyWeight
    self.demonstrationWeight = demonstrationWeight
    self.rows = rows
    self.pairs = pairs
  }
}

/// A group that the gate let pass and that the step does not train on, and why.
public struct LossDrop: Sendable, Equatable {
  public var group: GroupID
  /// A short fixed name first: `surplus`, `no_pairs`, …
  public var reason: String

  public init(group: GroupID, reason: String) {
    self.group = group
    self.reason = reason
  }
}

/// The loss assembler's record, log `batches`, keyed by step: what one step trains on, and in which
/// order. Everything that a mini-batch's normalisers depend on is fixed here.
public struct LossBatchRecord: StoredRecord {
  public static let kind: UInt16 = 5
  public static let version: UInt16 = 2

  public var step: UInt64
  /// The groups this batch consumed, trained or dropped: [first, end).
  public var firstGroup: GroupID
  public var endGroup: GroupID
  public var groups: [LossGroup]
  /// Groups among them that the gate did not drop and the assembler did.
  public var drops: [LossDrop]
  /// Indices into `groups`, one list for each update, in the order in which they are worked off.
  public var updates: [[UInt32]]
  /// What the step's groups say of data and gate (rewards, lengths, shares), in a fixed order.
  public var metrics: [Measurement]

  public init(
    step: UInt64, firstGroup: GroupID, endGroup: GroupID, groups: [LossGroup],
    drops: [LossDrop] = [], updates: [[UInt32]], metrics: [Measurement]
  ) {
    self.step = step
    self.firstGroup = firstGroup
    self.endGroup = endGroup
    self.groups = groups
    self.drops = drops
    self.updates = updates
    self.metrics = metrics
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(step)
    encoder.stable.put(firstGroup)
    encoder.stable.put(endGroup)
    encoder.stable.put(array: groups) { $1.encode(to: &$0) }
    encoder.stable.put(array: drops) {
      $0.put($1.group)
      $0.put($1.reason)
    }
    encoder.stable.put(array: updates) { writer, members in
      writer.put(array: members) { $0.put($1) }
    }
    encoder.stable.put(array: metrics) { $1.encode(to: &$0) }
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    step = try decoder.stable.ordinal("its step")
    firstGroup = try decoder.stable.ordinal("its first group")
    endGroup = try decoder.stable.ordinal("its end")
    groups = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try LossGroup(from: &reader)
    }
    drops = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      LossDrop(group: try reader.uint64(), reason: try reader.string())
    }
    updates = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.array { (reader: inout ByteReader) throws(RecordError) in try reader.uint32() }
    }
    metrics = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try Measurement(from: &reader)
    }
    try judgeGroups()
    try judgeUpdates()
  }

  public func belongs(under id: UInt64, part: UInt32) -> Bool { step == id }

  /// Each group is one of those that the batch consumed, and named once.
  private func judgeGroups() throws(RecordError) {
    try RecordError.require(
      firstGroup < endGroup, "takes the groups from \(firstGroup) up to \(endGroup)")
    var known: Set<GroupID> = []
    for group in groups.map(\.group) + drops.map(\.group) {
      try RecordError.require(
        group >= firstGroup && group < endGroup,
        "names group \(group), and takes those from \(firstGroup) up to \(endGroup)")
      try RecordError.require(known.insert(group).inserted, "names group \(group) twice")
    }
  }

  /// Every epoch works each group off once.
  private func judgeUpdates() throws(RecordError) {
    var times = [Int](repeating: 0, count: groups.count)
    for (index, members) in updates.enumerated() {
      try RecordError.require(!members.isEmpty, "its update \(index) has no groups")
      for member in members {
        try RecordError.require(
          member < groups.count, "its update \(index) names group \(member) of \(groups.count)")
        times[Int(member)] += 1
      }
    }
    let (least, most) = (times.min() ?? 1, times.max() ?? 1)
    try RecordError.require(
      least == most && least > 0,
      "its updates work its groups off between \(least) and \(most) times")
  }
}

extension LossGroup {
  fileprivate func encode(to writer: inout ByteWriter) {
    writer.put(group)
    writer.put(rolloutWeight)
    writer.put(offPolicyWeight)
    writer.put(demonstrationWeight)
    writer.put(array: rows) { $1.encode(to: &$0) }
    writer.put(array: pairs) {
      $0.put($1.chosen)
      $0.put($1.rejected)
    }
  }

  fileprivate init(from reader: inout ByteReader) throws(RecordError) {
    group = try reader.uint64()
    rolloutWeight = try reader.finite("the weight of rollouts")
    offPolicyWeight = try reader.finite("the weight of what joins")
    demonstrationWeight = try reader.finite("the weight of imitation")
    rows = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try LossRow(from: &reader)
    }
    pairs = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      LossPair(chosen: try reader.uint32(), rejected: try reader.uint32())
    }
    try judge()
  }

  private func judge() throws(RecordError) {
    try RecordError.require(
      Set(rows.map(\.source)).count == rows.count, "group \(group) names a trajectory twice")
    for pair in pairs {
      try RecordError.require(
        max(pair.chosen, pair.rejected) < rows.count && pair.chosen != pair.rejected,
        "group \(group) pairs rows \(pair.chosen) and \(pair.rejected) of \(rows.count)")
    }
  }
}

extension LossRow {
  fileprivate func encode(to writer: inout ByteWriter) {
    switch source {
    case .rollout(let index):
      writer.put(UInt8(0))
      writer.put(index)
    case .demonstration(let index):
      writer.put(UInt8(1))
      writer.put(index)
    case .rejected(let index):
      writer.put(UInt8(2))
      writer.put(index)
    }
    writer.put(array: advantages) { $0.put($1) }
    writer.put(array: returns) { $0.put($1) }
    writer.put(reward)
    writer.put(isIdle)
  }

  fileprivate init(from reader: inout ByteReader) throws(RecordError) {
    let form = try reader.byte()
    let index = try reader.uint32()
    switch form {
    case 0: source = .rollout(index)
    case 1: source = .demonstration(index)
    case 2: source = .rejected(index)
    default: throw RecordError(problem: "row has the unknown source \(form)")
    }
    advantages = try reader.finiteNumbers("an advantage")
    returns = try reader.finiteNumbers("a return")
    reward = try reader.double()
    // No reward is NaN; an infinite one is none that a verifier gave.
    try RecordError.require(!reward.isInfinite, "a reward is \(reward)")
    isIdle = try reader.bool()
  }
}
