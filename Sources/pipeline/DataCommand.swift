import ArgumentParser
import Inspector
import Records
import Shards

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Make, import, look at and prepare datasets.",
    subcommands: [
      DataGenerate.self, DataImport.self, DataShow.self, DataCheck.self, DataStats.self,
      DataDecontaminate.self, DataFilter.self, DataSample.self, DataSplit.self, DataMix.self,
      DataScore.self, DataLabel.self, DataExport.self,
    ])
}

struct DataShow: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Print rows of a dataset.")

  @Argument(help: "Dataset folder.") var folder: String
  @Option(help: ArgumentHelp("How many rows.", valueName: "n")) var limit = 5
  @Option(help: ArgumentHelp("Begin at this row; alone: show this row only.", valueName: "i"))
  var row: Int?
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
    if let row, row < 0 { throw ValidationError("--row is \(row); use 0 or more.") }
  }

  func run() throws {
    let dataset = try Dataset(folder: folder)
    let first = row ?? 0
    guard first < dataset.rows || (row == nil && dataset.rows == 0) else {
      throw ShardError(
        .settings, location: folder,
        problem: "it has \(dataset.rows) rows, there is no row \(first)",
        remedy: "Use --row 0 to \(max(0, dataset.rows - 1)).")
    }
    let count = row == nil ? limit : 1
    for index in first..<min(first + count, dataset.rows) {
      if options.json {
        options.output.print(Output.safeJSON(try dataset.json(index)))
      } else {
        try print(dataset.row(index), index)
      }
    }
  }

  private func print(_ row: Prompt, _ index: Int) {
    let output = options.output
    let tags = row.tags.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let head = ["row \(index)", row.id, row.source] + tags
    output.print(output.styled(TerminalText.escaped(head.joined(separator: "  ")), .bold))
    switch row.content {
    case .text(let text): field("prompt", text)
    case .messages(let messages):
      for message in messages { field(message.role, message.content) }
    }
    field("ground truth", row.groundTruth)
    for demonstration in row.demonstrations { field("demonstration", demonstration) }
    output.print()
  }

  private func field(_ name: String, _ text: String) {
    let body = text.last == "\n" ? String(text.dropLast()) : text
    let lines = TerminalText.escaped(body, keepsNewlines: true)
      .split(separator: "\n", omittingEmptySubsequences: false)
    let output = options.output
    let title = TerminalText.escaped(name)
    if lines.count == 1 { return output.print("  \(output.styled(title, .dim))  \(lines[0])") }
    output.print("  " + output.styled(title, .dim))
    for line in lines { output.print("    \(line)") }
  }
}

struct DataStats: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stats", abstract: "Count rows by source and tag, and measure texts.")

  @Argument(help: "Dataset folder.") var folder: String
  @OptionGroup var options: FactOptions

  func run() throws {
    let statistics = try DatasetStatistics(of: try Dataset(folder: folder))
    if options.json { return try options.output.json(statistics) }
    let output = options.output
    output.print(
      "\(statistics.rows) rows; \(statistics.rowsWithoutDemonstration) without demonstration, "
        + "\(statistics.rowsWithoutGroundTruth) without ground truth")
    var lengths = TextTable([
      .init("bytes of"), .init("texts", .right), .init("shortest", .right), .init("mean", .right),
      .init("longest", .right), .init("lengths, by powers of 2"),
    ])
    for (name, part) in [
      ("prompts", statistics.prompts), ("ground truths", statistics.groundTruths),
      ("demonstrations", statistics.demonstrations),
    ] {
      lengths.add([
        name, "\(part.count)", "\(part.shortest)", TextChart.decimal(part.mean),
        "\(part.longest)",
        TextChart.sparkline(part.histogram.map(Double.init), width: part.histogram.count),
      ])
    }
    output.print()
    output.print(lengths)
    print("source", statistics.sources)
    for (tag, values) in statistics.tags.sorted(by: { $0.key < $1.key }) { print(tag, values) }
  }

  /// A tag whose values are all numbers, such as a level or a pass rate, is drawn as a histogram.
  private func drawn(_ title: String, _ counts: [String: Int]) -> Bool {
    let numbers = counts.compactMap { value, count in
      Double(value).map { (value: $0, count: count) }
    }
    guard counts.count > 1, numbers.count == counts.count, numbers.allSatisfy(\.value.isFinite)
    else { return false }
    let values = numbers.flatMap { Array(repeating: $0.value, count: $0.count) }
    options.output.print()
    options.output.print(options.output.styled(TerminalText.escaped(title), .bold))
    for line in Histogram(values).lines() { options.output.print(line) }
    return true
  }

  private func print(_ title: String, _ counts: [String: Int]) {
    guard !counts.isEmpty, !drawn(title, counts) else { return }
    var table = TextTable([
      .init(TerminalText.escaped(title), shrinks: true), .init("rows", .right),
    ])
    for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
      table.add([TerminalText.escaped(name), "\(count)"])
    }
    options.output.print()
    options.output.print(table)
  }
}
