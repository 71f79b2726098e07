public import ArgumentParser
import Conditions
import Inspector
import Preparation
import Records
public import Shards

extension DatasetCheck.Finding.Kind: ExpressibleByArgument {
  /// Those that belong to one row that can be read.
  static let ofRows = allCases.filter { $0 != .shard && $0 != .schema }

  public init?(argument: String) {
    guard let kind = Self.ofRows.first(where: { $0.rawValue == argument }) else { return nil }
    self = kind
  }

  public static var allValueStrings: [String] { ofRows.map(\.rawValue) }
}

/// `pipeline data filter DIR --where CONDITION --to NEW`.
struct DataFilter: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "filter", abstract: "Make a dataset of the rows that a condition holds for.",
    discussion: """
      Conditions: level >= 2 and (source = addition or not prompt ~ "why"), with = != < <= > >=, ~ and \
      !~ for contains, in (a, b), and, or, not. Fields: \(PromptFields.names.joined(separator: ", ")). \
      A comparison with a field that a row lacks does not hold.

      --without leaves out the rows of which `data check` with the same options finds that kind: \
      \(DatasetCheck.Finding.Kind.allValueStrings.joined(separator: ", ")).
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @Option(name: .customLong("where"), help: "Rows to keep.") var condition: String?
  @Option(help: ArgumentHelp("Findings whose rows go.", valueName: "a,b"))
  var without: CommaSeparated<DatasetCheck.Finding.Kind>?
  @OptionGroup var examiners: ExaminerOptions
  @OptionGroup var target: DatasetTarget

  func validate() throws {
    guard condition != nil || without != nil else {
      throw ValidationError("say which rows stay with --where, or which go with --without.")
    }
  }

  func run() throws {
    let condition = try condition.map {
      try Condition($0, names: PromptFields.names, fields: PromptFields.kind)
    }
    let makeExaminers = try examiners.examiners()
    let dataset = try Dataset(folder: folder)
    var examiners = without == nil ? [] : makeExaminers(dataset)
    var missing = condition?.fields ?? []
    var dropped: [String: Int] = [:]
    let manifest = try target.derive(from: [dataset], generator: generator) { writer in
      for index in 0..<dataset.rows {
        let row = try dataset.row(index)
        if let condition {
          missing = missing.filter { PromptFields.value($0, of: row) == nil }
          guard condition.holds({ PromptFields.value($0, of: row) }) else {
            dropped["where", default: 0] += 1
            continue
          }
        }
        if let kind = try finding(row, index, &examiners) {
          dropped[kind.rawValue, default: 0] += 1
          continue
        }
        try writer.append(row)
      }
      // A tag that no row has is a slip of the pen, and would leave a dataset of nothing.
      if let name = missing.sorted().first, dataset.rows > 0 {
        throw ShardError(
          .settings, location: "--where", problem: "no row of \(folder) has the field \(name)",
          remedy: "`pipeline data stats \(folder)` shows its tags.")
      }
    }
    try target.report(manifest, dropped: dropped)
  }

  /// The first finding for which a row goes.
  private func finding(
    _ row: Prompt, _ index: Int, _ examiners: inout [any RowExaminer]
  ) throws -> DatasetCheck.Finding.Kind? {
    guard let without else { return nil }
    for place in examiners.indices {
      for (kind, _) in try examiners[place].examine(row, index)
      where without.elements.contains(kind) { return kind }
    }
    return nil
  }

  private var generator: String {
    var words = ["pipeline data filter \(target.plain(folder))"]
    if let condition { words.append("--where '\(condition)'") }
    if let without {
      words.append("--without \(without.elements.map(\.rawValue).joined(separator: ","))")
    }
    return words.joined(separator: " ")
  }
}
