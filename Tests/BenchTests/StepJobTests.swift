import Bench
import Foundation
import Policy
import Testing

@Suite("steps of a run")
struct StepJobTests {
  private static let tokenizer =
    URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    + "/pipelines/tokenizers/ladder"

  private static func model() throws -> TinyModel {
    var configuration = TinyModel.configuration
    configuration.vocabularySize = 64
    return try TinyModel(configuration, tokenizer: tokenizer)
  }

  @Test("sums: every rollout has its length; the parts are the whole")
  func sums() throws {
    let model = try Self.model()
    let bench = try StepBench(
      model: model.path, shape: try RolloutShape("4x3x5"), steps: 2, threads: 1, in: nil)
    let record = try bench.run()
    #expect(record.shape == "4x3x5" && record.tokens == 4 * 3 * 5 && record.steps == 2)
    #expect(record.loss == "dr_grpo")
    let names: Set = ["generation", "forward", "backward", "optimizer", "outside"]
    #expect(Set(record.parts.keys) == names, "\(record.parts)")
    #expect(record.parts.values.allSatisfy { $0 > 0 })
    let stages = record.figures.filter { $0.key.hasPrefix("seconds_in_") }
    #expect(stages.count == 6 && stages.values.allSatisfy { $0 >= 0 }, "\(stages)")
    let whole = record.parts.values.reduce(0, +)
    #expect(stages.values.reduce(0, +) <= whole * 1.000001)
    #expect((record.usefulGflop ?? 0) > 0 && record.products?.isEmpty == false)
  }

  @Test("any definition, for so many steps; one that begins with another's model needs a model")
  func definition() throws {
    let model = try Self.model()
    let folder = NSTemporaryDirectory() + "/bench-step-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    func write(_ name: String, _ text: String) throws -> String {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
      return "\(folder)/\(name)"
    }
    let root = URL(fileURLWithPath: Self.tokenizer).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().path
    let body = """
      steps: 500
      data: {prompts: \(root)/shards/ladder-train, prompts_per_step: 3}
      rollout: {count: 2, maximum_tokens: 4, chunk_groups: 3}
      algorithm: {name: hpt, form: released, aggregation: {constant: 4}, gate: {threshold_count: 0}}
      """
    let own = try write("own.yaml", "model: {path: \(model.path)}\n" + body)
    let record = try StepBench(
      definition: own, model: nil, steps: 1, threads: 1, in: nil
    ).run()
    #expect(record.shape == "3x2x4" && record.steps == 1 && record.loss == "hpt")

    let other = try write("other.yaml", "model: {pretrain: own.yaml}\n" + body)
    let error = #expect(throws: BenchError.self) {
      try StepBench(definition: other, model: nil, steps: 1, threads: 1, in: nil)
    }
    #expect(error?.code == .file)
    let begun = try StepBench(
      definition: other, model: model.path, steps: 1, threads: 1, in: nil
    ).run()
    #expect(begun.shape == "3x2x4")
  }
}
