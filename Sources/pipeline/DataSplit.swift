import ArgumentParser
import Foundation
import Inspector
import Preparation
import Shards

/// `pipeline data split DIR --parts train=0.9,test=0.1 --to NEW`.
struct DataSplit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "split", abstract: "Make several datasets of one, by shares of its rows.",
    discussion: """
      The parts stand in NEW/NAME. A row's part follows from seed and prompt alone: rows that are added \
      later move none, and rows that ask the same stay together.
      """)

  @Argument(help: "Dataset folder.") var folder: String
  @Option(
    help: ArgumentHelp("Names and shares.", valueName: "train=0.9,test=0.1"))
  var parts: CommaSeparated<Override>
  @Option(help: "Another seed gives other parts.") var seed: UInt64 = 1
  @OptionGroup var target: DatasetTarget

  func validate() throws {
    _ = try named()
    guard target.name == nil else {
      throw ValidationError("--name is not for split, whose parts have names.")
    }
  }

  private func named() throws -> [DatasetSplit.Part] {
    let parts = try parts.elements.map { part in
      guard let share = Double(part.value), share > 0, share.isFinite else {
        throw ValidationError("--parts \(part.key)=\(part.value): a share is a number above 0.")
      }
      return DatasetSplit.Part(name: part.key, share: share)
    }
    guard parts.count > 1 else {
      throw ValidationError("--parts names \(parts.count); name two parts or more.")
    }
    guard Set(parts.map(\.name)).count == parts.count else {
      throw ValidationError("--parts names a part twice.")
    }
    return parts
  }

  func run() throws {
    let dataset = try Dataset(folder: folder)
    let split = DatasetSplit(try named(), seed: seed)
    let places = try (0..<dataset.rows).map { split.part(of: try dataset.row($0)) }
    let shares = parts.elements.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    var written: [WrittenDataset] = []
    for (number, part) in split.parts.enumerated() {
      let folder = "\(target.folder)/\(part.name)"
      let manifest = try target.derive(
        from: [dataset], to: folder, name: part.name,
        generator: "pipeline data split \(target.plain(self.folder)) --parts \(shares) "
          + "--seed \(seed), part \(part.name)"
      ) {
        for (place, own) in places.enumerated() where own == number {
          try $0.append(try dataset.row(place))
        }
      }
      written.append(WrittenDataset(folder, manifest))
    }
    if target.options.json { return try target.options.output.json(written) }
    for part in written { target.options.output.print(TerminalText.escaped(part.line)) }
  }
}
