extension JSONValue {
  /// Reads one JSON text (RFC 8259) and refuses what the RFC leaves open: names that stand twice in
  /// an object, unpaired surrogate escapes, more than 128 levels, anything but white space after it.
  ///
  /// - Parameters:
  ///   - location: the file, for the error.
  ///   - valueLimit: most values, counted with those inside others. Two bytes of text can cost ten
  ///     times that in memory, so the length of a file alone bounds nothing. The largest tokenizer that
  ///     is read here, Llama 3's with its merges as pairs, has 970,000.
  /// - Throws: `JSONError` with the byte offset.
  public init(
    parsing bytes: [UInt8], location: String = "JSON", valueLimit: Int = 1 << 20
  ) throws(JSONError) {
    do {
      _ = try UTF8Span(validating: bytes.span)
    } catch {
      throw JSONError(location: location, problem: "the text is not UTF-8")
    }
    var parser = JSONParser(bytes: bytes, location: location, valueLimit: valueLimit)
    self = try parser.text()
  }
}

/// A recursive-descent parser over validated UTF-8.
struct JSONParser {
  let bytes: [UInt8]
  let location: String
  private var position = 0
  /// Beyond this the recursion is refused, long before the stack ends.
  private static let deepest = 128

  /// Values that may still come.
  private var budget: Int

  init(bytes: [UInt8], location: String, valueLimit: Int) {
    self.bytes = bytes
    self.location = location
    budget = valueLimit
  }

  mutating func text() throws(JSONError) -> JSONValue {
    let value = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw failure("text after the value") }
    return value
  }

  private func failure(_ what: String) -> JSONError {
    JSONError(location: location, problem: "\(what) at byte \(position)")
  }

  private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Whether the next byte is `byte`, after white space; if so it is passed over.
  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard next == byte else { return false }
    position += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    guard depth < Self.deepest else { throw failure("more than \(Self.deepest) levels") }
    budget -= 1
    guard budget >= 0 else { throw failure("more values than such a text may have") }
    skipSpace()
    switch next {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .boolean(true))
    case UInt8(ascii: "f"): return try word("false", .boolean(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case nil: throw failure("the text ends where a value should stand")
    default: return try number()
    }
  }

  private mutating func word(_ word: String, _ value: JSONValue) throws(JSONError) -> JSONValue {
    guard bytes[position...].starts(with: word.utf8) else { throw failure("no value") }
    position += word.utf8.count
    return value
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var values: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(values) }
    repeat { values.append(try value(depth: depth + 1)) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw failure("no `,` or `]`") }
    return .array(values)
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    position += 1
    var members: [JSONMember] = []
    // Hashes and not the names: half the memory, and whoever wrote the text cannot know them.
    var names = Set<Int>()
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw failure("no name") }
      let name = try string()
      if !names.insert(Self.hash(of: name)).inserted,
        members.contains(where: { $0.name.utf8.elementsEqual(name.utf8) })
      {
        throw failure("a name stands twice in one object, the second")
      }
      guard take(UInt8(ascii: ":")) else { throw failure("no `:`") }
      members.append(JSONMember(name: name, value: try value(depth: depth + 1)))
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw failure("no `,` or `}`") }
    return .object(members)
  }

  /// By bytes: `String` would take composed and decomposed forms as the same.
  private static func hash(of name: String) -> Int {
    var hasher = Hasher()
    var block: UInt64 = 0
    var count = 0
    for byte in name.utf8 {
      block = block << 8 | UInt64(byte)
      count += 1
      if count & 7 == 0 { hasher.combine(block) }
    }
    hasher.combine(block)
    hasher.combine(count)
    return hasher.finalize()
  }

  /// `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`
  private mutating func number() throws(JSONError) -> JSONValue {
    let start = position
    if next == UInt8(ascii: "-") { position += 1 }
    if next == UInt8(ascii: "0") { position += 1 } else { try digits() }
    var whole = true
    if next == UInt8(ascii: ".") {
      whole = false
      position += 1
      try digits()
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      whole = false
      position += 1
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if whole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else { throw failure("a number out of range") }
    return .number(value)
  }

  private mutating func digits() throws(JSONError) {
    let start = position
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    guard position > start else { throw failure("no value, or a number without digits,") }
  }

  private mutating func string() throws(JSONError) -> String {
    position += 1
    let start = position
    while let byte = next, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if next == UInt8(ascii: "\"") {
      position += 1
      return String(decoding: bytes[start..<position - 1], as: UTF8.self)
    }
    var unescaped = Array(bytes[start..<position])
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        return String(decoding: unescaped, as: UTF8.self)
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &unescaped)
      case 0..<0x20: throw failure("a control character in a string")
      default:
        unescaped.append(byte)
        position += 1
      }
    }
    throw failure("a string without end")
  }

  private mutating func escape(into text: inout [UInt8]) throws(JSONError) {
    guard let byte = next else { throw failure("a string without end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      let scalar = try escapedScalar()
      text.append(contentsOf: UTF8.encode(scalar)!)
    default: throw failure("an unknown escape")
    }
  }

  /// The scalar after `\u`, with the second half of a surrogate pair if it has one.
  private mutating func escapedScalar() throws(JSONError) -> Unicode.Scalar {
    let unit = try hexadecimalUnit()
    if let scalar = Unicode.Scalar(UInt32(unit)) { return scalar }
    guard unit < 0xDC00, bytes[position...].starts(with: "\\u".utf8) else {
      throw failure("an unpaired surrogate escape")
    }
    position += 2
    let low = try hexadecimalUnit()
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(
        0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00))
    else { throw failure("an unpaired surrogate escape") }
    return scalar
  }

  private mutating func hexadecimalUnit() throws(JSONError) -> UInt16 {
    let digits = bytes[position...].prefix(4)
    // UInt16(_:radix:) would also take a sign.
    guard digits.count == 4, digits.allSatisfy({ UInt8(ascii: "0") <= $0 }),
      let unit = UInt16(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw failure("no four hexadecimal digits after `\\u`") }
    position += 4
    return unit
  }
}
