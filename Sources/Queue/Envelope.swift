import Records

/// The fixed header in front of a record's zstd frame, little-endian.
///
///     0  magic "TMPR"        4  format version u16    6  record kind u16
///     8  record version u16  10 flags u16 (0)         12 dictionary id u32 (0: none)
///     16 raw length u32      20 stable length u32     24 frame length u32
///     28 XXH64 u64 over log, key, bytes 0..<28 and the frame
///
/// The raw bytes are the stable part, then the volatile one. The key is in the checksum, so that a
/// record under a wrong key shows; so are the log's name and the header, which zstd's own checksum
/// does not cover.
package struct Envelope: Equatable {
  static let magic: [UInt8] = Array("TMPR".utf8)
  static let formatVersion: UInt16 = 1
  static let length = 36
  private static let checkedLength = 28
  /// Most raw bytes of one record: what a decoder ever reserves.
  static let rawLimit = 64 << 20

  package var kind: UInt16
  package var recordVersion: UInt16
  package var dictionary: UInt32
  package var rawLength: Int
  package var stableLength: Int

  package init(
    kind: UInt16, recordVersion: UInt16, dictionary: UInt32, rawLength: Int, stableLength: Int
  ) {
    self.kind = kind
    self.recordVersion = recordVersion
    self.dictionary = dictionary
    self.rawLength = rawLength
    self.stableLength = stableLength
  }

  /// Header and frame as stored under `key` of `log`.
  package func sealed(_ frame: [UInt8], log: Log, key: RecordKey) -> [UInt8] {
    var bytes = Array(repeating: 0, count: Self.length) + frame
    seal(&bytes, log: log, key: key)
    return bytes
  }

  /// Writes the header into the room that was left for it before a frame.
  func seal(_ bytes: inout [UInt8], log: Log, key: RecordKey) {
    bytes.replaceSubrange(0..<4, with: Self.magic)
    Self.put(Self.formatVersion, into: &bytes, at: 4)
    Self.put(kind, into: &bytes, at: 6)
    Self.put(recordVersion, into: &bytes, at: 8)
    Self.put(UInt16(0), into: &bytes, at: 10)
    Self.put(dictionary, into: &bytes, at: 12)
    Self.put(UInt32(rawLength), into: &bytes, at: 16)
    Self.put(UInt32(stableLength), into: &bytes, at: 20)
    Self.put(UInt32(bytes.count - Self.length), into: &bytes, at: 24)
    let sum = unsafe Self.checksum(bytes.span.bytes, log: log, key: key)
    Self.put(sum, into: &bytes, at: Self.checkedLength)
  }

  /// How long what is stored is in all, from how it begins; nil where no header says.
  static func storedLength(_ start: UnsafeRawBufferPointer) -> Int? {
    guard start.count >= length else { return nil }
    let frame = unsafe start.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
    return length + Int(UInt32(littleEndian: frame))
  }

  /// Opens what stands under `key` of `log`: the header, and the frame that it vouches for.
  package static func open(
    _ stored: [UInt8], log: Log, key: RecordKey
  ) throws(QueueError) -> (Envelope, frame: ArraySlice<UInt8>) {
    (try unsafe open(stored.span.bytes, log: log, key: key), stored[length...])
  }

  /// The same of bytes that stay where they are. The frame is all that follows the first `length`.
  static func open(
    _ record: RawSpan, log: Log, key: RecordKey
  ) throws(QueueError) -> Envelope {
    var place: String { "\(log)/\(key)" }
    let count = record.byteCount
    guard count > length else {
      throw .damaged(place, "\(count) bytes, too few for a record")
    }
    guard littleEndian(record, at: 0) == littleEndian(magic, at: 0) as UInt32 else {
      throw .damaged(place, "no record starts here")
    }
    let format: UInt16 = littleEndian(record, at: 4)
    guard format == formatVersion else {
      throw .unknownVersion(place, "envelope format \(format)", known: "\(formatVersion)")
    }
    let frameLength = Int(littleEndian(record, at: 24) as UInt32)
    guard frameLength == count - length else {
      throw .damaged(
        place, "\(count - length) bytes of frame, where \(frameLength) were written")
    }
    let sum: UInt64 = littleEndian(record, at: checkedLength)
    guard checksum(record, log: log, key: key) == sum else {
      throw .damaged(place, "its checksum differs from its \(count) bytes")
    }
    let envelope = Envelope(
      kind: littleEndian(record, at: 6), recordVersion: littleEndian(record, at: 8),
      dictionary: littleEndian(record, at: 12),
      rawLength: Int(littleEndian(record, at: 16) as UInt32),
      stableLength: Int(littleEndian(record, at: 20) as UInt32))
    let flags: UInt16 = littleEndian(record, at: 10)
    guard flags == 0 else { throw .unknownVersion(place, "envelope flags \(flags)", known: "0") }
    guard envelope.kind == log.kind else {
      throw .unknownVersion(place, "record kind \(envelope.kind)", known: "\(log.kind)")
    }
    guard envelope.rawLength <= rawLimit else {
      throw .damaged(place, "claims \(envelope.rawLength) raw bytes, over \(rawLimit)")
    }
    guard envelope.stableLength <= envelope.rawLength else {
      throw .damaged(
        place, "claims \(envelope.stableLength) stable of \(envelope.rawLength) raw bytes")
    }
    return envelope
  }

  /// Over everything but the checksum itself.
  private static func checksum(_ stored: RawSpan, log: Log, key: RecordKey) -> UInt64 {
    var hash = namedHashes[log.index]
    let (id, part) = (key.id.bigEndian, key.part.bigEndian)
    unsafe withUnsafeBytes(of: id) { unsafe hash.update($0.bytes) }
    unsafe withUnsafeBytes(of: part) { unsafe hash.update($0.bytes) }
    hash.update(stored.extracting(first: checkedLength))
    hash.update(stored.extracting(droppingFirst: length))
    return hash.finalize()
  }

  /// By `Log.index`: the hash after the log's name and a zero.
  private static let namedHashes = Log.allCases.map { log in
    var hash = XXH64()
    hash.update(Array(log.rawValue.utf8) + [0])
    return hash
  }

  private static func put<Integer: FixedWidthInteger>(
    _ value: Integer, into bytes: inout [UInt8], at offset: Int
  ) {
    for index in 0..<Integer.bitWidth / 8 {
      bytes[offset + index] = UInt8(truncatingIfNeeded: value >> Integer(8 * index))
    }
  }
}

extension QueueError {
  static func unknownVersion(_ place: String, _ found: String, known: String) -> QueueError {
    QueueError(
      code: .unknownVersion, location: place, problem: "\(found), and this program knows \(known)",
      remedy: "Use the version of `pipeline` that wrote it.")
  }
}
