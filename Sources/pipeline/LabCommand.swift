import ArgumentParser
import Foundation
import Inspector
import Laboratory
import Records

struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Check the theory on a tabular policy, where expectations are exact.",
    discussion: "Experiments:\n" + LabCommand.list.map { "  \($0)" }.joined(separator: "\n"))

  @Argument(help: "Experiments by name; all of them when none is given.")
  var experiments: [String] = []

  @Option(
    name: .customLong("group-size"), parsing: .upToNextOption,
    help: ArgumentHelp(
      "Rollouts per group where sizes are compared, 2 to 16 (default: 2 4 8 16).",
      valueName: "n"))
  var groupSizes: [Int] = []

  @Option(help: ArgumentHelp("Seed of what is drawn.", valueName: "n"))
  var seed: UInt64 = 1

  @OptionGroup var options: FactOptions

  func run() throws {
    let settings =
      groupSizes.isEmpty
      ? try LaboratorySettings(seed: seed)
      : try LaboratorySettings(groupSizes: groupSizes, seed: seed)
    let chosen = try experiments.isEmpty ? Laboratory.experiments : experiments.map(Self.find)
    if options.json {
      let reports = try chosen.map { try $0.init(settings).report }
      try options.output.json(Reports(seed: seed, groupSizes: settings.groupSizes, reports))
      return
    }
    for (index, experiment) in chosen.enumerated() {
      if index > 0 { options.output.print() }
      let report = try experiment.init(settings).report
      LaboratoryPage(report, summary: experiment.summary, options.output).print()
    }
  }

  /// An unknown name is answered with one line for each experiment that there is.
  private static func find(_ name: String) throws -> any Experiment.Type {
    do { return try Laboratory.experiment(name) } catch {
      for line in list { Output.note(line) }
      throw error
    }
  }

  private static var list: [String] {
    var table = TextTable([.init(""), .init("")])
    for experiment in Laboratory.experiments { table.add([experiment.name, experiment.summary]) }
    return table.lines(width: 100)
  }

  private struct Reports: Encodable {
    var seed: UInt64
    var groupSizes: [Int]
    var experiments: [LaboratoryReport]

    init(seed: UInt64, groupSizes: [Int], _ experiments: [LaboratoryReport]) {
      self.seed = seed
      self.groupSizes = groupSizes
      self.experiments = experiments
    }
  }
}

/// One experiment of `algorithms lab`.
struct LaboratoryPage {
  private let report: LaboratoryReport
  private let summary: String
  private let output: Output

  init(_ report: LaboratoryReport, summary: String, _ output: Output) {
    self.report = report
    self.summary = summary
    self.output = output
  }

  func print() {
    output.print(output.styled("\(report.experiment): \(summary)", .bold))
    for table in report.tables { print(table) }
    for chart in report.charts { print(chart) }
    output.print()
    for line in Self.wrapped(report.finding, width: output.width) { output.print(line) }
  }

  private func print(_ table: LaboratoryTable) {
    output.print()
    output.print(table.title)
    // Numbers stand to the right, and so do their headings.
    var page = TextTable(
      table.columns.indices.map { column in
        let holdsText = table.rows.allSatisfy {
          if case .text = $0[column] { true } else { false }
        }
        return .init(table.columns[column], holdsText ? .left : .right)
      })
    for row in table.rows { page.add(row.map(Self.text)) }
    output.print(page)
  }

  private func print(_ chart: LaboratoryChart) {
    output.print()
    output.print(chart.title)
    let series = chart.series.map { TextChart.Series($0.name, $0.values) }
    for line in TextChart.plot(series, width: min(output.width, 80), label: chart.label) {
      output.print(line)
    }
  }

  private static func text(_ cell: LaboratoryTable.Cell) -> String {
    switch cell {
    case .text(let text): text
    case .count(let count): "\(count)"
    case .number(let value): String(format: "%.4f", value)
    case .small(let value): value == 0 ? "0" : String(format: "%.1e", value)
    case .percent(let value): String(format: "%.1f %%", 100 * value)
    }
  }

  /// Lines of whole words.
  private static func wrapped(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, TerminalText.width(of: "\(last) \(word)") <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
