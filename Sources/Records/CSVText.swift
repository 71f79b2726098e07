/// Cells of comma-separated values as RFC 4180 has them.
public enum CSVText {
  /// The cells of a row with commas between them, without the line's end.
  public static func row(_ cells: [String]) -> String {
    cells.map(cell).joined(separator: ",")
  }

  /// Quotes around what holds one, a comma or a line's end; quotes doubled.
  private static func cell(_ text: String) -> String {
    guard text.utf8.contains(where: { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }
}
