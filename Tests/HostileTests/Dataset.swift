import Digest
import Foundation

/// zstd frames made by hand, so that they can say what no compressor writes.
enum ZstdFrame {
  private static let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
  /// Bytes of a block at most.
  private static let blockLimit = 128 << 10

  /// `bytes` uncompressed, without checksum and content size.
  static func stored(_ bytes: [UInt8], windowLog: Int = 20) -> [UInt8] {
    var frame = magic + [0, UInt8((windowLog - 10) << 3)]
    var start = 0
    repeat {
      let end = min(start + blockLimit, bytes.count)
      frame += header(isLast: end == bytes.count, type: 0, size: end - start)
      frame += bytes[start..<end]
      start = end
    } while start < bytes.count
    return frame
  }

  /// `count` times the same byte: four bytes for each 128 KiB.
  static func repeating(_ byte: UInt8, count: Int, windowLog: Int = 20) -> [UInt8] {
    var frame = magic + [0, UInt8((windowLog - 10) << 3)]
    let blocks = (count + blockLimit - 1) / blockLimit
    for block in 0..<blocks {
      let size = min(blockLimit, count - block * blockLimit)
      frame += header(isLast: block == blocks - 1, type: 1, size: size) + [byte]
    }
    return frame
  }

  /// A frame that a decoder passes over.
  static func skippable(claiming length: UInt32, _ bytes: [UInt8]) -> [UInt8] {
    [0x50, 0x2A, 0x4D, 0x18] + (0..<4).map { UInt8(truncatingIfNeeded: length >> UInt32(8 * $0)) }
      + bytes
  }

  private static func header(isLast: Bool, type: Int, size: Int) -> [UInt8] {
    let bits = (isLast ? 1 : 0) | type << 1 | size << 3
    return (0..<3).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
  }
}

/// A dataset in a folder of its own, with whatever shard and manifest a test wants.
struct HostileDataset {
  static let row = #"{"id":"a","prompt":"1 + 1 = ?","ground_truth":"2"}"# + "\n"
  static let shard = "x-00000.jsonl.zst"

  let place: Place
  var folder: String { place.path }

  /// - Parameter manifest: changes the text of a sound manifest.
  init(
    shard bytes: [UInt8] = ZstdFrame.stored(Array(HostileDataset.row.utf8)), rows: Int = 1,
    manifest change: (String) -> String = { $0 }
  ) throws {
    place = try Place()
    try place.write(bytes, Self.shard)
    let digest = hexadecimal(SHA256.hash(bytes))
    try place.write(
      change(
        """
        {"format": 1, "name": "x", "fields": ["id"], "shards": [{"file": "\(Self.shard)", \
        "rows": \(rows), "bytes": \(bytes.count), "sha256": "\(digest)"}]}
        """), "manifest.json")
  }

  /// A dataset of one row with this text.
  init(row: String) throws { try self.init(shard: ZstdFrame.stored(Array((row + "\n").utf8))) }

  /// Puts a link in the place of one of its files.
  func link(_ name: String, to target: String) throws {
    let file = "\(folder)/\(name)"
    try FileManager.default.removeItem(atPath: file)
    try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: target)
  }
}
