/// The number of a group within its run: dense, ascending, given by the prompt shard reader.
public typealias GroupID = UInt64

/// One turn of a conversation.
public struct Message: Sendable, Equatable, Codable {
  public var role: String
  public var content: String

  public init(role: String, content: String) {
    self.role = role
    self.content = content
  }
}

/// One question of a dataset, as a row of a shard says it.
public struct Prompt: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    case text(String)
    case messages([Message])
  }

  /// Unique within its dataset.
  public var id: String
  public var content: Content
  /// What the verifier compares with; its form is the verifier's business.
  public var groundTruth: String
  /// Responses that someone else wrote (off-policy data); may be empty.
  public var demonstrations: [String]
  /// Responses that a preference rejects: `rejected[i]` against `demonstrations[i]`; may be empty.
  public var rejected: [String]
  /// Where the prompt comes from: chooses the verifier, and names the suite in an evaluation.
  public var source: String
  public var tags: [String: String]

  public init(
    id: String, content: Content, groundTruth: String, demonstrations: [String] = [],
    rejected: [String] = [], source: String, tags: [String: String] = [:]
  ) {
    self.id = id
    self.content = content
    self.groundTruth = groundTruth
    self.demonstrations = demonstrations
    self.rejected = rejected
    self.source = source
    self.tags = tags
  }
}

extension Prompt: Codable {
  private enum Key: String, CodingKey {
    case id, prompt, messages
    case groundTruth = "ground_truth"
    case demonstrations, chosen, rejected, source, tags
  }

  public init(from decoder: any Decoder) throws {
    let row = try decoder.container(keyedBy: Key.self)
    id = try row.decode(String.self, forKey: .id)
    if let messages = try row.decodeIfPresent([Message].self, forKey: .messages) {
      content = .messages(messages)
    } else {
      content = .text(try row.decode(String.self, forKey: .prompt))
    }
    groundTruth = try row.decodeIfPresent(String.self, forKey: .groundTruth) ?? ""
    // A preference pair's `chosen` is a demonstration; one text, or a list of them.
    demonstrations =
      try Self.texts(row, .demonstrations) ?? Self.texts(row, .chosen) ?? []
    rejected = try Self.texts(row, .rejected) ?? []
    source = try row.decodeIfPresent(String.self, forKey: .source) ?? ""
    tags = try row.decodeIfPresent([String: String].self, forKey: .tags) ?? [:]
  }

  private static func texts(
    _ row: KeyedDecodingContainer<Key>, _ key: Key
  ) throws -> [String]? {
    guard row.contains(key) else { return nil }
    // One text or a list of them: what is neither fails as a list, with its place.
    if let text = try? row.decode(String.self, forKey: key) { return [text] }
    return try row.decodeIfPresent([String].self, forKey: key)
  }

  public func encode(to encoder: any Encoder) throws {
    var row = encoder.container(keyedBy: Key.self)
    try row.encode(id, forKey: .id)
    switch content {
    case .text(let text): try row.encode(text, forKey: .prompt)
    case .messages(let messages): try row.encode(messages, forKey: .messages)
    }
    try row.encode(groundTruth, forKey: .groundTruth)
    try row.encode(demonstrations, forKey: .demonstrations)
    if !rejected.isEmpty { try row.encode(rejected, forKey: .rejected) }
    try row.encode(source, forKey: .source)
    try row.encode(tags, forKey: .tags)
  }
}

extension Prompt {
  func encode(to writer: inout ByteWriter) {
    writer.put(id)
    switch content {
    case .text(let text):
      writer.put(UInt8(0))
      writer.put(text)
    case .messages(let messages):
      writer.put(UInt8(1))
      writer.put(array: messages) {
        $0.put($1.role)
        $0.put($1.content)
      }
    }
    writer.put(groundTruth)
    writer.put(array: demonstrations) { $0.put($1) }
    writer.put(array: rejected) { $0.put($1) }
    writer.put(source)
    writer.put(array: tags.sorted { $0.key < $1.key }) {
      $0.put($1.key)
      $0.put($1.value)
    }
  }

  init(from reader: inout ByteReader) throws(RecordError) {
    id = try reader.string()
    switch try reader.byte() {
    case 0: content = .text(try reader.string())
    case 1:
      content = .messages(
        try reader.array { (reader: inout ByteReader) throws(RecordError) in
          Message(role: try reader.string(), content: try reader.string())
        })
    case let other: throw RecordError(problem: "prompt content has the unknown form \(other)")
    }
    groundTruth = try reader.string()
    demonstrations = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    rejected = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.string()
    }
    source = try reader.string()
    let pairs = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      (try reader.string(), try reader.string())
    }
    tags = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
  }
}

/// The reader's record, log `prompts`: which question a group asks, and where it was read.
public struct PromptRecord: StoredRecord {
  public static let kind: UInt16 = 1
  public static let version: UInt16 = 2

  /// The step this group is meant for, and the wave of that step.
  public var step: UInt64
  public var wave: UInt32
  /// Where the prompt stands in its dataset's order: which epoch, and which position in it.
  public var epoch: UInt64
  public var position: UInt64
  /// The dataset's place in the definition's list.
  public var dataset: UInt32
  /// How many rollouts are asked; 0 for plain SFT.
  public var rollouts: UInt32
  public var prompt: Prompt

  public init(
    step: UInt64, wave: UInt32, epoch: UInt64, position: UInt64, dataset: UInt32,
    rollouts: UInt32, prompt: Prompt
  ) {
    self.step = step
    self.wave = wave
    self.epoch = epoch
    self.position = position
    self.dataset = dataset
    self.rollouts = rollouts
    self.prompt = prompt
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(step)
    encoder.stable.put(wave)
    encoder.stable.put(epoch)
    encoder.stable.put(position)
    encoder.stable.put(dataset)
    encoder.stable.put(rollouts)
    prompt.encode(to: &encoder.stable)
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    step = try decoder.stable.ordinal("its step")
    wave = try decoder.stable.smallCount("its wave")
    epoch = try decoder.stable.ordinal("its epoch")
    position = try decoder.stable.ordinal("its position")
    dataset = try decoder.stable.smallCount("its dataset")
    rollouts = try decoder.stable.smallCount("the number of rollouts asked for")
    prompt = try Prompt(from: &decoder.stable)
  }
}
