import ArgumentParser
import Evaluation
import Foundation
import Inspector
import Preparation
import Records
import Shards

/// `pipeline data decontaminate DIR --against SUITES`.
struct DataDecontaminate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decontaminate",
    abstract: "Find questions of evaluation suites in a dataset, and leave their rows out.",
    discussion: """
      Compared are letters and digits alone, so that changed white space, case and punctuation hide \
      nothing: a row is contaminated if --threshold of a question's runs of --window characters occur in \
      its prompt or in a demonstration. Paraphrases and changed numbers are not found.

      --against names suites, or dataset folders. Without --to nothing is written.
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @Option(help: ArgumentHelp("Suites or dataset folders, separated by commas.", valueName: "a,b"))
  var against: CommaSeparated<String>
  @Option(help: ArgumentHelp("Folder of suites.", valueName: "dir"))
  var suiteFolder = EvaluationSuite.folder
  @Option(help: ArgumentHelp("Letters and digits of a run.", valueName: "n"))
  var window = Contamination.standardWindow
  @Option(help: ArgumentHelp("Share of a question's runs.", valueName: "s")) var threshold = 0.5
  @Option(help: ArgumentHelp("Contaminated rows that are shown; JSON has all.", valueName: "n"))
  var limit = 20
  @Option(name: .customLong("to"), help: "Folder of a new dataset without the contaminated rows.")
  var target: String?
  @Option(help: "Name in the manifest and of the shards; default: the folder's.") var name: String?
  @Flag(help: "Replace a dataset that stands there.") var force = false
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard window >= 24 else { throw ValidationError("--window is \(window); use 24 or more.") }
    guard threshold > 0, threshold <= 1 else {
      throw ValidationError("--threshold is \(threshold); use a share above 0, at most 1.")
    }
    guard limit >= 0 else { throw ValidationError("--limit is \(limit); use 0 or more.") }
  }

  private struct Row: Encodable {
    var row: Int
    var id: String
    var matches: [Contamination.Match]
  }

  private struct Report: Encodable {
    var rows: Int
    var questions: [String: Int]
    var contaminated: Int
    var share: Double
    /// Questions of each suite that stand in some row.
    var found: [String: Int]
    var contaminatedRows: [Row]
    var written: WrittenDataset?
  }

  func run() throws {
    let dataset = try Dataset(folder: folder)
    var contamination = Contamination(window: window, threshold: threshold)
    var questions: [String: Int] = [:]
    for name in against.elements {
      let asked = try self.questions(name)
      for question in asked { contamination.add(question, of: name) }
      questions[name] = asked.count
    }
    var rows: [Row] = []
    for index in 0..<dataset.rows {
      let row = try dataset.row(index)
      let matches = contamination.matches(row)
      if !matches.isEmpty { rows.append(Row(row: index, id: row.id, matches: matches)) }
    }
    let written = try write(dataset, without: Set(rows.map(\.row)))
    var found: [String: Set<String>] = [:]
    for match in rows.flatMap(\.matches) { found[match.suite, default: []].insert(match.id) }
    let report = Report(
      rows: dataset.rows, questions: questions, contaminated: rows.count,
      share: dataset.rows == 0 ? 0 : Double(rows.count) / Double(dataset.rows),
      found: questions.keys.reduce(into: [:]) { $0[$1] = found[$1]?.count ?? 0 },
      contaminatedRows: rows, written: written)
    if options.json { return try options.output.json(report) }
    print(report)
  }

  /// Of a suite, or of a dataset's folder.
  private func questions(_ name: String) throws -> [Prompt] {
    if FileManager.default.fileExists(atPath: "\(name)/\(DatasetManifest.fileName)") {
      let dataset = try Dataset(folder: name)
      return try (0..<dataset.rows).map { try dataset.row($0) }
    }
    return try EvaluationSuite(named: name, in: suiteFolder).questions().questions
  }

  private func write(_ dataset: Dataset, without rows: Set<Int>) throws -> WrittenDataset? {
    guard let target else { return nil }
    var place = DatasetTarget()
    (place.folder, place.name, place.force) = (target, name, force)
    place.licence = dataset.manifest.licence
    let names = against.elements.map(place.plain).joined(separator: ",")
    let manifest = try place.derive(
      from: [dataset],
      generator: "pipeline data decontaminate \(place.plain(folder)) --against \(names) "
        + "--window \(window) --threshold \(threshold)"
    ) {
      for index in 0..<dataset.rows where !rows.contains(index) {
        try $0.append(try dataset.row(index))
      }
    }
    return WrittenDataset(target, manifest)
  }

  private func print(_ report: Report) {
    let output = options.output
    var table = TextTable([
      .init("row", .right), .init("id", shrinks: true), .init("suite", shrinks: true),
      .init("question", shrinks: true), .init("share", .right), .init("in"),
    ])
    for row in report.contaminatedRows.prefix(limit) {
      for match in row.matches.prefix(1) {
        table.add([
          "\(row.row)", TerminalText.escaped(row.id), TerminalText.escaped(match.suite),
          TerminalText.escaped(match.id), TextChart.percent(match.share), match.place,
        ])
      }
    }
    if !table.isEmpty { output.print(table) }
    if report.contaminated > limit {
      output.print("… and \(report.contaminated - limit) more rows")
    }
    for (suite, count) in report.questions.sorted(by: { $0.key < $1.key }) {
      output.print(
        TerminalText.escaped("\(suite): \(report.found[suite] ?? 0) of \(count) questions found"))
    }
    output.print(
      "\(report.contaminated) of \(report.rows) rows contaminated "
        + "(\(ProgressDisplay.fixed(100 * report.share, 2)) %)")
    if let written = report.written { output.print(TerminalText.escaped(written.line)) }
  }
}
