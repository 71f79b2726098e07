/// The content of one file as it goes to the disk: what is durable, and what was written since.
struct SimulatedFile {
  /// One write or truncation that no sync has followed yet.
  fileprivate struct Change {
    var offset: Int
    /// nil for a truncation to `offset`.
    var data: [UInt8]?
    var isSynchronous: Bool

    func size(after size: Int) -> Int {
      data.map { max(size, offset + $0.count) } ?? offset
    }

    /// Whether it changes bytes of `piece`, when the file had `size` bytes before.
    func touches(_ piece: Range<Int>, size: Int) -> Bool {
      if let data { return offset < piece.upperBound && offset + data.count > piece.lowerBound }
      return offset < piece.upperBound && size > piece.lowerBound
    }
  }

  private(set) var durable: [UInt8]
  private var pending: [Change] = []
  /// Changes dropped from `pending` by syncs, so that a change has one number for ever.
  private var synced = 0

  init(durable: [UInt8] = []) { self.durable = durable }

  /// How many changes were ever made.
  var changes: Int { synced + pending.count }

  var size: Int { pending.reduce(durable.count) { $1.size(after: $0) } }

  /// Whether its length on the disk is behind.
  var hasGrown: Bool { size != durable.count }

  mutating func write(_ data: [UInt8], at offset: Int, isSynchronous: Bool) {
    pending.append(Change(offset: offset, data: data, isSynchronous: isSynchronous))
  }

  mutating func truncate(to length: Int) {
    pending.append(Change(offset: length, data: nil, isSynchronous: false))
  }

  mutating func sync() {
    durable = current
    synced += pending.count
    pending = []
  }

  /// What a reader of the running system sees.
  var current: [UInt8] {
    var bytes = durable
    for change in pending {
      let size = change.size(after: bytes.count)
      if size < bytes.count { bytes.removeLast(bytes.count - size) }
      if size > bytes.count { bytes += Array(repeating: 0, count: size - bytes.count) }
      guard let data = change.data else { continue }
      bytes.replaceSubrange(change.offset..<change.offset + data.count, with: data)
    }
    return bytes
  }

  /// What the disk may hold after the power went.
  ///
  /// Every piece is in any state that it was in since the last sync, whatever became of its
  /// neighbours; so is the length. Where the length is on the disk and the data is not, there are
  /// zeros. A synchronous write fixes the pieces that it touched, and the length.
  /// - Parameters:
  ///   - flushed: number of the change up to which everything is on the disk in any case.
  ///   - pieceSize: what the disk writes at once: 512 bytes, or a page of 4096.
  func afterCut(
    flushed: Int, pieceSize: Int, survival: Survival, _ choices: inout Choices
  ) -> [UInt8] {
    guard !pending.isEmpty else { return durable }
    let flushed = min(max(0, flushed - synced), pending.count)
    let synchronous = pending.lastIndex { $0.isSynchronous }.map { $0 + 1 } ?? 0
    let sizes = pending.reduce(into: [durable.count]) { $0.append($1.size(after: $0.last ?? 0)) }
    let least = max(flushed, synchronous)
    let size = sizes[survival.version(in: least...pending.count, ofData: false, &choices)]
    var bytes = Array(durable.prefix(size))
    bytes += Array(repeating: 0, count: size - bytes.count)
    for start in stride(from: 0, to: size, by: pieceSize) {
      let piece = start..<min(start + pieceSize, size)
      let touching = pending.indices.filter {
        pending[$0].touches(start..<start + pieceSize, size: sizes[$0])
      }
      guard !touching.isEmpty else { continue }
      let fixed = touching.last { pending[$0].isSynchronous }.map { $0 + 1 } ?? 0
      let versions = max(flushed, fixed)...pending.count
      let version = survival.version(in: versions, ofData: true, &choices)
      var content = Array(durable.dropFirst(start).prefix(pieceSize))
      content += Array(repeating: 0, count: pieceSize - content.count)
      for index in touching where index < version { pending[index].apply(to: &content, at: start) }
      bytes.replaceSubrange(piece, with: content.prefix(piece.count))
    }
    return bytes
  }
}

extension SimulatedFile.Change {
  /// Applies the part that concerns the bytes from `start` on.
  func apply(to content: inout [UInt8], at start: Int) {
    guard let data else {
      for index in content.indices where start + index >= offset { content[index] = 0 }
      return
    }
    let range = max(start, offset)..<min(start + content.count, offset + data.count)
    for place in range { content[place - start] = data[place - offset] }
  }
}
