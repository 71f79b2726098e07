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
  /// Logs to which this transaction has appended: nobody else can, so that their last leaf, where it is
  /// known, ends with their last key.
  private var appended: Set<Log> = []
  /// Logs whose dictionary this transaction has made.
  private var trained: Set<Log> = []

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
  public func put<R: StoredRecord>(_ record: R, _ log: Log, _ key: RecordKey) throws {
    try put(PreparedRecord.make(record, log, key, codec, shelf))
  }

  /// Stores encoded bytes; `version` is that of their record type.
  public func put(
    _ payload: RecordPayload, version: UInt16, _ log: Log, _ key: RecordKey
  ) throws {
    try put(
      PreparedRecord(payload, version: version, log, key, codec, shelf) { $0.payload.stable })
  }

  /// Stores a record that was prepared before the transaction began.
  public func put(_ record: PreparedRecord) throws {
    let log = record.log
    let key = record.key
    let last = try lastKey(log)
    let name = PieceKey(key).bytes(in: log)
    let isAppended = last.map { $0.lexicographicallyPrecedes(name) } ?? true
    if !isAppended, let stored = try stored(log, key) {
      return try requireSame(record, as: decode(stored, log, key))
    }
    try store(sealed(record), log, key, after: last, isAppended: isAppended)
    try advanceHead(log, past: key, isAppended: isAppended)
  }

  private func lastKey(_ log: Log) throws(QueueError) -> [UInt8]? {
    if appended.contains(log), let leaf = leaves[log.index] { return leaf.key }
    return try raw.lastKey(databases[log])
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
    guard let bytes = try stored(log, key, seeksStrays: true) else {
      throw .damaged("\(log)/\(key)", "is not there to be set aside")
    }
    let record = QuarantinedRecord(log: log, key: key, reason: reason, bytes: bytes)
    try raw.setSealed(.quarantine, record.name, to: record.value, in: databases)
    var piece = 0
    while try raw.delete(databases[log], PieceKey(key, piece: piece).bytes(in: log)) { piece += 1 }
    leaves[log.index] = nil
    try raiseRevision()
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

  /// Header and frame.
  private func sealed(_ record: PreparedRecord) throws(QueueError) -> [UInt8] {
    switch record.content {
    case .sealed(let value): return value
    case .payload(let payload):
      return record.sealed(payload, with: try dictionary(for: record.log), codec)
    }
  }

  /// Refuses to write over `stored`, unless it says the same.
  private func requireSame(_ record: PreparedRecord, as stored: Decoded) throws {
    let known = try record.stable(of: stored)
    let new =
      switch record.content {
      case .payload(let payload): payload.stable
      case .sealed(let value): try decode(value, record.log, record.key).payload.stable
      }
    guard known != new else { return }
    let place = zip(known, new).enumerated().first { $1.0 != $1.1 }?.offset
    throw QueueError(
      code: .conflict, location: "\(record.log)/\(record.key)",
      problem: "another record is there: \(known.count) bytes, new \(new.count), "
        + "first difference at byte \(place ?? min(known.count, new.count))",
      remedy: "Report this with the run's log: a repeated computation gave other bits.")
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
    if isAppended { appended.insert(log) }
  }

  private func advanceHead(
    _ log: Log, past key: RecordKey, isAppended: Bool
  ) throws(QueueError) {
    guard !log.usesPart else { return }
    var head = try head(log)
    guard key.id == head else { return }
    head += 1
    // Records that other workers stored ahead; behind the last key there are none.
    if !isAppended {
      while try raw.contains(databases[log], PieceKey(RecordKey(head)).bytes(in: log)) { head += 1 }
    }
    heads[log.index] = head
  }
}

extension WriteTransaction {
  /// Most samples a dictionary is trained on.
  private static let sampleLimit = 2048

  /// The dictionary for a new small record; trains the log's when it is due.
  private func dictionary(for log: Log) throws(QueueError) -> CompressionDictionary? {
    switch shelf.settled(log) {
    case .dictionary(let dictionary): return dictionary
    case .without: return nil
    case nil: break
    }
    let name = "dictionary.\(log.rawValue)"
    if let id = try raw.sealedNumber(.meta, name, in: databases) {
      // 0: training was tried and gave nothing.
      let dictionary =
        id == 0
        ? nil
        : try shelf.dictionary(
          UInt32(truncatingIfNeeded: id), in: raw, databases, place: "\(log)")
      if !trained.contains(log) {
        shelf.settle(log, dictionary.map { .dictionary($0) } ?? .without)
      }
      return dictionary
    }
    let statistics = try raw.statistics(databases[log])
    guard statistics.ms_entries >= options.dictionaryThreshold else { return nil }
    let dictionary = try train(log)
    try raw.setSealed(
      .meta, name, to: littleEndian(UInt64(dictionary?.id ?? 0)), in: databases)
    trained.insert(log)
    return dictionary
  }

  /// Trains on the small records of the log so far, in key order, at a fixed stride.
  private func train(_ log: Log) throws(QueueError) -> CompressionDictionary? {
    let keys = try keys(log)
    let stride = max(1, keys.count / Self.sampleLimit)
    var samples: [[UInt8]] = []
    for index in Swift.stride(from: 0, to: keys.count, by: stride) {
      guard let payload = try payload(log, keys[index]) else { continue }
      let sample = payload.stable + payload.volatile
      if sample.count <= PreparedRecord.smallRecord { samples.append(sample) }
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
