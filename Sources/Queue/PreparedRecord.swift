public import Records

/// A record on its way into a log: encoded and, as soon as its log's dictionary is settled, compressed
/// and sealed, which is most of the work of storing it. Needs no transaction, so that it can be made on
/// any thread while another transaction is being committed.
public struct PreparedRecord: Sendable {
  /// Raw bytes of the largest record that a dictionary is for; longer ones hold their own context.
  static let smallRecord = 4096

  public let log: Log
  public let key: RecordKey
  let version: UInt16
  private(set) var content: Content
  /// What a record of an older version says, in the bytes of today's.
  private let renew: @Sendable (ReadTransaction.Decoded) throws -> [UInt8]

  enum Content: Sendable {
    /// Small: its transaction finds or makes the dictionary to compress it with.
    case payload(RecordPayload)
    /// Header and frame.
    case sealed([UInt8])
  }

  /// - Parameter renew: makes of stored bytes of another version the stable bytes of `version`.
  /// - Throws: `.tooLarge`.
  init(
    _ payload: RecordPayload, version: UInt16, _ log: Log, _ key: RecordKey,
    _ codec: FrameCodec, _ shelf: DictionaryShelf,
    renew: @escaping @Sendable (ReadTransaction.Decoded) throws -> [UInt8]
  ) throws(QueueError) {
    let length = payload.stable.count + payload.volatile.count
    // What was spared is there again once the record is read.
    guard length + payload.spared <= Envelope.rawLimit else {
      throw .tooLarge(
        "\(log)/\(key)", bytes: length + payload.spared, limit: Envelope.rawLimit)
    }
    self.log = log
    self.key = key
    self.version = version
    self.renew = renew
    content = .payload(payload)
    let choice = length > Self.smallRecord ? .without : shelf.settled(log)
    switch choice {
    case .dictionary(let dictionary): content = .sealed(sealed(payload, with: dictionary, codec))
    case .without: content = .sealed(sealed(payload, with: nil, codec))
    case nil: break
    }
  }

  /// Header and frame.
  func sealed(
    _ payload: RecordPayload, with dictionary: CompressionDictionary?, _ codec: FrameCodec
  ) -> [UInt8] {
    let length = payload.stable.count + payload.volatile.count
    let envelope = Envelope(
      kind: log.kind, recordVersion: version, dictionary: dictionary?.id ?? 0, rawLength: length,
      stableLength: payload.stable.count)
    var value =
      length <= Self.smallRecord || payload.cuts.isEmpty
      ? codec.compress(
        payload.volatile.isEmpty ? payload.stable : payload.stable + payload.volatile,
        with: dictionary, room: Envelope.length)
      : codec.compressSections(payload, room: Envelope.length)
    envelope.seal(&value, log: log, key: key)
    return value
  }

  /// - Throws: `.tooLarge`.
  static func make<R: StoredRecord>(
    _ record: R, _ log: Log, _ key: RecordKey, _ codec: FrameCodec, _ shelf: DictionaryShelf
  ) throws(QueueError) -> PreparedRecord {
    precondition(R.kind == log.kind, "\(R.self) does not belong into \(log)")
    return try PreparedRecord(record.payload(), version: R.version, log, key, codec, shelf) {
      try $0.record(R.self, log, key).payload().stable
    }
  }

  /// The stable bytes of what is stored under the record's key, as its own version writes them.
  func stable(of stored: ReadTransaction.Decoded) throws -> [UInt8] {
    try stored.envelope.recordVersion == version ? stored.payload.stable : renew(stored)
  }
}

extension Queue {
  /// Compresses encoded bytes; `version` is that of their record type.
  ///
  /// - Throws: `.tooLarge` over 64 MiB.
  public func prepare(
    _ payload: RecordPayload, version: UInt16, _ log: Log, _ key: RecordKey
  ) throws(QueueError) -> PreparedRecord {
    try PreparedRecord(payload, version: version, log, key, codec, shelf) { $0.payload.stable }
  }

  /// Encodes and compresses a record for ``WriteTransaction/put(_:)-(PreparedRecord)``.
  ///
  /// - Throws: `.tooLarge` over 64 MiB.
  public func prepare<R: StoredRecord>(
    _ record: R, _ log: Log, _ key: RecordKey
  ) throws(QueueError) -> PreparedRecord {
    try PreparedRecord.make(record, log, key, codec, shelf)
  }
}
