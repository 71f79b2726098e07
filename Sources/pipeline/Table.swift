import Inspector

/// A table of rows whose first one holds the titles: names to the left, numbers to the right.
struct Table {
  let lines: [String]

  init(_ rows: [[String]]) {
    guard let titles = rows.first else {
      lines = []
      return
    }
    var table = TextTable(
      titles.enumerated().map { index, title in
        TextTable.Column(title, index == 0 ? .left : .right, shrinks: index == 0)
      })
    for row in rows.dropFirst() { table.add(row) }
    lines = table.lines(width: Output.standard.width)
  }
}
