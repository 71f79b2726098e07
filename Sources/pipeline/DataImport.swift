public import ArgumentParser
import Files
import Inspector
import Records
public import Shards

extension RowShape: ExpressibleByArgument {}

/// `prompt=problem`: which field of foreign rows is what.
struct MappedField: ExpressibleByArgument {
  let role: RowRole
  let path: String

  init?(argument: String) {
    guard let pair = Override(argument: argument), let role = RowRole(name: pair.key),
      !pair.value.isEmpty
    else { return nil }
    self.role = role
    path = pair.value
  }
}

/// `pipeline data import FILES… --to DIR`.
struct DataImport: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Make a dataset of files that others wrote.",
    discussion: """
      Reads JSON lines, as they stand or compressed by zstd or gzip, and Parquet, told by their first \
      bytes. The first row of a file shows its shape, which is named in the output:

        verl        data_source, prompt, ability, reward_model.ground_truth, extra_info
        hpt         the same with target (LUFFY, HPT): a list of one assistant message, or null
        trl         messages; or prompt, with or without completion
        preference  chosen and rejected, with prompt or as whole conversations
        gsm8k       question and answer, which ends in #### and the ground truth
        math        problem and solution, which has the ground truth in its last \\boxed{}
        questions   question (or problem, prompt), answer, perhaps solution
        temper      rows of a dataset of ours

      Files of another shape need a mapping: --map prompt=problem --map answer=final. Keys are prompt, \
      answer, solution, rejected, id and source; values are fields, or paths such as \
      reward_model.ground_truth. Further texts become tags, all else is passed over and named.

      A row that cannot be used stops the import, or with --max-bad is set aside: its file, line, reason \
      and text stand in bad-rows.jsonl beside the manifest. An import that was cut off goes on when the \
      same command runs again.
      """)

  @Argument(
    help: ArgumentHelp("Files of JSON lines (plain, .zst, .gz) or Parquet.", valueName: "file"))
  var files: [String]
  @OptionGroup var target: DatasetTarget
  @Option(help: "The shape of all files, in place of what their first rows show.")
  var shape: RowShape?
  @Option(
    help: ArgumentHelp(
      "Which field is what; repeat for more.", valueName: "prompt=field"))
  var map: [MappedField] = []
  @Flag(help: "Leave out the system message at the start of prompts.") var dropSystem = false
  @Option(help: "Source of all rows, in place of their own.") var source: String?
  @Option(help: ArgumentHelp("Bad rows that are set aside; one more stops.", valueName: "n"))
  var maxBad = 0
  @Option(help: ArgumentHelp("Rows of a shard at most.", valueName: "n"))
  var shardRows = DatasetWriter.Options().rowsPerShard

  func validate() throws {
    guard maxBad >= 0 else { throw ValidationError("--max-bad is \(maxBad); use 0 or more.") }
    guard shardRows > 0 else {
      throw ValidationError("--shard-rows is \(shardRows); use 1 or more.")
    }
    if let source, source.allSatisfy(\.isWhitespace) {
      throw ValidationError("--source is empty; name one, or leave it to the rows.")
    }
    guard map.isEmpty || shape == nil || shape == .map else {
      throw ValidationError("--map says the shape; leave --shape out.")
    }
    guard shape != .map || !map.isEmpty else {
      throw ValidationError("--shape map needs --map.")
    }
    guard Set(map.map(\.role)).count == map.count else {
      throw ValidationError("--map names one key twice.")
    }
  }

  func run() throws {
    var options = DatasetImport.Options()
    options.source = source
    options.shape = shape
    options.dropsSystem = dropSystem
    options.maximumBad = maxBad
    options.writer = target.writerOptions(
      generator: generator, level: options.writer.compressionLevel)
    options.writer.rowsPerShard = shardRows
    if !map.isEmpty {
      options.mapping = try RowMapping(
        Dictionary(map.map { ($0.role, $0.path) }, uniquingKeysWith: { first, _ in first }))
    }
    let display = ImportDisplay(target.folder)
    defer { display.clear() }
    let made = try target.placing { () throws(ShardError) in
      try DatasetImport(
        files, to: target.folder, name: target.name ?? PathParts.name(of: target.folder),
        options: options, report: display.show)
    }
    let written = WrittenDataset(target.folder, made.manifest)
    if target.options.json {
      return try target.options.output.json(Report(dataset: written, imported: made))
    }
    print(made, written)
  }

  private func print(_ made: DatasetImport, _ written: WrittenDataset) {
    for file in made.files {
      line("\(file.path): \(file.rows) rows, \(file.bytes) bytes, sha256 \(file.sha256)")
    }
    var shapes: [String] = []
    for shape in made.files.compactMap(\.shape?.rawValue) where !shapes.contains(shape) {
      shapes.append(shape)
    }
    let names = shapes.joined(separator: " and ")
    line("read as \(names): \(made.fields.joined(separator: ", "))")
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
    if let shape { words.append("--shape \(shape.rawValue)") }
    for field in map { words.append("--map \(field.role.name ?? "")=\(field.path)") }
    if dropSystem { words.append("--drop-system") }
    if let source { words.append("--source \(source)") }
    if maxBad > 0 { words.append("--max-bad \(maxBad)") }
    if shardRows != DatasetWriter.Options().rowsPerShard {
      words.append("--shard-rows \(shardRows)")
    }
    return words.joined(separator: " ")
  }
}
