/// Text of models, prompts and files, made safe and measurable for a terminal.
public enum TerminalText {
  /// Replaces what a terminal would obey or what would reorder a line by `\u{…}`: controls, DEL,
  /// C1, line and paragraph separators, and the bidirectional controls.
  ///
  /// - Parameter keepsNewlines: line feeds stay; otherwise they become `\n`, and the result is one
  ///   line.
  public static func escaped(_ text: String, keepsNewlines: Bool = false) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": result += keepsNewlines ? "\n" : "\\n"
      case _ where isUnsafe(scalar): result += "\\u{\(String(scalar.value, radix: 16))}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  /// The last door before a terminal: text made of parts that were escaped already, with the colours
  /// that the program itself put in. Whatever else a terminal would obey becomes `\u{…}`.
  ///
  /// - Parameter keepsColours: lets colours pass: ESC `[` digits and `;`, ended by `m`.
  public static func guarded(_ text: String, keepsColours: Bool) -> String {
    guard text.unicodeScalars.contains(where: { $0 != "\n" && isUnsafe($0) }) else { return text }
    var result = ""
    result.reserveCapacity(text.utf8.count)
    var rest = text.unicodeScalars[...]
    while let scalar = rest.first {
      if keepsColours, let colour = colour(at: rest) {
        result.unicodeScalars.append(contentsOf: colour)
        rest = rest[colour.endIndex...]
        continue
      }
      result += scalar == "\n" ? "\n" : escaped(String(scalar))
      rest = rest.dropFirst()
    }
    return result
  }

  /// The colour sequence that `text` begins with.
  private static func colour(
    at text: Substring.UnicodeScalarView
  ) -> Substring.UnicodeScalarView? {
    guard text.starts(with: "\u{1B}[".unicodeScalars) else { return nil }
    let rest = text.dropFirst(2)
    let digits = rest.prefix(8).prefix { ("0"..."9").contains($0) || $0 == ";" }
    guard digits.endIndex < rest.endIndex, rest[digits.endIndex] == "m" else { return nil }
    return text[..<rest.index(after: digits.endIndex)]
  }

  /// Whether a scalar must not reach a terminal as it is. The line feed counts as unsafe.
  public static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true
    // Marks, embeddings, overrides and isolates of the bidirectional algorithm.
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    case 0x2028, 0x2029: true
    // Tags: invisible, and able to carry a whole text.
    case 0xE0000...0xE007F: true
    default: false
    }
  }

  /// Columns that a character takes: 0 for combining marks, 2 for wide ones, 1 for the rest.
  public static func width(of character: Character) -> Int {
    guard let first = character.unicodeScalars.first else { return 0 }
    if first.value < 0x300 { return 1 }
    if isWide(first) || first.properties.isEmojiPresentation
      || character.unicodeScalars.contains("\u{FE0F}")
    {
      return 2
    }
    switch first.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return 1
    }
  }

  public static func width(of text: String) -> Int { text.reduce(0) { $0 + width(of: $1) } }

  /// The longest start of `text` that fits into `columns`, with `…` in the place of what is cut.
  public static func fitted(_ text: String, to columns: Int) -> String {
    guard width(of: text) > columns else { return text }
    var result = ""
    var used = 0
    for character in text {
      let next = width(of: character)
      if used + next > columns - 1 { break }
      result.append(character)
      used += next
    }
    return columns > 0 ? result + "…" : ""
  }

  /// East Asian wide and full-width blocks and pictographs, as terminals draw them.
  private static func isWide(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
      0xA000...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1FAFF,
      0x20000...0x3FFFD:
      true
    default: false
    }
  }
}
