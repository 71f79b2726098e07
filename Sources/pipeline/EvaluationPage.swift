import ArgumentParser
import Evaluation
import Foundation
import Inspector
import Records

/// How a table is written.
enum TableFormat: String, CaseIterable, ExpressibleByArgument {
  case text
  case markdown
  case csv
  case json
}

/// What `eval` and `compare` print of evaluations: the table of models and suites, what stands behind its
/// figures, and the other models beside the first.
struct EvaluationPage {
  /// Questions of a list that text shows; JSON has all.
  private static let shownQuestions = 20

  private let report: EvaluationReport
  private let format: TableFormat

  init(_ report: EvaluationReport, _ format: TableFormat) {
    self.report = report
    self.format = format
  }

  func print(_ output: Output) throws {
    switch format {
    case .json: try output.json(report)
    // Two tables have no place in one file: that of the suites, where there are any.
    case .csv: output.write(report.models.isEmpty ? selectionCSV : csv)
    case .text, .markdown:
      if !report.models.isEmpty {
        show(overview, output)
        output.print()
        show(details, output)
        for line in remarks { output.print(TerminalText.escaped(line)) }
      }
      if !report.selection.isEmpty {
        if !report.models.isEmpty { output.print() }
        show(selection, output)
      }
      guard !report.comparisons.isEmpty else { return }
      output.print()
      show(comparisons, output)
      for line in solvedByOne { output.print(TerminalText.escaped(line)) }
    }
  }

  private func show(_ table: PlainTable, _ output: Output) {
    guard format == .markdown else { return output.print(table.text) }
    if table.isEmpty { return }
    output.write(table.markdown)
  }

  // MARK: Models and suites

  /// Columns in the order of papers: suites like what is trained, their average, the others, theirs.
  private var overview: PlainTable {
    let suites = report.suites
    let inside = suites.filter { !$0.isOutside }
    let outside = suites.filter(\.isOutside)
    func titles(_ suites: [(name: String, title: String, isOutside: Bool, k: Int)]) -> [String] {
      suites.map { "\($0.title) @\($0.k)" }
    }
    var columns = ["accuracy in %"] + titles(inside)
    if !inside.isEmpty { columns.append("ID avg") }
    columns += titles(outside)
    if !outside.isEmpty { columns.append("OOD avg") }
    var table = PlainTable(columns)
    for row in report.models {
      var cells = [row.model] + inside.map { Self.percent(row.entry($0.name)) }
      if !inside.isEmpty { cells.append(Self.percent(row.insideAverage?.value)) }
      cells += outside.map { Self.percent(row.entry($0.name)) }
      if !outside.isEmpty { cells.append(Self.percent(row.outsideAverage?.value)) }
      table.rows.append(cells)
    }
    return table
  }

  private var details: PlainTable {
    var table = PlainTable([
      "model", "suite", "questions", "avg@k", "95 % interval", "pass@k", "majority@k", "in format",
      "cut", "tokens", "errors",
    ])
    for row in report.models {
      for suite in report.suites {
        guard let entry = row.entry(suite.name) else { continue }
        let statistics = entry.statistics
        table.rows.append([
          row.model, suite.title, "\(statistics.questions)",
          "@\(statistics.k) \(Self.percent(statistics.average?.value))",
          Self.interval(statistics.average), Self.series(statistics.passAtK),
          Self.series(statistics.majorityAtK.suffix(1)), Self.percent(statistics.formatRate),
          Self.percent(statistics.truncationRate),
          statistics.meanTokens.map { ProgressDisplay.fixed($0, 1) } ?? "-", "\(statistics.errors)",
        ])
      }
      for (name, average) in [("ID avg", row.insideAverage), ("OOD avg", row.outsideAverage)] {
        guard let average else { continue }
        table.rows.append(
          [row.model, name, "", Self.percent(average.value), Self.interval(average)]
            + Array(repeating: "", count: 6))
      }
    }
    return table
  }

  /// What was left out, and so is in no figure.
  private var remarks: [String] {
    report.models.flatMap { row in
      row.suites.flatMap { entry -> [String] in
        let statistics = entry.statistics
        var lines: [String] = []
        if statistics.errors > 0 {
          lines.append(
            "\(row.model), \(entry.title): \(statistics.errors) of \(statistics.samples) samples have "
              + "no verdict and are left out; `pipeline inspect stats \(entry.folder)` says why")
        }
        if statistics.refused > 0 {
          lines.append(
            "\(row.model), \(entry.title): \(statistics.refused) of \(statistics.questions) questions "
              + "could not be asked and are left out; `pipeline inspect list \(entry.folder)` says why"
          )
        }
        return lines
      }
    }
  }

  // MARK: Before training

  /// What the gate and reinforcement would see of each model, and what its answers cost.
  private var selection: PlainTable {
    let priced = report.selection.contains { $0.costPerThousandAnswers != nil }
    var table = PlainTable(
      [
        "on training prompts", "prompts", "right", "all wrong", "mixed", "all right",
        "tokens an answer", "tokens/s", "s per 1,000 answers",
      ] + (priced ? ["cost per 1,000 answers"] : []))
    func fixed(_ value: Double?, _ digits: Int) -> String {
      value.map { ProgressDisplay.fixed($0, digits) } ?? "-"
    }
    for row in report.selection {
      table.rows.append(
        [
          row.model, "\(row.prompts) × \(row.samples)", Self.percent(row.accuracy),
          Self.percent(row.allWrong), Self.percent(row.mixed), Self.percent(row.allRight),
          fixed(row.tokensPerAnswer, 1), fixed(row.tokensPerSecond, 0),
          fixed(row.secondsPerThousandAnswers, 1),
        ] + (priced ? [fixed(row.costPerThousandAnswers, 4)] : []))
    }
    return table
  }

  // MARK: Beside the first

  private var comparisons: PlainTable {
    var table = PlainTable([
      "beside \(report.models.first?.model ?? "")", "suite", "questions", "difference",
      "95 % interval", "p", "solved by it alone", "by the first alone",
    ])
    for comparison in report.comparisons {
      guard let paired = comparison.paired else {
        table.rows.append(
          [comparison.second, comparison.title, "0"] + Array(repeating: "-", count: 5))
        continue
      }
      let difference = paired.difference
      table.rows.append([
        comparison.second, comparison.title, "\(paired.questions)",
        (difference.value < 0 ? "" : "+") + Self.percent(difference.value),
        Self.interval(difference), Self.chance(paired.p), "\(paired.solvedBySecondOnly.count)",
        "\(paired.solvedByFirstOnly.count)",
      ])
    }
    return table
  }

  private var solvedByOne: [String] {
    report.comparisons.flatMap { comparison -> [String] in
      guard let paired = comparison.paired else { return [] }
      return [
        (comparison.second, paired.solvedBySecondOnly),
        (comparison.first, paired.solvedByFirstOnly),
      ].compactMap { model, questions in
        guard !questions.isEmpty else { return nil }
        let more = questions.count - Self.shownQuestions
        return "\(comparison.title), solved by \(model) alone: "
          + questions.prefix(Self.shownQuestions).joined(separator: " ")
          + (more > 0 ? " and \(more) more (--json has all)" : "")
      }
    }
  }

  // MARK: Cells

  /// Powers of two, and the largest: those with an interval.
  private static func series(_ figures: some Sequence<SuiteStatistics.AtK>) -> String {
    let shown = figures.filter { $0.low != nil }
    return shown.isEmpty
      ? "-" : shown.map { "@\($0.k) \(percent($0.value))" }.joined(separator: " ")
  }

  private static func percent(_ entry: EvaluationReport.Entry?) -> String {
    percent(entry?.statistics.average?.value)
  }

  private static func percent(_ share: Double?) -> String {
    share.map { ProgressDisplay.fixed(100 * $0, 1) } ?? "-"
  }

  private static func interval(_ estimate: SuiteStatistics.Estimate?) -> String {
    estimate.map { "[\(percent($0.low)), \(percent($0.high))]" } ?? "-"
  }

  private static func chance(_ p: Double) -> String {
    p < 0.0001 ? "< 0.0001" : ProgressDisplay.fixed(p, 4)
  }

  // MARK: CSV

  /// The overview in percent, then the ends of the intervals; RFC 4180.
  private var csv: String {
    let suites = report.suites
    let columns =
      suites.filter { !$0.isOutside }.map(\.name) + ["id_average"]
      + suites.filter(\.isOutside).map(\.name) + ["ood_average"]
    var lines = [["model"] + columns + columns.flatMap { ["\($0)_low", "\($0)_high"] }]
    for row in report.models {
      let estimates = columns.map { column in
        switch column {
        case "id_average": row.insideAverage
        case "ood_average": row.outsideAverage
        default: row.entry(column)?.statistics.average
        }
      }
      func cell(_ share: Double?) -> String {
        share.map { ProgressDisplay.fixed(100 * $0, 4) } ?? ""
      }
      lines.append(
        [row.model] + estimates.map { cell($0?.value) }
          + estimates.flatMap { [cell($0?.low), cell($0?.high)] })
    }
    return Self.csv(lines)
  }

  private var selectionCSV: String {
    let table = selection
    return Self.csv([table.columns] + table.rows)
  }

  private static func csv(_ rows: [[String]]) -> String {
    rows.map { CSVText.row($0.map { TerminalText.escaped($0) }) + "\n" }.joined()
  }
}

/// A table of which every column but the first is of figures, for a terminal or as Markdown.
struct PlainTable {
  let columns: [String]
  var rows: [[String]] = []

  init(_ columns: [String]) { self.columns = columns }

  var isEmpty: Bool { rows.isEmpty }

  private func alignment(_ column: Int) -> TextTable.Alignment {
    column == 0 || columns[column] == "suite" ? .left : .right
  }

  var text: TextTable {
    var table = TextTable(
      columns.enumerated().map { .init(TerminalText.escaped($1), alignment($0)) })
    for row in rows { table.add(row.map { TerminalText.escaped($0) }) }
    return table
  }

  var markdown: String {
    func line(_ cells: [String]) -> String {
      "| "
        + cells.map {
          TerminalText.escaped($0).replacingOccurrences(of: "|", with: "\\|")
        }.joined(separator: " | ") + " |\n"
    }
    let rule = columns.indices.map { alignment($0) == .left ? "---" : "--:" }
    return line(columns) + "|" + rule.joined(separator: "|") + "|\n" + rows.map(line).joined()
  }
}
