/// Records of a TensorBoard event file: `u64 length, u32 masked CRC-32C of it, bytes, u32 masked CRC-32C of
/// them`, little-endian, where the bytes are an `Event` in protobuf (tensorflow/core/util/event.proto).
///
/// A number is an f32 there (`simple_value`): `metrics.jsonl` has all of its bits.
public enum EventRecord {
  /// Bytes around those of an event.
  public static let headLength = 12
  public static let tailLength = 4

  /// The record that begins a file.
  public static func version(wallTime: Double) -> [UInt8] {
    var event = ProtobufMessage()
    event.put(double: wallTime, field: 1)
    event.put(text: "brain.Event:2", field: 3)
    return framed(event.bytes)
  }

  /// The scalars of a step.
  public static func scalars(
    step: UInt64, wallTime: Double, _ values: [(name: String, value: Double)]
  ) -> [UInt8] {
    var summary = ProtobufMessage()
    for (name, value) in values {
      var scalar = ProtobufMessage()
      scalar.put(text: name, field: 1)
      scalar.put(float: Float(value), field: 2)
      summary.put(scalar, field: 1)
    }
    var event = ProtobufMessage()
    event.put(double: wallTime, field: 1)
    event.put(integer: step, field: 2)
    event.put(summary, field: 5)
    return framed(event.bytes)
  }

  static func framed(_ bytes: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(bytes.count))
    return length + littleEndian(CRC32C.masked(length)) + bytes + littleEndian(CRC32C.masked(bytes))
  }

  /// The length of the event whose record begins with `head`; nil where that is no record's head.
  public static func length(head: [UInt8]) -> Int? {
    guard head.count == headLength,
      CRC32C.masked(head[..<8]) == UInt32(truncatingIfNeeded: integer(head[8...]))
    else { return nil }
    return Int(exactly: integer(head[..<8]))
  }

  /// What an event says; nil where the bytes, with the checksum behind them, are no event of ours.
  public static func content(_ eventAndTail: [UInt8]) -> Content? {
    let event = eventAndTail.dropLast(tailLength)
    guard CRC32C.masked(event) == UInt32(truncatingIfNeeded: integer(eventAndTail.suffix(4)))
    else { return nil }
    // A wall time comes first: its tag and 8 bytes.
    var rest = event.dropFirst(9)
    switch rest.popFirst() {
    case 3 << 3 | 2: return .version
    case 2 << 3:
      var step: UInt64 = 0
      for shift in stride(from: 0 as UInt64, to: 64, by: 7) {
        guard let byte = rest.popFirst() else { return nil }
        step |= UInt64(byte & 0x7F) << shift
        if byte < 0x80 { return .step(step) }
      }
      return nil
    default: return nil
    }
  }

  public enum Content: Equatable, Sendable {
    case version
    case step(UInt64)
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  private static func integer(_ bytes: some Collection<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

/// A protobuf message as it is written, field by field.
private struct ProtobufMessage {
  private(set) var bytes: [UInt8] = []

  mutating func put(double value: Double, field: UInt8) {
    bytes.append(field << 3 | 1)
    bytes += (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }

  mutating func put(float value: Float, field: UInt8) {
    bytes.append(field << 3 | 5)
    bytes += (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }

  /// Written even where it is 0, so that every step says which it is.
  mutating func put(integer value: UInt64, field: UInt8) {
    bytes.append(field << 3)
    put(varint: value)
  }

  mutating func put(text: String, field: UInt8) { put(Array(text.utf8), field) }

  mutating func put(_ message: ProtobufMessage, field: UInt8) { put(message.bytes, field) }

  private mutating func put(_ content: [UInt8], _ field: UInt8) {
    bytes.append(field << 3 | 2)
    put(varint: UInt64(content.count))
    bytes += content
  }

  private mutating func put(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
