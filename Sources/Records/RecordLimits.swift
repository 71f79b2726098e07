/// What no record of a run exceeds, whatever its definition says: what is above is damage, and sums of
/// what is below cannot wrap around.
public enum RecordLimits {
  /// Above every step, group, position, epoch and policy version.
  public static let number: UInt64 = 1 << 48
  /// Above every count of waves, rollouts and datasets.
  public static let count: UInt32 = 1 << 24
  /// Bytes of a SHA-256.
  static let digestLength = 32
}

/// Values that a record must hold to be one, beyond their bytes. A record with a sound checksum may still
/// have been written by a broken program, and stages index by what it says.
extension ByteReader {
  /// A step, a group, a position.
  public mutating func ordinal(_ what: String) throws(RecordError) -> UInt64 {
    let value = try uint64()
    try RecordError.require(value < RecordLimits.number, "\(what) is \(value)")
    return value
  }

  /// A number of waves, rollouts, datasets.
  public mutating func smallCount(_ what: String) throws(RecordError) -> UInt32 {
    let value = try uint32()
    try RecordError.require(value < RecordLimits.count, "\(what) is \(value)")
    return value
  }

  mutating func finite(_ what: String) throws(RecordError) -> Double {
    let value = try double()
    try RecordError.require(value.isFinite, "\(what) is \(value)")
    return value
  }

  mutating func finiteNumbers(_ what: String) throws(RecordError) -> [Double] {
    try array { (reader: inout ByteReader) throws(RecordError) in try reader.finite(what) }
  }

  /// A SHA-256, or nothing.
  mutating func digest(_ what: String) throws(RecordError) -> [UInt8] {
    let bytes = try raw()
    try RecordError.require(
      bytes.isEmpty || bytes.count == RecordLimits.digestLength,
      "\(what) has \(bytes.count) bytes")
    return bytes
  }

  /// Token ids. The vocabulary is judged by who has one.
  mutating func tokenIDs() throws(RecordError) -> [Int32] {
    let ids = try tokens()
    if let bad = ids.first(where: { $0 < 0 }) {
      throw RecordError(problem: "token \(bad) is no id")
    }
    return ids
  }
}

extension RecordError {
  /// Throws `problem` unless `holds`.
  static func require(
    _ holds: Bool, _ problem: @autoclosure () -> String
  ) throws(RecordError) {
    guard holds else { throw RecordError(problem: problem()) }
  }
}
