/// Reads TensorBoard's event files after the public description of the format, by its own means: records
/// as TensorFlow frames them, and protobuf by wire types and the field numbers of `event.proto`.
package enum EventFile {
  package struct Event {
    package var wallTime = Double.nan
    package var step: UInt64?
    package var version: String?
    package var scalars: [(tag: String, value: Float)] = []
  }

  private enum Field {
    case integer(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes(ArraySlice<UInt8>)
  }

  package struct Malformed: Error {
    package var what: String
  }

  package static func events(_ bytes: [UInt8]) throws -> [Event] {
    try records(bytes).map { try event($0.dropFirst(12).dropLast(4)) }
  }

  /// The records as they stand there, with lengths and checksums.
  package static func records(_ bytes: [UInt8]) throws -> [ArraySlice<UInt8>] {
    var rest = bytes[...]
    var records: [ArraySlice<UInt8>] = []
    while !rest.isEmpty {
      let start = rest.startIndex
      let length = try take(8, &rest)
      try check(length, &rest)
      try check(try take(Int(littleEndian(length)), &rest), &rest)
      records.append(bytes[start..<rest.startIndex])
    }
    return records
  }

  private static func event(_ bytes: ArraySlice<UInt8>) throws -> Event {
    var event = Event()
    for (number, field) in try fields(bytes) {
      switch (number, field) {
      case (1, .fixed64(let bits)): event.wallTime = Double(bitPattern: bits)
      case (2, .integer(let step)): event.step = step
      case (3, .bytes(let text)): event.version = String(decoding: text, as: UTF8.self)
      case (5, .bytes(let summary)): event.scalars = try scalars(summary)
      default: throw Malformed(what: "field \(number) of an event")
      }
    }
    return event
  }

  private static func scalars(_ bytes: ArraySlice<UInt8>) throws -> [(tag: String, value: Float)] {
    try fields(bytes).map { number, field in
      guard number == 1, case .bytes(let value) = field else {
        throw Malformed(what: "field \(number) of a summary")
      }
      var (tag, scalar): (String?, Float?)
      for (number, field) in try fields(value) {
        switch (number, field) {
        case (1, .bytes(let text)): tag = String(decoding: text, as: UTF8.self)
        case (2, .fixed32(let bits)): scalar = Float(bitPattern: bits)
        default: throw Malformed(what: "field \(number) of a value")
        }
      }
      guard let tag, let scalar else { throw Malformed(what: "a value without tag or number") }
      return (tag, scalar)
    }
  }

  private static func fields(_ bytes: ArraySlice<UInt8>) throws -> [(Int, Field)] {
    var rest = bytes
    var fields: [(Int, Field)] = []
    while !rest.isEmpty {
      let key = try varint(&rest)
      let number = Int(key >> 3)
      switch key & 7 {
      case 0: fields.append((number, .integer(try varint(&rest))))
      case 1: fields.append((number, .fixed64(littleEndian(try take(8, &rest)))))
      case 2:
        let count = Int(try varint(&rest))
        fields.append((number, .bytes(try take(count, &rest))))
      case 5: fields.append((number, .fixed32(UInt32(littleEndian(try take(4, &rest))))))
      default: throw Malformed(what: "wire type \(key & 7)")
      }
    }
    return fields
  }

  private static func varint(_ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 64, by: 7) {
      guard let byte = rest.popFirst() else { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw Malformed(what: "an integer without an end")
  }

  private static func take(
    _ count: Int, _ rest: inout ArraySlice<UInt8>
  ) throws -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw Malformed(what: "\(count) of \(rest.count) bytes") }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  /// Bit by bit, from the polynomial.
  private static func check(
    _ bytes: ArraySlice<UInt8>, _ rest: inout ArraySlice<UInt8>
  ) throws {
    var crc: UInt32 = ~0
    for bit in 0..<8 * bytes.count {
      let input = UInt32(bytes[bytes.startIndex + bit / 8] >> (bit % 8)) & 1
      crc = crc >> 1 ^ ((crc ^ input) & 1 == 1 ? 0x82F6_3B78 : 0)
    }
    crc = ~crc
    let masked = (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    guard UInt64(masked) == littleEndian(try take(4, &rest)) else {
      throw Malformed(what: "a checksum that does not fit")
    }
  }

  private static func littleEndian(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}
