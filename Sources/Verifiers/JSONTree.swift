/// JSON with exact numbers, as schemas compare it.
indirect enum JSONTree: Sendable, Equatable {
  case null
  case boolean(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONTree])
  /// By name in UTF-8, each once.
  case object([[UInt8]: JSONTree])

  /// Bytes and values of a text; what is longer is not read.
  static let byteLimit = 1 << 20
  static let valueLimit = 100_000
  static let depthLimit = 64

  /// Strings are equal by their scalars, as JSON Schema has it, not by canonical equivalence.
  static func == (a: JSONTree, b: JSONTree) -> Bool {
    switch (a, b) {
    case (.null, .null): return true
    case (.boolean(let a), .boolean(let b)): return a == b
    case (.number(let a), .number(let b)): return a == b
    case (.string(let a), .string(let b)): return a.utf8.elementsEqual(b.utf8)
    case (.array(let a), .array(let b)): return a == b
    case (.object(let a), .object(let b)): return a == b
    default: return false
    }
  }
}

/// A number of JSON, exactly: ±0.d₁d₂… · 10^exponent.
struct JSONNumber: Sendable, Equatable, Comparable {
  private var isNegative: Bool
  /// ASCII, without zeros at either end; empty: 0.
  private var digits: [UInt8]
  private var exponent: Int
  /// An exponent beyond this is not read; digits are bounded by the text.
  private static let exponentLimit = 1_000_000_000

  /// - Parameter text: a number as JSON writes it.
  init?(_ text: ArraySlice<UInt8>) {
    var rest = text
    isNegative = rest.first == UInt8(ascii: "-")
    if isNegative { rest = rest.dropFirst() }
    let mantissa = rest.prefix { $0 != UInt8(ascii: "e") && $0 != UInt8(ascii: "E") }
    let whole = mantissa.prefix { $0 != UInt8(ascii: ".") }
    digits = Array(whole + mantissa.dropFirst(whole.count + 1))
    exponent = whole.count
    let power = rest.dropFirst(mantissa.count + 1)
    if !power.isEmpty {
      guard let shift = Int(String(decoding: power, as: UTF8.self)),
        abs(shift) <= Self.exponentLimit
      else { return nil }
      exponent += shift
    }
    let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    digits.removeFirst(zeros)
    exponent -= zeros
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    if digits.isEmpty { (isNegative, exponent) = (false, 0) }
  }

  /// Whole numbers are integers however they are written: 1.0 and 1e2 are.
  var isInteger: Bool { exponent >= digits.count }

  /// As a length of something; nil for what is none, or beyond 10^9.
  var count: Int? {
    guard isInteger, !isNegative, exponent <= 9 else { return nil }
    let zeros = String(repeating: "0", count: exponent - digits.count)
    return Int(String(decoding: digits, as: UTF8.self) + zeros) ?? 0
  }

  static func < (a: JSONNumber, b: JSONNumber) -> Bool {
    if a.isNegative != b.isNegative { return a.isNegative }
    return a.isNegative ? b.isSmaller(than: a) : a.isSmaller(than: b)
  }

  /// Without the signs.
  private func isSmaller(than other: JSONNumber) -> Bool {
    if digits.isEmpty || other.digits.isEmpty { return digits.isEmpty && !other.digits.isEmpty }
    if exponent != other.exponent { return exponent < other.exponent }
    return digits.lexicographicallyPrecedes(other.digits)
  }
}

/// Reads a JSON text (RFC 8259), strictly; a name that stands twice in an object is refused.
struct JSONTreeParser {
  private let bytes: [UInt8]
  private var place: Int
  private let end: Int
  private var values = 0

  /// - Parameter span: of `text`, which is UTF-8.
  init(_ text: Bytes, _ span: Range<Int>) {
    bytes = text.bytes
    place = span.lowerBound
    end = span.upperBound
  }

  /// The span as one value; nil if it is none, or too long or deep.
  mutating func parse() -> JSONTree? {
    guard end - place <= JSONTree.byteLimit, let value = value(depth: 0) else { return nil }
    skipSpace()
    return place == end ? value : nil
  }

  private var next: UInt8? { place < end ? bytes[place] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      place += 1
    }
  }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    skipSpace()
    guard next == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }

  private mutating func value(depth: Int) -> JSONTree? {
    values += 1
    guard depth < JSONTree.depthLimit, values <= JSONTree.valueLimit else { return nil }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return object(depth)
    case UInt8(ascii: "["): return array(depth)
    case UInt8(ascii: "\""): return string().map(JSONTree.string)
    case UInt8(ascii: "t"): return word("true", .boolean(true))
    case UInt8(ascii: "f"): return word("false", .boolean(false))
    case UInt8(ascii: "n"): return word("null", .null)
    default: return number()
    }
  }

  private mutating func word(_ text: String, _ value: JSONTree) -> JSONTree? {
    guard bytes[place..<end].starts(with: text.utf8) else { return nil }
    place += text.utf8.count
    return value
  }

  private mutating func object(_ depth: Int) -> JSONTree? {
    place += 1
    var members: [[UInt8]: JSONTree] = [:]
    if take("}") { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\""), let name = string(), take(":"),
        let value = value(depth: depth + 1),
        members.updateValue(value, forKey: Array(name.utf8)) == nil
      else { return nil }
    } while take(",")
    return take("}") ? .object(members) : nil
  }

  private mutating func array(_ depth: Int) -> JSONTree? {
    place += 1
    var items: [JSONTree] = []
    if take("]") { return .array(items) }
    repeat {
      guard let value = value(depth: depth + 1) else { return nil }
      items.append(value)
    } while take(",")
    return take("]") ? .array(items) : nil
  }

  private mutating func number() -> JSONTree? {
    let start = place
    if next == UInt8(ascii: "-") { place += 1 }
    let whole = digits()
    guard whole > 0, whole == 1 || bytes[place - whole] != UInt8(ascii: "0") else { return nil }
    if next == UInt8(ascii: ".") {
      place += 1
      guard digits() > 0 else { return nil }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      place += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
      guard digits() > 0 else { return nil }
    }
    return JSONNumber(bytes[start..<place]).map(JSONTree.number)
  }

  private mutating func digits() -> Int {
    let start = place
    while place < end, isDigit(bytes[place]) { place += 1 }
    return place - start
  }

  private mutating func string() -> String? {
    place += 1
    var units: [UInt8] = []
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: units, as: UTF8.self)
      case UInt8(ascii: "\\"): guard escape(&units) else { return nil }
      case 0..<0x20: return nil
      default: units.append(byte)
      }
    }
    return nil
  }

  private mutating func escape(_ units: inout [UInt8]) -> Bool {
    guard let byte = next else { return false }
    place += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): units.append(byte)
    case UInt8(ascii: "b"): units.append(0x08)
    case UInt8(ascii: "f"): units.append(0x0C)
    case UInt8(ascii: "n"): units.append(0x0A)
    case UInt8(ascii: "r"): units.append(0x0D)
    case UInt8(ascii: "t"): units.append(0x09)
    case UInt8(ascii: "u"):
      guard let scalar = escapedScalar() else { return false }
      units.append(contentsOf: Array(String(scalar).utf8))
    default: return false
    }
    return true
  }

  /// `\uXXXX`, or two of them that are one scalar; a half of such a pair is refused.
  private mutating func escapedScalar() -> Unicode.Scalar? {
    guard let unit = hexadecimal() else { return nil }
    guard (0xD800..<0xDC00).contains(unit) else { return Unicode.Scalar(unit) }
    guard bytes[place..<end].starts(with: "\\u".utf8) else { return nil }
    place += 2
    guard let low = hexadecimal(), (0xDC00..<0xE000).contains(low) else { return nil }
    return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
  }

  private mutating func hexadecimal() -> UInt32? {
    guard end - place >= 4 else { return nil }
    let text = String(decoding: bytes[place..<place + 4], as: UTF8.self)
    guard text.utf8.allSatisfy({ isDigit($0) || (0x41...0x46).contains($0 & 0xDF) }) else {
      return nil
    }
    place += 4
    return UInt32(text, radix: 16)
  }
}
