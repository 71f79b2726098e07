import ArgumentParser
import Inspector
import Policy
import Records

struct ModelMerge: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Write a base with its adapter as a model of its own.",
    discussion: """
      Every weight that the adapter stands beside becomes W + scale · B A, computed in f32 and rounded \
      once to the type in which the base stores its weights; the rest is copied. An adapter that names \
      its base's digest is merged with that base alone.
      """)

  @Argument(help: ArgumentHelp("Model directory.", valueName: "base")) var base: String
  @Argument(
    help: ArgumentHelp("Directory of a LoRA adapter as PEFT writes it.", valueName: "adapter"))
  var adapter: String
  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("Directory that is not there yet.", valueName: "new"))
  var path: String
  @Option(
    help: ArgumentHelp(
      "Most bytes of tensors in one file, such as 500MB or 4GiB; a larger tensor stands alone.",
      valueName: "bytes"))
  var shardSize = ByteCount(bytes: 5_000_000_000)
  @OptionGroup var options: FactOptions

  func run() throws {
    let stored = try StoredAdapter(opening: adapter)
    try ModelDirectory.merge(
      try StoredModel(opening: base), stored, to: path, shardBytes: shardSize.bytes)
    if stored.base.digest == nil {
      Output.note(
        "\(TerminalText.escaped(adapter)) does not say which base it was trained on: shapes were compared"
      )
    }
    try WrittenModel(path).print(options)
  }
}
