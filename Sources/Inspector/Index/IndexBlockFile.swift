import Conditions
import Files
import Foundation
import Queue
import Records

/// A block of the index as a file: derived from the logs, never synced, made anew when anything about it
/// is wrong.
///
///     magic "TMPI", version u32
///     length of the header u32, header, XXH64 of the header u64
///     a zstd frame for the starts of groups and for each column
///
/// The header has the coverage and, of each frame, its name, raw length, place and length.
struct IndexBlockFile {
  private static let magic = Array("TMPI".utf8)
  private static let version: UInt32 = 1
  private static let startsName = "starts"
  private static let codec = FrameCodec()
  /// A header of a block with all columns takes some hundred bytes.
  private static let longestHeader = 1 << 16
  /// Raw bytes of a column that can be a block's.
  private static let longestColumn = 64 << 20

  private struct Frame {
    var name: String
    var rawLength: Int
    var offset: Int
    var length: Int
  }

  let coverage: IndexBlock.Coverage
  private let groups: Int
  private let frames: [Frame]
  private let path: String

  // MARK: Writing

  /// Writes under a name of its own and renames, so that readers see a whole block or none.
  static func write(_ block: IndexBlock, to path: String) throws {
    var frames: [Frame] = []
    var body: [UInt8] = []
    func add(_ name: String, _ raw: [UInt8]) {
      let frame = codec.compress(raw, with: nil)
      frames.append(
        Frame(name: name, rawLength: raw.count, offset: body.count, length: frame.count))
      body += frame
    }
    let lengths = zip(block.starts.dropFirst(), block.starts).map { Double($0 - $1) }
    add(startsName, IndexColumn(numbers: lengths).encoded())
    for (field, column) in block.columns.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      add(field.rawValue, column)
    }
    var header = ByteWriter()
    header.put(block.coverage.revision)
    header.put(block.coverage.first)
    header.put(array: block.coverage.counts) { $0.put($1) }
    header.put(UInt32(block.groups))
    header.put(array: frames) {
      $0.put($1.name)
      $0.put(UInt32($1.rawLength))
      $0.put(UInt32($1.offset))
      $0.put(UInt32($1.length))
    }
    var start = ByteWriter()
    start.put(version)
    start.put(UInt32(header.bytes.count))
    var end = ByteWriter()
    end.put(XXH64.hash(header.bytes))
    let bytes = magic + start.bytes + header.bytes + end.bytes + body
    let temporary = "\(path).\(ProcessInfo.processInfo.processIdentifier)"
    try Data(bytes).write(to: URL(fileURLWithPath: temporary))
    guard unsafe rename(temporary, path) == 0 else {
      throw InspectorError(
        .file, at: path, "cannot rename it: \(SystemCause(errno).reason)",
        remedy: "Check its permissions.")
    }
  }

  // MARK: Reading

  /// The header of a block; nil when there is none that can be used.
  init?(_ path: String) {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { file.closeFile() }
    do {
      let start = [UInt8](try file.read(upToCount: 12) ?? Data())
      guard start.count == 12, Array(start[..<4]) == Self.magic else { return nil }
      var numbers = ByteReader(Array(start[4...]))
      guard try numbers.uint32() == Self.version else { return nil }
      let length = Int(try numbers.uint32())
      guard length <= Self.longestHeader else { return nil }
      let bytes = [UInt8](try file.read(upToCount: length + 8) ?? Data())
      guard bytes.count == length + 8 else { return nil }
      let header = Array(bytes[..<length])
      var seal = ByteReader(Array(bytes[length...]))
      guard try seal.uint64() == XXH64.hash(header) else { return nil }
      var reader = ByteReader(header)
      coverage = IndexBlock.Coverage(
        revision: try reader.uint64(), first: try reader.uint64(),
        counts: try reader.array { (r) throws(RecordError) in try r.uint32() })
      groups = Int(try reader.uint32())
      let base = 12 + length + 8
      frames = try reader.array { (r) throws(RecordError) in
        Frame(
          name: try r.string(), rawLength: Int(try r.uint32()), offset: base + Int(try r.uint32()),
          length: Int(try r.uint32()))
      }
      self.path = path
    } catch { return nil }
  }

  /// The block with the columns of `fields` alone; nil when they cannot be read.
  func block(_ fields: Set<GroupField>) -> IndexBlock? {
    guard let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { file.closeFile() }
    do {
      guard let starts = try raw(Self.startsName, file) else { return nil }
      let lengths = try IndexColumn(starts, rows: groups)
      var block = IndexBlock(coverage: coverage, starts: [0], columns: [:])
      for group in 0..<groups {
        guard case .number(let rows)? = lengths[group] else { return nil }
        block.starts.append(block.starts[group] + Int(rows))
      }
      for field in fields where field.hasColumn {
        guard let column = try raw(field.rawValue, file) else { return nil }
        block.columns[field] = column
      }
      return block
    } catch { return nil }
  }

  private func raw(_ name: String, _ file: FileHandle) throws -> [UInt8]? {
    guard let frame = frames.first(where: { $0.name == name }),
      frame.rawLength <= Self.longestColumn
    else { return nil }
    try file.seek(toOffset: UInt64(frame.offset))
    let bytes = [UInt8](try file.read(upToCount: frame.length) ?? Data())
    return try Self.codec.decompress(bytes[...], length: frame.rawLength, with: nil, place: path)
  }
}
