/// What the split expressions ask of a character: `\p{L}`, `\p{N}`, `\s`, or none of them.
///
/// The three sets are disjoint. `\s` is Unicode's White_Space, as in Oniguruma: U+0085, U+00A0 and
/// U+3000 are in it, U+200B and U+FEFF are not. Unicode 16, whatever the Swift runtime knows: that is
/// what Hugging Face's tokenizers 0.23 has, and ids must not change with the toolchain.
enum ScalarClass: Sendable {
  case letter
  case number
  /// CR or LF.
  case newline
  /// White space other than CR and LF.
  case space
  case other

  var isSpace: Bool { self == .space || self == .newline }

  init(_ scalar: Unicode.Scalar) {
    let value = scalar.value
    if value < 0x80 {
      switch UInt8(value) {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"):
        self = .letter
      case UInt8(ascii: "0")...UInt8(ascii: "9"): self = .number
      case 0x0A, 0x0D: self = .newline
      case 0x20, 0x09, 0x0B, 0x0C: self = .space
      default: self = .other
      }
      return
    }
    let properties = scalar.properties
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
      self = Self.isKnown(properties) ? .letter : .other
    case .decimalNumber, .letterNumber, .otherNumber:
      self = Self.isKnown(properties) ? .number : .other
    default: self = properties.isWhitespace ? .space : .other
    }
  }

  /// Whether Unicode 16 or an earlier version assigned the scalar.
  private static func isKnown(_ properties: Unicode.Scalar.Properties) -> Bool {
    (properties.age?.major ?? .max) <= 16
  }
}

/// Valid UTF-8 and its scalars by byte position.
struct ScalarText: Sendable {
  let bytes: [UInt8]
  /// End of the part that is looked at; positions at or beyond it have no scalar.
  let end: Int

  /// The scalar at `position` and the position after it; nil at the end.
  @inline(__always)
  func scalar(at position: Int) -> (scalar: Unicode.Scalar, next: Int)? {
    guard position < end else { return nil }
    let first = UInt32(bytes[position])
    if first < 0x80 { return (Unicode.Scalar(UInt8(first)), position + 1) }
    if first < 0xE0 {
      return (known(first & 0x1F, position, 1), position + 2)
    }
    if first < 0xF0 {
      return (known(first & 0x0F, position, 2), position + 3)
    }
    return (known(first & 0x07, position, 3), position + 4)
  }

  /// The scalar of a lead byte's bits and `count` continuation bytes.
  private func known(_ lead: UInt32, _ position: Int, _ count: Int) -> Unicode.Scalar {
    var value = lead
    for offset in 1...count { value = value << 6 | UInt32(bytes[position + offset] & 0x3F) }
    guard let scalar = Unicode.Scalar(value) else {
      preconditionFailure("ScalarText: byte \(position) does not begin valid UTF-8")
    }
    return scalar
  }

  /// The class at `position` and the position after it; nil at the end.
  @inline(__always)
  func classified(at position: Int) -> (kind: ScalarClass, next: Int)? {
    guard let (scalar, next) = scalar(at: position) else { return nil }
    return (ScalarClass(scalar), next)
  }

  /// The first position from `position` on whose class does not fulfil `condition`.
  @inline(__always)
  func skip(from position: Int, while condition: (ScalarClass) -> Bool) -> Int {
    var position = position
    while let (kind, next) = classified(at: position), condition(kind) { position = next }
    return position
  }
}
