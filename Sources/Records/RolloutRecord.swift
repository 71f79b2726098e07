/// Why a rollout ended.
public enum FinishReason: UInt8, Sendable, Equatable {
  /// One of the stop ids was sampled; it is the last token.
  case stop = 0
  /// The response limit was reached.
  case length = 1
}

/// Who wrote a span of a trajectory.
public enum Role: UInt8, Sendable, Equatable {
  case assistant = 0
  case tool = 1
  case user = 2
}

/// A run of tokens by one author. A response is one span today; tools and further turns add more.
public struct Span: Sendable, Equatable {
  public var role: Role
  /// Whether these tokens carry a loss.
  public var trained: Bool
  public var count: Int

  public init(role: Role = .assistant, trained: Bool = true, count: Int) {
    self.role = role
    self.trained = trained
    self.count = count
  }
}

/// A per-token quantity that the definition's `record:` asked for, or that the algorithm reads.
public struct RecordedQuantity: Sendable, Equatable {
  /// Token entropy under the rollout policy, in nats.
  public static let entropy = "entropy"
  /// log-probability under the KL anchor.
  public static let anchor = "anchor_log_probability"
  /// The critic's value before the token.
  public static let value = "value"
  /// log-probability under what top-k, top-p and min-p left.
  public static let filtered = "filtered_log_probability"

  /// One of the names above.
  public var name: String
  /// One value for each token of the trajectory.
  public var values: [Float]

  public init(name: String, values: [Float]) {
    self.name = name
    self.values = values
  }
}

/// A rollout or a demonstration as stored.
public struct Trajectory: Sendable, Equatable {
  public var tokens: [Int32]
  /// They cover `tokens` from first to last.
  public var spans: [Span]
  /// log softmax(z / T) of each token before top-k, top-p and min-p, in nats, under the rollout
  /// policy; empty for a demonstration unless the definition asks for it.
  public var logProbabilities: [Float]
  public var finish: FinishReason
  public var quantities: [RecordedQuantity]

  public init(
    tokens: [Int32], spans: [Span]? = nil, logProbabilities: [Float] = [],
    finish: FinishReason = .stop, quantities: [RecordedQuantity] = []
  ) {
    self.tokens = tokens
    self.spans = spans ?? [Span(count: tokens.count)]
    self.logProbabilities = logProbabilities
    self.finish = finish
    self.quantities = quantities
  }

  /// The recorded quantity `name`, one value for each token, if it was asked for.
  public func quantity(_ name: String) -> [Float]? {
    quantities.first { $0.name == name }?.values
  }

  /// For each token whether it carries a loss.
  public var trained: [Bool] {
    spans.flatMap { Array(repeating: $0.trained, count: $0.count) }
  }

  /// What the parts of a stored trajectory must agree on.
  func requireAgreement() throws(RecordError) {
    let spanned = spans.reduce(0) { $0 + $1.count }
    guard spanned == tokens.count else {
      throw RecordError(problem: "spans cover \(spanned) of \(tokens.count) tokens")
    }
    try RecordError.require(
      quantities.count < 2 || Set(quantities.map(\.name)).count == quantities.count,
      "a quantity is recorded twice")
    for quantity in quantities where quantity.values.count != tokens.count {
      throw RecordError(
        problem: "\(quantity.values.count) recorded values for \(tokens.count) tokens")
    }
    guard logProbabilities.isEmpty || logProbabilities.count == tokens.count else {
      throw RecordError(
        problem: "\(logProbabilities.count) log-probabilities for \(tokens.count) tokens")
    }
  }
}

/// The rollout generator's record, log `rollouts`: a group's heavy payload, stored once.
public struct RolloutRecord: StoredRecord {
  public static let kind: UInt16 = 2
  public static let version: UInt16 = 3
  public static let oldestVersion: UInt16 = 2

  /// The policy that sampled: its version and the SHA-256 of its weights.
  public var policyVersion: UInt64
  public var weightsDigest: [UInt8]
  public var promptTokens: [Int32]
  public var demonstrations: [Trajectory]
  /// Responses that an imported preference pair rejects, beside the demonstration that it chooses.
  public var rejected: [Trajectory]
  public var rollouts: [Trajectory]
  /// Set when the group cannot be generated (an over-long prompt); later stages drop it with this.
  public var refusal: String?
  /// Volatile: seconds this group took, its share of a batch by tokens.
  public var seconds: Double

  public init(
    policyVersion: UInt64, weightsDigest: [UInt8], promptTokens: [Int32],
    demonstrations: [Trajectory], rejected: [Trajectory] = [], rollouts: [Trajectory],
    refusal: String? = nil,
    seconds: Double = 0
  ) {
    self.policyVersion = policyVersion
    self.weightsDigest = weightsDigest
    self.promptTokens = promptTokens
    self.demonstrations = demonstrations
    self.rejected = rejected
    self.rollouts = rollouts
    self.refusal = refusal
    self.seconds = seconds
  }

  /// What a record is beside its numbers stands first; then all its tokens, all log-probabilities and
  /// the values of each quantity, each a column over the prompt and the trajectories in order.
  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(policyVersion)
    encoder.stable.put(weightsDigest)
    encoder.stable.put(optional: refusal) { $0.put($1) }
    let lists = [demonstrations, rejected, rollouts]
    let names = TrajectoryColumns.names(of: lists)
    encoder.stable.put(array: names) { $0.put($1) }
    encoder.stable.put(count: promptTokens.count)
    for list in lists {
      encoder.stable.put(array: list) { $1.encodeOutline(to: &$0, names: names) }
    }
    TrajectoryColumns.encode(promptTokens, lists, quantities: names, to: &encoder.stable)
    encoder.volatile.put(seconds)
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    self.init(
      policyVersion: try decoder.stable.ordinal("its policy version"),
      weightsDigest: try decoder.stable.digest("the digest of the weights"), promptTokens: [],
      demonstrations: [], rollouts: [])
    if decoder.version == 2 {
      try decodeVersion2(&decoder.stable)
    } else {
      try decode(&decoder.stable)
    }
    seconds = try decoder.volatile.double()
    try RecordError.require(
      refusal == nil || rollouts.isEmpty,
      "says why it has no rollouts, and holds \(rollouts.count)")
  }

  private mutating func decode(_ reader: inout ByteReader) throws(RecordError) {
    refusal = try reader.optional { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    let names = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    let promptLength = try reader.number(limit: ByteReader.memoryLimit)
    let outline = { (reader: inout ByteReader) throws(RecordError) in
      try TrajectoryOutline(from: &reader, names: names.count)
    }
    let outlines = [
      try reader.array(outline), try reader.array(outline), try reader.array(outline),
    ]
    let (prompt, lists) = try TrajectoryColumns.decode(
      promptLength, outlines, quantities: names, from: &reader)
    promptTokens = prompt
    demonstrations = lists[0]
    rejected = lists[1]
    rollouts = lists[2]
    for list in lists {
      for trajectory in list { try trajectory.requireAgreement() }
    }
  }
}
