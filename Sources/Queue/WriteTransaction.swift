import CLMDB
public import Records

/// A transaction that also writes: outputs, cursor and state move together or not at all.
///
/// The closure that gets it may run more than once (the map may have to grow in between), so it
/// must not change anything outside but through its result.
public final class WriteTransaction: ReadTransaction {
  private let options: QueueOptions
  /// By `Log.index`; nil until used. Written at the end.
  var heads: [UInt64?]
  var leaves: [LastLeaf?]

  init(
    _ raw: RawTransaction, environment: Environment, codec: FrameCodec, shelf: DictionaryShelf,
    options: QueueOptions, leaves: [LastLeaf?]
  ) {
    self.options = options
    self.leaves = leaves
    heads = Array(repeating: nil, count: Log.allCases.count)
    super.init(raw, environment: environment, codec: codec, shelf: shelf)
  }

  /// Stores a record under its key.
  ///
  /// Writing a key again is harmless as long as the stable bytes are the same: the first one
  /// stays. Throws `.conflict` when they differ, `.tooLarge` over 64 MiB.
  public func put<R: StoredRecord>(_ record: R, _ log: Log, _ key: RecordKey) throws(QueueError) {
    precondition(R.kind == log.kind, "\(R.self) does not belong into \(log)")
    try put(record.payload(), version: R.version, log, key)
  }

  /// Stores encoded bytes; `version` is that of their record type.
  public func put(
    _ payload: RecordPayload, version: UInt16, _ log: Log, _ key: RecordKey
  ) throws(QueueError) {
    let length = payload.stable.count + payload.volatile.count
    guard length <= Envelope.rawLimit else {
      throw .tooLarge("\(log)/\(key)", bytes: length, limit: Envelope.rawLimit)
    }
    let last = try raw.lastKey(databases[log])
    let name = PieceKey(key).bytes(in: log)
    let isAppended = last.map { $0.lexicographicallyPrecedes(name) } ?? true
    if !isAppended, let stored = try stored(log, key) {
      let known = try decode(stored, log, key).payload
      guard known.stable == payload.stable else { throw Self.conflict(log, key, known, payload) }
      return
    }
    let dictionary = try dictionary(for: log, length: length)
    let frame = codec.compress(payload.stable + payload.volatile, with: dictionary)
    let envelope = Envelope(
      kind: log.kind, recordVersion: version, dictionary: dictionary?.id ?? 0, rawLength: length,
      stableLength: payload.stable.count)
    let value = envelope.sealed(frame, log: log, key: key)
    try store(value, log, key, after: last, isAppended: isAppended)
    try advanceHead(log, past: key)
  }

  /// Moves a consumer's position. Throws `.conflict` when it would go back.
  public func setCursor(_ name: String, to value: UInt64) throws(QueueError) {
    let current = try cursor(name)
    guard value >= current else {
      throw QueueError(
        code: .conflict, location: "cursors/\(name)",
        problem: "would move back from \(current) to \(value)",
        remedy: "Report this with the run's log; nothing was written.")
    }
    try raw.setSealed(.cursors, name, to: littleEndian(value), in: databases)
  }

  public func setState(_ name: String, to bytes: [UInt8]) throws(QueueError) {
    guard bytes.count <= Envelope.rawLimit else {
      throw .tooLarge("state/\(name)", bytes: bytes.count, limit: Envelope.rawLimit)
    }
    try raw.setSealed(.state, name, to: bytes, in: databases)
  }

  /// Whether there was such a state.
  @discardableResult
  public func removeState(_ name: String) throws(QueueError) -> Bool {
    try raw.delete(databases[.state], Array(name.utf8))
  }

  /// Moves the stored bytes of a record, damaged or not, out of its log.
  ///
  /// The head stays. The caller puts what takes its place (an error or a drop) in the same
  /// transaction; without it later readers find the key missing.
  public func setAside(_ log: Log, _ key: RecordKey, reason: String) throws(QueueError) {
    guard let bytes = try stored(log, key) else {
      throw .damaged("\(log)/\(key)", "is not there to be set aside")
    }
    let record = QuarantinedRecord(log: log, key: key, reason: reason, bytes: bytes)
    try raw.setSealed(.quarantine, record.name, to: record.value, in: databases)
    var piece = 0
    while try raw.delete(databases[log], PieceKey(key, piece: piece).bytes(in: log)) { piece += 1 }
    leaves[log.index] = nil
  }

  public override func head(_ log: Log) throws(QueueError) -> UInt64 {
    if let known = heads[log.index] { return known }
    return try super.head(log)
  }
}

extension WriteTransaction {
  /// Writes what was held back and commits; returns the last leaves for the next transaction.
  func finish() throws(QueueError) -> [LastLeaf?] {
    for log in Log.allCases {
      guard let head = heads[log.index] else { continue }
      try raw.setSealed(.heads, log.rawValue, to: littleEndian(head), in: databases)
    }
    try raw.commit()
    return leaves
  }

  func raiseEpoch(_ name: String) throws(QueueError) -> UInt64 {
    let epoch = (try raw.sealedNumber(.epochs, name, in: databases) ?? 0) + 1
    try raw.setSealed(.epochs, name, to: littleEndian(epoch), in: databases)
    return epoch
  }

  /// - Parameters:
  ///   - last: the log's last key.
  ///   - isAppended: `key` comes after it. A record between others finds no leaf to fill.
  private func store(
    _ value: [UInt8], _ log: Log, _ key: RecordKey, after last: [UInt8]?, isAppended: Bool
  ) throws(QueueError) {
    var free = 0
    if isAppended, let last, let leaf = leaves[log.index], leaf.key == last { free = leaf.free }
    var fill = PageFill(pageSize: environment.pageSize, keyLength: log.keyLength, free: free)
    var start = 0
    var name: [UInt8] = []
    for (piece, length) in fill.pieces(of: value.count).enumerated() {
      name = PieceKey(key, piece: piece).bytes(in: log)
      try raw.put(
        databases[log], name, value[start..<start + length], appending: isAppended)
      start += length
    }
    leaves[log.index] = isAppended ? LastLeaf(key: name, free: fill.free) : nil
  }

  private func advanceHead(_ log: Log, past key: RecordKey) throws(QueueError) {
    guard !log.usesPart else { return }
    var head = try head(log)
    guard key.id == head else { return }
    head += 1
    // Records that other workers stored ahead.
    while try raw.contains(databases[log], PieceKey(RecordKey(head)).bytes(in: log)) { head += 1 }
    heads[log.index] = head
  }

  private static func conflict(
    _ log: Log, _ key: RecordKey, _ known: RecordPayload, _ new: RecordPayload
  ) -> QueueError {
    let place = zip(known.stable, new.stable).enumerated().first { $1.0 != $1.1 }?.offset
    return QueueError(
      code: .conflict, location: "\(log)/\(key)",
      problem: "another record is there: \(known.stable.count) bytes, new \(new.stable.count), "
        + "first difference at byte \(place ?? min(known.stable.count, new.stable.count))",
      remedy: "Report this with the run's log: a repeated computation gave other bits.")
  }
}

extension WriteTransaction {
  /// Raw bytes of the largest record that a dictionary is for; longer ones hold their own context.
  private static let smallRecord = 4096
  /// Most samples a dictionary is trained on.
  private static let sampleLimit = 2048

  /// The dictionary for a new record of `length` raw bytes; trains the log's when it is due.
  private func dictionary(for log: Log, length: Int) throws(QueueError) -> CompressionDictionary? {
    guard length <= Self.smallRecord else { return nil }
    let name = "dictionary.\(log.rawValue)"
    if let id = try raw.sealedNumber(.meta, name, in: databases) {
      // 0: training was tried and gave nothing.
      guard id != 0 else { return nil }
      return try shelf.dictionary(
        UInt32(truncatingIfNeeded: id), in: raw, databases, place: "\(log)")
    }
    let statistics = try raw.statistics(databases[log])
    guard statistics.ms_entries >= options.dictionaryThreshold else { return nil }
    let trained = try train(log)
    try raw.setSealed(
      .meta, name, to: littleEndian(UInt64(trained?.id ?? 0)), in: databases)
    return trained
  }

  /// Trains on the small records of the log so far, in key order, at a fixed stride.
  private func train(_ log: Log) throws(QueueError) -> CompressionDictionary? {
    let keys = try keys(log)
    let stride = max(1, keys.count / Self.sampleLimit)
    var samples: [[UInt8]] = []
    for index in Swift.stride(from: 0, to: keys.count, by: stride) {
      guard let payload = try payload(log, keys[index]) else { continue }
      let sample = payload.stable + payload.volatile
      if sample.count <= Self.smallRecord { samples.append(sample) }
    }
    let bytes = samples.reduce(0) { $0 + $1.count }
    let capacity = min(options.dictionaryBytes, bytes / 8)
    guard capacity >= 512,
      let trained = CompressionDictionary.train(on: samples, capacity: capacity)
    else { return nil }
    let name = "\(trained.id)"
    if let known = try raw.sealed(.dictionaries, name, in: databases) {
      // Another log's dictionary of the same id: theirs stays, unless it is the very same.
      guard known == trained.bytes else { return nil }
    } else {
      try raw.setSealed(.dictionaries, name, to: trained.bytes, in: databases)
    }
    shelf.add(trained)
    return trained
  }
}
