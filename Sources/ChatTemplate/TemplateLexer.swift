/// Cuts a template into tokens as Jinja does with `trim_blocks` and `lstrip_blocks` on, which is how
/// transformers sets them: a line break right behind a tag or comment goes, and so do blanks between
/// the start of a line and a tag or comment. `-` strips all white space on its side, `+` keeps it.
struct TemplateLexer {
  private let bytes: [UInt8]
  private let location: String
  private var position = 0
  private var line = 1
  private var tokens: [TemplateToken] = []
  /// Whether the text before `position` ends a line, or nothing stands before it.
  private var lineStarts = true
  /// Tokens of a template; the largest published ones have some thousands.
  private static let limit = 1 << 17

  /// - Parameter source: the text; each kind of line break counts as one `\n`, and the last is dropped.
  init(_ source: String, location: String) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(source.utf8.count)
    var previous: UInt8 = 0
    for byte in source.utf8 {
      defer { previous = byte }
      if byte == UInt8(ascii: "\n"), previous == UInt8(ascii: "\r") { continue }
      bytes.append(byte == UInt8(ascii: "\r") ? UInt8(ascii: "\n") : byte)
    }
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    self.bytes = bytes
    self.location = location
  }

  static func tokens(
    of source: String, location: String
  ) throws(ChatTemplateError) -> [TemplateToken] {
    var lexer = TemplateLexer(source, location: location)
    try lexer.scan()
    return lexer.tokens
  }

  private func malformed(_ problem: String) -> ChatTemplateError {
    ChatTemplateError(.malformed, at: location, line: line, problem)
  }

  private func unsupported(_ what: String) -> ChatTemplateError {
    ChatTemplateError(.unsupported, at: location, line: line, "\(what) is not done here")
  }

  private func byte(_ offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private func follows(_ text: String, at place: Int) -> Bool {
    place < bytes.count && bytes[place...].starts(with: text.utf8)
  }

  private mutating func add(_ kind: TemplateToken.Kind) throws(ChatTemplateError) {
    guard tokens.count < Self.limit else {
      throw ChatTemplateError(
        .limit, at: location, line: line, "the template has more than \(Self.limit) tokens")
    }
    tokens.append(TemplateToken(kind: kind, line: line))
  }

  /// Moves on to `place` and counts the lines passed.
  private mutating func advance(to place: Int) {
    for index in position..<place where bytes[index] == UInt8(ascii: "\n") { line += 1 }
    if place > 0 { lineStarts = bytes[place - 1] == UInt8(ascii: "\n") }
    position = place
  }

  // MARK: Outside of tags

  private enum Tag { case output, tag, comment }

  private mutating func scan() throws(ChatTemplateError) {
    while position < bytes.count {
      guard let (start, tag) = nextTag() else {
        try add(.data(TemplateText(utf8: Array(bytes[position...]))))
        break
      }
      let sign = start + 2 < bytes.count ? bytes[start + 2] : 0
      let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
      try addData(
        upTo: start, sign: isSigned ? sign : 0, strips: tag != .output)
      if tag == .tag, let end = rawStart(from: start + (isSigned ? 3 : 2)) {
        advance(to: end)
        try scanRaw()
        continue
      }
      switch tag {
      case .comment:
        advance(to: start + (isSigned ? 3 : 2))
        try skipComment()
      case .output, .tag:
        try add(tag == .output ? .outputBegin : .tagBegin)
        advance(to: start + (isSigned ? 3 : 2))
        try scanTag(isOutput: tag == .output)
      }
    }
    try add(.end)
  }

  /// The next `{{`, `{%` or `{#`.
  private func nextTag() -> (Int, Tag)? {
    var place = position
    while place + 1 < bytes.count {
      if bytes[place] == UInt8(ascii: "{") {
        switch bytes[place + 1] {
        case UInt8(ascii: "{"): return (place, .output)
        case UInt8(ascii: "%"): return (place, .tag)
        case UInt8(ascii: "#"): return (place, .comment)
        default: break
        }
      }
      place += 1
    }
    return nil
  }

  /// The text before a tag, stripped as the tag asks.
  private mutating func addData(
    upTo end: Int, sign: UInt8, strips: Bool
  ) throws(ChatTemplateError) {
    var text = TemplateText(utf8: Array(bytes[position..<end]))
    if sign == UInt8(ascii: "-") {
      text = text.stripped(left: false)
    } else if sign == 0, strips {
      let lineStart = text.utf8.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
      let head = TemplateText(utf8: Array(text.utf8[lineStart...]))
      if lineStart > 0 || lineStarts, head.scalars.allSatisfy(\.isTemplateSpace) {
        text = TemplateText(utf8: Array(text.utf8[..<lineStart]))
      }
    }
    if !text.isEmpty { try add(.data(text)) }
    advance(to: end)
  }

  /// The first place from `place` on that is not white space.
  private func afterSpace(_ place: Int) -> Int {
    var place = place
    while place < bytes.count {
      let byte = bytes[place]
      if byte < 0x80 {
        guard Unicode.Scalar(byte).isTemplateSpace else { break }
        place += 1
      } else {
        let width = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4
        let scalar = TemplateText(utf8: Array(bytes[place..<place + width])).scalars[0]
        guard scalar.isTemplateSpace else { break }
        place += width
      }
    }
    return place
  }

  /// Behind `raw %}`, if that is what stands at `place`.
  private func rawStart(from place: Int) -> Int? {
    let name = afterSpace(place)
    guard follows("raw", at: name) else { return nil }
    let end = afterSpace(name + 3)
    if follows("-%}", at: end) { return afterSpace(end + 3) }
    return follows("%}", at: end) ? end + 2 : nil
  }

  private mutating func scanRaw() throws(ChatTemplateError) {
    var place = position
    while place + 1 < bytes.count {
      guard follows("{%", at: place) else {
        place += 1
        continue
      }
      let sign = place + 2 < bytes.count ? bytes[place + 2] : 0
      let isSigned = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
      let name = afterSpace(place + (isSigned ? 3 : 2))
      if follows("endraw", at: name), let end = tagEnd(at: afterSpace(name + 6)) {
        try addData(upTo: place, sign: isSigned ? sign : 0, strips: true)
        advance(to: end)
        return
      }
      place += 2
    }
    throw malformed("`raw` has no `endraw`")
  }

  private mutating func skipComment() throws(ChatTemplateError) {
    var place = position
    while !follows("#}", at: place) {
      guard place < bytes.count else { throw malformed("a comment has no end") }
      place += 1
    }
    let sign = place > position ? bytes[place - 1] : 0
    switch sign {
    case UInt8(ascii: "-"): advance(to: afterSpace(place + 2))
    case UInt8(ascii: "+"): advance(to: place + 2)
    default: advance(to: afterLineBreak(place + 2))
    }
  }

  private func afterLineBreak(_ place: Int) -> Int {
    place < bytes.count && bytes[place] == UInt8(ascii: "\n") ? place + 1 : place
  }

  // MARK: Inside of tags

  /// Behind `%}` with its sign and what it strips, if it stands at `place`.
  private func tagEnd(at place: Int) -> Int? {
    if follows("+%}", at: place) { return place + 3 }
    if follows("-%}", at: place) { return afterSpace(place + 3) }
    return follows("%}", at: place) ? afterLineBreak(place + 2) : nil
  }

  /// Behind `}}`, if it stands at `place`.
  private func outputEnd(at place: Int) -> Int? {
    if follows("-}}", at: place) { return afterSpace(place + 3) }
    return follows("}}", at: place) ? place + 2 : nil
  }

  private mutating func scanTag(isOutput: Bool) throws(ChatTemplateError) {
    var open: [UInt8] = []
    while let byte = byte() {
      // Inside brackets the end of a tag is two operators: `{{ {'a': {}} }}`.
      if open.isEmpty, let end = isOutput ? outputEnd(at: position) : tagEnd(at: position) {
        try add(isOutput ? .outputEnd : .tagEnd)
        advance(to: end)
        return
      }
      let space = afterSpace(position)
      if space > position {
        advance(to: space)
        continue
      }
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): try scanNumber()
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "_"):
        var end = position
        while end < bytes.count, Self.continuesName(bytes[end]) { end += 1 }
        try add(.name(String(decoding: bytes[position..<end], as: UTF8.self)))
        advance(to: end)
      case UInt8(ascii: "'"), UInt8(ascii: "\""): try scanString(byte)
      case 0x80...: throw unsupported("a name with a letter beyond ASCII")
      default: try scanSymbol(byte, &open)
      }
    }
    throw malformed("a tag has no end")
  }

  private static func continuesName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static let symbols = [
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}",
    ">", "<", "=", ".", ":", "|", ",", ";",
  ].map { Array($0.utf8) }

  private mutating func scanSymbol(
    _ first: UInt8, _ open: inout [UInt8]
  ) throws(ChatTemplateError) {
    guard let symbol = Self.symbols.first(where: { bytes[position...].starts(with: $0) }) else {
      throw malformed("the character `\(Unicode.Scalar(first))` begins nothing")
    }
    switch first {
    case UInt8(ascii: "("): open.append(UInt8(ascii: ")"))
    case UInt8(ascii: "["): open.append(UInt8(ascii: "]"))
    case UInt8(ascii: "{"): open.append(UInt8(ascii: "}"))
    case UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}"):
      let awaited = open.popLast()
      guard awaited == first else {
        let found = "`\(Unicode.Scalar(first))`"
        throw malformed(
          awaited.map { "\(found) stands where `\(Unicode.Scalar($0))` must" }
            ?? "\(found) closes nothing")
      }
    default: break
    }
    try add(.symbol(String(decoding: symbol, as: UTF8.self)))
    advance(to: position + symbol.count)
  }

  /// `12`, `1_000`, `0x1f`, `1.5`, `1e5`; after a dot only a whole number.
  private mutating func scanNumber() throws(ChatTemplateError) {
    func digits(from start: Int, _ belongs: (UInt8) -> Bool) -> Int {
      var end = start
      while end < bytes.count {
        if belongs(bytes[end]) {
          end += 1
        } else if bytes[end] == UInt8(ascii: "_"), end > start, end + 1 < bytes.count,
          belongs(bytes[end + 1])
        {
          end += 2
        } else {
          break
        }
      }
      return end
    }
    let isDecimal = { (byte: UInt8) in (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    let whole = digits(from: position, isDecimal)
    var end = whole
    if position == 0 || bytes[position - 1] != UInt8(ascii: ".") {
      if end < bytes.count, bytes[end] == UInt8(ascii: "."), end + 1 < bytes.count,
        isDecimal(bytes[end + 1])
      {
        end = digits(from: end + 1, isDecimal)
      }
      if end < bytes.count, bytes[end] | 0x20 == UInt8(ascii: "e") {
        var start = end + 1
        if start < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[start]) {
          start += 1
        }
        let exponent = digits(from: start, isDecimal)
        if exponent > start { end = exponent }
      }
    }
    if end > whole {
      let text = String(
        decoding: bytes[position..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
      guard let value = Double(text) else { throw malformed("a number cannot be read") }
      try add(.number(value))
      advance(to: end)
      return
    }
    try scanInteger(upTo: whole)
  }

  private mutating func scanInteger(upTo whole: Int) throws(ChatTemplateError) {
    if bytes[position] == UInt8(ascii: "0"), let mark = byte(1).map({ $0 | 0x20 }),
      [UInt8(ascii: "x"), UInt8(ascii: "o"), UInt8(ascii: "b")].contains(mark)
    {
      throw unsupported("a number that is not written in decimal digits")
    }
    // Zero stands alone: Jinja reads `012` as two numbers.
    var end = whole
    if bytes[position] == UInt8(ascii: "0") {
      end = position
      while end < whole, bytes[end] == UInt8(ascii: "0") || bytes[end] == UInt8(ascii: "_") {
        end += 1
      }
    }
    let text = String(
      decoding: bytes[position..<end].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    guard let value = Int(text) else { throw unsupported("a whole number beyond 64 bits") }
    try add(.integer(value))
    advance(to: end)
  }
}

/// Strings with Python's escapes.
extension TemplateLexer {
  private mutating func scanString(_ quote: UInt8) throws(ChatTemplateError) {
    var end = position + 1
    while end < bytes.count, bytes[end] != quote {
      end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard end < bytes.count else { throw malformed("a string has no end") }
    let text = try unescaped(position + 1..<end)
    try add(.text(text))
    advance(to: end + 1)
  }

  private func unescaped(_ range: Range<Int>) throws(ChatTemplateError) -> TemplateText {
    var text: [UInt8] = []
    text.reserveCapacity(range.count)
    var place = range.lowerBound
    while place < range.upperBound {
      guard bytes[place] == UInt8(ascii: "\\") else {
        text.append(bytes[place])
        place += 1
        continue
      }
      let mark = bytes[place + 1]
      place += 2
      switch mark {
      case UInt8(ascii: "\n"): break
      case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): text.append(mark)
      case UInt8(ascii: "a"): text.append(0x07)
      case UInt8(ascii: "b"): text.append(0x08)
      case UInt8(ascii: "f"): text.append(0x0C)
      case UInt8(ascii: "n"): text.append(0x0A)
      case UInt8(ascii: "r"): text.append(0x0D)
      case UInt8(ascii: "t"): text.append(0x09)
      case UInt8(ascii: "v"): text.append(0x0B)
      case UInt8(ascii: "x"): text += try scalar(2, radix: 16, at: &place, before: range.upperBound)
      case UInt8(ascii: "u"): text += try scalar(4, radix: 16, at: &place, before: range.upperBound)
      case UInt8(ascii: "U"): text += try scalar(8, radix: 16, at: &place, before: range.upperBound)
      case UInt8(ascii: "0")...UInt8(ascii: "7"):
        place -= 1
        var digits = 0
        while digits < 3, place + digits < range.upperBound,
          (UInt8(ascii: "0")...UInt8(ascii: "7")).contains(bytes[place + digits])
        {
          digits += 1
        }
        text += try scalar(digits, radix: 8, at: &place, before: range.upperBound)
      case UInt8(ascii: "N"): throw unsupported("the escape `\\N`")
      // Python makes ten characters of it, which nobody means.
      case 0x80...: throw unsupported("an escape of a character beyond ASCII")
      default: text += [UInt8(ascii: "\\"), mark]
      }
    }
    return TemplateText(utf8: text)
  }

  /// The UTF-8 of the scalar that `count` digits name.
  private func scalar(
    _ count: Int, radix: Int, at place: inout Int, before end: Int
  ) throws(ChatTemplateError) -> [UInt8] {
    let digits = bytes[place..<min(place + count, end)]
    guard digits.count == count,
      digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: radix)
    else { throw malformed("an escape lacks digits") }
    guard let scalar = Unicode.Scalar(value) else {
      throw unsupported("an escape that is no character")
    }
    place += count
    return Array(UTF8.encode(scalar)!)
  }
}
