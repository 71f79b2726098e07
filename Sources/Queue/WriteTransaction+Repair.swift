import CLMDB

/// Mending tables and logs of a run at rest: what a repair writes beside records made again.
extension WriteTransaction {
  /// Removes a damaged value of a small table, which leaves its meaning to whoever writes it again.
  public func remove(_ fault: TableFault) throws(QueueError) {
    guard let table = Databases.Table(rawValue: fault.table) else { return }
    try raw.delete(databases[table], fault.key)
  }

  /// Writes a log's head, whatever stood there.
  public func restoreHead(_ log: Log, to head: UInt64) throws(QueueError) {
    precondition(!log.usesPart, "\(log) has no head")
    heads[log.index] = head
  }

  /// Writes a consumer's position, whatever stood there.
  public func restoreCursor(_ name: String, to value: UInt64) throws(QueueError) {
    try raw.setSealed(.cursors, name, to: littleEndian(value), in: databases)
  }

  /// Gives each of these claims a number, where it has none, that no earlier one has reached: a stage
  /// that slept through all of this stays superseded.
  public func restoreEpochs(_ names: [String]) throws(QueueError) {
    for name in names where try readableNumber(.epochs, name) == nil {
      try raw.setSealed(.epochs, name, to: littleEndian(UInt64(1) << 32), in: databases)
    }
  }

  /// Writes what every opening compares: the format, and the run's identity.
  public func restoreIdentity(_ identity: String) throws(QueueError) {
    try raw.setSealed(.meta, "format", to: littleEndian(Queue.formatVersion), in: databases)
    try raw.setSealed(.meta, "identity", to: Array(identity.utf8), in: databases)
  }

  /// Removes keys of a log that belong to no record.
  public func removeStrays(_ log: Log) throws(QueueError) {
    var strays: [[UInt8]] = []
    var current: PieceKey?
    try unsafe raw.scan(databases[log], from: []) { key, _ in
      let name = PieceKey(key, in: log)
      if let name,
        name.piece == 0 || current?.record == name.record && current?.piece == name.piece - 1
      {
        current = name
      } else {
        strays.append(key)
      }
      return true
    }
    for key in strays { try raw.delete(databases[log], key) }
    if !strays.isEmpty { leaves[log.index] = nil }
  }

  /// Stores the bytes of a record, or the sealed bytes of a table's value, as they were found.
  func restore(_ found: SalvagedQueue) throws(QueueError) {
    for (place, stored) in found.records.sorted(by: { $0.key < $1.key }) {
      var fill = PageFill(pageSize: environment.pageSize, keyLength: place.log.keyLength)
      var start = 0
      for (piece, length) in fill.pieces(of: stored.count).enumerated() {
        try raw.put(
          databases[place.log], PieceKey(place.key, piece: piece).bytes(in: place.log),
          stored[start..<start + length])
        start += length
      }
      leaves[place.log.index] = nil
    }
    for entry in found.entries {
      try raw.put(databases[entry.table], entry.key, entry.sealed[...])
    }
  }
}
