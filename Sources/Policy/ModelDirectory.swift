import Foundation
import Records

/// A Hugging Face model directory: config.json, weights as safetensors, tokenizer files.
public enum ModelDirectory {
  /// Reads configuration and weights; the weights widened to f32, one after the other in the order
  /// of `ModelConfiguration.parameters`.
  ///
  /// `model.safetensors` is taken if it is there, as transformers does, else the shards that
  /// `model.safetensors.index.json` names. A tied model may hold `lm_head.weight` if it equals the
  /// embedding. Memory: the returned array and small pieces.
  /// - Throws: `ModelDirectoryError`, which names the file, tensor or field.
  public static func read(
    _ path: String
  ) throws(ModelDirectoryError) -> (configuration: ModelConfiguration, parameters: [Float]) {
    let model = try StoredModel(opening: path)
    return (model.configuration, try model.parameters())
  }

  /// Reads a config.json alone.
  public static func configuration(file: String) throws(ModelDirectoryError) -> ModelConfiguration {
    try ModelConfiguration(json: try ModelDirectoryFile.contents(of: file), location: file)
  }

  /// Reads config.json and, if it is there, generation_config.json.
  public static func configuration(at path: String) throws(ModelDirectoryError)
    -> ModelConfiguration
  {
    guard FileManager.default.fileExists(atPath: path) else {
      throw .file(
        path, "no such model directory",
        remedy: "Name a directory with config.json, model.safetensors and tokenizer.json.")
    }
    let file = path + "/config.json"
    let generation = path + "/generation_config.json"
    return try ModelConfiguration(
      json: try ModelDirectoryFile.contents(of: file),
      generation: FileManager.default.fileExists(atPath: generation)
        ? try ModelDirectoryFile.contents(of: generation) : nil,
      location: file)
  }
}
