/// The performance gate's record, log `decisions`: a group's fate, and why.
public struct DecisionRecord: StoredRecord {
  public static let kind: UInt16 = 4
  public static let version: UInt16 = 2

  /// What becomes of the group's demonstration.
  public enum DemonstrationUse: UInt8, Sendable, Equatable {
    case unused = 0
    /// Trained on by supervised fine-tuning with weight β.
    case imitated = 1
    /// A member of the group beside the rollouts, off-policy.
    case joins = 2
    /// A member of the group, and imitated as well.
    case both = 3
  }

  /// Indices of the rollouts that train, ascending.
  public var kept: [UInt32]
  /// Indices of the rollouts that a filter rejected and that still count in the normalisers.
  public var idle: [UInt32]
  public var demonstration: DemonstrationUse
  /// α, the weight of a joined demonstration, and β.
  public var rolloutWeight: Double
  public var offPolicyWeight: Double
  public var demonstrationWeight: Double
  /// Rollouts that are solved, of how many.
  public var solved: UInt32
  public var total: UInt32
  /// Set when nothing of the group trains.
  public var drop: String?
  /// The rule that decided, as a short fixed name.
  public var rule: String

  public init(
    kept: [UInt32], idle: [UInt32] = [], demonstration: DemonstrationUse, rolloutWeight: Double,
    offPolicyWeight: Double = 0, demonstrationWeight: Double, solved: UInt32, total: UInt32,
    drop: String?, rule: String
  ) {
    self.kept = kept
    self.idle = idle
    self.demonstration = demonstration
    self.rolloutWeight = rolloutWeight
    self.offPolicyWeight = offPolicyWeight
    self.demonstrationWeight = demonstrationWeight
    self.solved = solved
    self.total = total
    self.drop = drop
    self.rule = rule
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(array: kept) { $0.put($1) }
    encoder.stable.put(array: idle) { $0.put($1) }
    encoder.stable.put(demonstration.rawValue)
    encoder.stable.put(rolloutWeight)
    encoder.stable.put(offPolicyWeight)
    encoder.stable.put(demonstrationWeight)
    encoder.stable.put(solved)
    encoder.stable.put(total)
    encoder.stable.put(optional: drop) { $0.put($1) }
    encoder.stable.put(rule)
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    kept = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.uint32()
    }
    idle = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.uint32()
    }
    guard let use = DemonstrationUse(rawValue: try decoder.stable.byte()) else {
      throw RecordError(problem: "decision uses its demonstration in an unknown way")
    }
    demonstration = use
    rolloutWeight = try decoder.stable.finite("the weight of its rollouts")
    offPolicyWeight = try decoder.stable.finite("the weight of what joins")
    demonstrationWeight = try decoder.stable.finite("the weight of imitation")
    solved = try decoder.stable.uint32()
    total = try decoder.stable.smallCount("the number of its rollouts")
    drop = try decoder.stable.optional { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    rule = try decoder.stable.string()
    try judge()
  }

  /// What later stages take for granted of a decision that was read.
  private func judge() throws(RecordError) {
    try RecordError.require(solved <= total, "counts \(solved) solved rollouts of \(total)")
    for (what, indices) in [("kept", kept), ("idle", idle)] {
      try RecordError.require(
        zip(indices, indices.dropFirst()).allSatisfy { $0 < $1 },
        "its \(what) rollouts are not in order, each once")
      try RecordError.require(
        indices.last.map { $0 < total } ?? true,
        "names the \(what) rollout \(indices.last ?? 0) of \(total)")
    }
    try RecordError.require(
      Set(kept).isDisjoint(with: idle), "keeps a rollout that it leaves idle")
    try RecordError.require(
      drop == nil || kept.isEmpty && idle.isEmpty && demonstration == .unused,
      "drops its group and trains on it")
  }
}
