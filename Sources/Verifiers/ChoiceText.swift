/// A response as words and marks, without what only formats them: `**(B)**`, `$\text{B}$` and `(B)` are
/// the same.
struct ChoiceText {
  enum Token: Equatable {
    /// ASCII letters and digits, apostrophes inside, and all that is not ASCII; lower case.
    case word(String)
    /// One of `()[].,:;!?/&-=`.
    case mark(UInt8)
    case lineEnd
  }

  /// A token and where it stands. A single letter also says whether it is a capital.
  struct Place: Equatable {
    var token: Token
    var span: Range<Int>
    var isCapital: Bool
  }

  /// What is read of a longer response: its end, where answers stand.
  static let byteLimit = 1 << 14

  private(set) var places: [Place] = []

  init(_ text: Bytes, in range: Range<Int>) {
    var place = max(range.lowerBound, range.upperBound - Self.byteLimit)
    // Not in the middle of a character.
    while place < range.upperBound, text.bytes[place] & 0xC0 == 0x80 { place += 1 }
    let end = range.upperBound
    while place < end {
      let byte = text.bytes[place]
      if byte == UInt8(ascii: "\\") {
        place = Self.commandEnd(text, place, end)
      } else if Self.isWordByte(byte) {
        let start = place
        while place < end, Self.continues(text, place, end) { place += 1 }
        add(text, start..<place)
      } else {
        switch byte {
        case 0x0A, 0x0D: add(.lineEnd, place)
        case _ where Self.marks.contains(byte): add(.mark(byte), place)
        default: break
        }
        place += 1
      }
    }
  }

  private static let marks: Set<UInt8> = Set("()[].,:;!?/&-=".utf8)

  private mutating func add(_ token: Token, _ place: Int) {
    places.append(Place(token: token, span: place..<place + 1, isCapital: false))
  }

  private mutating func add(_ text: Bytes, _ span: Range<Int>) {
    let word = text.text(span)
    let isCapital = span.count == 1 && (0x41...0x5A).contains(text.bytes[span.lowerBound])
    places.append(
      Place(
        token: .word(word.lowercased().replacing("\u{2019}", with: "'")), span: span,
        isCapital: isCapital))
  }

  private static func isWordByte(_ byte: UInt8) -> Bool {
    isLetter(byte) || isDigit(byte) || byte >= 0x80
  }

  /// Whether a word goes on at `place`: `isn't` and `3.5` are one word.
  private static func continues(_ text: Bytes, _ place: Int, _ end: Int) -> Bool {
    let byte = text.bytes[place]
    if isWordByte(byte) { return true }
    guard place + 1 < end, let next = text[place + 1] else { return false }
    if byte == UInt8(ascii: "'") { return isLetter(next) }
    return byte == UInt8(ascii: ".") && isDigit(next) && isDigit(text[place - 1])
  }

  /// Behind `\text`, `\left`, `\,`: the command is formatting, what its braces hold is text. A box is
  /// looked for before; a line end of LaTeX is passed over like the others.
  private static func commandEnd(_ text: Bytes, _ place: Int, _ end: Int) -> Int {
    var next = place + 1
    guard next < end, isLetter(text.bytes[next]) else { return min(next + 1, end) }
    while next < end, isLetter(text.bytes[next]) { next += 1 }
    return next
  }

  /// The words of a text, for comparing texts of options: what stands between blanks, in lower case and
  /// without punctuation and quotes at its ends. Signs and commands stay: they tell formulas apart.
  static func words(_ text: String) -> [String] {
    text.lowercased().split(whereSeparator: \.isWhitespace).compactMap { part in
      var bytes = Array(part.utf8)[...]
      while let byte = bytes.last, edges.contains(byte) { bytes.removeLast() }
      while let byte = bytes.first, edges.contains(byte), byte != UInt8(ascii: ".") {
        bytes.removeFirst()
      }
      return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
    }
  }

  private static let edges: Set<UInt8> = Set(".,;:!?*_`\"'$".utf8)

  static func isSame(_ a: String, _ b: String) -> Bool {
    let words = words(a)
    return words.isEmpty ? trimmed(a) == trimmed(b) : words == Self.words(b)
  }

  static func trimmed(_ text: String) -> String {
    let bytes = Bytes(text)
    return bytes.text(bytes.trimmed(bytes.all))
  }
}
