import ArgumentParser
import Preparation
import Shards

/// `pipeline data mix A=3 B=1 --to NEW`.
struct DataMix: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mix", abstract: "Make one dataset of several, in fixed shares.",
    discussion: """
      Shares hold over every stretch of the new dataset, in thousandths; each dataset is read in its \
      order, and no row twice. Ids get the dataset's name in front: two datasets may use the same.

      A definition mixes as it reads with data.prompts and data.weights, without a copy.
      """)

  @Argument(help: ArgumentHelp("Dataset folders with shares.", valueName: "dir=share"))
  var sources: [Override]
  @Option(
    help: ArgumentHelp("Rows in all; default: as many as no repetition allows.", valueName: "n"))
  var rows: Int?
  @Option(help: "Another seed gives another order within a stretch.") var seed: UInt64 = 1
  @OptionGroup var target: DatasetTarget

  func validate() throws {
    guard sources.count > 1 else { throw ValidationError("name two datasets or more: DIR=SHARE.") }
    if let rows, rows < 1 { throw ValidationError("--rows is \(rows); use 1 or more.") }
    for source in sources {
      guard let share = Double(source.value), share > 0, share.isFinite else {
        throw ValidationError("\(source.key)=\(source.value): a share is a number above 0.")
      }
    }
  }

  func run() throws {
    let datasets = try sources.map { try Dataset(folder: $0.key) }
    guard Set(datasets.map(\.name)).count == datasets.count else {
      throw ShardError(
        .settings, location: "data mix", problem: "two datasets have the same name",
        remedy: "Rows are told apart by it; give one another with `pipeline data filter … --name`.")
    }
    let mix = try DatasetMix(
      datasets, shares: sources.compactMap { Double($0.value) }, seed: seed)
    let count = rows ?? mix.longest
    guard count <= mix.longest else {
      throw ShardError(
        .settings, location: "--rows",
        problem: "\(count) rows in these shares need rows twice; there are \(mix.longest) without",
        remedy: "Ask for fewer, or give the scarce dataset a smaller share.")
    }
    let shares = sources.map { "\(target.plain($0.key))=\($0.value)" }.joined(separator: " ")
    let manifest = try target.derive(
      from: datasets,
      generator: "pipeline data mix \(shares) --rows \(count) --seed \(seed)"
    ) {
      for place in 0..<count { try $0.append(try mix.row(place)) }
    }
    try target.report(manifest, dropped: [:])
  }
}
