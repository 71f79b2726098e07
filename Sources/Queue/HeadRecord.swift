/// What the logs held at the last checkpoint, kept outside LMDB.
///
/// A damaged meta page can make LMDB show an older view without an error (3 of 300 bit flips,
/// measured). This file finds such a silent step back: no head may be below the one it names.
struct HeadRecord: Equatable {
  private static let magic: [UInt8] = Array("TMPH".utf8)
  private static let version: UInt32 = 1
  private static let length = 8 + 8 * Log.allCases.count + 8

  /// By `Log.index`; 0 for demands, which have no head.
  var heads: [UInt64]

  init(heads: [UInt64]) { self.heads = heads }

  /// nil when there is none.
  init?(at path: String) throws(QueueError) {
    guard let bytes = try readWhole(path, limit: Self.length + 1) else { return nil }
    guard bytes.count == Self.length, Array(bytes[..<4]) == Self.magic else {
      throw .damaged(path, "\(bytes.count) bytes that are no head record")
    }
    let version: UInt32 = littleEndian(bytes, at: 4)
    guard version == Self.version else {
      throw .unknownVersion(path, "head record version \(version)", known: "\(Self.version)")
    }
    let end = Self.length - 8
    guard littleEndian(bytes, at: end) == XXH64.hash(Array(bytes[..<end])) else {
      throw .damaged(path, "its checksum differs from its bytes")
    }
    heads = Log.allCases.map { littleEndian(bytes, at: 8 + 8 * $0.index) }
  }

  func write(to path: String) throws(QueueError) {
    var bytes = Self.magic + littleEndian(Self.version)
    for head in heads { bytes += littleEndian(head) }
    bytes += littleEndian(XXH64.hash(bytes))
    try writeDurably(bytes, to: path)
  }

  /// Refuses a queue that holds less than this record remembers.
  func require(_ current: [UInt64], folder: String) throws(QueueError) {
    for log in Log.allCases where current[log.index] < heads[log.index] {
      throw QueueError(
        code: .steppedBack, location: "\(folder)/\(log)",
        problem:
          "holds records below \(current[log.index]), and held those below \(heads[log.index])",
        remedy: "The queue shows an older state than it acknowledged; `pipeline queue repair`.")
    }
  }
}
