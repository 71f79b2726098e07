import CLMDB

/// Taking records away: for trimming, and for tools on a run at rest. Stages only ever append.
extension WriteTransaction {
  /// Keys looked at before they are deleted: bounds the memory of a cut.
  private static let portion = 1024

  /// Removes all records of a log at or above `key`; its head falls to `key` where it was above.
  ///
  /// A record written under one of these keys later is a new one: nothing compares it with what was
  /// there. Costs a look-up for every stored piece.
  /// - Returns: how many records went.
  @discardableResult
  public func removeRecords(_ log: Log, from key: RecordKey) throws(QueueError) -> Int {
    let removed = try removePieces(log, from: key) { _ in true }
    if !log.usesPart { heads[log.index] = min(try head(log), key.id) }
    leaves[log.index] = nil
    if removed > 0 { try raiseRevision() }
    return removed
  }

  /// Says that other records may come under keys that had some: see `ReadTransaction.revision`.
  func raiseRevision() throws(QueueError) {
    try raw.setSealed(.meta, "revision", to: littleEndian(try revision() + 1), in: databases)
  }

  /// Removes the records of a log below `key`, lowest first, at most `limit` of them. The head stays:
  /// what is gone has been there.
  ///
  /// - Returns: how many records went; fewer than `limit`: no more are below `key`.
  @discardableResult
  public func removeRecords(
    _ log: Log, below key: RecordKey, limit: Int = .max
  ) throws(QueueError) -> Int {
    var records = 0
    return try removePieces(log, from: RecordKey(0)) { name in
      guard name.record < key else { return false }
      if name.piece == 0 { records += 1 }
      return records <= limit
    }
  }

  /// Moves a consumer's position back, or leaves it where it is when it is not above `value`.
  public func setCursorBack(_ name: String, to value: UInt64) throws(QueueError) {
    guard try cursor(name) > value else { return }
    try raw.setSealed(.cursors, name, to: littleEndian(value), in: databases)
  }

  /// Gives a queue that is a copy another identity; whoever has it open sees it at the next opening.
  public func setIdentity(_ identity: String) throws(QueueError) {
    precondition(identity.utf8.count <= 64 << 10, "identity of \(identity.utf8.count) bytes")
    try raw.setSealed(.meta, "identity", to: Array(identity.utf8), in: databases)
  }

  /// Deletes pieces in key order while `isGoing` says so.
  ///
  /// By keys collected first: LMDB's cursor stands in between entries after a deletion.
  private func removePieces(
    _ log: Log, from start: RecordKey, _ isGoing: (PieceKey) -> Bool
  ) throws(QueueError) -> Int {
    var removed = 0
    var isDone = false
    while !isDone {
      var names: [[UInt8]] = []
      try unsafe raw.scan(databases[log], from: PieceKey(start).bytes(in: log)) {
        (key, _) throws(QueueError) in
        guard let name = PieceKey(key, in: log) else {
          throw .damaged("\(log)", "a key of \(key.count) bytes is no key of this log")
        }
        guard isGoing(name) else {
          isDone = true
          return false
        }
        names.append(key)
        if name.piece == 0 { removed += 1 }
        return names.count < Self.portion
      }
      if names.count < Self.portion { isDone = true }
      for name in names { try raw.delete(databases[log], name) }
    }
    return removed
  }
}

extension Queue {
  /// Whether any process, this one included, holds a stage of the run.
  public func isAnyStageHeld() throws -> Bool { try FileLock.isAnyHeld(in: "\(runFolder)/locks") }

  /// Lowers the head record, which a cut must do before it is committed: the next opening compares.
  ///
  /// - Parameter limits: the heads that the cut leaves, by log. A log without one keeps its number.
  public func lowerHeadRecord(to limits: [Log: UInt64]) throws {
    guard var record = try HeadRecord(at: headPath) else { return }
    for (log, limit) in limits {
      record.heads[log.index] = min(record.heads[log.index], limit)
    }
    try record.write(to: headPath)
  }
}
