/// A table of aligned columns for a terminal.
///
/// Cells are taken as they are: escape foreign text before (`TerminalText.escaped`).
public struct TextTable: Sendable {
  public enum Alignment: Sendable {
    case left
    case right
  }

  public struct Column: Sendable {
    public var title: String
    public var alignment: Alignment
    /// Whether it is cut when the table is wider than its place.
    public var shrinks: Bool

    public init(_ title: String, _ alignment: Alignment = .left, shrinks: Bool = false) {
      self.title = title
      self.alignment = alignment
      self.shrinks = shrinks
    }
  }

  public let columns: [Column]
  private var rows: [[String]] = []

  public init(_ columns: [Column]) { self.columns = columns }

  public var isEmpty: Bool { rows.isEmpty }

  /// Adds a row with one cell for each column.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells, \(columns.count) columns")
    rows.append(cells)
  }

  /// The lines of the table, the titles first; two spaces stand between columns.
  ///
  /// - Parameter width: columns of the terminal. Shrinking columns give way, down to the width of
  ///   their titles; a table of others may be wider.
  public func lines(width: Int = 80) -> [String] {
    let titles = columns.map(\.title)
    let all = titles.allSatisfy(\.isEmpty) ? rows : [titles] + rows
    let widths = columnWidths(all, fitting: width)
    return all.map { row in
      var line = ""
      for (index, cell) in row.enumerated() {
        let text = columns[index].shrinks ? TerminalText.fitted(cell, to: widths[index]) : cell
        let gap = String(
          repeating: " ", count: max(0, widths[index] - TerminalText.width(of: text)))
        line += columns[index].alignment == .left ? text + gap : gap + text
        if index < row.count - 1 { line += "  " }
      }
      while line.last == " " { line.removeLast() }
      return line
    }
  }

  private func columnWidths(_ all: [[String]], fitting width: Int) -> [Int] {
    var widths = columns.indices.map { index in
      all.map { TerminalText.width(of: $0[index]) }.max() ?? 0
    }
    let gaps = 2 * max(0, columns.count - 1)
    var excess = widths.reduce(0, +) + gaps - width
    // The widest gives way first, so that no column vanishes beside a long one.
    while excess > 0 {
      let candidates = columns.indices.filter {
        columns[$0].shrinks && widths[$0] > max(4, TerminalText.width(of: columns[$0].title))
      }
      guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }
}
