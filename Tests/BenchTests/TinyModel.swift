import Foundation
import Policy

/// A model directory with random weights in a temporary folder, removed with the object.
final class TinyModel: Sendable {
  let path = NSTemporaryDirectory() + "/bench-tests-\(UUID().uuidString)"

  static let configuration = ModelConfiguration(
    vocabularySize: 32, hiddenSize: 16, intermediateSize: 24, layerCount: 2, headCount: 2,
    keyValueHeadCount: 1, headDimension: 8, maximumPositions: 256, stopIDs: [])

  /// - Parameter tokenizer: a directory whose tokenizer to copy.
  init(
    _ configuration: ModelConfiguration = TinyModel.configuration, tokenizer: String? = nil
  ) throws {
    let weights = InitialWeights(configuration, seed: 1)
    try ModelDirectory.make(at: path) { (folder) throws(ModelDirectoryError) in
      try ModelDirectory.write(
        configuration, to: folder, tokenizerFrom: tokenizer, storage: .f32, shardBytes: 1 << 30,
        values: weights.values)
    }
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("left: \(path)") }
  }
}
