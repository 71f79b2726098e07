/// A named part of a reward.
public struct RewardComponent: Sendable, Equatable {
  public var name: String
  public var value: Double

  public init(name: String, value: Double) {
    self.name = name
    self.value = value
  }
}

/// What a verifier says of one rollout.
public struct Verdict: Sendable, Equatable {
  public enum Outcome: Sendable, Equatable {
    case scored(reward: Double, components: [RewardComponent])
    /// No verdict: never a reward of 0. The group is dropped with this reason.
    case error(String)
  }

  public var outcome: Outcome
  /// The answer as found in the response, and its UTF-8 range there.
  public var extracted: String?
  public var span: Range<Int>?
  /// The rule that decided, as a short fixed name: `integer-equal`, `no-answer`, …
  public var rule: String
  public var critique: String?

  public init(
    outcome: Outcome, extracted: String? = nil, span: Range<Int>? = nil, rule: String,
    critique: String? = nil
  ) {
    self.outcome = outcome
    self.extracted = extracted
    self.span = span
    self.rule = rule
    self.critique = critique
  }

  /// Not inlined, as `accuracy`: inlined into some loops it crashes Swift 6.3.1 (CopyPropagation).
  @inline(never)
  public var reward: Double? {
    if case .scored(let reward, _) = outcome { reward } else { nil }
  }

  /// What says right (1) or wrong, however the reward is shaped: the component `accuracy`, or the
  /// reward where the verifier gave none. Nil for an error, which is neither.
  @inline(never)
  public var accuracy: Double? {
    guard case .scored(let reward, let components) = outcome else { return nil }
    return components.first { $0.name == "accuracy" }?.value ?? reward
  }

  public var isRight: Bool { accuracy == 1 }

  func encode(to writer: inout ByteWriter) {
    switch outcome {
    case .scored(let reward, let components):
      writer.put(UInt8(0))
      writer.put(reward)
      writer.put(array: components) {
        $0.put($1.name)
        $0.put($1.value)
      }
    case .error(let reason):
      writer.put(UInt8(1))
      writer.put(reason)
    }
    writer.put(optional: extracted) { $0.put($1) }
    writer.put(optional: span) {
      $0.put(count: $1.lowerBound)
      $0.put(count: $1.count)
    }
    writer.put(rule)
    writer.put(optional: critique) { $0.put($1) }
  }

  init(from reader: inout ByteReader) throws(RecordError) {
    switch try reader.byte() {
    case 0:
      let reward = try reader.finite("a reward")
      outcome = .scored(
        reward: reward,
        components: try reader.array { (reader: inout ByteReader) throws(RecordError) in
          RewardComponent(
            name: try reader.string(), value: try reader.finite("a part of a reward"))
        })
    case 1: outcome = .error(try reader.string())
    case let other: throw RecordError(problem: "verdict has the unknown form \(other)")
    }
    extracted = try reader.optional { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    span = try reader.optional { (reader: inout ByteReader) throws(RecordError) in
      let start = try reader.number(limit: 1 << 40)
      return start..<start + (try reader.number(limit: 1 << 40))
    }
    rule = try reader.string()
    critique = try reader.optional { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
  }
}

/// The verifier's record, log `verdicts`: one verdict for each rollout of the group, in order.
public struct VerdictRecord: StoredRecord {
  public static let kind: UInt16 = 3
  public static let version: UInt16 = 2

  public var verdicts: [Verdict]
  /// One verdict for each demonstration, where the algorithm lets them join their group; else empty.
  public var demonstrations: [Verdict]
  /// Volatile: seconds of each verdict.
  public var seconds: [Double]

  public init(verdicts: [Verdict], demonstrations: [Verdict] = [], seconds: [Double]) {
    self.verdicts = verdicts
    self.demonstrations = demonstrations
    self.seconds = seconds
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(array: verdicts) { $1.encode(to: &$0) }
    encoder.stable.put(array: demonstrations) { $1.encode(to: &$0) }
    encoder.volatile.put(array: seconds) { $0.put($1) }
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    verdicts = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try Verdict(from: &reader)
    }
    demonstrations = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try Verdict(from: &reader)
    }
    seconds = try decoder.volatile.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.double()
    }
  }
}
