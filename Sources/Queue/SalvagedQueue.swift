import Glibc

/// What can be read of a data file whose trees are broken: leaf by leaf, past LMDB.
///
/// A record proves itself: its checksum covers log and key, so it may be taken from any leaf, also from
/// one that no tree leads to any more. A value of a small table proves itself by its seal, but not that
/// it is the last one: copy-on-write leaves older versions of a leaf behind. So those that change (heads,
/// cursors, states) are taken only from leaves that the newest tree still reaches.
struct SalvagedQueue {
  struct Place: Hashable, Comparable {
    let log: Log
    let key: RecordKey

    static func < (left: Place, right: Place) -> Bool {
      (left.log.index, left.key) < (right.log.index, right.key)
    }
  }

  struct Entry {
    let table: Databases.Table
    let key: [UInt8]
    let sealed: [UInt8]
  }

  /// Envelope and frame, whole, by place.
  private(set) var records: [Place: [UInt8]] = [:]
  private(set) var entries: [Entry] = []
  /// Leaves that were read, and those among them that a tree still reaches.
  private(set) var leaves = 0
  private(set) var reached = 0

  /// A record's first piece, and later ones by number; several where versions of a leaf differ.
  private struct Pieces {
    var first: [[UInt8]] = []
    var later: [Int: [[UInt8]]] = [:]
  }

  /// Reads every page of the file at `path`.
  init(reading path: String) throws(QueueError) {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { throw .system(errno, at: path, doing: "stat") }
    let metas = try DataFile.metaPages(of: path).sorted { $0.transaction > $1.transaction }
    let pageSize = metas.first?.pageSize ?? 4096
    let reader = try PageReader(
      path, pageSize: pageSize, pages: UInt64(Int(status.st_size) / pageSize))
    let live = try Self.reachable(reader, metas)
    // Keys of eight or twelve bytes, with the number of a piece or without: the log is not known yet.
    var pieces: [[UInt8]: Pieces] = [:]
    var mutable: Set<String> = []
    guard reader.pages > 2 else { return }
    // Reached leaves first: of two values for one key theirs is taken.
    let order = live.sorted() + (2..<reader.pages).filter { !live.contains($0) }
    for number in order {
      guard let page = try Self.leaf(number, reader) else { continue }
      leaves += 1
      reached += live.contains(number) ? 1 : 0
      for node in page.nodes {
        guard let value = try Self.value(node, page, reader) else { continue }
        let key = Array(page.bytes[node.key])
        if keep(key, value, isReached: live.contains(number), &mutable) { continue }
        Self.collect(key, value, &pieces)
      }
    }
    for (key, found) in pieces { join(key, found) }
  }

  // MARK: Pages

  /// Leaves below the newest meta page, as far as its branches can be followed.
  private static func reachable(
    _ reader: PageReader, _ metas: [DataFile.Meta]
  ) throws(QueueError) -> Set<UInt64> {
    var seen: Set<UInt64> = []
    var leaves: Set<UInt64> = []
    var pending = metas.first.map { [$0.main.root] } ?? []
    while let number = pending.popLast() {
      guard seen.insert(number).inserted, let page = try page(number, reader) else { continue }
      if page.kind == .leaf { leaves.insert(number) }
      for node in page.nodes {
        switch node.content {
        case .child(let child): pending.append(child)
        case .inline(let range, isTree: true):
          pending.append(TreeHead(page.bytes, at: range.lowerBound).root)
        default: break
        }
      }
    }
    return leaves
  }

  /// nil for a page that is none, or lies outside the file.
  private static func page(
    _ number: UInt64, _ reader: PageReader
  ) throws(QueueError) -> TreePage? {
    guard number >= 2, number < reader.pages else { return nil }
    let bytes = try reader.bytes(number)
    do { return try TreePage(bytes, number: number) } catch { return nil }
  }

  private static func leaf(
    _ number: UInt64, _ reader: PageReader
  ) throws(QueueError) -> TreePage? {
    guard let page = try page(number, reader), page.kind == .leaf else { return nil }
    return page
  }

  /// nil where the value's own pages are gone.
  private static func value(
    _ node: TreePage.Node, _ page: TreePage, _ reader: PageReader
  ) throws(QueueError) -> [UInt8]? {
    if case .inline(_, isTree: true) = node.content { return nil }
    do throws(QueueError) { return try reader.value(node, of: page) } catch {
      guard error.code == .damaged else { throw error }
      return nil
    }
  }

  // MARK: Tables

  /// Takes a sealed value; whether it was one.
  private mutating func keep(
    _ key: [UInt8], _ value: [UInt8], isReached: Bool, _ taken: inout Set<String>
  ) -> Bool {
    for table in Databases.Table.allCases {
      do throws(QueueError) { _ = try RawTransaction.unsealed(value, table, key: key) } catch {
        continue
      }
      let changes = [.cursors, .heads, .state, .epochs].contains(table)
      let name = "\(table)/\(key)"
      if isReached || !changes, taken.insert(name).inserted {
        entries.append(Entry(table: table, key: key, sealed: value))
      }
      return true
    }
    return false
  }

  // MARK: Records

  private static func collect(
    _ key: [UInt8], _ value: [UInt8], _ pieces: inout [[UInt8]: Pieces]
  ) {
    switch key.count {
    case 8, 12: pieces[key, default: Pieces()].first.append(value)
    case 8 + PieceKey.numberLength, 12 + PieceKey.numberLength:
      let end = key.count - PieceKey.numberLength
      let number = Int(key[end]) << 8 | Int(key[end + 1])
      pieces[Array(key[..<end]), default: Pieces()].later[number, default: []].append(value)
    default: break
    }
  }

  private mutating func join(_ key: [UInt8], _ found: Pieces) {
    for first in found.first where first.count >= Envelope.length {
      let kind: UInt16 = littleEndian(first, at: 6)
      guard let log = Log.allCases.first(where: { $0.kind == kind }),
        let name = PieceKey(key, in: log)
      else { continue }
      let place = Place(log: log, key: name.record)
      guard records[place] == nil else { continue }
      let length = Envelope.length + Int(littleEndian(first, at: 24) as UInt32)
      if let stored = Self.complete(first, 1, length, found, place) { records[place] = stored }
    }
  }

  /// Adds pieces until the length is reached and the checksum agrees; of several for one number each is
  /// tried.
  private static func complete(
    _ start: [UInt8], _ number: Int, _ length: Int, _ found: Pieces, _ place: Place
  ) -> [UInt8]? {
    if start.count == length {
      do throws(QueueError) {
        _ = try Envelope.open(start, log: place.log, key: place.key)
        return start
      } catch { return nil }
    }
    guard start.count < length else { return nil }
    for piece in found.later[number] ?? [] {
      if let whole = complete(start + piece, number + 1, length, found, place) { return whole }
    }
    return nil
  }
}

extension Queue {
  /// What a salvage brought over.
  public struct Salvage: Sendable, Equatable {
    public var records: Int
    /// Values of small tables.
    public var values: Int
    /// Where the damaged queue lies now.
    public var kept: String
  }

  /// Puts a new queue in the place of one whose structure is broken, with all that can still be read of
  /// it; the old one is kept beside. The caller holds `RunLocks`.
  ///
  /// What is missing then (records, heads, cursors) is a repair's to make again.
  public static func salvage(
    at folder: String, options: QueueOptions = QueueOptions()
  ) throws -> Salvage {
    let found = try SalvagedQueue(reading: "\(folder)/data.mdb")
    let new = folder + QueueReplacement.suffix
    try QueueReplacement.removeLeftover(beside: folder)
    do {
      let queue = try create(at: new, identity: "", options: options)
      try queue.write(claims: []) { transaction in try transaction.restore(found) }
      if let head = try readWhole("\(folder)/head", limit: 4096) {
        try writeDurably(head, to: "\(new)/head")
      }
    }
    try QueueReplacement.exchange(new, with: folder)
    let kept = try QueueReplacement.putAside(new, as: folder)
    return Salvage(records: found.records.count, values: found.entries.count, kept: kept)
  }
}
