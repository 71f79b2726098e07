/// A key as a person presses it.
public enum Key: Sendable, Equatable {
  case character(Character)
  case enter
  case escape
  case backspace
  case up
  case down
  case left
  case right
  case pageUp
  case pageDown
  case home
  case end
  /// Ctrl-C, Ctrl-Z and Ctrl-L.
  case interrupt
  case suspend
  case redraw
}

/// Makes keys of the bytes that a terminal sends. A sequence may come in pieces; one that is unknown is
/// no key.
public struct KeyReader: Sendable {
  private var pending: [UInt8] = []

  public init() {}

  /// Whether the beginning of a sequence waits for the rest: an ESC, say, which may be the key itself.
  public var isWaiting: Bool { !pending.isEmpty }

  /// The keys that these bytes complete.
  public mutating func keys(_ bytes: some Sequence<UInt8>) -> [Key] {
    pending += bytes
    var keys: [Key] = []
    while let (key, length) = Self.first(of: pending) {
      pending.removeFirst(length)
      if let key { keys.append(key) }
    }
    return keys
  }

  /// What waits, when nothing has followed it for a while.
  public mutating func flush() -> [Key] {
    defer { pending = [] }
    return pending == [0x1B] ? [.escape] : []
  }

  /// The first key and its bytes; nil while it is not whole.
  private static func first(of bytes: [UInt8]) -> (key: Key?, length: Int)? {
    guard let first = bytes.first else { return nil }
    switch first {
    case 0x1B: return sequence(bytes)
    case 0x0D, 0x0A: return (.enter, 1)
    case 0x7F, 0x08: return (.backspace, 1)
    case 0x03: return (.interrupt, 1)
    case 0x1A: return (.suspend, 1)
    case 0x0C: return (.redraw, 1)
    case 0..<0x20: return (nil, 1)
    case 0..<0x80: return (.character(Character(Unicode.Scalar(first))), 1)
    default: return character(bytes)
    }
  }

  /// ESC `[` parameters letter, or ESC `O` letter.
  private static func sequence(_ bytes: [UInt8]) -> (key: Key?, length: Int)? {
    guard bytes.count > 1 else { return nil }
    if bytes[1] == UInt8(ascii: "O") {
      return bytes.count > 2 ? (named(bytes[2], []), 3) : nil
    }
    // ESC and then another key: two keys.
    guard bytes[1] == UInt8(ascii: "[") else { return (.escape, 1) }
    guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      // No terminal sends so much.
      return bytes.count > 32 ? (nil, bytes.count) : nil
    }
    return (named(bytes[end], bytes[2..<end]), end + 1)
  }

  private static func named(_ last: UInt8, _ parameters: ArraySlice<UInt8>) -> Key? {
    switch last {
    case UInt8(ascii: "A"): .up
    case UInt8(ascii: "B"): .down
    case UInt8(ascii: "C"): .right
    case UInt8(ascii: "D"): .left
    case UInt8(ascii: "H"): .home
    case UInt8(ascii: "F"): .end
    case UInt8(ascii: "~"):
      switch String(decoding: parameters, as: UTF8.self) {
      case "1", "7": .home
      case "4", "8": .end
      case "5": .pageUp
      case "6": .pageDown
      default: nil
      }
    default: nil
    }
  }

  /// A character of several bytes.
  private static func character(_ bytes: [UInt8]) -> (key: Key?, length: Int)? {
    let length =
      switch bytes[0] {
      case 0xC2...0xDF: 2
      case 0xE0...0xEF: 3
      case 0xF0...0xF4: 4
      default: 1
      }
    guard bytes.count >= length else { return nil }
    guard length > 1, let text = String(validating: bytes[..<length], as: UTF8.self) else {
      return (nil, 1)
    }
    return (text.first.map(Key.character), length)
  }
}
