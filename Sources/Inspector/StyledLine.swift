/// Lines that carry the program's own colours, measured and cut as a terminal shows them.
public enum StyledLine {
  private static let end = "\u{1B}[0m"

  /// Columns that a line takes; colours take none.
  public static func width(of line: String) -> Int {
    pieces(of: line).reduce(0) { $0 + ($1.isColour ? 0 : TerminalText.width(of: $1.text)) }
  }

  /// The longest start of `line` that fits into `columns`; what is cut leaves no colour behind.
  public static func fitted(_ line: String, to columns: Int) -> String {
    guard width(of: line) > columns else { return line }
    var result = ""
    var left = max(0, columns - 1)
    var isColoured = false
    for piece in pieces(of: line) {
      if piece.isColour {
        result += piece.text
        isColoured = true
        continue
      }
      for character in piece.text {
        let width = TerminalText.width(of: character)
        guard width <= left else {
          return result + (columns > 0 ? "…" : "") + (isColoured ? end : "")
        }
        result.append(character)
        left -= width
      }
    }
    return result
  }

  /// `line` without its colours.
  public static func plain(_ line: String) -> String {
    pieces(of: line).filter { !$0.isColour }.map(\.text).joined()
  }

  /// Text and colours in turn: a colour is ESC `[` … `m`.
  private static func pieces(of line: String) -> [(text: String, isColour: Bool)] {
    guard line.unicodeScalars.contains("\u{1B}") else { return [(line, false)] }
    var pieces: [(text: String, isColour: Bool)] = []
    var rest = line.unicodeScalars[...]
    while let escape = rest.firstIndex(of: "\u{1B}") {
      if escape > rest.startIndex { pieces.append((String(rest[..<escape]), false)) }
      let stop = rest[escape...].firstIndex(of: "m").map { rest.index(after: $0) }
      pieces.append((String(rest[escape..<(stop ?? rest.endIndex)]), true))
      rest = rest[(stop ?? rest.endIndex)...]
    }
    if !rest.isEmpty { pieces.append((String(rest), false)) }
    return pieces
  }
}
