import ArgumentParser
import Inspector
import Records
import Shards

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Make, import, show and check datasets.",
    subcommands: [
      DataGenerate.self, DataImport.self, DataShow.self, DataCheck.self, DataStats.self,
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

struct DataCheck: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Read a whole dataset and list what is wrong; exit 3 when it should not be used.")

  @Argument(help: "Dataset folder.") var folder: String
  @OptionGroup var options: FactOptions

  private struct Report: Encodable {
    struct Finding: Encodable {
      var kind: String
      var isError: Bool
      var location: String
      var problem: String
    }

    var rows: Int
    var shards: Int
    var fingerprint: String
    var passes: Bool
    var counts: [String: Int]
    var findings: [Finding]
  }

  func run() throws {
    let check = try DatasetCheck(folder: folder)
    if options.json {
      try options.output.json(
        Report(
          rows: check.rows, shards: check.shards, fingerprint: check.fingerprint,
          passes: check.passes, counts: check.counts,
          findings: check.findings.map {
            Report.Finding(
              kind: $0.kind.rawValue, isError: $0.kind.isError, location: $0.location,
              problem: $0.problem)
          }))
    } else {
      print(check)
    }
    if !check.passes { throw ExitCode(ExitStatus.mismatch.rawValue) }
  }

  private func print(_ check: DatasetCheck) {
    let output = options.output
    for finding in check.findings {
      let kind = finding.kind.isError ? "error" : "warning"
      output.print(
        output.styled(kind, finding.kind.isError ? .red : .yellow)
          + TerminalText.escaped(" \(finding.location): \(finding.problem)"))
    }
    for (kind, count) in check.counts.sorted(by: { $0.key < $1.key }) {
      let listed = check.findings.count { $0.kind.rawValue == kind }
      if listed < count { output.print("… and \(count - listed) more of \(kind)") }
    }
    output.print(
      "\(check.rows) rows, shards \(check.shards), fingerprint \(check.fingerprint): "
        + (check.passes ? output.styled("sound", .green) : output.styled("not sound", .red)))
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

  private func print(_ title: String, _ counts: [String: Int]) {
    guard !counts.isEmpty else { return }
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
