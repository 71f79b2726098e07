import Foundation
import Queue
import Testing

/// A finished run of one step, of whose definition and data a test says what it wants.
struct HostileRun {
  let place: Place
  let ended: Ended
  var path: String { place.path + "/run" }
  var definition: String { place.path + "/x.yaml" }

  /// - Parameters:
  ///   - lines: laid over the definition, as YAML.
  ///   - data: a dataset's folder.
  init(
    _ lines: String = "", data: String = "shards/ladder-test", environment: [String: String] = [:]
  ) throws {
    place = try Place()
    try place.write(
      """
      seed: 5
      steps: 1
      model: {tokenizer: pipelines/tokenizers/ladder, hidden_size: 16, intermediate_size: 32, \
      layers: 1, heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(data), prompts_per_step: 2}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      \(lines)
      """, "x.yaml")
    ended = try Command.run(
      ["run", place.path + "/x.yaml", "--run", place.path + "/run"], environment: environment)
    try #require(ended.status == 0, "\(ended)")
  }

  /// Puts records into its queue as a stage would.
  func write(_ body: (WriteTransaction) throws -> Void) throws {
    let queue = try Queue.open(at: path + "/queue", access: .readWrite)
    try queue.write(claims: []) { try body($0) }
  }
}
