/// One trajectory of a loss batch.
public struct LossRow: Sendable, Equatable {
  /// Which trajectory of the group's rollout record.
  public enum Source: Sendable, Equatable {
    case rollout(UInt32)
    case demonstration(UInt32)
  }

  public var source: Source
  /// Â: one number for the whole response, or one for each of its tokens.
  public var advantages: [Double]
  /// Reward of the response; NaN where none was given (a demonstration).
  public var reward: Double

  public init(source: Source, advantages: [Double], reward: Double) {
    self.source = source
    self.advantages = advantages
    self.reward = reward
  }
}

/// One group of a loss batch with its weights.
public struct LossGroup: Sendable, Equatable {
  public var group: GroupID
  /// α for its rollouts, β for its demonstrations.
  public var rolloutWeight: Double
  public var demonstrationWeight: Double
  public var rows: [LossRow]

  public init(
    group: GroupID, rolloutWeight: Double, demonstrationWeight: Double, rows: [LossRow]
  ) {
    self.group = group
    self.rolloutWeight = rolloutWeight
    self.demonstrationWeight = demonstrationWeight
    self.rows = rows
  }
}

/// The loss assembler's record, log `batches`, keyed by step: what one step trains on, and in which
/// order. Everything that a mini-batch's normalisers depend on is fixed here.
public struct LossBatchRecord: StoredRecord {
  public static let kind: UInt16 = 5
  public static let version: UInt16 = 1

  public var step: UInt64
  /// The groups this batch consumed, trained or dropped: [first, end).
  public var firstGroup: GroupID
  public var endGroup: GroupID
  public var groups: [LossGroup]
  /// Indices into `groups`, one list for each update, in the order in which they are worked off.
  public var updates: [[UInt32]]
  /// What the step's groups say of data and gate (rewards, lengths, shares), in a fixed order.
  public var metrics: [Measurement]

  public init(
    step: UInt64, firstGroup: GroupID, endGroup: GroupID, groups: [LossGroup],
    updates: [[UInt32]], metrics: [Measurement]
  ) {
    self.step = step
    self.firstGroup = firstGroup
    self.endGroup = endGroup
    self.groups = groups
    self.updates = updates
    self.metrics = metrics
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(step)
    encoder.stable.put(firstGroup)
    encoder.stable.put(endGroup)
    encoder.stable.put(array: groups) { writer, group in
      writer.put(group.group)
      writer.put(group.rolloutWeight)
      writer.put(group.demonstrationWeight)
      writer.put(array: group.rows) { writer, row in
        switch row.source {
        case .rollout(let index):
          writer.put(UInt8(0))
          writer.put(index)
        case .demonstration(let index):
          writer.put(UInt8(1))
          writer.put(index)
        }
        writer.put(array: row.advantages) { $0.put($1) }
        writer.put(row.reward)
      }
    }
    encoder.stable.put(array: updates) { writer, members in
      writer.put(array: members) { $0.put($1) }
    }
    encoder.stable.put(array: metrics) { $1.encode(to: &$0) }
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    step = try decoder.stable.uint64()
    firstGroup = try decoder.stable.uint64()
    endGroup = try decoder.stable.uint64()
    groups = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      LossGroup(
        group: try reader.uint64(), rolloutWeight: try reader.double(),
        demonstrationWeight: try reader.double(),
        rows: try reader.array { (reader: inout ByteReader) throws(RecordError) in
          let form = try reader.byte()
          let index = try reader.uint32()
          guard form < 2 else { throw RecordError(problem: "row has the unknown source \(form)") }
          return LossRow(
            source: form == 0 ? .rollout(index) : .demonstration(index),
            advantages: try reader.array { (reader: inout ByteReader) throws(RecordError) in
              try reader.double()
            }, reward: try reader.double())
        })
    }
    updates = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.array { (reader: inout ByteReader) throws(RecordError) in try reader.uint32() }
    }
    metrics = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try Measurement(from: &reader)
    }
  }
}
