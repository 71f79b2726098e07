import ArgumentParser
import Files
import Inspector
import Records
import Shards

/// `pipeline data import FILES… --to DIR`.
struct DataImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make a dataset of files that others wrote.",
    discussion: """
      Reads JSON lines of questions, as they stand or compressed by zstd: \
      {"id", "question", "answer", "solution", "source"}, all texts, solution optional. The question \
      becomes the prompt, the answer the ground truth, the solution the demonstration, and every \
      further text a tag.

      A row that cannot be used stops the import, or with --max-bad is set aside: its file, line, \
      reason and text stand in bad-rows.jsonl beside the manifest.
      """)

  @Argument(help: ArgumentHelp("Files of JSON lines.", valueName: "file")) var files: [String]
  @OptionGroup var target: DatasetTarget
  @Option(help: "Source of all rows, in place of their own.") var source: String?
  @Option(help: ArgumentHelp("Bad rows that are set aside; one more stops.", valueName: "n"))
  var maxBad = 0

  func validate() throws {
    guard maxBad >= 0 else { throw ValidationError("--max-bad is \(maxBad); use 0 or more.") }
    if let source, source.allSatisfy(\.isWhitespace) {
      throw ValidationError("--source is empty; name one, or leave it to the rows.")
    }
  }

  func run() throws {
    var options = DatasetImport.Options()
    options.source = source
    options.maximumBad = maxBad
    options.writer = target.writerOptions(generator: generator)
    let made = try target.placing { () throws(ShardError) in
      try DatasetImport(
        files, to: target.folder, name: target.name ?? PathParts.name(of: target.folder),
        options: options)
    }
    let written = WrittenDataset(target.folder, made.manifest)
    if target.options.json {
      return try target.options.output.json(Report(dataset: written, imported: made))
    }
    for file in made.files {
      line("\(file.path): \(file.rows) rows, \(file.bytes) bytes of text, sha256 \(file.sha256)")
    }
    line("read as \(DatasetImport.shape): \(made.fields.joined(separator: ", "))")
    if !made.passedOver.isEmpty {
      line("passed over, being no texts: \(made.passedOver.joined(separator: ", "))")
    }
    if made.bad > 0 {
      line("bad rows set aside: \(made.bad), in \(target.folder)/\(DatasetImport.badRowsFile)")
    }
    line(written.line)
  }

  private func line(_ text: String) { target.options.output.print(TerminalText.escaped(text)) }

  /// For `--json`: what was written, and what was read.
  private struct Report: Encodable {
    var dataset: WrittenDataset
    var imported: DatasetImport

    func encode(to encoder: any Encoder) throws {
      try dataset.encode(to: encoder)
      try imported.encode(to: encoder)
    }
  }

  /// The command that makes the same rows again, wherever the files lie.
  private var generator: String {
    var words = ["pipeline data import"] + files.map { PathParts.name(of: $0) }
    if let source { words.append("--source \(source)") }
    if maxBad > 0 { words.append("--max-bad \(maxBad)") }
    return words.joined(separator: " ")
  }
}
