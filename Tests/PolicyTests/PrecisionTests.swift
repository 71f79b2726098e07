import Check
import Foundation
import Operators
import Policy
import Queue
import Randomness
import Testing

/// Products in bf16: as exact in their own arithmetic as those in f32, and within stated bounds of them.
@Suite struct PrecisionTests {
  private static let golden = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("../../../shared/golden/model")
    .standardized.path
  private static var exists: Bool { FileManager.default.fileExists(atPath: golden) }

  /// The largest difference of a log-probability, in nats, and of a gradient, relative to its norm, that
  /// bf16 may make in the golden models.
  static let bounds = (logProbability: Float(0.15), gradient: Float(0.06))

  @Test(arguments: RandomModel.shapes.indices) func storedAndTrainedAreTheSameBits(shape: Int)
    throws
  {
    let model = RandomModel.shapes[shape]
    let requests = model.requests(0..<20, rollouts: 3)
    var reference: (generations: [[Generation]], gradient: [Float])?
    for threads in 1...3 {
      let policy = try Policy(
        configuration: model.configuration, parameters: model.parameters,
        compute: Compute(threads: threads, products: .bf16))
      let generations = try policy.generate(
        requests, sampling: model.sampling(24), stream: ExactnessTests.stream)
      let groups = trainingGroups(requests, generations)
      let gradient = Gradient(for: policy)
      let scores = policy.accumulate(groups, temperature: 1, into: gradient) {
        TokenWeights(
          logProbability: $0.logProbabilities.map { $0 * 0.01 },
          entropy: $0.entropies.map { $0 * 0.001 })
      }
      #expect(largestDifference(stored(generations), scores.logProbabilities) == 0)
      let alone = try policy.generate(
        [requests[7]], sampling: model.sampling(24), stream: ExactnessTests.stream)
      #expect(alone[0] == generations[7])
      if let reference {
        #expect(generations == reference.generations)
        #expect(differentBits(gradient.values, reference.gradient) == 0)
      }
      reference = (generations, gradient.values)
    }
  }

  /// Without the instruction the products are those of f32.
  @Test func elsewhereItIsF32() throws {
    let model = RandomModel.shapes[4]
    let groups = model.groups(0..<6, responses: 3, longest: 20)
    let scores = try [Products.f32, .bf16].map {
      let compute = Compute(threads: 1, upTo: .avx2, products: $0)
      #expect(compute.productKernel == "fma")
      return try Policy(
        configuration: model.configuration, parameters: model.parameters, compute: compute
      ).score(groups, temperature: 1).logProbabilities
    }
    #expect(differentBits(scores[0], scores[1]) == 0)
  }

  @Test(
    .enabled(if: exists, "skipped: needs ../shared/golden/model"),
    arguments: ["qwen2-tied", "qwen2-untied-bf16", "llama3", "qwen3", "qwen2-deep"])
  func goldenModelsStayWithinTheBounds(name: String) throws {
    let model = try PlainModel(Self.golden + "/" + name, decompress: CompressedFile.read)
    let (configuration, parameters) = try ModelDirectory.read(model.path)
    let stream = RandomStream(seed: 3, purpose: .mixing)
    let vocabulary = UInt64(configuration.vocabularySize)
    func tokens(_ key: UInt64, _ count: Int) -> [Int32] {
      (0..<count).map { Int32(stream.integer(below: vocabulary, key, 0, UInt32($0))) }
    }
    let groups = (0..<8).map { index in
      TrainingGroup(
        prompt: tokens(UInt64(index), 5 + index),
        responses: (0..<3).map { tokens(UInt64(100 + index * 10 + $0), 30) })
    }
    let results = try [Products.f32, .bf16].map { products in
      let policy = try Policy(
        configuration: configuration, parameters: parameters,
        compute: Compute(threads: 2, products: products))
      let gradient = Gradient(for: policy)
      let scores = policy.accumulate(groups, temperature: 1, into: gradient) {
        TokenWeights(
          logProbability: $0.logProbabilities.map { _ in 0.01 },
          entropy: $0.entropies.map { _ in 0 })
      }
      return (scores: scores.logProbabilities, gradient: gradient.values)
    }
    let difference = largestDifference(results[0].scores, results[1].scores)
    var (error, norm) = (Float(0), Float(0))
    for (exact, rounded) in zip(results[0].gradient, results[1].gradient) {
      error += (exact - rounded) * (exact - rounded)
      norm += exact * exact
    }
    let relative = (error / norm).squareRoot()
    #expect(difference <= Self.bounds.logProbability)
    #expect(relative <= Self.bounds.gradient)
    let rounds = Compute(threads: 1).productKernel(.bf16) == "avx512-bf16"
    #expect((difference > 0) == rounds && (relative > 0) == rounds)
  }

  @Test func fastDecodingEndsWithItsCall() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    let groups = model.groups(0..<4, responses: 2, longest: 12)
    let before = policy.score(groups, temperature: 1).logProbabilities
    let fast = policy.with(.fast) { policy.score(groups, temperature: 1).logProbabilities }
    let after = policy.score(groups, temperature: 1).logProbabilities
    #expect(policy.products == .f32)
    #expect(differentBits(before, after) == 0)
    let rounds = policy.compute.productKernel(.bf16) == "avx512-bf16"
    #expect((differentBits(before, fast) > 0) == rounds)
  }
}
