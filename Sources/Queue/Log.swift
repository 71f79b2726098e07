/// The append-only logs of a run, one per stage boundary.
public enum Log: String, CaseIterable, Sendable {
  case prompts
  case rollouts
  case verdicts
  case decisions
  case batches
  case updates
  case demands

  /// `StoredRecord.kind` of what this log holds; never renumbered.
  public var kind: UInt16 {
    switch self {
    case .prompts: 1
    case .rollouts: 2
    case .verdicts: 3
    case .decisions: 4
    case .batches: 5
    case .updates: 6
    case .demands: 7
    }
  }

  /// Whether `RecordKey.part` tells records apart. Only demands are keyed by two numbers.
  public var usesPart: Bool { self == .demands }

  /// Bytes of a stored key before the number of its piece.
  var keyLength: Int { usesPart ? 12 : 8 }

  /// Place in per-log tables.
  var index: Int { Int(kind) - 1 }
}

/// What a record is: a GroupID, a step, or (step, wave) for demands.
///
/// Stored big-endian, so that byte order is number order.
public struct RecordKey: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// GroupID or step.
  public var id: UInt64
  /// The wave of a demand; 0 everywhere else.
  public var part: UInt32

  public init(_ id: UInt64, part: UInt32 = 0) {
    self.id = id
    self.part = part
  }

  public static func < (left: RecordKey, right: RecordKey) -> Bool {
    (left.id, left.part) < (right.id, right.part)
  }

  public var description: String { part == 0 ? "\(id)" : "\(id).\(part)" }
}

/// A stored key: a record's key, then two bytes for the number of a piece after the first.
///
/// Keys of one log differ in length by these two bytes alone, so `17`, `17 piece 1`, `17 piece 2`,
/// `18` stand in this order. The first piece has no number, which saves two bytes where it counts:
/// small records have one piece.
struct PieceKey {
  /// Bytes of a piece's number.
  static let numberLength = 2

  let record: RecordKey
  let piece: Int

  init(_ record: RecordKey, piece: Int = 0) {
    self.record = record
    self.piece = piece
  }

  /// nil when these bytes are no key of `log`.
  init?(_ bytes: [UInt8], in log: Log) {
    let length = log.keyLength
    guard bytes.count == length || bytes.count == length + Self.numberLength else { return nil }
    let raw = unsafe bytes.span.bytes
    let id = (littleEndian(raw, at: 0) as UInt64).byteSwapped
    let part = length == 12 ? (littleEndian(raw, at: 8) as UInt32).byteSwapped : 0
    record = RecordKey(id, part: part)
    piece = bytes.count == length ? 0 : Int((littleEndian(raw, at: length) as UInt16).byteSwapped)
    guard bytes.count == length || piece > 0 else { return nil }
  }

  func bytes(in log: Log) -> [UInt8] {
    precondition(log.usesPart || record.part == 0, "\(log) has no part \(record.part)")
    var bytes = bigEndian(record.id)
    if log.usesPart { bytes += bigEndian(record.part) }
    if piece > 0 { bytes += bigEndian(UInt16(piece)) }
    return bytes
  }
}

/// The bytes of an integer, highest first.
func bigEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
  unsafe withUnsafeBytes(of: value.bigEndian) { unsafe Array($0) }
}

/// The bytes of an integer, lowest first.
func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
  unsafe withUnsafeBytes(of: value.littleEndian) { unsafe Array($0) }
}

/// The integer at `offset`, lowest byte first. Traps beyond the end.
func littleEndian<Integer: FixedWidthInteger & BitwiseCopyable>(
  _ bytes: RawSpan, at offset: Int
) -> Integer {
  // Any bits are an integer, and the span checks that they are inside it.
  Integer(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: Integer.self))
}

/// The same of bytes of which the caller has checked the length.
func littleEndian<Integer: FixedWidthInteger>(_ bytes: [UInt8], at offset: Int) -> Integer {
  var value: Integer = 0
  for index in (0..<Integer.bitWidth / 8).reversed() {
    value = value << 8 | Integer(bytes[offset + index])
  }
  return value
}
