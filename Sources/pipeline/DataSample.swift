import ArgumentParser
import Conditions
import Preparation
import Shards

/// `pipeline data sample DIR --rows N --to NEW`.
struct DataSample: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Make a dataset of rows drawn at random, without replacement.")

  @Argument(help: "Dataset folder.") var folder: String
  @Option(help: ArgumentHelp("So many rows of all.", valueName: "n")) var rows: Int?
  @Option(
    help: ArgumentHelp(
      "So many rows of each value of a field, or all where there are fewer.",
      valueName: "field=n"))
  var rowsOfEach: Override?
  @Option(help: "Another seed draws other rows.") var seed: UInt64 = 1
  @OptionGroup var target: DatasetTarget

  func validate() throws {
    guard (rows == nil) != (rowsOfEach == nil) else {
      throw ValidationError("say how many with --rows N or with --rows-of-each FIELD=N.")
    }
    if let rows, rows < 1 { throw ValidationError("--rows is \(rows); use 1 or more.") }
    guard let rowsOfEach else { return }
    guard PromptFields.kind(rowsOfEach.key) != nil else {
      throw ValidationError(
        "--rows-of-each names no field: \(rowsOfEach.key). There are "
          + PromptFields.names.joined(separator: ", ") + ".")
    }
    guard let count = Int(rowsOfEach.value), count > 0 else {
      throw ValidationError("--rows-of-each \(rowsOfEach.key)=\(rowsOfEach.value); use 1 or more.")
    }
  }

  func run() throws {
    let dataset = try Dataset(folder: folder)
    let size =
      rowsOfEach.flatMap { Int($0.value) }.map(DatasetSample.Size.rowsOfEach)
      ?? .rows(rows ?? 0)
    let field = rowsOfEach?.key ?? ""
    let sample = try DatasetSample(size, of: dataset.rows, seed: seed) { place in
      switch PromptFields.value(field, of: try dataset.row(place)) {
      case .text(let text): text
      case .number(let number): "\(number)"
      case nil: ""
      }
    }
    let words =
      ["pipeline data sample \(target.plain(folder)) --seed \(seed)"]
      + (rows.map { ["--rows \($0)"] } ?? [])
      + (rowsOfEach.map { ["--rows-of-each \($0.key)=\($0.value)"] } ?? [])
    let manifest = try target.derive(from: [dataset], generator: words.joined(separator: " ")) {
      for place in sample.places { try $0.append(try dataset.row(place)) }
    }
    try target.report(manifest, dropped: [:])
  }
}
