public import Queue
public import Records

/// Where a forked run comes from, as it remembers it: everything below its boundary was made by another
/// run, maybe under another definition, and cannot be worked out again here.
public struct RunOrigin: Sendable, Equatable, Encodable {
  static let key = "origin"
  private static let version: UInt32 = 1

  /// The source's directory, as it was named.
  public var source: String
  /// SHA-256 over the identity keys of the source's definition.
  public var definition: String
  /// The step from which on the fork goes its own way.
  public var step: UInt64
  /// The stage that ran again over consumed input, and its first group; nil: all of them.
  public var stage: String?
  public var group: GroupID
  /// Groups whose rollouts the source sampled.
  public var taken: GroupID
  /// What is different, `key: old -> new`.
  public var changes: [String]
  var boundary: StepBoundary

  private enum CodingKeys: String, CodingKey {
    case source, definition, step, stage, group, taken, changes
  }

  init(
    source: String, definition: String, stage: StageName?, group: GroupID, taken: GroupID,
    changes: [String], boundary: StepBoundary
  ) {
    self.source = source
    self.definition = definition
    self.stage = stage?.rawValue
    self.group = group
    self.taken = taken
    self.changes = changes
    self.boundary = boundary
    step = boundary.step
  }

  /// nil for a run that is no fork of this kind.
  public init?(_ transaction: ReadTransaction) throws {
    guard let stored = try transaction.state(Self.key) else { return nil }
    try self.init(stored: stored)
  }

  init(stored: [UInt8]) throws(RecordError) {
    var reader = ByteReader(stored)
    let version = try reader.uint32()
    guard version == Self.version else {
      throw RecordError(
        location: "state/\(Self.key)", problem: "version \(version), known is \(Self.version)")
    }
    source = try reader.string()
    definition = try reader.string()
    let name = try reader.string()
    stage = name.isEmpty ? nil : name
    group = try reader.uint64()
    taken = try reader.uint64()
    changes = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    boundary = try StepBoundary(&reader)
    step = boundary.step
    try reader.expectEnd()
  }

  func stored() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.version)
    writer.put(source)
    writer.put(definition)
    writer.put(stage ?? "")
    writer.put(group)
    writer.put(taken)
    writer.put(array: changes) { $0.put($1) }
    boundary.put(into: &writer)
    return writer.bytes
  }
}

extension Ledger {
  /// The fork that this run began as; nil for others.
  public var origin: RunOrigin? {
    get throws { try value(RunOrigin.key).map { try RunOrigin(stored: $0) } }
  }

  /// The first step boundary that this run can be set to: its base, or where it was forked.
  var floor: StepBoundary {
    get throws {
      let base = try base.start
      guard let origin = try origin, origin.step > base.step else { return base }
      return origin.boundary
    }
  }
}

extension Ledger {
  /// Groups that another run sampled, of which this one is a fork.
  var foreignGroups: GroupID {
    get throws {
      let taken = try value(ForkOrigin.key).map { try ForkOrigin(stored: $0).groups } ?? 0
      return try max(taken, value(RunOrigin.key).map { try RunOrigin(stored: $0).taken } ?? 0)
    }
  }
}
