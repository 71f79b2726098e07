import CLMDB

/// The named databases of an environment, opened once, together.
struct Databases: Sendable {
  /// Small tables beside the logs. Their values are sealed: see `RawTransaction.sealed`.
  enum Table: String, CaseIterable {
    /// Format version, identity, current dictionary of each log.
    case meta
    /// Consumer name → next id.
    case cursors
    /// Stage and worker → how often it was claimed.
    case epochs
    /// Stage state, checkpoint pointers, fingerprints.
    case state
    /// Log → its first gap.
    case heads
    /// Dictionary id → trained dictionary.
    case dictionaries
    /// Damaged or poisonous records, set aside with a reason.
    case quarantine
  }

  /// Room for later databases of the same environment.
  static let count: UInt32 = 64

  private let logs: [MDB_dbi]
  private let tables: [Table: MDB_dbi]
  /// What the handles stand for.
  let names: [MDB_dbi: String]

  init(in transaction: RawTransaction, create: Bool, folder: String) throws(QueueError) {
    var names: [MDB_dbi: String] = [:]
    func open(_ name: String) throws(QueueError) -> MDB_dbi {
      guard let database = try transaction.openDatabase(name, create: create) else {
        throw QueueError(
          code: .unfinished, location: folder,
          problem: "has no database \(name): its creation was interrupted",
          remedy: "Start the run again; nothing was stored yet.")
      }
      names[database] = name
      return database
    }
    var logs: [MDB_dbi] = []
    for log in Log.allCases { logs.append(try open("log.\(log.rawValue)")) }
    self.logs = logs
    var tables: [Table: MDB_dbi] = [:]
    for table in Table.allCases { tables[table] = try open(table.rawValue) }
    self.tables = tables
    self.names = names
  }

  subscript(log: Log) -> MDB_dbi { logs[log.index] }

  subscript(table: Table) -> MDB_dbi {
    guard let database = tables[table] else { preconditionFailure("no database \(table)") }
    return database
  }
}

extension RawTransaction {
  /// The value of `key` in a small table, without its seal.
  ///
  /// LMDB has no page checksums, and a flipped bit in a cursor would move it in silence. So each
  /// value ends in XXH64 over table, key and value.
  func sealed(
    _ table: Databases.Table, _ key: String, in databases: Databases
  ) throws(QueueError) -> [UInt8]? {
    guard let stored = try get(databases[table], Array(key.utf8)) else { return nil }
    return try Self.unsealed(stored, table, key: Array(key.utf8))
  }

  func setSealed(
    _ table: Databases.Table, _ key: String, to value: [UInt8], in databases: Databases
  ) throws(QueueError) {
    let name = Array(key.utf8)
    let seal = littleEndian(Self.seal(table, key: name, value[...]))
    try put(databases[table], name, (value + seal)[...])
  }

  func sealedNumber(
    _ table: Databases.Table, _ key: String, in databases: Databases
  ) throws(QueueError) -> UInt64? {
    guard let bytes = try sealed(table, key, in: databases) else { return nil }
    guard bytes.count == 8 else {
      throw .damaged("\(table)/\(key)", "a number of \(bytes.count) bytes")
    }
    return littleEndian(bytes, at: 0)
  }

  /// All keys of a small table with their values, in key order.
  func allSealed(
    _ table: Databases.Table, in databases: Databases
  ) throws(QueueError) -> [(key: String, value: [UInt8])] {
    var found: [(key: String, value: [UInt8])] = []
    try unsafe scan(databases[table], from: []) { (key, value) throws(QueueError) in
      let stored = unsafe Array(value)
      guard let name = String(validating: key, as: UTF8.self) else {
        throw .damaged("\(table)", "a key is not text")
      }
      found.append((name, try Self.unsealed(stored, table, key: key)))
      return true
    }
    return found
  }

  static func unsealed(
    _ stored: [UInt8], _ table: Databases.Table, key: [UInt8]
  ) throws(QueueError) -> [UInt8] {
    let length = stored.count - 8
    guard length >= 0 else {
      throw .damaged(location(table, key), "\(stored.count) bytes, no seal")
    }
    guard littleEndian(stored, at: length) == seal(table, key: key, stored[..<length]) else {
      throw .damaged(location(table, key), "its checksum differs from its \(length) bytes")
    }
    return Array(stored[..<length])
  }

  private static func location(_ table: Databases.Table, _ key: [UInt8]) -> String {
    "\(table)/\(String(decoding: key, as: UTF8.self))"
  }

  private static func seal(
    _ table: Databases.Table, key: [UInt8], _ value: ArraySlice<UInt8>
  ) -> UInt64 {
    var hash = XXH64()
    hash.update(Array(table.rawValue.utf8) + [0] + littleEndian(UInt32(key.count)) + key)
    unsafe hash.update(value.span.bytes)
    return hash.finalize()
  }
}
