import CLMDB

/// One LMDB transaction and the calls inside it; every pointer into the map stays in here.
///
/// Belongs to the thread that began it. After `commit` or `abort` any use traps: LMDB frees the
/// handle, so going on would read freed memory.
@safe final class RawTransaction {
  private var handle: OpaquePointer?
  private let path: String
  /// Set when LMDB ran out of map inside this transaction, whatever became of the error since.
  private(set) var isMapFull = false
  /// Where values are read from, if not from LMDB's map.
  var snapshot: JudgedSnapshot?

  init(_ handle: OpaquePointer, path: String) {
    unsafe self.handle = handle
    self.path = path
  }

  deinit { abort() }

  private var live: OpaquePointer {
    guard let handle = unsafe handle else {
      preconditionFailure("a queue transaction was used after its closure returned")
    }
    return unsafe handle
  }

  func abort() {
    if let handle = unsafe handle { unsafe mdb_txn_abort(handle) }
    unsafe handle = nil
  }

  /// LMDB frees the handle even when the commit fails.
  func commit() throws(QueueError) {
    let code = unsafe mdb_txn_commit(live)
    unsafe handle = nil
    try check(code, "commit")
  }

  /// The number of the snapshot (reading) or of the commit to be (writing).
  var number: UInt64 { unsafe UInt64(mdb_txn_id(live)) }

  func openDatabase(_ name: String, create: Bool) throws(QueueError) -> MDB_dbi? {
    var database: MDB_dbi = 0
    let code = unsafe mdb_dbi_open(live, name, create ? UInt32(MDB_CREATE) : 0, &database)
    if code == MDB_NOTFOUND { return nil }
    try check(code, "opening the database \(name)")
    return database
  }

  func statistics(_ database: MDB_dbi) throws(QueueError) -> MDB_stat {
    var statistics = MDB_stat()
    if let snapshot {
      let tree = try snapshot.tree(database)
      statistics.ms_depth = UInt32(tree.depth)
      statistics.ms_branch_pages = Int(clamping: tree.branchPages)
      statistics.ms_leaf_pages = Int(clamping: tree.leafPages)
      statistics.ms_overflow_pages = Int(clamping: tree.overflowPages)
      statistics.ms_entries = Int(clamping: tree.entries)
      return statistics
    }
    try check(unsafe mdb_stat(live, database, &statistics), "statistics")
    return statistics
  }

  /// A copy of the value under `key`.
  func get(_ database: MDB_dbi, _ key: [UInt8]) throws(QueueError) -> [UInt8]? {
    var copy: [UInt8]?
    try unsafe look(database, key) { copy = unsafe Array($0) }
    return copy
  }

  /// Shows the value under `key`, if there is one; it is valid only inside `body`.
  /// - Returns: whether there is.
  @discardableResult
  func look(
    _ database: MDB_dbi, _ key: [UInt8], _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(QueueError) -> Bool {
    if let snapshot {
      guard let value = try snapshot.value(database, key) else { return false }
      unsafe value.withUnsafeBytes { unsafe body($0) }
      return true
    }
    var value = unsafe MDB_val()
    let code = unsafe withValue(key[...]) { unsafe mdb_get(live, database, &$0, &value) }
    if code == MDB_NOTFOUND { return false }
    try check(code, "read")
    unsafe body(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
    return true
  }

  /// Whether there is a value under `key`; does not touch it.
  func contains(_ database: MDB_dbi, _ key: [UInt8]) throws(QueueError) -> Bool {
    if let snapshot { return try snapshot.contains(database, key) }
    var value = unsafe MDB_val()
    let code = unsafe withValue(key[...]) { unsafe mdb_get(live, database, &$0, &value) }
    if code == MDB_NOTFOUND { return false }
    try check(code, "read")
    return true
  }

  /// - Parameter appending: the key is above all keys of the database; pages are then filled.
  func put(
    _ database: MDB_dbi, _ key: [UInt8], _ value: ArraySlice<UInt8>, appending: Bool = false
  ) throws(QueueError) {
    let code = unsafe withValue(key[...]) { key in
      unsafe withValue(value) { value in
        unsafe mdb_put(live, database, &key, &value, appending ? UInt32(MDB_APPEND) : 0)
      }
    }
    try check(code, "write")
  }

  /// Whether there was something to delete.
  @discardableResult
  func delete(_ database: MDB_dbi, _ key: [UInt8]) throws(QueueError) -> Bool {
    let code = unsafe withValue(key[...]) { unsafe mdb_del(live, database, &$0, nil) }
    if code == MDB_NOTFOUND { return false }
    try check(code, "delete")
    return true
  }

  func lastKey(_ database: MDB_dbi) throws(QueueError) -> [UInt8]? {
    var key = unsafe MDB_val()
    let code = try unsafe withCursor(database) { cursor in
      unsafe mdb_cursor_get(cursor, &key, nil, MDB_LAST)
    }
    if code == MDB_NOTFOUND { return nil }
    try check(code, "read")
    return unsafe Array(UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size))
  }

  /// Visits entries from the first key at or above `start`, in key order, while `visit` says true.
  ///
  /// The value is valid only inside `visit`, which must copy what it keeps.
  func scan(
    _ database: MDB_dbi, from start: [UInt8],
    _ visit: (_ key: [UInt8], _ value: UnsafeRawBufferPointer) throws(QueueError) -> Bool
  ) throws(QueueError) {
    if let snapshot { return try unsafe snapshot.scan(database, from: start, visit) }
    var failure: QueueError?
    let code = try unsafe withCursor(database) { cursor in
      var key = unsafe MDB_val()
      var value = unsafe MDB_val()
      var code = unsafe withValue(start[...]) { first in
        unsafe key = unsafe first
        return unsafe mdb_cursor_get(
          cursor, &key, &value, start.isEmpty ? MDB_FIRST : MDB_SET_RANGE)
      }
      var name: [UInt8] = []
      while code == 0 {
        // In the room of the key before, unless somebody kept that.
        name.removeAll(keepingCapacity: true)
        unsafe name.append(
          contentsOf: UnsafeRawBufferPointer(start: key.mv_data, count: key.mv_size))
        do throws(QueueError) {
          let content = unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
          guard try unsafe visit(name, content) else { return code }
        } catch {
          failure = error
          return 0
        }
        code = unsafe mdb_cursor_get(cursor, &key, &value, MDB_NEXT)
      }
      return code
    }
    if let failure { throw failure }
    if code != MDB_NOTFOUND { try check(code, "read") }
  }

  private func withCursor(
    _ database: MDB_dbi, _ body: (OpaquePointer) -> Int32
  ) throws(QueueError) -> Int32 {
    var cursor: OpaquePointer?
    try check(unsafe mdb_cursor_open(live, database, &cursor), "opening a cursor")
    guard let cursor = unsafe cursor else { preconditionFailure("mdb_cursor_open gave no cursor") }
    defer { unsafe mdb_cursor_close(cursor) }
    return unsafe body(cursor)
  }

  /// The bytes as LMDB wants them. LMDB only reads keys and values, although its type is mutable.
  private func withValue(_ bytes: ArraySlice<UInt8>, _ body: (inout MDB_val) -> Int32) -> Int32 {
    unsafe bytes.withUnsafeBytes { raw in
      var value = unsafe MDB_val(
        mv_size: raw.count, mv_data: UnsafeMutableRawPointer(mutating: raw.baseAddress))
      return unsafe body(&value)
    }
  }

  private func check(_ code: Int32, _ action: String) throws(QueueError) {
    if code == MDB_MAP_FULL { isMapFull = true }
    guard code == 0 else { throw .lmdb(code, at: path, doing: action) }
  }
}
