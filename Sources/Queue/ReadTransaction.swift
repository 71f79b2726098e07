public import Records

/// A consistent view of a queue, valid inside the closure it was handed to.
///
/// Keep it short: nothing that a reader may still see is reused, so an open one lets the file grow.
/// Everything it returns is a copy. Use after the closure returned is a bug and traps.
public class ReadTransaction {
  let raw: RawTransaction
  let environment: Environment
  let codec: FrameCodec
  let shelf: DictionaryShelf

  var databases: Databases { environment.databases }

  init(_ raw: RawTransaction, environment: Environment, codec: FrameCodec, shelf: DictionaryShelf) {
    self.raw = raw
    self.environment = environment
    self.codec = codec
    self.shelf = shelf
  }

  /// The decoded bytes under `key`, or nil.
  ///
  /// Checksum, kind, lengths and frame are verified. Throws `.damaged` or `.unknownVersion`.
  public func payload(_ log: Log, _ key: RecordKey) throws(QueueError) -> RecordPayload? {
    guard let stored = try stored(log, key) else { return nil }
    return try decode(stored, log, key).payload
  }

  /// The stable bytes under `key` as `R` writes them today, whichever version wrote them; or nil.
  public func stableBytes<R: StoredRecord>(
    of type: R.Type, _ log: Log, _ key: RecordKey
  ) throws -> [UInt8]? {
    guard let stored = try stored(log, key) else { return nil }
    let decoded = try decode(stored, log, key)
    guard decoded.envelope.recordVersion != R.version else { return decoded.payload.stable }
    return try decoded.record(type, log, key).payload().stable
  }

  /// Whether there is a record under `key`; its bytes are not read.
  public func contains(_ log: Log, _ key: RecordKey) throws(QueueError) -> Bool {
    try raw.contains(databases[log], PieceKey(key).bytes(in: log))
  }

  /// The record under `key`, or nil. Throws also when its version is not `R`'s.
  public func record<R: StoredRecord>(
    _ type: R.Type, _ log: Log, _ key: RecordKey
  ) throws -> R? {
    guard let stored = try stored(log, key) else { return nil }
    return try decode(stored, log, key).record(type, log, key)
  }

  /// The first gap of a log: all ids below it are there. Not for demands.
  public func head(_ log: Log) throws(QueueError) -> UInt64 {
    precondition(!log.usesPart, "\(log) has no head")
    return try raw.sealedNumber(.heads, log.rawValue, in: databases) ?? 0
  }

  /// How often records were cut off the end of a log or set aside, so that others could come under their
  /// keys. What is derived from records and kept elsewhere holds as long as this stays.
  public func revision() throws(QueueError) -> UInt64 {
    try raw.sealedNumber(.meta, "revision", in: databases) ?? 0
  }

  /// A consumer's position: the next id it will take; 0 when it never moved.
  public func cursor(_ name: String) throws(QueueError) -> UInt64 {
    try raw.sealedNumber(.cursors, name, in: databases) ?? 0
  }

  /// Fencing: every claim must still be the latest of its stage and worker.
  ///
  /// - Throws: `.superseded`.
  public func require(_ claims: [StageClaim]) throws(QueueError) {
    for claim in claims {
      let epoch = try raw.sealedNumber(.epochs, claim.name, in: databases) ?? 0
      guard epoch == claim.epoch else { throw .superseded(claim, epoch: epoch) }
    }
  }

  /// All cursors in name order.
  public func cursors() throws(QueueError) -> [(name: String, value: UInt64)] {
    var found: [(name: String, value: UInt64)] = []
    for (name, bytes) in try raw.allSealed(.cursors, in: databases) {
      guard bytes.count == 8 else { throw .damaged("cursors/\(name)", "\(bytes.count) bytes") }
      found.append((name, littleEndian(bytes, at: 0)))
    }
    return found
  }

  /// What a stage keeps beside its cursor: state, checkpoint pointers, fingerprints.
  public func state(_ name: String) throws(QueueError) -> [UInt8]? {
    try raw.sealed(.state, name, in: databases)
  }

  /// Names of states that start with `prefix`, in order.
  public func stateNames(prefix: String = "") throws(QueueError) -> [String] {
    var names: [String] = []
    try unsafe raw.scan(databases[.state], from: Array(prefix.utf8)) { key, _ in
      guard key.starts(with: prefix.utf8) else { return false }
      names.append(String(decoding: key, as: UTF8.self))
      return true
    }
    return names
  }

  /// Up to `count` keys of a log at or above `start`, ascending. Values are not read.
  public func keys(
    _ log: Log, from start: RecordKey = RecordKey(0), count: Int = .max
  ) throws(QueueError) -> [RecordKey] {
    var keys: [RecordKey] = []
    guard count > 0 else { return keys }
    try unsafe raw.scan(databases[log], from: PieceKey(start).bytes(in: log)) {
      (key, _) throws(QueueError) in
      let name = try Self.pieceKey(key, in: log)
      if name.piece == 0 { keys.append(name.record) }
      return keys.count < count
    }
    return keys
  }

  /// Up to `count` decoded records of a log at or above `start`, ascending.
  public func payloads(
    _ log: Log, from start: RecordKey = RecordKey(0), count: Int
  ) throws(QueueError) -> [(key: RecordKey, payload: RecordPayload)] {
    var found: [(key: RecordKey, payload: RecordPayload)] = []
    try forEachDecoded(log, from: start, count: count) { found.append(($0, $1.payload)) }
    return found
  }

  /// Up to `count` records of a log at or above `start`, ascending.
  public func records<R: StoredRecord>(
    _ type: R.Type, _ log: Log, from start: RecordKey = RecordKey(0), count: Int
  ) throws -> [(key: RecordKey, record: R)] {
    var found: [(key: RecordKey, decoded: Decoded)] = []
    try forEachDecoded(log, from: start, count: count) { found.append(($0, $1)) }
    return try found.map { ($0, try $1.record(type, log, $0)) }
  }

  /// Records set aside, in key order.
  public func quarantine() throws(QueueError) -> [QuarantinedRecord] {
    var found: [QuarantinedRecord] = []
    for (name, value) in try raw.allSealed(.quarantine, in: databases) {
      found.append(try QuarantinedRecord(name: name, value: value))
    }
    return found
  }
}

extension ReadTransaction {
  /// Bytes of stored records that are not of unusual length.
  private static let usualLength = 1 << 20

  struct Decoded {
    let envelope: Envelope
    /// The stable part, then the volatile one.
    let bytes: [UInt8]

    var payload: RecordPayload {
      // Spares the copy where there is nothing to cut off.
      if envelope.stableLength == bytes.count { return RecordPayload(stable: bytes) }
      return RecordPayload(
        stable: Array(bytes[..<envelope.stableLength]),
        volatile: Array(bytes[envelope.stableLength...]))
    }

    /// The record that these bytes are, which must be the one of its key.
    func record<R: StoredRecord>(_: R.Type, _ log: Log, _ key: RecordKey) throws -> R {
      let version = envelope.recordVersion
      try R.requireReadable(version, log, key)
      return try R(log, key) { () throws(RecordError) in
        try R(bytes: bytes, stableLength: envelope.stableLength, version: version)
      }
    }
  }

  /// The pieces under `key`, joined; nil when there is none.
  ///
  /// By single look-ups: in a damaged tree LMDB answers these with an error, whereas a cursor that
  /// moves to a neighbour aborts the process.
  ///
  /// - Parameter seeksStrays: look for pieces beyond the length that the header tells.
  func stored(
    _ log: Log, _ key: RecordKey, seeksStrays: Bool = false
  ) throws(QueueError) -> [UInt8]? {
    let database = databases[log]
    var joined: [UInt8] = []
    var length = Int.max
    var piece = 0
    while seeksStrays || joined.count < length {
      let name = PieceKey(key, piece: piece).bytes(in: log)
      let isThere = try unsafe raw.look(database, name) { part in
        if piece == 0 {
          length = unsafe Envelope.storedLength(part) ?? .max
          // What a damaged header claims is not reserved.
          joined.reserveCapacity(min(length, Self.usualLength))
        }
        unsafe joined.append(contentsOf: part)
      }
      guard isThere else { break }
      piece += 1
    }
    return piece == 0 ? nil : joined
  }

  func decode(_ stored: [UInt8], _ log: Log, _ key: RecordKey) throws(QueueError) -> Decoded {
    try unsafe decode(stored.span.bytes, log, key)
  }

  private func decode(
    _ stored: RawSpan, _ log: Log, _ key: RecordKey
  ) throws(QueueError) -> Decoded {
    let envelope = try Envelope.open(stored, log: log, key: key)
    let frame = stored.extracting(droppingFirst: Envelope.length)
    var dictionary: CompressionDictionary?
    if envelope.dictionary != 0 {
      dictionary = try shelf.dictionary(
        envelope.dictionary, in: raw, databases, place: "\(log)/\(key)")
    }
    let bytes = try codec.decompress(
      frame, length: envelope.rawLength, with: dictionary, place: "\(log)/\(key)")
    return Decoded(envelope: envelope, bytes: bytes)
  }

  /// Decodes records, `count` of them from `start` on. Those of one piece are read where LMDB has them.
  func forEachDecoded(
    _ log: Log, from start: RecordKey, count: Int, _ body: (RecordKey, Decoded) -> Void
  ) throws(QueueError) {
    guard count > 0 else { return }
    var current: RecordKey?
    var bytes: [UInt8] = []
    var pieces = 0
    var done = 0
    try unsafe raw.scan(databases[log], from: PieceKey(start).bytes(in: log)) {
      (key, value) throws(QueueError) in
      let name = try Self.pieceKey(key, in: log)
      guard name.piece == 0 else {
        guard current == name.record, name.piece == pieces else {
          throw .damaged("\(log)/\(name.record)", "its piece \(name.piece) stands alone")
        }
        unsafe bytes.append(contentsOf: value)
        pieces += 1
        return true
      }
      if let finished = current {
        body(finished, try self.decode(bytes, log, finished))
        done += 1
        current = nil
        if done == count { return false }
      }
      if unsafe Envelope.storedLength(value) == value.count {
        body(name.record, try unsafe self.decode(value.bytes, log, name.record))
        done += 1
        return done < count
      }
      current = name.record
      // One buffer for all records, with room for what a sound header tells.
      bytes.removeAll(keepingCapacity: true)
      bytes.reserveCapacity(unsafe min(Envelope.storedLength(value) ?? 0, Self.usualLength))
      unsafe bytes.append(contentsOf: value)
      pieces = 1
      return true
    }
    if let current { body(current, try decode(bytes, log, current)) }
  }

  private static func pieceKey(_ key: [UInt8], in log: Log) throws(QueueError) -> PieceKey {
    guard let name = PieceKey(key, in: log) else {
      throw .damaged("\(log)", "a key of \(key.count) bytes is no key of this log")
    }
    return name
  }
}

extension StoredRecord {
  /// Refuses bytes of a version that this program does not read.
  static func requireReadable(
    _ version: UInt16, _ log: Log, _ key: RecordKey
  ) throws(QueueError) {
    precondition(kind == log.kind, "\(Self.self) does not belong into \(log)")
    guard (oldestVersion...Self.version).contains(version) else {
      let known = oldestVersion == Self.version ? "" : "\(oldestVersion) to "
      throw .unknownVersion(
        "\(log)/\(key)", "record version \(version)", known: "\(known)\(Self.version)")
    }
  }

  /// What `read` makes of the bytes under a key, which must be the record of that key.
  init(
    _ log: Log, _ key: RecordKey, _ read: () throws(RecordError) -> Self
  ) throws(RecordError) {
    do throws(RecordError) { self = try read() } catch {
      throw RecordError(location: "\(log)/\(key)", problem: error.problem)
    }
    guard belongs(under: key.id, part: key.part) else {
      throw RecordError(location: "\(log)/\(key)", problem: "names another step or wave itself")
    }
  }
}
