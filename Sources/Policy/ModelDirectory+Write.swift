import Foundation
import Records

extension ModelDirectory {
  /// What belongs to a tokenizer; copied as it is, where it is there.
  public static let tokenizerFiles = [
    "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt", "chat_template.jinja",
  ]

  /// Writes config.json, generation_config.json (of a policy), model.safetensors and copies of the
  /// tokenizer's files into an existing directory, and waits until all of it is on the disk.
  ///
  /// No file is overwritten. The directory itself is not renamed: that is the caller's commit.
  /// - Parameters:
  ///   - parameters: in the order of `configuration.parameters`.
  ///   - source: a directory whose tokenizer files are copied; nil for none.
  /// - Throws: `ModelDirectoryError` if a file is there already or cannot be written.
  public static func write(
    _ configuration: ModelConfiguration, parameters: [Float], to path: String,
    tokenizerFrom source: String? = nil, storage: WeightStorage = .f32
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
    try SafetensorsWriter.write(
      configuration.parameters, values: parameters, storage: storage,
      to: path + "/model.safetensors")
    try ModelDirectoryFile.synchronize(directory: path)
  }

  private static func write(_ bytes: [UInt8], _ path: String) throws(ModelDirectoryError) {
    let file = try ModelDirectoryFile.creating(path)
    try file.write(bytes)
    try file.synchronize()
  }
}
