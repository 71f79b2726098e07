/// Takes the tokens from a text one by one. It never looks further than to the end of a token.
struct Lexer {
  let bytes: [UInt8]
  let end: Int
  /// Behind the last token.
  private(set) var place = 0
  /// Where the last token began, behind blanks.
  private(set) var start = 0
  /// Whether blanks stood before the last token.
  private(set) var hadBlank = false
  /// Environments that are open: there `\\` begins a row, elsewhere `\\frac` is `\frac`.
  var environments = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
    end = bytes.count
  }

  mutating func move(to place: Int) { self.place = place }

  func byte(_ offset: Int) -> UInt8? { offset < end ? bytes[offset] : nil }

  func has(_ character: Unicode.Scalar, at offset: Int) -> Bool {
    byte(offset) == UInt8(ascii: character)
  }

  mutating func next() -> Token {
    hadBlank = false
    while true {
      let before = place
      if let token = scan() {
        return token
      }
      hadBlank = hadBlank || place > before
    }
  }

  /// Nil: a blank was passed.
  private mutating func scan() -> Token? {
    start = place
    guard place < end else { return .end }
    let byte = bytes[place]
    if Text.isDigit(byte) { return .number }
    if Text.isLetter(byte) { return letters() }
    if byte >= 0x80 { return wide() }
    place += 1
    switch byte {
    case UInt8(ascii: " "), 0x09...0x0D, UInt8(ascii: "$"), UInt8(ascii: "~"): return nil
    case UInt8(ascii: "\\"): return command()
    case UInt8(ascii: "."):
      if Text.isDigit(self.byte(place)) {
        place -= 1
        return .number
      }
      if has(".", at: place), has(".", at: place + 1) {
        place += 2
        return .symbol("dots")
      }
      return .unreadable
    case UInt8(ascii: "+"):
      if has("/", at: place), has("-", at: place + 1) {
        place += 2
        return .plusMinus
      }
      return .plus
    case UInt8(ascii: "-"): return .minus
    case UInt8(ascii: "*"):
      if has("*", at: place) {
        place += 1
        return .caret
      }
      return .times
    case UInt8(ascii: "/"): return .over
    case UInt8(ascii: "^"): return .caret
    case UInt8(ascii: "_"): return .underscore
    case UInt8(ascii: "'"): return .prime
    case UInt8(ascii: "!"): return follow("=", .relation(.notEqual)) ?? .bang
    case UInt8(ascii: "="):
      return follow("=", .relation(.equal)) ?? follow("<", .relation(.lessEqual))
        ?? follow(">", .unreadable) ?? .relation(.equal)
    case UInt8(ascii: "<"): return follow("=", .relation(.lessEqual)) ?? .relation(.less)
    case UInt8(ascii: ">"): return follow("=", .relation(.greaterEqual)) ?? .relation(.greater)
    case UInt8(ascii: "%"): return .percent
    case UInt8(ascii: ","), UInt8(ascii: ";"): return .separator
    case UInt8(ascii: ":"): return .colon
    case UInt8(ascii: "&"): return .ampersand
    case UInt8(ascii: "|"): return .bar
    case UInt8(ascii: "("): return .open(.round)
    case UInt8(ascii: ")"): return .close(.round)
    case UInt8(ascii: "["): return .open(.square)
    case UInt8(ascii: "]"): return .close(.square)
    case UInt8(ascii: "{"): return .openBrace
    case UInt8(ascii: "}"): return .closeBrace
    default: return .unreadable
    }
  }

  private mutating func follow(_ character: Unicode.Scalar, _ token: Token) -> Token? {
    guard has(character, at: place) else { return nil }
    place += 1
    return token
  }

  private mutating func letters() -> Token {
    var stop = place
    while stop < end, Text.isLetter(bytes[stop]) { stop += 1 }
    let run = String(decoding: bytes[place..<stop], as: UTF8.self)
    place = stop
    if run.utf8.count == 1 { return .symbol(run) }
    return Notation.plainFunctions[run] ?? Notation.plainFunctions[run.lowercased()] ?? .word(run)
  }

  private mutating func wide() -> Token? {
    var length = 1
    while place + length < end, bytes[place + length] & 0xC0 == 0x80, length < 4 { length += 1 }
    let scalars = String(decoding: bytes[place..<place + length], as: UTF8.self).unicodeScalars
    place += length
    guard scalars.count == 1, let scalar = scalars.first, scalar != "\u{FFFD}" else {
      return .unreadable
    }
    if Notation.blankCharacters.contains(scalar) { return nil }
    if let token = Notation.characters[scalar] { return token }
    // A letter of another script is a name of its own: it is no Latin letter that looks like it.
    return scalar.properties.isAlphabetic ? .symbol(String(scalar)) : .unreadable
  }

  // MARK: Commands

  /// Behind a backslash. Nil: a command that stands for a blank.
  private mutating func command() -> Token? {
    guard let byte = byte(place) else { return .unreadable }
    if Text.isLetter(byte) {
      let name = commandName()
      if Notation.blanks.contains(name) {
        if name == "left" || name == "right" { skipEmptyDelimiter() }
        return nil
      }
      if let token = Notation.commands[name] { return token }
      if Notation.texts.contains(name) { return textArgument(of: name) }
      return .unreadable
    }
    place += 1
    switch byte {
    case UInt8(ascii: "\\"):
      // Text that was escaped once too often: \\frac.
      if environments == 0,
        Text.isLetter(self.byte(place)) || has("{", at: place)
          || has("}", at: place) || has("%", at: place)
      {
        return command()
      }
      return .row
    case UInt8(ascii: "{"): return .open(.curly)
    case UInt8(ascii: "}"): return .close(.curly)
    case UInt8(ascii: "%"): return .percent
    case UInt8(ascii: "|"): return .doubleBar
    case UInt8(ascii: "&"): return .unreadable
    case UInt8(ascii: " "), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: ":"),
      UInt8(ascii: "!"), UInt8(ascii: ">"), UInt8(ascii: "$"), UInt8(ascii: "("),
      UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "/"), 0x09...0x0D:
      return nil
    default: return .unreadable
    }
  }

  private mutating func commandName() -> String {
    let begin = place
    while place < end, Text.isLetter(bytes[place]) { place += 1 }
    return String(decoding: bytes[begin..<place], as: UTF8.self)
  }

  /// The point of `\left.` and `\right.`.
  private mutating func skipEmptyDelimiter() {
    if has(".", at: place), !Text.isDigit(byte(place + 1)) { place += 1 }
  }

  /// `\text{…}`: what it holds, without outer blanks; of styles of single letters the letter.
  private mutating func textArgument(of name: String) -> Token? {
    while has(" ", at: place) { place += 1 }
    if has("*", at: place) { place += 1 }
    guard has("{", at: place) else { return nil }
    var (depth, stop) = (1, place + 1)
    while stop < end, depth > 0 {
      if bytes[stop] == UInt8(ascii: "{") { depth += 1 }
      if bytes[stop] == UInt8(ascii: "}") { depth -= 1 }
      stop += 1
    }
    guard depth == 0 else { return .unreadable }
    let inside = place + 1..<stop - 1
    let content = Text.trimmed(bytes[inside])
    if name.hasPrefix("math") || name.hasPrefix("b"), !content.allSatisfy(Text.isLetter) {
      // \mathbf{2x} is mathematics in another type.
      return nil
    }
    place = stop
    // \text{12,345} is a number in another type.
    if let first = content.first, Text.isDigit(first) || first == UInt8(ascii: "-") {
      place = inside.lowerBound - 1
      return nil
    }
    let words = String(decoding: content, as: UTF8.self)
    switch words.lowercased() {
    case "": return nil
    case "and", "or", ",", ";", ", and", "and/or", ", or", "and,", "or,": return .separator
    case "%", "percent", "pct": return .percent
    case "e", "i", "pi":
      if words == "pi" || words.utf8.count == 1 { return .symbol(words) }
    default: break
    }
    if name == "operatorname", let token = Notation.plainFunctions[words] { return token }
    if name.hasPrefix("math"), name != "mathbb", name != "mathrm", words.utf8.count == 1 {
      return .symbol(words)
    }
    if name != "mathbb", let token = Notation.plainFunctions[words], token != .separator {
      return token
    }
    return .text(words)
  }
}
