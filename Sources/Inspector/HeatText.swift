/// Tokens laid out as lines of characters, each with the level of its token.
public struct HeatText: Sendable, Equatable {
  public struct Piece: Sendable, Equatable {
    /// Escaped, on one line.
    public var text: String
    /// nil where the token has no value.
    public var level: Int?
  }

  public private(set) var lines: [[Piece]] = [[]]

  /// - Parameters:
  ///   - tokens: text as the model wrote it, and the level.
  ///   - width: columns at which lines are broken.
  public init(_ tokens: [(text: String, level: Int?)], width: Int) {
    var used = 0
    for token in tokens {
      var piece = Piece(text: "", level: token.level)
      func end() {
        if !piece.text.isEmpty { append(piece) }
        piece.text = ""
      }
      for character in TerminalText.escaped(token.text, keepsNewlines: true) {
        // A line's end is a token's too, and must be seen.
        let shown: Character = character == "\n" ? "↵" : character
        let columns = TerminalText.width(of: shown)
        if used + columns > width, used > 0 {
          end()
          lines.append([])
          used = 0
        }
        piece.text.append(shown)
        used += columns
        if character == "\n" {
          end()
          lines.append([])
          used = 0
        }
      }
      end()
    }
    if lines.last?.isEmpty == true, lines.count > 1 { lines.removeLast() }
  }

  /// Neighbours of one level are one piece.
  private mutating func append(_ piece: Piece) {
    let line = lines.count - 1
    if let last = lines[line].last, last.level == piece.level {
      lines[line][lines[line].count - 1].text += piece.text
    } else {
      lines[line].append(piece)
    }
  }

  /// The lines in colours.
  public func coloured(_ scale: HeatScale) -> [String] {
    lines.map { line in
      line.map { piece in
        piece.level.map { scale.coloured(piece.text, level: $0) } ?? piece.text
      }.joined()
    }
  }

  /// The lines without colours, each followed by one that has the level of every column: 1 to 9, or a
  /// dot where there is none.
  public var plain: [String] {
    lines.flatMap { line in
      let digits = line.map { piece in
        String(
          repeating: piece.level.map { "\($0 + 1)" } ?? "·",
          count: TerminalText.width(of: piece.text))
      }
      return [line.map(\.text).joined(), digits.joined()]
    }
  }
}
