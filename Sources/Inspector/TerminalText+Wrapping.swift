extension TerminalText {
  /// Foreign text as lines that fit: escaped, broken at its own line feeds and, behind a blank where one
  /// stands in the second half, at `columns`.
  public static func wrapped(_ text: String, to columns: Int) -> [String] {
    var lines: [String] = []
    for line in escaped(text, keepsNewlines: true)
      .split(separator: "\n", omittingEmptySubsequences: false)
    {
      var rest = line[...]
      while let end = overflow(of: rest, columns) {
        lines.append(String(rest[..<end]))
        rest = rest[end...]
      }
      lines.append(String(rest))
    }
    // Some texts end in a line feed; the page has its own.
    if lines.count > 1, lines.last == "" { lines.removeLast() }
    return lines
  }

  /// Where a line is broken; nil where it fits.
  private static func overflow(of line: Substring, _ columns: Int) -> String.Index? {
    var used = 0
    var blank: String.Index?
    for index in line.indices {
      let next = width(of: line[index])
      if used + next > columns, index > line.startIndex { return blank ?? index }
      used += next
      if line[index] == " ", 2 * used > columns { blank = line.index(after: index) }
    }
    return nil
  }
}
