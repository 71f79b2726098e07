import Foundation

/// What campaigns came to: a line for every campaign and subject.
///
/// `missed` counts trials whose run ended before it could be disturbed; they held all the same.
public struct CampaignTable {
  private struct Row {
    var trials = 0
    var held = 0
    var missed = 0
    var seconds = 0.0
  }

  private var rows: [(campaign: String, subject: String, row: Row)] = []

  public init(_ verdicts: [Verdict]) {
    for verdict in verdicts {
      let parts = verdict.id.split(separator: "/", maxSplits: 2).map(String.init)
      let (campaign, subject) = (parts[0], parts.count > 1 ? parts[1] : "")
      let place =
        rows.firstIndex { $0.campaign == campaign && $0.subject == subject } ?? rows.count
      if place == rows.count { rows.append((campaign, subject, Row())) }
      rows[place].row.trials += 1
      rows[place].row.held += verdict.holds ? 1 : 0
      rows[place].row.missed += verdict.isDisturbed ? 0 : 1
      rows[place].row.seconds += verdict.seconds
    }
  }

  public var lines: [String] {
    let total = rows.reduce(into: Row()) { sum, row in
      sum.trials += row.row.trials
      sum.held += row.row.held
      sum.missed += row.row.missed
      sum.seconds += row.row.seconds
    }
    return [Self.line("campaign", "subject", "trials", "held", "missed", "differences", "seconds")]
      + rows.map { Self.line($0.campaign, $0.subject, $0.row) }
      + [Self.line("all", "", total)]
  }

  private static func line(_ campaign: String, _ subject: String, _ row: Row) -> String {
    line(
      campaign, subject, "\(row.trials)", "\(row.held)", "\(row.missed)",
      "\(row.trials - row.held)",
      String(format: "%.0f", row.seconds))
  }

  private static func line(_ cells: String...) -> String {
    let widths = [14, 9, 8, 8, 8, 13, 9]
    return zip(cells, widths).enumerated().map { column, cell in
      let gap = String(repeating: " ", count: max(1, cell.1 - cell.0.count))
      return column < 2 ? cell.0 + gap : gap + cell.0
    }.joined()
  }
}
