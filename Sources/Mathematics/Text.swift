/// Questions about bytes of UTF-8.
enum Text {
  static func isDigit(_ byte: UInt8?) -> Bool { (byte ?? 0) &- 0x30 < 10 }

  static func isLetter(_ byte: UInt8?) -> Bool { ((byte ?? 0) | 0x20) &- 0x61 < 26 }

  static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 0x61 < 26 }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var rest = bytes
    while let byte = rest.first, isBlank(byte) { rest.removeFirst() }
    while let byte = rest.last, isBlank(byte) { rest.removeLast() }
    return rest
  }
}
