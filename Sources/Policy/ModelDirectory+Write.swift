import Foundation
import Records

extension ModelDirectory {
  /// What belongs to a tokenizer; copied as it is, where it is there.
  public static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "chat_template.jinja",
  ]

  /// Writes config.json, generation_config.json (of a policy), the weights and copies of the
  /// tokenizer's files into an existing directory, and waits until all of it is on the disk.
  ///
  /// No file is overwritten. The directory itself is not renamed: that is the caller's commit.
  /// - Parameters:
  ///   - parameters: in the order of `configuration.parameters`.
  ///   - source: a directory whose tokenizer files are copied; nil for none.
  ///   - shardBytes: most bytes of tensors in one file, see `writeWeights`.
  /// - Throws: `ModelDirectoryError` if a file is there already or cannot be written.
  public static func write(
    _ configuration: ModelConfiguration, parameters: [Float], to path: String,
    tokenizerFrom source: String? = nil, storage: WeightStorage = .f32,
    shardBytes: Int = .max
  ) throws(ModelDirectoryError) {
    let starts = SafetensorsWriter.offsets(of: configuration.parameters)
    precondition(
      starts.last == parameters.count,
      "ModelDirectory: \(parameters.count) of \(configuration.parameterCount) parameters")
    try write(
      configuration, to: path, tokenizerFrom: source, storage: storage, shardBytes: shardBytes
    ) { tensor, range in
      Array(parameters[starts[tensor] + range.lowerBound..<starts[tensor] + range.upperBound])
    }
  }

  /// The same with values that are asked for as they are written: `values` gives elements of tensor
  /// i of `configuration.parameters`. Memory: small pieces.
  public static func write(
    _ configuration: ModelConfiguration, to path: String, tokenizerFrom source: String? = nil,
    storage: WeightStorage = .f32, shardBytes: Int = .max, values: SafetensorsWriter.Values
  ) throws(ModelDirectoryError) {
    try writeDescription(of: configuration, to: path, tokenizerFrom: source, storage: storage)
    try writeWeights(
      configuration.parameters, to: path, storage: storage, shardBytes: shardBytes, values: values)
    try ModelDirectoryFile.synchronize(directory: path)
  }

  /// All of that but the weights: for an adapter, which has its own beside it.
  public static func writeDescription(
    of configuration: ModelConfiguration, to path: String, tokenizerFrom source: String? = nil,
    storage: WeightStorage = .f32
  ) throws(ModelDirectoryError) {
    try write(Array(configuration.configurationJSON(storage: storage).utf8), path + "/config.json")
    // A critic generates nothing.
    if configuration.architecture.head == .languageModel {
      try write(Array(configuration.generationJSON.utf8), path + "/generation_config.json")
    }
    if let source {
      for name in tokenizerFiles
      where FileManager.default.fileExists(atPath: source + "/" + name) {
        try write(ModelDirectoryFile.contents(of: source + "/" + name), path + "/" + name)
      }
    }
    try ModelDirectoryFile.synchronize(directory: path)
  }

  /// Writes `model.safetensors`, or, where the tensors take more than `shardBytes`, shards with an
  /// index. As in `save_pretrained` a tensor stands in one shard, so that a shard with a single
  /// tensor may be larger.
  private static func writeWeights(
    _ tensors: [TensorShape], to path: String, storage: WeightStorage, shardBytes: Int,
    values: SafetensorsWriter.Values
  ) throws(ModelDirectoryError) {
    let shards = shards(of: tensors, storage: storage, limit: shardBytes)
    guard shards.count > 1 else {
      return try SafetensorsWriter.write(
        tensors, storage: storage, to: path + "/model.safetensors", values: values)
    }
    var map: [String] = []
    for (index, shard) in shards.enumerated() {
      let name = "model-\(fiveDigits(index + 1))-of-\(fiveDigits(shards.count)).safetensors"
      try SafetensorsWriter.write(
        Array(tensors[shard]), storage: storage, to: path + "/" + name
      ) { (tensor, range) throws(ModelDirectoryError) in
        try values(shard.lowerBound + tensor, range)
      }
      map += tensors[shard].map { "    \(JSONValue.quoted($0.name)): \"\(name)\"" }
    }
    let total = tensors.reduce(0) { $0 + $1.count * storage.stride }
    let index =
      "{\n  \"metadata\": {\n    \"total_size\": \(total)\n  },\n  \"weight_map\": {\n"
      + map.joined(separator: ",\n") + "\n  }\n}\n"
    try write(Array(index.utf8), path + "/" + ModelDirectoryWeights.indexName)
  }

  /// Cuts tensors, in order, into runs of at most `limit` bytes, a larger tensor alone.
  static func shards(
    of tensors: [TensorShape], storage: WeightStorage, limit: Int
  ) -> [Range<Int>] {
    var shards: [Range<Int>] = []
    var first = 0
    var bytes = 0
    for (index, tensor) in tensors.enumerated() {
      let size = tensor.count * storage.stride
      if index > first, bytes > limit - size {
        shards.append(first..<index)
        (first, bytes) = (index, 0)
      }
      bytes += size
    }
    return shards + [first..<tensors.count]
  }

  private static func fiveDigits(_ number: Int) -> String {
    let digits = "\(number)"
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  private static func write(_ bytes: [UInt8], _ path: String) throws(ModelDirectoryError) {
    let file = try ModelDirectoryFile.creating(path)
    try file.write(bytes)
    try file.synchronize()
  }
}
