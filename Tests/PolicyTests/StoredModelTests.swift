import Foundation
import Operators
import Policy
import Records
import Testing

/// Written directories: shards, storage types, conversion, and what tells two of them apart.
@Suite struct StoredModelTests {
  /// One of each family, tied and untied, policies and a critic.
  static let models: [(configuration: ModelConfiguration, parameters: [Float])] =
    [0, 2, 6, 7, 8].map { index in
      let model = RandomModel.shapes[index]
      return (model.configuration, model.parameters)
    } + [critic(of: 6)]

  private static func critic(of shape: Int) -> (ModelConfiguration, [Float]) {
    var model = RandomModel.shapes[shape]
    model.configuration.architecture = model.configuration.architecture.critic
    model.configuration.tieEmbeddings = false
    return (model.configuration, model.parameters)
  }

  private static func files(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder)
      .filter { $0.hasPrefix("model") }.sorted()
  }

  @Test(arguments: models.indices) func shardsHoldWhatOneFileHolds(model: Int) throws {
    let (configuration, parameters) = Self.models[model]
    for shardBytes in [1, 4000, 30_000] {
      let folder = try TemporaryDirectory()
      try ModelDirectory.write(
        configuration, parameters: parameters, to: folder.path, shardBytes: shardBytes)
      let read = try ModelDirectory.read(folder.path)
      #expect(read.configuration == configuration)
      #expect(differentBits(read.parameters, parameters) == 0)
      let files = try Self.files(folder.path)
      #expect(files.last == "model.safetensors.index.json" && files.count > 2)
      var total = 0
      for name in files.dropLast() {
        let file = try SafetensorsFile(path: folder.path + "/" + name)
        let bytes = file.tensors.reduce(0) { $0 + $1.range.count }
        #expect(bytes <= shardBytes || file.tensors.count == 1)
        #expect(name.hasSuffix("-of-0000\(files.count - 1).safetensors") || files.count > 10)
        #expect(file.metadata.map(\.value) == ["pt"])
        if configuration.tieEmbeddings { #expect(file.tensor(named: "lm_head.weight") == nil) }
        total += bytes
      }
      let index = try JSONValue(
        parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + files.last!))),
        location: "index")
      #expect(index["metadata"]?["total_size"]?.integer == total && total == 4 * parameters.count)
      #expect(index["weight_map"]?.object?.count == configuration.parameters.count)
    }
  }

  @Test func whatFitsIntoOneFileStandsInOne() throws {
    let (configuration, parameters) = Self.models[0]
    let folder = try TemporaryDirectory()
    try ModelDirectory.write(
      configuration, parameters: parameters, to: folder.path, shardBytes: 4 * parameters.count)
    #expect(try Self.files(folder.path) == ["model.safetensors"])
  }

  @Test(arguments: models.indices) func conversionRoundsOnceAndWideningKeepsEveryBit(
    model: Int
  ) throws {
    let (configuration, parameters) = Self.models[model]
    let folder = try TemporaryDirectory()
    let source = folder.path + "/source"
    let (narrow, wide) = (folder.path + "/narrow", folder.path + "/wide")
    try ModelDirectory.make(at: source) { (path) throws(ModelDirectoryError) in
      try ModelDirectory.write(configuration, parameters: parameters, to: path)
    }
    try ModelDirectory.convert(
      StoredModel(opening: source), to: narrow, storage: .bf16, shardBytes: 5000)
    let rounded = parameters.map { WeightStorage.float(bf16: WeightStorage.bf16($0)) }
    #expect(differentBits(try ModelDirectory.read(narrow).parameters, rounded) == 0)
    try ModelDirectory.convert(
      StoredModel(opening: narrow), to: wide, storage: .f32, shardBytes: .max)
    #expect(differentBits(try ModelDirectory.read(wide).parameters, rounded) == 0)
    #expect(
      try String(contentsOfFile: narrow + "/config.json", encoding: .utf8)
        .contains(#""torch_dtype": "bfloat16""#))

    let same = try ModelComparison(StoredModel(opening: narrow), StoredModel(opening: wide))
    #expect(same.isEqual && same.compared == configuration.parameters.count)
    #expect(same.otherwiseStored.count == same.compared)
    let other = try ModelComparison(StoredModel(opening: source), StoredModel(opening: narrow))
    #expect(!other.isEqual && other.fields.isEmpty)
    let largest = zip(parameters, rounded).reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) }
    #expect(other.largest == largest && largest > 0)
    let elements = zip(parameters, rounded).count { $0 != $1 }
    #expect(other.differences.reduce(0) { $0 + $1.elements } == elements)
  }

  @Test func comparisonNamesWhatDiffers() throws {
    let folder = try TemporaryDirectory()
    func written(_ name: String, _ model: RandomModel, _ change: (inout [Float]) -> Void) throws
      -> StoredModel
    {
      var parameters = model.parameters
      change(&parameters)
      let path = folder.path + "/" + name
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try ModelDirectory.write(model.configuration, parameters: parameters, to: path)
      return try StoredModel(opening: path)
    }
    let model = RandomModel.shapes[0]
    let first = try written("first", model) { _ in }
    let second = try written("second", model) {
      $0[5] += 0.5
      $0[7] = .nan
    }
    let values = try ModelComparison(first, second)
    #expect(values.differences.map(\.name) == ["model.embed_tokens.weight"])
    #expect(values.differences.first?.elements == 2 && values.largest == .infinity)
    // A NaN is equal to itself here: bits are compared.
    #expect(try ModelComparison(second, second).isEqual)

    var turned = model
    turned.configuration.ropeTheta = 40_000
    let fields = try ModelComparison(first, written("turned", turned) { _ in })
    #expect(!fields.isEqual && fields.differences.isEmpty)
    #expect(
      fields.fields.map { [$0.name, $0.first, $0.second] } == [
        ["rope_theta", "10000.0", "40000.0"]
      ])

    let others = try ModelComparison(first, written("other", RandomModel.shapes[6]) { _ in })
    #expect(others.onlyInFirst.contains("model.layers.0.self_attn.q_proj.bias"))
    #expect(others.onlyInSecond.contains("model.layers.0.self_attn.q_norm.weight"))
    #expect(others.reshaped.contains("model.norm.weight"))
    #expect(others.fields.contains { $0.name == "architectures" })
  }

  @Test func aDirectoryThatFailsIsNotThere() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/model"
    let failure = ModelDirectoryTests.error("/no/such/model")
    #expect(throws: ModelDirectoryError.self) {
      try ModelDirectory.make(at: path) { (inside) throws(ModelDirectoryError) in
        #expect(FileManager.default.createFile(atPath: inside + "/half", contents: nil))
        _ = try ModelDirectory.read("/no/such/model")
      }
    }
    #expect(!failure.isEmpty)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    // What stands there is never touched.
    try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: ModelDirectoryError.self) {
      try ModelDirectory.make(at: path) { (_) throws(ModelDirectoryError) in }
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("kept".utf8))
  }

  /// Parameters and tensors of the published models, counted from their checkpoints.
  @Test(arguments: [
    ("qwen2.5-0.5b", 494_032_768, 290), ("qwen2.5-math-1.5b", 1_543_714_304, 338),
    ("qwen2.5-math-7b", 7_615_616_512, 339), ("qwen3-0.6b", 596_049_920, 310),
    ("qwen3-1.7b", 1_720_574_976, 310), ("llama-3.1-8b", 8_030_261_248, 291),
  ])
  func namedShapesHaveTheParametersOfTheModels(name: String, count: Int, tensors: Int) throws {
    let model = try #require(ModelConfiguration.named.first { $0.name == name }?.configuration)
    #expect(model.parameterCount == count && model.parameters.count == tensors)
    #expect(try ModelConfiguration(json: Array(model.configurationJSON().utf8)) == model)
  }

  @Test func everyPartOfTheInitialWeightsIsThatOfTheWhole() {
    let configuration = RandomModel.shapes[4].configuration
    let policy = Policy(configuration: configuration, seed: 9, compute: Compute(threads: 1))
    let weights = InitialWeights(configuration, seed: 9)
    var whole: [Float] = []
    for (index, tensor) in configuration.parameters.enumerated() {
      let middle = tensor.count / 3
      whole += weights.values(index, 0..<middle) + weights.values(index, middle..<tensor.count)
    }
    #expect(differentBits(whole, policy.parameters) == 0)
    // More than one thread's part, and not a multiple of it.
    let embedding = RandomModel(
      hidden: 64, intermediate: 16, layers: 1, heads: 1, kvHeads: 1, headDimension: 2,
      vocabulary: 5000
    ).configuration
    let large = InitialWeights(embedding, seed: 1)
    let all = large.values(0, 0..<320_000)
    #expect(Set(all.map(\.bitPattern)).count > 250_000)
    #expect(differentBits(large.values(0, 262_140..<262_150), Array(all[262_140..<262_150])) == 0)
  }
}
