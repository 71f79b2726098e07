import Randomness
public import Records
import Synchronization

/// Where prompts come from: a dataset, or one joined with the demonstrations of another.
public protocol PromptSource: Sendable {
  /// How many prompts there are.
  var rows: Int { get }
  /// What a run remembers of the data: hexadecimal digits of a SHA-256.
  var fingerprint: String { get }
  /// The prompt at `index` in 0..<rows, in stored order.
  func row(_ index: Int) throws(ShardError) -> Prompt
}

extension PromptSource {
  /// The prompt at a place of the seeded order of an epoch. O(1) but for loading the shard.
  public func row(at place: DatasetPosition, seed: UInt64) throws(ShardError) -> Prompt {
    try row(place.index(rows: rows, seed: seed))
  }
}

/// A place in the endless sequence of a dataset's epochs.
public struct DatasetPosition: Sendable, Hashable {
  public var epoch: UInt64
  /// In 0..<rows.
  public var position: UInt64

  public init(epoch: UInt64, position: UInt64) {
    self.epoch = epoch
    self.position = position
  }

  /// The place of the `ordinal`-th prompt read, counted from 0 over all epochs. `rows` > 0.
  public init(ordinal: UInt64, rows: Int) {
    precondition(rows > 0, "DatasetPosition: an empty dataset has no places")
    (epoch, position) = ordinal.quotientAndRemainder(dividingBy: UInt64(rows))
  }

  public func ordinal(rows: Int) -> UInt64 { epoch * UInt64(rows) + position }

  /// The row that stands here: each epoch is a permutation of its own.
  public func index(rows: Int, seed: UInt64) -> Int {
    Int(Permutation(count: UInt64(rows), seed: seed, epoch: epoch)[position])
  }
}

/// A dataset on disk, with random access by row.
///
/// A shard is read, compared with the manifest's SHA-256 and decompressed when one of its rows is
/// asked for the first time; the latest stay in memory up to a limit. Rows are parsed when asked.
public final class Dataset: PromptSource {
  public let folder: String
  public let manifest: DatasetManifest
  public let rows: Int
  public let fingerprint: String
  /// The first row of each shard, and the number of all rows at the end.
  private let starts: [Int]
  private let cacheBytes: Int
  private let cache = Mutex<[LoadedShard]>([])

  /// Reads and checks the manifest; shards are checked as they are used.
  /// - Parameter cacheBytes: decompressed shards kept at most; the one in use always stays.
  public init(folder: String, cacheBytes: Int = 256 << 20) throws(ShardError) {
    self.folder = folder
    self.cacheBytes = cacheBytes
    manifest = try DatasetManifest(folder: folder)
    var starts = [0]
    for shard in manifest.shards { starts.append(starts[starts.count - 1] + shard.rows) }
    self.starts = starts
    rows = starts[starts.count - 1]
    fingerprint = manifest.fingerprint
  }

  public var name: String { manifest.name }

  public func row(_ index: Int) throws(ShardError) -> Prompt {
    try decode(Prompt.self, index)
  }

  /// The row's JSON, as stored.
  public func json(_ index: Int) throws(ShardError) -> String {
    let (shard, row) = locate(index)
    let loaded = try load(shard)
    return String(decoding: loaded.line(row), as: UTF8.self)
  }

  /// Reads every shard and compares it with the manifest.
  public func verify() throws(ShardError) {
    for shard in manifest.shards.indices { _ = try load(shard) }
  }

  /// Reads one shard and compares it with the manifest.
  func verifyShard(at shard: Int) throws(ShardError) { _ = try load(shard) }

  func decode<Row: DatasetRow>(_ type: Row.Type, _ index: Int) throws(ShardError) -> Row {
    let (shard, row) = locate(index)
    let loaded = try load(shard)
    return try RowCoding.decode(type, loaded.line(row), at: "\(loaded.path) row \(row)")
  }

  /// The shard of a row, and the row's number in it.
  private func locate(_ index: Int) -> (shard: Int, row: Int) {
    precondition((0..<rows).contains(index), "Dataset: row \(index) of \(rows)")
    var low = 0
    var high = manifest.shards.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if starts[middle] <= index { low = middle } else { high = middle }
    }
    return (low, index - starts[low])
  }

  private func load(_ shard: Int) throws(ShardError) -> LoadedShard {
    let kept = cache.withLock { cache -> LoadedShard? in
      guard let place = cache.firstIndex(where: { $0.number == shard }) else { return nil }
      let found = cache.remove(at: place)
      cache.append(found)
      return found
    }
    if let kept { return kept }
    // Outside the lock: two threads may load the same shard, which costs time but nothing else.
    let loaded = try LoadedShard(
      number: shard, manifest.shards[shard], folder: folder)
    cache.withLock { cache in
      cache.removeAll { $0.number == shard }
      cache.append(loaded)
      while cache.count > 1, cache.reduce(0, { $0 + $1.bytes.count }) > cacheBytes {
        cache.removeFirst()
      }
    }
    return loaded
  }
}

/// A decompressed shard, and where its lines begin.
final class LoadedShard: Sendable {
  let number: Int
  let path: String
  let bytes: [UInt8]
  /// The first byte of each line, and the end of the last one with its line end.
  private let starts: [UInt32]

  init(
    number: Int, _ shard: DatasetManifest.Shard, folder: String
  ) throws(ShardError) {
    let path = "\(folder)/\(shard.file)"
    self.number = number
    self.path = path
    var bytes = try ShardFile.load(shard, path: path, folder: folder)
    if bytes.last != UInt8(ascii: "\n"), !bytes.isEmpty { bytes.append(UInt8(ascii: "\n")) }
    starts = try Self.starts(of: bytes, rows: shard.rows, path: path)
    self.bytes = bytes
  }

  /// The number of rows is the manifest's word and is not believed: no table is sized by it.
  private static func starts(
    of bytes: [UInt8], rows: Int, path: String
  ) throws(ShardError) -> [UInt32] {
    var starts: [UInt32] = [0]
    var start = 0
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      let length = offset - start
      let row = starts.count - 1
      guard length <= RowCoding.byteLimit, length >= RowCoding.leastBytes else {
        let limit =
          length > RowCoding.byteLimit
          ? "more than \(RowCoding.byteLimit)" : "fewer than a row can have"
        throw .row("\(path) row \(row)", "the row has \(length) bytes, \(limit)")
      }
      guard row < rows else {
        throw .damaged(path, "it holds more than the \(rows) rows that the manifest says")
      }
      start = offset + 1
      starts.append(UInt32(start))
    }
    guard starts.count - 1 == rows else {
      throw .damaged(path, "it holds \(starts.count - 1) rows, the manifest says \(rows)")
    }
    return starts
  }

  /// A row's JSON without its line end.
  func line(_ row: Int) -> ArraySlice<UInt8> {
    bytes[Int(starts[row])..<Int(starts[row + 1]) - 1]
  }
}
