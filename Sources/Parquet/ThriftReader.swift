/// Reads Thrift's compact protocol, in which footers and page headers of Parquet are written.
///
/// Every length is compared with the bytes that are left before anything is made of it.
struct ThriftReader {
  enum FieldType: UInt8 {
    case yes = 1
    case no, byte, i16, i32, i64, double, binary, list, set, map, structure
  }

  private let bytes: [UInt8]
  private(set) var position = 0
  /// Structures around the current place: skipping recurses.
  private var depth = 0
  private static let deepest = 32

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var left: Int { bytes.count - position }

  private mutating func byte() throws(ParquetFlaw) -> UInt8 {
    guard position < bytes.count else { throw Self.cut }
    defer { position += 1 }
    return bytes[position]
  }

  private static let cut = ParquetFlaw.damaged("its Thrift structure is cut")

  /// LEB128, at most 64 bits.
  private mutating func unsigned() throws(ParquetFlaw) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let next = try byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return value }
    }
    throw .damaged("its Thrift structure holds a number of more than 64 bits")
  }

  /// An i16, i32 or i64: zigzag.
  mutating func integer() throws(ParquetFlaw) -> Int {
    let value = try unsigned()
    return Int(bitPattern: UInt(value >> 1)) ^ -Int(value & 1)
  }

  /// A length, an offset or a count: never negative, never beyond `limit`.
  mutating func count(upTo limit: Int = Int(Int32.max)) throws(ParquetFlaw) -> Int {
    let value = try integer()
    guard (0...limit).contains(value) else {
      throw .damaged("its Thrift structure holds \(value) where 0 to \(limit) may stand")
    }
    return value
  }

  mutating func binary() throws(ParquetFlaw) -> [UInt8] {
    let length = try unsigned()
    guard length <= UInt64(left) else { throw Self.cut }
    defer { position += Int(length) }
    return Array(bytes[position..<position + Int(length)])
  }

  mutating func text() throws(ParquetFlaw) -> String {
    guard let text = String(validating: try binary(), as: UTF8.self) else {
      throw .damaged("a name in its Thrift structure is not UTF-8")
    }
    return text
  }

  /// Calls `body` for each element of a list; `body` reads it.
  mutating func list(
    of type: FieldType, atMost limit: Int,
    _ body: (inout ThriftReader) throws(ParquetFlaw) -> Void
  ) throws(ParquetFlaw) {
    let (count, found) = try listHead()
    guard count <= limit else {
      throw .limit("a list of its footer has more than \(limit) members")
    }
    guard found == type || count == 0 else {
      throw .damaged("a list of its Thrift structure is of another type")
    }
    for _ in 0..<count { try body(&self) }
  }

  private mutating func listHead() throws(ParquetFlaw) -> (count: Int, type: FieldType) {
    let head = try byte()
    let count = head >> 4 == 15 ? try unsigned() : UInt64(head >> 4)
    // No element takes less than a byte.
    guard count <= UInt64(left) else { throw Self.cut }
    return (Int(count), try Self.type(head & 15))
  }

  /// Calls `body` for each field of a structure; `body` reads or skips it.
  mutating func structure(
    _ body: (inout ThriftReader, Int, FieldType) throws(ParquetFlaw) -> Void
  ) throws(ParquetFlaw) {
    guard depth < Self.deepest else {
      throw .damaged("its Thrift structure has more than \(Self.deepest) levels")
    }
    depth += 1
    defer { depth -= 1 }
    var id = 0
    while true {
      let head = try byte()
      guard head != 0 else { return }
      id = head >> 4 == 0 ? try integer() : id &+ Int(head >> 4)
      try body(&self, id, try Self.type(head & 15))
    }
  }

  private static func type(_ bits: UInt8) throws(ParquetFlaw) -> FieldType {
    guard let type = FieldType(rawValue: bits) else {
      throw .damaged("its Thrift structure holds a value of no known type")
    }
    return type
  }

  /// Passes over a value of a field.
  mutating func skip(_ type: FieldType) throws(ParquetFlaw) {
    switch type {
    case .yes, .no: return
    case .byte: _ = try byte()
    case .i16, .i32, .i64: _ = try unsigned()
    case .double:
      guard left >= 8 else { throw Self.cut }
      position += 8
    case .binary: _ = try binary()
    case .list, .set:
      let (count, element) = try listHead()
      for _ in 0..<count { try skipElement(element) }
    case .map: try skipMap()
    case .structure:
      try structure { (reader, _, type) throws(ParquetFlaw) in try reader.skip(type) }
    }
  }

  private mutating func skipMap() throws(ParquetFlaw) {
    let count = try unsigned()
    guard count > 0 else { return }
    guard count <= UInt64(left) else { throw Self.cut }
    let types = try byte()
    let (key, value) = (try Self.type(types >> 4), try Self.type(types & 15))
    for _ in 0..<count {
      try skipElement(key)
      try skipElement(value)
    }
  }

  /// Truth values, which a field's type holds, take a byte of their own in lists and maps.
  private mutating func skipElement(_ type: FieldType) throws(ParquetFlaw) {
    switch type {
    case .yes, .no: _ = try byte()
    case .list, .set, .map:
      guard depth < Self.deepest else { throw .damaged("its Thrift lists lie too deep") }
      depth += 1
      defer { depth -= 1 }
      try skip(type)
    default: try skip(type)
    }
  }
}
