import Files
import Foundation
import Inspector
import Preparation
import Records
import Shards

extension DatasetTarget {
  /// Writes a dataset that is made of others.
  func derive(
    from sources: [Dataset], generator: String, rows: (inout DatasetWriter) throws -> Void
  ) throws -> DatasetManifest {
    try derive(from: sources, to: folder, name: name, generator: generator, rows: rows)
  }

  func derive(
    from sources: [Dataset], to folder: String, name: String?, generator: String,
    rows: (inout DatasetWriter) throws -> Void
  ) throws -> DatasetManifest {
    // Replacing what is being read would lose it.
    if let source = sources.first(where: { isSame($0.folder, folder) }) {
      throw ShardError(
        .settings, location: folder, problem: "it is \(source.name), of which rows are read",
        remedy: "Choose another folder with --to.")
    }
    do {
      return try DerivedDataset.write(
        from: sources, to: folder, name: name ?? PathParts.name(of: folder),
        options: writerOptions(generator: generator), rows: rows)
    } catch var error as ShardError where error.code == .exists {
      error.remedy = "Choose another folder, or replace it with --force."
      throw error
    }
  }

  /// Says what was written, and how many rows were left out for which reason.
  func report(_ manifest: DatasetManifest, dropped: [String: Int]) throws {
    struct Report: Encodable {
      var dataset: WrittenDataset
      var dropped: [String: Int]

      private enum CodingKeys: String, CodingKey { case dropped }

      func encode(to encoder: any Encoder) throws {
        try dataset.encode(to: encoder)
        var fields = encoder.container(keyedBy: CodingKeys.self)
        try fields.encode(dropped, forKey: .dropped)
      }
    }
    let written = WrittenDataset(folder, manifest)
    if options.json { return try options.output.json(Report(dataset: written, dropped: dropped)) }
    for (reason, count) in dropped.sorted(by: { $0.key < $1.key }) {
      options.output.print("left out, \(reason): \(count)")
    }
    options.output.print(TerminalText.escaped(written.line))
  }

  /// A folder as manifests name it: without its place on this machine.
  func plain(_ folder: String) -> String { PathParts.name(of: folder) }

  private func isSame(_ a: String, _ b: String) -> Bool {
    URL(fileURLWithPath: a).resolvingSymlinksInPath().standardizedFileURL.path
      == URL(fileURLWithPath: b).resolvingSymlinksInPath().standardizedFileURL.path
  }
}
