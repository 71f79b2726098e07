import Foundation

/// `%` and `format` of strings, in the plain forms.
extension Rendering {
  /// Python's `text % values`: `%s`, `%r`, `%d`, `%i`, `%f` with digits behind the point, `%%`.
  func interpolated(
    _ text: TemplateText, with value: TemplateValue
  ) throws(ChatTemplateError) -> TemplateValue {
    var values: [TemplateValue] = [value]
    if case .sequence(let sequence) = value, sequence.kind == .tuple { values = sequence.elements }
    var used = 0
    func next() throws(ChatTemplateError) -> TemplateValue {
      guard used < values.count else { throw failure("`%` has too few values") }
      used += 1
      return values[used - 1]
    }
    var result: [UInt8] = []
    var bytes = text.utf8[...]
    while let byte = bytes.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        result.append(byte)
        continue
      }
      var digits: Int?
      if bytes.first == UInt8(ascii: ".") {
        let number = bytes.dropFirst().prefix { (0x30...0x39).contains($0) }
        digits = Int(String(decoding: number, as: UTF8.self)) ?? 0
        bytes = bytes.dropFirst(1 + number.count)
      }
      switch (bytes.popFirst(), digits) {
      case (UInt8(ascii: "%"), nil): result.append(UInt8(ascii: "%"))
      case (UInt8(ascii: "s"), nil): result += try printed(try next()).utf8
      case (UInt8(ascii: "r"), nil): try represent(try next(), into: &result)
      case (UInt8(ascii: "d"), nil), (UInt8(ascii: "i"), nil):
        let value = try next()
        guard
          let number = value.asInteger
            ?? value.asDouble.flatMap({ Int(exactly: $0.rounded(.towardZero)) })
        else { throw failure("`%d` writes \(value.typeName)") }
        result += String(number).utf8
      case (UInt8(ascii: "f"), let digits) where (digits ?? 6) <= 100:
        let value = try next()
        guard let number = value.asDouble else { throw failure("`%f` writes \(value.typeName)") }
        result += Self.fixed(number, digits: digits ?? 6).utf8
      default: throw unsupported("such a `%` in a string")
      }
      guard result.count <= Limit.text else { throw excess("a text would be too long") }
    }
    if used < values.count, !values.allSatisfy({ if case .mapping = $0 { true } else { false } }) {
      throw failure("`%` has too many values")
    }
    return try made(TemplateText(utf8: result))
  }

  /// The digits of the exact value, rounded to even, as C and Python write them.
  static func fixed(_ number: Double, digits: Int) -> String {
    if number.isNaN || number.isInfinite { return number.pythonText }
    return String(format: "%.\(digits)f", number)
  }

  /// Python's `str.format`: `{}`, `{0}`, `{name}`, `{{` and `}}`.
  func formatted(
    _ text: TemplateText, _ arguments: CallArguments
  ) throws(ChatTemplateError) -> TemplateValue {
    var result: [UInt8] = []
    var bytes = text.utf8[...]
    var automatic = 0
    while let byte = bytes.popFirst() {
      let isOpen = byte == UInt8(ascii: "{")
      guard isOpen || byte == UInt8(ascii: "}") else {
        result.append(byte)
        continue
      }
      if bytes.first == byte {
        bytes.removeFirst()
        result.append(byte)
        continue
      }
      guard isOpen, let end = bytes.firstIndex(of: UInt8(ascii: "}")) else {
        throw failure("a brace in `format` stands alone")
      }
      let field = String(decoding: bytes[..<end], as: UTF8.self)
      bytes = bytes[(end + 1)...]
      let value: TemplateValue?
      if field.isEmpty {
        value = arguments.positional.dropFirst(automatic).first
        automatic += 1
      } else if let place = Int(field) {
        value = arguments.positional.dropFirst(max(0, place)).first
      } else {
        guard
          field.utf8.allSatisfy({
            $0 == 0x5F || ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || (0x30...0x39).contains($0)
          })
        else { throw unsupported("such a field in `format`") }
        value = arguments.named.first { $0.name == field }?.value
      }
      guard let value else { throw failure("`format` lacks a value") }
      result += try printed(value).utf8
      guard result.count <= Limit.text else { throw excess("a text would be too long") }
    }
    return try made(TemplateText(utf8: result))
  }
}
