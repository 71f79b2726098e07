import ArgumentParser
import Inspector
import Policy
import Records

struct ModelInspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Say what a model directory or an adapter holds, and check its files.",
    discussion: "Reads config.json and the headers of the weights, not the weights.")

  @Argument(
    help: ArgumentHelp("Model directory, or an adapter as PEFT writes it.", valueName: "dir"))
  var path: String
  @Flag(help: "List every tensor.") var tensors = false
  @OptionGroup var options: FactOptions

  func run() throws {
    if StoredAdapter.stands(at: path) {
      let report = AdapterReport(try StoredAdapter(opening: path), withTensors: tensors)
      if options.json { return try options.output.json(report) }
      return report.print(options.output)
    }
    let report = ModelReport(try StoredModel(opening: path), withTensors: tensors)
    if options.json { return try options.output.json(report) }
    report.print(options.output)
  }
}

private struct ModelReport: Encodable {
  struct Tensor: Encodable {
    var name: String
    var shape: [Int]
    var dtype: String
    var file: String
  }

  struct File: Encodable {
    var name: String
    var tensors: Int
    /// Of its tensors.
    var bytes: Int
  }

  struct RopeReport: Encodable {
    var theta: Double
    var type: String
    var factor: Double?
    var lowFrequencyFactor: Double?
    var highFrequencyFactor: Double?
    var originalPositions: Int?
  }

  var path: String
  var architecture: String
  var parameters: Int
  /// Parameters in each stored type.
  var dtypes: [String: Int]
  var bytes: Int
  var files: [File]
  var tensorCount: Int
  var vocabularySize: Int
  var hiddenSize: Int
  var intermediateSize: Int
  var layers: Int
  var heads: Int
  var keyValueHeads: Int
  var headDimension: Int
  var hasAttentionBias: Bool
  var hasHeadNorms: Bool
  var tiedEmbeddings: Bool
  var normEpsilon: Float
  var rope: RopeReport
  var maximumPositions: Int
  var stopIds: [Int32]
  /// In f32, as generation keeps them.
  var keyValueBytesPerToken: Int
  /// Of weights, gradient and both moments in f32.
  var trainingBytes: Int
  var tensors: [Tensor]?

  init(_ model: StoredModel, withTensors: Bool) {
    let configuration = model.configuration
    path = model.path
    architecture = configuration.architecture.rawValue
    parameters = configuration.parameterCount
    dtypes = [:]
    for tensor in model.tensors { dtypes[tensor.storage.rawValue, default: 0] += tensor.count }
    bytes = model.tensors.reduce(0) { $0 + $1.bytes }
    files = Set(model.tensors.map(\.file)).sorted().map { name in
      let own = model.tensors.filter { $0.file == name }
      return File(name: name, tensors: own.count, bytes: own.reduce(0) { $0 + $1.bytes })
    }
    tensorCount = model.tensors.count
    vocabularySize = configuration.vocabularySize
    hiddenSize = configuration.hiddenSize
    intermediateSize = configuration.intermediateSize
    layers = configuration.layerCount
    heads = configuration.headCount
    keyValueHeads = configuration.keyValueHeadCount
    headDimension = configuration.headDimension
    hasAttentionBias = configuration.hasAttentionBias
    hasHeadNorms = configuration.hasHeadNorms
    tiedEmbeddings = configuration.tieEmbeddings
    normEpsilon = configuration.normEpsilon
    let scaling = configuration.ropeScaling
    rope = RopeReport(
      theta: configuration.ropeTheta, type: scaling == nil ? "default" : "llama3",
      factor: scaling?.factor, lowFrequencyFactor: scaling?.lowFrequencyFactor,
      highFrequencyFactor: scaling?.highFrequencyFactor,
      originalPositions: scaling?.originalPositions)
    maximumPositions = configuration.maximumPositions
    stopIds = configuration.stopIDs
    keyValueBytesPerToken = 8 * layers * keyValueHeads * headDimension
    trainingBytes = 16 * parameters
    if withTensors {
      tensors = model.tensors.map {
        Tensor(name: $0.name, shape: $0.shape, dtype: $0.storage.rawValue, file: $0.file)
      }
    }
  }

  func print(_ output: Output) {
    var table = TextTable([.init(""), .init("", shrinks: true)])
    let types = dtypes.sorted { $0.key < $1.key }.map { "\($0.value) in \($0.key)" }
    var rotation = "theta \(rope.theta)"
    if let factor = rope.factor, let original = rope.originalPositions {
      rotation += ", llama3 scaling by \(factor) beyond \(original) positions"
    }
    let rows: [(String, String)] = [
      ("architecture", architecture),
      ("parameters", types.joined(separator: ", ")),
      ("tensors", "\(tensorCount), \(bytes) bytes"),
      ("vocabulary", "\(vocabularySize)\(tiedEmbeddings ? ", head tied to the embedding" : "")"),
      ("width", "\(hiddenSize), feed-forward \(intermediateSize)"),
      ("layers", "\(layers)"),
      (
        "heads",
        "\(heads) over \(keyValueHeads) of keys and values, \(headDimension) wide"
          + (hasHeadNorms ? ", normed" : "") + (hasAttentionBias ? ", with biases" : "")
      ),
      ("rotation", rotation),
      ("positions", "\(maximumPositions)"),
      ("stop ids", stopIds.map { "\($0)" }.joined(separator: ", ")),
      ("keys and values", "\(keyValueBytesPerToken) bytes a token in f32"),
      ("training", "\(trainingBytes) bytes of weights, gradient and moments in f32"),
    ]
    for (name, value) in rows { table.add([name, value]) }
    for file in files {
      table.add([
        "file", "\(TerminalText.escaped(file.name)): \(file.tensors) tensors, \(file.bytes) bytes",
      ])
    }
    output.print(table)
    guard let tensors else { return }
    var list = TextTable([.init("tensor"), .init("shape"), .init("type"), .init("file")])
    for tensor in tensors {
      list.add([
        tensor.name, "\(tensor.shape)", tensor.dtype, TerminalText.escaped(tensor.file),
      ])
    }
    output.print()
    output.print(list)
  }
}
