import Check
import Foundation
import Operators
import Policy
import Queue
import Testing

/// The golden vectors of an independent float64 implementation: the critic's stand in the fixtures,
/// the policies' are larger and are read where they are.
@Suite struct GoldenModelTests {
  private static let shared = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("../../../shared/golden/model")
    .standardized.path
  private static var exists: Bool { FileManager.default.fileExists(atPath: shared) }

  static let critic = PolicyFixtures.directory + "/model/qwen2-critic"

  private static func check(_ directory: String) -> CheckReport.File {
    checkModel(
      directory: directory, compute: Compute(threads: 2), decompress: CompressedFile.read)
  }

  @Test func everyCaseOfTheCriticIsWithinItsTolerance() {
    let report = Self.check(Self.critic)
    #expect(report.failures == [])
    // Three sequences, the normed states, loss, its norm, 28 gradients, two lists of parameters.
    #expect(report.passed == 36 && report.cases == 36)
  }

  /// A check that cannot fail proves nothing: every kind of case sees a weight that is slightly off.
  @Test func aPerturbedCriticFailsEveryKindOfCase() throws {
    let folder = try ModelDirectoryTests.copy(Self.critic)
    let path = folder.path + "/model.safetensors"
    let configuration: ModelConfiguration
    var parameters: [Float]
    (configuration, parameters) = try ModelDirectory.read(folder.path)
    for index in stride(from: 0, to: parameters.count, by: 97) { parameters[index] += 1e-3 }
    try FileManager.default.removeItem(atPath: path)
    try SafetensorsWriter.write(configuration.parameters, values: parameters, to: path)
    let report = Self.check(folder.path)
    let failed = Set(report.failures.map { $0.prefix { $0 != "." && $0 != ":" } })
    #expect(failed == ["values", "hidden", "loss", "grad"])
    #expect(report.failed == 34)
  }

  @Test(
    .enabled(if: exists, "skipped: needs ../shared/golden/model"),
    arguments: ["qwen2-tied", "qwen2-untied-bf16", "llama3", "qwen3", "qwen2-deep"])
  func everyCaseIsWithinItsTolerance(name: String) {
    let report = Self.check(Self.shared + "/" + name)
    #expect(report.failures == [])
    #expect(report.passed == report.cases && report.cases > 100)
  }

  @Test func whatIsNotComputedIsAFailureAndNotPassedOver() throws {
    let folder = try ModelDirectoryTests.copy(Self.critic)
    try ModelDirectoryTests.edit(folder, "config.json", #""silu""#, #""gelu""#)
    let report = Self.check(folder.path)
    #expect(report.failed == 1 && report.passed == 0)
  }

  /// Each of many ragged prompts gets the tokens and log-probabilities that it gets alone, and
  /// training scores them the same.
  @Test(
    .enabled(if: exists, "skipped: needs ../shared/golden/model"),
    arguments: ["qwen2-tied", "qwen2-untied-bf16", "llama3", "qwen3", "qwen2-deep"])
  func aBatchOfRaggedPromptsIsDecodedAsEachAlone(name: String) throws {
    let model = try PlainModel(Self.shared + "/" + name, decompress: CompressedFile.read)
    let (configuration, parameters) = try ModelDirectory.read(model.path)
    let policy = try Policy(
      configuration: configuration, parameters: parameters, compute: Compute(threads: 2))
    let bound = ExactnessTests.bound(policy)
    let requests = (1...24).map { index in
      GenerationRequest(
        group: UInt64(index),
        prompt: (0..<index * 7 % 61 + 1).map { Int32(($0 * 31 + index) % 230) },
        rollouts: 1 + index % 3)
    }
    let sampling = SamplingSettings(
      stopIDs: configuration.stopIDs, maximumTokens: 40, tokenLimit: configuration.vocabularySize)
    let together = try policy.generate(
      requests, sampling: sampling, stream: ExactnessTests.stream)
    let scores = policy.score(trainingGroups(requests, together), temperature: 1)
    #expect(largestDifference(stored(together), scores.logProbabilities) <= bound)
    guard bound == 0 else { return }
    for (request, answers) in zip(requests, together) {
      let alone = try policy.generate(
        [request], sampling: sampling, stream: ExactnessTests.stream)
      #expect(alone == [answers], "a prompt of \(request.prompt.count) tokens")
    }
  }
}
