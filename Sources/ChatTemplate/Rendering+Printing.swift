import Records

/// Values as text: as Jinja prints them, and as JSON.
extension Rendering {
  /// Python's `str`.
  func printed(_ value: TemplateValue) throws(ChatTemplateError) -> TemplateText {
    switch value {
    case .undefined: return TemplateText("")
    case .text(let text): return text
    default:
      var text: [UInt8] = []
      try represent(value, into: &text)
      return TemplateText(utf8: text)
    }
  }

  /// Python's `repr`.
  func represent(
    _ value: TemplateValue, into text: inout [UInt8]
  ) throws(ChatTemplateError) {
    try work()
    guard text.count <= Limit.text else { throw excess("a text would be too long") }
    switch value {
    case .undefined: text += "Undefined".utf8
    case .none: text += "None".utf8
    case .boolean(let value): text += (value ? "True" : "False").utf8
    case .integer(let value): text += String(value).utf8
    case .number(let value): text += value.pythonText.utf8
    case .text(let string):
      try work(scalars: string)
      text += string.representation
    case .sequence(let sequence): try represent(sequence, into: &text)
    case .mapping(let mapping):
      text.append(UInt8(ascii: "{"))
      for (index, key) in mapping.keys.enumerated() {
        if index > 0 { text += ", ".utf8 }
        try represent(key, into: &text)
        text += ": ".utf8
        try represent(mapping.values[index], into: &text)
      }
      text.append(UInt8(ascii: "}"))
    case .generator, .namespace, .loop, .macro, .function, .method:
      throw unsupported("printing \(value.typeName)")
    }
  }

  private func represent(
    _ sequence: TemplateSequence, into text: inout [UInt8]
  ) throws(ChatTemplateError) {
    let (open, close): (String, String)
    switch sequence.kind {
    case .list: (open, close) = ("[", "]")
    case .tuple: (open, close) = ("(", sequence.elements.count == 1 ? ",)" : ")")
    case .keys: (open, close) = ("dict_keys([", "])")
    case .values: (open, close) = ("dict_values([", "])")
    case .items: (open, close) = ("dict_items([", "])")
    case .range(let start, let stop, let step):
      text += "range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))".utf8
      return
    }
    text += open.utf8
    for (index, element) in sequence.elements.enumerated() {
      if index > 0 { text += ", ".utf8 }
      try represent(element, into: &text)
    }
    text += close.utf8
  }

  // MARK: JSON

  /// How `tojson` writes: Python's `json.dumps` with `ensure_ascii=False`, as transformers sets it.
  struct JSONStyle {
    /// nil: all in one line.
    var indent: String?
    var itemSeparator: String
    var keySeparator: String
    var sortsKeys: Bool
    var ensuresASCII: Bool
  }

  func encode(
    _ value: TemplateValue, _ style: JSONStyle, level: Int = 0, into text: inout [UInt8]
  ) throws(ChatTemplateError) {
    try work()
    guard text.count <= Limit.text else { throw excess("a text would be too long") }
    switch value {
    case .none: text += "null".utf8
    case .boolean(let value): text += (value ? "true" : "false").utf8
    case .integer(let value): text += String(value).utf8
    case .number(let value): text += value.jsonText.utf8
    case .text(let string):
      try work(4 * string.utf8.count)
      text += string.json(ensuresASCII: style.ensuresASCII)
    case .sequence(let sequence) where sequence.kind == .list || sequence.kind == .tuple:
      try encode(
        sequence.elements, "[", "]", style, level, into: &text
      ) { (element, text) throws(ChatTemplateError) in
        try encode(element, style, level: level + 1, into: &text)
      }
    case .mapping(let mapping):
      var entries = Array(zip(mapping.keys, mapping.values))
      if style.sortsKeys { entries = try sorted(entries, by: \.0) }
      try encode(entries, "{", "}", style, level, into: &text) {
        (entry, text) throws(ChatTemplateError) in
        text += try jsonKey(entry.0).json(ensuresASCII: style.ensuresASCII)
        text += style.keySeparator.utf8
        try encode(entry.1, style, level: level + 1, into: &text)
      }
    default: throw failure("\(value.typeName) cannot be written as JSON")
    }
  }

  private func encode<Element>(
    _ elements: [Element], _ open: String, _ close: String, _ style: JSONStyle, _ level: Int,
    into text: inout [UInt8],
    _ write: (Element, inout [UInt8]) throws(ChatTemplateError) -> Void
  ) throws(ChatTemplateError) {
    func breakLine(_ level: Int, _ text: inout [UInt8]) throws(ChatTemplateError) {
      guard let indent = style.indent else { return }
      try work(level * indent.utf8.count)
      text.append(UInt8(ascii: "\n"))
      for _ in 0..<level { text += indent.utf8 }
    }
    text += open.utf8
    for (index, element) in elements.enumerated() {
      if index > 0 { text += style.itemSeparator.utf8 }
      try breakLine(level + 1, &text)
      try write(element, &text)
    }
    if !elements.isEmpty { try breakLine(level, &text) }
    text += close.utf8
  }

  private func jsonKey(_ key: TemplateValue) throws(ChatTemplateError) -> TemplateText {
    switch key {
    case .text(let text): return text
    case .none: return TemplateText("null")
    case .boolean(let value): return TemplateText(value ? "true" : "false")
    case .integer(let value): return TemplateText(String(value))
    case .number(let value): return TemplateText(value.jsonText)
    default: throw failure("\(key.typeName) cannot be a key in JSON")
    }
  }
}

extension Double {
  /// Python's `repr`: the shortest digits that read back, an exponent below 1e-4 and from 1e16 on.
  var pythonText: String {
    if isNaN { return "nan" }
    if isInfinite { return self < 0 ? "-inf" : "inf" }
    let sign = self.sign == .minus ? "-" : ""
    let parts = "\(magnitude)".split(separator: "e")
    let mantissa = parts[0].split(separator: ".", omittingEmptySubsequences: false)
    let whole = String(mantissa[0])
    let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
    var digits = Substring(whole + fraction)
    // The value is 0.digits times ten to this.
    var point = whole.utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
    while digits.hasPrefix("0") {
      digits.removeFirst()
      point -= 1
    }
    while digits.hasSuffix("0") { digits.removeLast() }
    guard !digits.isEmpty else { return sign + "0.0" }
    let count = digits.utf8.count
    if point > 16 || point < -3 {
      let exponent = point - 1
      let tail = digits.dropFirst()
      let power = String(exponent.magnitude)
      return sign + digits.prefix(1) + (tail.isEmpty ? "" : "." + tail) + "e"
        + (exponent < 0 ? "-" : "+") + (power.utf8.count < 2 ? "0" + power : power)
    }
    if point <= 0 { return sign + "0." + String(repeating: "0", count: -point) + digits }
    if point >= count { return sign + digits + String(repeating: "0", count: point - count) + ".0" }
    return sign + digits.prefix(point) + "." + digits.dropFirst(point)
  }

  /// As Python's `json` writes it.
  fileprivate var jsonText: String {
    if isNaN { return "NaN" }
    return isInfinite ? (self < 0 ? "-Infinity" : "Infinity") : pythonText
  }
}

extension TemplateText {
  /// Python's `repr` of a string.
  fileprivate var representation: [UInt8] {
    let isQuoted = utf8.contains(UInt8(ascii: "'")) && !utf8.contains(UInt8(ascii: "\""))
    let quote = isQuoted ? UInt8(ascii: "\"") : UInt8(ascii: "'")
    var text = [quote]
    for scalar in string.unicodeScalars {
      switch scalar.value {
      case UInt32(quote), 0x5C: text += [UInt8(ascii: "\\"), UInt8(scalar.value)]
      case 0x0A: text += "\\n".utf8
      case 0x0D: text += "\\r".utf8
      case 0x09: text += "\\t".utf8
      case 0x20...0x7E: text.append(UInt8(scalar.value))
      default:
        if scalar.isPrintable {
          text += UTF8.encode(scalar)!
        } else if scalar.value < 0x100 {
          text += "\\x".utf8
          text += scalar.value.hexadecimal(2)
        } else {
          text += (scalar.value < 0x10000 ? "\\u" : "\\U").utf8
          text += scalar.value.hexadecimal(scalar.value < 0x10000 ? 4 : 8)
        }
      }
    }
    text.append(quote)
    return text
  }

  /// As a string of JSON.
  fileprivate func json(ensuresASCII: Bool) -> [UInt8] {
    var text: [UInt8] = [UInt8(ascii: "\"")]
    func escape(_ unit: UInt16) {
      text += "\\u".utf8
      text += UInt32(unit).hexadecimal(4)
    }
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\"".utf8
      case "\\": text += "\\\\".utf8
      case "\n": text += "\\n".utf8
      case "\r": text += "\\r".utf8
      case "\t": text += "\\t".utf8
      case "\u{8}": text += "\\b".utf8
      case "\u{C}": text += "\\f".utf8
      case "\u{0}"..<" ": escape(UInt16(scalar.value))
      case "\u{80}"... where ensuresASCII: for unit in UTF16.encode(scalar)! { escape(unit) }
      default: text += UTF8.encode(scalar)!
      }
    }
    text.append(UInt8(ascii: "\""))
    return text
  }
}

extension UInt32 {
  /// The last `count` hexadecimal digits.
  fileprivate func hexadecimal(_ count: Int) -> [UInt8] {
    (0..<count).reversed().map { place in
      let digit = UInt8(truncatingIfNeeded: self >> (4 * UInt32(place)) & 15)
      return digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
  }
}

extension Unicode.Scalar {
  /// Python's `str.isprintable` for one scalar.
  fileprivate var isPrintable: Bool {
    switch properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      self == " "
    default: true
    }
  }
}
