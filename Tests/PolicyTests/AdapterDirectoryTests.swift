import Foundation
import Operators
import Policy
import Records
import Testing

/// Adapters as PEFT writes them: read, written, refused, merged.
@Suite struct AdapterDirectoryTests {
  static let base = ModelDirectoryTests.tied
  static let fixtures = PolicyFixtures.directory + "/adapter"
  static let adapter = fixtures + "/qwen2-tied"

  private static func settings(_ targets: Set<AdapterTarget>, rank: Int = 3) -> AdapterSettings {
    AdapterSettings(rank: rank, alpha: 6, targets: targets)
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOfFile: path, encoding: .utf8)
  }

  @Test func whatPEFTWroteIsRead() throws {
    let stored = try StoredAdapter(opening: Self.adapter)
    #expect(stored.settings.rank == 3 && stored.settings.alpha == 8)
    #expect(stored.settings.scale == 8.0 / 3 && !stored.settings.isRankStabilized)
    #expect(stored.settings.targets == AdapterTarget.allCases)
    #expect(stored.base == Adapter.Base(name: "qwen2-tied", digest: nil))
    let model = try ModelDirectory.configuration(at: Self.base)
    let adapter = try stored.adapter(of: model)
    let file = try SafetensorsFile(path: Self.adapter + "/adapter_model.safetensors")
    var start = 0
    for tensor in adapter.settings.tensors(of: model) {
      let values = try file.floats(of: #require(file.tensor(named: tensor.name)))
      #expect(values.elementsEqual(adapter.values[start..<start + tensor.count]))
      start += tensor.count
    }
    #expect(start == adapter.values.count)

    let other = try StoredAdapter(opening: Self.fixtures + "/llama3").settings
    #expect(other.targets == [.queries, .values, .up] && other.isRankStabilized)
    #expect(other.scale == 4 / 2.0.squareRoot())
  }

  @Test func whatIsWrittenHasPEFTsBytesAndIsReadAgain() throws {
    let model = try ModelDirectory.configuration(at: Self.base)
    var adapter = try StoredAdapter(opening: Self.adapter).adapter(of: model)
    adapter.base = Adapter.Base(name: "a \"base\"", digest: (0..<32).map { UInt8($0 * 7) })
    let folder = try TemporaryDirectory()
    try adapter.write(of: model, to: folder.path)
    let name = "/adapter_model.safetensors"
    #expect(
      FileManager.default.contentsEqual(
        atPath: folder.path + name, andPath: Self.adapter + name))
    #expect(try StoredAdapter(opening: folder.path).adapter(of: model) == adapter)
    // Nothing is overwritten.
    #expect(throws: ModelDirectoryError.self) { try adapter.write(of: model, to: folder.path) }
  }

  /// Fields that make another thing of an adapter, each refused by its name.
  @Test(arguments: [
    (#""use_dora": false"#, #""use_dora": true"#, "use_dora"),
    (#""bias": "none""#, #""bias": "lora_only""#, "bias"),
    (#""rank_pattern": {}"#, #""rank_pattern": {"q_proj": 9}"#, "rank_pattern"),
    (#""alpha_pattern": {}"#, #""alpha_pattern": {"q_proj": 9}"#, "alpha_pattern"),
    (#""modules_to_save": null"#, #""modules_to_save": ["lm_head"]"#, "modules_to_save"),
    (#""layers_to_transform": null"#, #""layers_to_transform": [0]"#, "layers_to_transform"),
    (#""layers_to_transform": null"#, #""layers_to_transform": 0"#, "layers_to_transform"),
    (#""fan_in_fan_out": false"#, #""fan_in_fan_out": true"#, "fan_in_fan_out"),
    (#""init_lora_weights": true"#, #""init_lora_weights": "pissa""#, "init_lora_weights"),
    (#""lora_bias": false"#, #""lora_bias": true"#, "lora_bias"),
    (#""exclude_modules": null"#, #""exclude_modules": "mlp""#, "exclude_modules"),
    (#""peft_type": "LORA""#, #""peft_type": "IA3""#, "peft_type"),
    (#""task_type": "CAUSAL_LM""#, #""task_type": "TOKEN_CLS""#, "task_type"),
    (#""down_proj""#, #""lm_head""#, "target_modules"),
    (#""r": 3"#, #""r": 0"#, "r is not"), (#""r": 3"#, #""q": 3"#, "r is missing"),
    (#""lora_alpha": 8"#, #""lora_alpha": -8"#, "lora_alpha"),
  ])
  func otherMathematicsIsRefused(old: String, new: String, name: String) throws {
    let folder = try ModelDirectoryTests.copy(Self.adapter)
    try ModelDirectoryTests.edit(folder, "adapter_config.json", old, new)
    let error = #expect(throws: ModelDirectoryError.self) {
      try StoredAdapter(opening: folder.path)
    }
    #expect(error?.problem.contains(name) == true, "\(String(describing: error))")
  }

  @Test func tensorsMustBeThoseOfSettingsAndModel() throws {
    let model = try ModelDirectory.configuration(at: Self.base)
    func problem(_ old: String, _ new: String, _ model: ModelConfiguration) throws -> String {
      let folder = try ModelDirectoryTests.copy(Self.adapter)
      try ModelDirectoryTests.edit(folder, "adapter_config.json", old, new)
      let error = #expect(throws: ModelDirectoryError.self) {
        try StoredAdapter(opening: folder.path).adapter(of: model)
      }
      return error?.problem ?? ""
    }
    #expect(try problem(#""r": 3"#, #""r": 4"#, model).contains("is [3, 144]"))
    #expect(
      try problem(#""down_proj","#, "", model).contains("mlp.down_proj.lora_A.weight belongs"))
    var deeper = model
    deeper.layerCount = 3
    #expect(try problem(#""r": 3"#, #""r": 3"#, deeper).contains("layers.2"))
    // All linear maps but the head, as PEFT has it.
    let folder = try ModelDirectoryTests.copy(Self.adapter)
    let config = try JSONValue(
      parsing: Array(Self.text(folder.path + "/adapter_config.json").utf8), location: "config")
    let count = try #require(config["target_modules"]?.array).count
    #expect(count == 7)
    let list = try Self.text(folder.path + "/adapter_config.json")
    let first = try #require(list.range(of: "\"target_modules\": ["))
    let last = try #require(list[first.upperBound...].range(of: "]"))
    try ModelDirectoryTests.edit(
      folder, "adapter_config.json", String(list[first.lowerBound..<last.upperBound]),
      #""target_modules": "all-linear""#)
    #expect(
      try StoredAdapter(opening: folder.path).adapter(of: model).settings.targets.count == 7)
  }

  @Test func theStartIsPEFTs() {
    let model = RandomModel.shapes[4].configuration
    let settings = Self.settings([.queries, .down], rank: 40)
    let adapter = Adapter.initial(settings, of: model, base: Adapter.Base(), seed: 3)
    var start = 0
    for tensor in settings.tensors(of: model) {
      let values = adapter.values[start..<start + tensor.count]
      start += tensor.count
      guard tensor.name.hasSuffix("lora_A.weight") else {
        #expect(values.allSatisfy { $0 == 0 })
        continue
      }
      let bound = 1 / Float(tensor.shape[1]).squareRoot()
      let largest = values.reduce(0) { max($0, abs($1)) }
      #expect(largest <= bound && largest > 0.99 * bound)
      let mean = values.reduce(0, +) / Float(values.count)
      #expect(abs(mean) < 0.05 * bound)
      // A third of the bound's square is the variance of the uniform distribution.
      let variance = values.reduce(0) { $0 + $1 * $1 } / Float(values.count)
      #expect(abs(variance / (bound * bound) - 1.0 / 3) < 0.03)
    }
    #expect(start == adapter.values.count && start == settings.count(of: model))
    #expect(adapter == Adapter.initial(settings, of: model, base: Adapter.Base(), seed: 3))
    #expect(adapter != Adapter.initial(settings, of: model, base: Adapter.Base(), seed: 4))
  }

  /// `W + scale · B A` for every target, and every other tensor as it was.
  @Test(arguments: [0, 3, 6, 7]) func mergedWeightsAreTheSum(shape: Int) throws {
    let model = RandomModel.shapes[shape]
    let configuration = model.configuration
    let settings = Self.settings([.keys, .output, .up, .down])
    var adapter = Adapter.initial(settings, of: configuration, base: Adapter.Base(), seed: 5)
    for index in adapter.values.indices where adapter.values[index] == 0 {
      adapter.values[index] = Float(index % 17) / 9 - 1
    }
    let folder = try TemporaryDirectory()
    let (base, place) = (folder.path + "/base", folder.path + "/adapter")
    try ModelDirectory.make(at: base) { (path) throws(ModelDirectoryError) in
      try ModelDirectory.write(configuration, parameters: model.parameters, to: path)
    }
    adapter.base.digest = try StoredModel(opening: base).weightsDigest()
    #expect(try adapter.base.digest == model.policy().weightsDigest())
    try ModelDirectory.make(at: place) { (path) throws(ModelDirectoryError) in
      try adapter.write(of: configuration, to: path)
    }
    try ModelDirectory.merge(
      StoredModel(opening: base), StoredAdapter(opening: place), to: folder.path + "/merged",
      shardBytes: 10_000)
    let merged = try ModelDirectory.read(folder.path + "/merged")
    #expect(merged.configuration == configuration)
    let expected = Self.merged(model.parameters, adapter, configuration)
    #expect(largestDifference(merged.parameters, expected) < 3e-6)
    let moved = zip(configuration.parameters, merged.parameters.indices).map(\.0.name)
    #expect(moved.count == configuration.parameters.count)
    var start = 0
    for tensor in configuration.parameters {
      let range = start..<start + tensor.count
      start += tensor.count
      let isTarget = settings.targets.contains { tensor.name.hasSuffix($0.rawValue + ".weight") }
      #expect((merged.parameters[range] != model.parameters[range]) == isTarget, "\(tensor.name)")
    }
  }

  /// `W + scale · B A` in double, by plain loops.
  static func merged(
    _ parameters: [Float], _ adapter: Adapter, _ model: ModelConfiguration
  ) -> [Float] {
    var factors: [String: ArraySlice<Float>] = [:]
    var start = 0
    for tensor in adapter.settings.tensors(of: model) {
      factors[tensor.name] = adapter.values[start..<start + tensor.count]
      start += tensor.count
    }
    var result = parameters
    start = 0
    for tensor in model.parameters {
      let prefix = "base_model.model." + tensor.name.dropLast(".weight".count)
      if let a = factors[prefix + ".lora_A.weight"], let b = factors[prefix + ".lora_B.weight"] {
        let rank = adapter.settings.rank
        let (rows, columns) = (tensor.shape[0], tensor.shape[1])
        for row in 0..<rows {
          for column in 0..<columns {
            var sum = 0.0
            for j in 0..<rank {
              sum +=
                Double(b[b.startIndex + row * rank + j])
                * Double(a[a.startIndex + j * columns + column])
            }
            let index = start + row * columns + column
            result[index] = Float(Double(parameters[index]) + adapter.settings.scale * sum)
          }
        }
      }
      start += tensor.count
    }
    return result
  }

  @Test func aMergeKeepsTheStoredTypeAndRefusesAnotherBase() throws {
    let folder = try TemporaryDirectory()
    let model = try StoredModel(opening: ModelDirectoryTests.sharded)
    let digest = try model.weightsDigest()
    func write(_ name: String, digest: [UInt8]) throws -> StoredAdapter {
      let path = folder.path + "/" + name
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try Adapter.initial(
        Self.settings([.values]), of: model.configuration, base: Adapter.Base(digest: digest),
        seed: 1
      ).write(of: model.configuration, to: path)
      return try StoredAdapter(opening: path)
    }
    let merged = folder.path + "/merged"
    var other = digest
    other[9] ^= 1
    let error = #expect(throws: ModelDirectoryError.self) {
      try ModelDirectory.merge(
        model, write("other", digest: other), to: merged, shardBytes: .max)
    }
    #expect(error?.code == .inconsistent && error?.problem.contains("another") == false)
    #expect(!FileManager.default.fileExists(atPath: merged))
    // B is zero: nothing moves, and no bit is lost.
    try ModelDirectory.merge(model, write("own", digest: digest), to: merged, shardBytes: .max)
    let comparison = try ModelComparison(model, StoredModel(opening: merged))
    #expect(comparison.isEqual && comparison.otherwiseStored.isEmpty && comparison.compared > 20)
  }

  @Test func anAdapterIsNoModel() throws {
    let error = #expect(throws: ModelDirectoryError.self) { try ModelDirectory.read(Self.adapter) }
    #expect(error?.remedy.contains("pipeline model merge") == true)
    let missing = #expect(throws: ModelDirectoryError.self) {
      try StoredAdapter(opening: Self.base)
    }
    #expect(missing?.problem.contains("adapter_config.json") == true)
  }
}
