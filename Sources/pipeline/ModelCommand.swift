import ArgumentParser
import Inspector
import Policy
import Records
import Stages
import Tokenizer

struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Make, look at, convert, merge and compare Hugging Face model directories.",
    subcommands: [
      ModelInit.self, ModelInspect.self, ModelConvert.self, ModelMerge.self, ModelDiff.self,
    ])
}

/// How weights are stored, as the options spell it.
enum WeightType: String, CaseIterable, ExpressibleByArgument {
  case f32
  case bf16
  case f16

  var storage: WeightStorage {
    switch self {
    case .f32: .f32
    case .bf16: .bf16
    case .f16: .f16
    }
  }
}

/// A number of bytes: `1000000`, `500MB` (10^6) or `4GiB` (2^30).
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    let units = [
      "": 1, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10, "MiB": 1 << 20,
      "GiB": 1 << 30,
    ]
    guard let number = Int(digits), number > 0,
      let unit = units[String(argument.dropFirst(digits.count))]
    else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    self.bytes = bytes
  }

  var defaultValueDescription: String { "\(bytes / 1_000_000_000)GB" }
}

/// The files that weights go to.
struct WeightFiles: ParsableArguments {
  @Option(
    name: .customLong("dtype"),
    help: "Type of the stored weights: f32, bf16 or f16, rounded to nearest even.")
  var type: WeightType = .bf16
  @Option(
    help: ArgumentHelp(
      "Most bytes of tensors in one file, such as 500MB or 4GiB; a larger tensor stands alone.",
      valueName: "bytes"))
  var shardSize = ByteCount(bytes: 5_000_000_000)
}

/// What was written, for `init` and `convert`.
struct WrittenModel: Encodable {
  var path: String
  var architecture: String
  var parameters: Int
  var tensors: Int
  var storage: String
  var bytes: Int
  var files: Int

  init(_ path: String) throws {
    let model = try StoredModel(opening: path)
    self.path = path
    architecture = model.configuration.architecture.rawValue
    parameters = model.configuration.parameterCount
    tensors = model.tensors.count
    storage = Set(model.tensors.map(\.storage.rawValue)).sorted().joined(separator: ", ")
    bytes = model.tensors.reduce(0) { $0 + $1.bytes }
    files = Set(model.tensors.map(\.file)).count
  }

  func print(_ options: FactOptions) throws {
    if options.json { return try options.output.json(self) }
    options.output.print(
      "\(TerminalText.escaped(path)): \(architecture), \(parameters) parameters in \(tensors) "
        + "tensors, \(bytes) bytes of \(storage) in \(files) \(files == 1 ? "file" : "files")")
  }
}

struct ModelInit: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make a model directory with random weights.",
    discussion: """
      Weights are normal with a deviation of 0.02, smaller where they write to the residual stream; \
      norms are 1, biases 0. They depend on shape and seed alone. Shapes: \
      \(ModelConfiguration.named.map(\.name).joined(separator: ", ")).
      """)

  @Argument(help: ArgumentHelp("Directory that is not there yet.", valueName: "dir"))
  var path: String
  @Option(help: "Name of a published model whose shape to take.") var shape: String?
  @Option(help: ArgumentHelp("A config.json whose shape to take.", valueName: "file"))
  var config: String?
  @Option(help: "Another seed gives other weights.") var seed: UInt64 = 0
  @Option(
    help: ArgumentHelp("Directory whose tokenizer files to copy.", valueName: "dir"))
  var tokenizer: String?
  @OptionGroup var files: WeightFiles
  @OptionGroup var options: FactOptions

  func validate() throws {
    guard (shape == nil) != (config == nil) else {
      throw ValidationError("name a shape with --shape or a config.json with --config, not both.")
    }
    guard let shape, model(named: shape) == nil else { return }
    throw ValidationError(
      "there is no shape \"\(shape)\"; there are "
        + ModelConfiguration.named.map(\.name).joined(separator: ", ") + ".")
  }

  private func model(named name: String) -> ModelConfiguration? {
    ModelConfiguration.named.first { $0.name == name }?.configuration
  }

  func run() throws {
    guard
      let model = try shape.flatMap(model(named:))
        ?? config.map({ try ModelDirectory.configuration(file: $0) })
    else { preconditionFailure("neither shape nor config: validate() refuses that") }
    if let tokenizer {
      try model.requireRows(for: try Tokenizer(file: tokenizer + "/tokenizer.json"), in: tokenizer)
    }
    let weights = InitialWeights(model, seed: seed)
    try ModelDirectory.make(at: path) { (folder) throws(ModelDirectoryError) in
      try ModelDirectory.write(
        model, to: folder, tokenizerFrom: tokenizer, storage: files.type.storage,
        shardBytes: files.shardSize.bytes, values: weights.values)
    }
    try WrittenModel(path).print(options)
  }
}

struct ModelConvert: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Copy a model directory with weights of another type or in other files.",
    discussion: """
      Names, values and tokenizer stay; config.json is written in the spelling that old and new \
      readers know. To bf16 and f16 values are rounded; to f32 they keep every bit. Of a tied model \
      the copy leaves lm_head.weight out.
      """)

  @Argument(help: ArgumentHelp("Model directory.", valueName: "dir")) var source: String
  @Argument(help: ArgumentHelp("Directory that is not there yet.", valueName: "new"))
  var path: String
  @OptionGroup var files: WeightFiles
  @OptionGroup var options: FactOptions

  func run() throws {
    try ModelDirectory.convert(
      try StoredModel(opening: source), to: path, storage: files.type.storage,
      shardBytes: files.shardSize.bytes)
    try WrittenModel(path).print(options)
  }
}
