import CLMDB
public import Records

/// A record as an examination finds it, damaged or not.
public struct ExaminedRecord: Sendable {
  public let key: RecordKey
  /// The decoded bytes with the version of their record type, or what is wrong with them.
  public let content: Result<(payload: RecordPayload, version: UInt16), QueueError>

  /// The record as a value.
  /// - Throws: what is wrong with its bytes.
  public func record<R: StoredRecord>(_: R.Type, in log: Log) throws -> R {
    let (payload, version) = try content.get()
    try R.requireReadable(version, log, key)
    return try R(log, key) { () throws(RecordError) in try R(payload: payload, version: version) }
  }
}

/// A value of a small table that is not what was written.
public struct TableFault: Sendable, Equatable {
  /// `cursors`, `heads`, …
  public let table: String
  public let key: [UInt8]
  public let problem: String

  /// `cursors/gate`.
  public var location: String { "\(table)/\(String(decoding: key, as: UTF8.self))" }
}

extension ReadTransaction {
  /// Up to `count` records of a log at or above `start`, ascending, damaged ones among them; and
  /// keys between them that belong to no record.
  public func examine(
    _ log: Log, from start: RecordKey, count: Int
  ) throws(QueueError) -> (records: [ExaminedRecord], strays: [String]) {
    var keys: [RecordKey] = []
    var strays: [String] = []
    var next = 0
    try unsafe raw.scan(databases[log], from: PieceKey(start).bytes(in: log)) { key, _ in
      guard let name = PieceKey(key, in: log) else {
        strays.append("a key of \(key.count) bytes")
        return true
      }
      if name.piece == 0 {
        guard keys.count < count else { return false }
        keys.append(name.record)
        next = 1
      } else if keys.last == name.record, name.piece == next {
        next += 1
      } else {
        strays.append("\(name.record), its piece \(name.piece) stands alone")
      }
      return true
    }
    return (keys.map { examined(log, $0) }, strays)
  }

  private func examined(_ log: Log, _ key: RecordKey) -> ExaminedRecord {
    do throws(QueueError) {
      guard let stored = try stored(log, key, seeksStrays: true) else {
        throw .damaged("\(log)/\(key)", "is not under its key")
      }
      let decoded = try decode(stored, log, key)
      return ExaminedRecord(
        key: key, content: .success((decoded.payload, decoded.envelope.recordVersion)))
    } catch {
      return ExaminedRecord(key: key, content: .failure(error))
    }
  }

  /// Everything in the small tables whose seal or form is wrong, and how many values there are.
  public func examineTables() throws(QueueError) -> (values: Int, faults: [TableFault]) {
    var values = 0
    var faults: [TableFault] = []
    for table in Databases.Table.allCases {
      for (key, stored) in try raw.all(databases[table]) {
        values += 1
        do throws(QueueError) {
          try judge(try RawTransaction.unsealed(stored, table, key: key), table, key: key)
        } catch {
          faults.append(TableFault(table: table.rawValue, key: key, problem: error.problem))
        }
      }
    }
    return (values, faults)
  }

  /// What a seal does not say: whether the value has the form that its table asks for.
  private func judge(
    _ value: [UInt8], _ table: Databases.Table, key: [UInt8]
  ) throws(QueueError) {
    let name = String(decoding: key, as: UTF8.self)
    switch table {
    case .cursors, .epochs, .heads:
      guard value.count == 8 else { throw .damaged(name, "a number of \(value.count) bytes") }
    case .dictionaries:
      guard let dictionary = CompressionDictionary(value), "\(dictionary.id)" == name else {
        throw .damaged(name, "\(value.count) bytes that are not this dictionary")
      }
    case .quarantine: _ = try QuarantinedRecord(name: name, value: value)
    case .meta, .state: break
    }
  }

  /// The bytes of a record as they lie in the file, joined; nil where there is none. Nothing is checked.
  package func storedBytes(_ log: Log, _ key: RecordKey) throws(QueueError) -> [UInt8]? {
    try stored(log, key)
  }

  /// Every value of the small tables as it lies in the file, with its seal.
  package func tableBytes() throws(QueueError) -> [(table: String, key: String, bytes: [UInt8])] {
    var found: [(table: String, key: String, bytes: [UInt8])] = []
    for table in Databases.Table.allCases {
      for (key, bytes) in try raw.all(databases[table]) {
        found.append((table.rawValue, String(decoding: key, as: UTF8.self), bytes))
      }
    }
    return found
  }

  /// The stored number, or nil where there is none or it is damaged.
  func readableNumber(_ table: Databases.Table, _ key: String) throws(QueueError) -> UInt64? {
    do throws(QueueError) { return try raw.sealedNumber(table, key, in: databases) } catch {
      guard error.code == .damaged else { throw error }
      return nil
    }
  }

  /// A log's head as its table says; nil where that cannot be read.
  public func readableHead(_ log: Log) throws(QueueError) -> UInt64? {
    try readableNumber(.heads, log.rawValue)
  }

  /// A consumer's position; nil where it cannot be read or never moved.
  public func readableCursor(_ name: String) throws(QueueError) -> UInt64? {
    try readableNumber(.cursors, name)
  }

  /// A named value; nil where there is none or it cannot be read.
  public func readableState(_ name: String) throws(QueueError) -> [UInt8]? {
    do throws(QueueError) { return try state(name) } catch {
      guard error.code == .damaged else { throw error }
      return nil
    }
  }
}

extension RawTransaction {
  /// All keys of a database with copies of their values, in key order.
  func all(_ database: MDB_dbi) throws(QueueError) -> [(key: [UInt8], value: [UInt8])] {
    var found: [(key: [UInt8], value: [UInt8])] = []
    try unsafe scan(database, from: []) { key, value in
      unsafe found.append((key, Array(value)))
      return true
    }
    return found
  }
}

extension Queue {
  /// The heads that the head record remembers, by log; nil when there is none.
  /// - Throws: when it is damaged.
  public func rememberedHeads() throws -> [Log: UInt64]? {
    guard let record = try HeadRecord(at: headPath) else { return nil }
    return Dictionary(uniqueKeysWithValues: Log.allCases.map { ($0, record.heads[$0.index]) })
  }
}
