import Records

/// The values of a dictionary or of a data page, in one of the encodings that are read.
///
/// Nothing is decoded before it is asked for: a text stands where its page has it.
struct PageValues {
  private enum Order {
    /// One after the other; texts with their length before them.
    case plain
    /// Truth values in runs.
    case booleans(RunLengths)
    /// Places in the chunk's dictionary.
    case dictionary(RunLengths)
  }

  private let bytes: [UInt8]
  private let physical: SchemaLeaf.Physical
  private var order: Order
  /// Of the next plain value; of a truth value in bits.
  private var position: Int
  private let end: Int

  /// - Parameter start: where in `bytes` the values begin.
  init(
    _ bytes: [UInt8], from start: Int, encoding: Int, physical: SchemaLeaf.Physical
  ) throws(ParquetFlaw) {
    self.bytes = bytes
    self.physical = physical
    (position, end) = (start, bytes.count)
    switch (encoding, physical) {
    case (0, _): order = .plain
    case (2, _), (8, _):
      // A page of nulls alone may lack even the width.
      let width = start < end ? Int(bytes[start]) : 0
      guard width <= 32 else { throw .damaged("places in its dictionary have \(width) bits") }
      order = .dictionary(RunLengths(bytes, min(start + 1, end)..<end, width: width))
    case (3, .boolean):
      guard end - start >= 4 else { throw .damaged("its page is cut") }
      order = .booleans(RunLengths(bytes, start + 4..<end, width: 1))
    default: throw .unsupported("its encoding is \(Self.name(of: encoding))")
    }
    if physical == .boolean { position *= 8 }
  }

  private static func name(of encoding: Int) -> String {
    let names = [
      3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED", 6: "DELTA_LENGTH_BYTE_ARRAY",
      7: "DELTA_BYTE_ARRAY", 9: "BYTE_STREAM_SPLIT",
    ]
    return names[encoding] ?? "\(encoding)"
  }

  /// The next value.
  mutating func next(_ dictionary: PageDictionary?) throws(ParquetFlaw) -> ColumnValue {
    switch order {
    case .plain: return try plain()
    case .booleans(var runs):
      let bit = try runs.next()
      order = .booleans(runs)
      return .boolean(bit == 1)
    case .dictionary(var runs):
      let place = try runs.next()
      order = .dictionary(runs)
      guard let dictionary else { throw .damaged("it has no dictionary") }
      return try dictionary.value(at: place)
    }
  }

  private mutating func plain() throws(ParquetFlaw) -> ColumnValue {
    switch physical {
    case .boolean:
      guard position < end * 8 else { throw Self.cut }
      defer { position += 1 }
      return .boolean(bytes[position >> 3] >> (position & 7) & 1 == 1)
    case .int32: return .integer(Int(Int32(truncatingIfNeeded: try number(4))))
    case .int64: return .integer(Int(bitPattern: UInt(try number(8))))
    case .float: return .float(Float(bitPattern: UInt32(try number(4))))
    case .double: return .double(Double(bitPattern: try number(8)))
    case .byteArray:
      let count = Int(try number(4))
      guard count <= end - position else { throw Self.cut }
      defer { position += count }
      return .text(bytes[position..<position + count])
    case .int96, .fixed: preconditionFailure("PageValues: columns of this type are not read")
    }
  }

  private static let cut = ParquetFlaw.damaged("its page ends before its values")

  /// A number of `count` bytes, little-endian.
  private mutating func number(_ count: Int) throws(ParquetFlaw) -> UInt64 {
    guard count <= end - position else { throw Self.cut }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[position + index]) << (8 * UInt64(index)) }
    position += count
    return value
  }
}

/// One value of a column.
enum ColumnValue {
  case boolean(Bool)
  case integer(Int)
  case float(Float)
  case double(Double)
  case text(ArraySlice<UInt8>)

  /// As JSON has it. No number of JSON stands for infinities, which become texts, nor for what pandas
  /// makes of a missing number, which becomes null.
  func write(to line: inout JSONText, isUnsigned: Bool) {
    switch self {
    case .boolean(let value): line.literal(value ? "true" : "false")
    case .integer(let value):
      line.literal(isUnsigned ? "\(UInt(bitPattern: value))" : "\(value)")
    case .float(let value): Self.write(value, value.isFinite, value.isNaN, to: &line)
    case .double(let value): Self.write(value, value.isFinite, value.isNaN, to: &line)
    case .text(let bytes): line.string(utf8: bytes.span)
    }
  }

  private static func write(
    _ value: some CustomStringConvertible, _ isFinite: Bool, _ isNaN: Bool, to line: inout JSONText
  ) {
    if isFinite {
      line.literal(value.description)
    } else if isNaN {
      line.literal("null")
    } else {
      line.string(value.description)
    }
  }
}

/// The values that the pages of a column chunk refer to by their places.
struct PageDictionary {
  private let bytes: [UInt8]
  private let physical: SchemaLeaf.Physical
  private let count: Int
  /// Of texts: where each begins with its length.
  private var starts: [UInt32] = []

  /// - Parameter count: as the page's header says.
  init(
    _ bytes: [UInt8], count: Int, encoding: Int, physical: SchemaLeaf.Physical
  ) throws(ParquetFlaw) {
    guard encoding == 0 || encoding == 2, physical != .boolean else {
      throw .unsupported("its dictionary is not of plain values")
    }
    self.bytes = bytes
    self.physical = physical
    self.count = count
    guard count <= bytes.count / Self.width(physical) else { throw Self.cut }
    guard physical == .byteArray else { return }
    var position = 0
    for _ in 0..<count {
      starts.append(UInt32(position))
      guard bytes.count - position >= 4 else { throw Self.cut }
      let length = (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
      guard length <= bytes.count - position - 4 else { throw Self.cut }
      position += 4 + length
    }
  }

  private static let cut = ParquetFlaw.damaged("its dictionary is cut")

  /// Least bytes of a value.
  private static func width(_ physical: SchemaLeaf.Physical) -> Int {
    physical == .int64 || physical == .double ? 8 : 4
  }

  func value(at place: Int) throws(ParquetFlaw) -> ColumnValue {
    guard place < count else {
      throw .damaged("it refers to value \(place) of a dictionary of \(count)")
    }
    let start = physical == .byteArray ? Int(starts[place]) : place * Self.width(physical)
    var plain = try PageValues(bytes, from: start, encoding: 0, physical: physical)
    return try plain.next(nil)
  }
}
