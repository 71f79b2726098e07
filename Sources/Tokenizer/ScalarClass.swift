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

  @inline(__always)
  init(_ scalar: Unicode.Scalar) {
    self =
      scalar.value < 0x10000
      ? Self.basicPlane[Int(scalar.value)] : Self(properties: scalar.properties)
  }

  /// Of every character below U+10000; looking the properties up takes fifty times as long. Surrogates,
  /// which no text holds, are `other`.
  private static let basicPlane: [ScalarClass] = (UInt32(0)..<0x10000).map { value in
    if value == 0x0A || value == 0x0D { return .newline }
    return Unicode.Scalar(value).map { Self(properties: $0.properties) } ?? .other
  }

  private init(properties: Unicode.Scalar.Properties) {
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
