import Foundation
import Operators
import Policy
import Randomness
import Testing

/// What saves memory changes no number, or none beyond the last bits.
@Suite struct MemoryTests {
  static func gradient(
    _ policy: Policy, _ groups: [TrainingGroup], room: Int? = nil
  ) -> (scores: TokenScores, gradient: [Float]) {
    if let room { policy.activationRoom = room }
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 0.9, into: gradient) { scores in
      TokenWeights(
        logProbability: scores.logProbabilities.map { 0.1 + $0 * 0.01 },
        entropy: scores.entropies.map { $0 * 0.001 })
    }
    return (scores, gradient.values)
  }

  /// Kept whole, as residuals, and not at all, in every mixture: some thousand rows are several
  /// micro-batches.
  @Test(arguments: RandomModel.shapes.indices) func whatIsComputedAgainHasTheSameBits(
    shape: Int
  ) throws {
    let model = RandomModel.shapes[shape]
    let groups = model.groups(0..<50, responses: 8, longest: 16)
    let wanted = Self.gradient(try model.policy(threads: 2), groups, room: .max)
    for room in [0, 100_000, 400_000, 1_500_000] {
      let found = Self.gradient(try model.policy(threads: 2), groups, room: room)
      #expect(found.scores == wanted.scores, "room for \(room)")
      #expect(differentBits(found.gradient, wanted.gradient) == 0, "room for \(room)")
    }
  }

  /// A group of more rows than a micro-batch may have is cut; its parts share the prompt.
  @Test func aLargeGroupIsCutIntoRunsOfResponses() throws {
    let model = RandomModel.shapes[0]
    let group = model.groups(0..<1, responses: 40, longest: 250)[0]
    let policy = try model.policy(threads: 2)
    let whole = Self.gradient(policy, [group])
    let tokens = group.responses.reduce(0) { $0 + $1.count }
    try #require(tokens > 4096)
    // The sum over groups of one response each, whose prompt is computed for each of them.
    let single = Self.gradient(
      policy, group.responses.map { TrainingGroup(prompt: group.prompt, responses: [$0]) })
    let size = single.gradient.reduce(Float(0)) { max($0, abs($1)) }
    #expect(largestDifference(whole.gradient, single.gradient) < 1e-5 * size)
    #expect(largestDifference(whole.scores.logProbabilities, single.scores.logProbabilities) < 1e-4)
    if ExactnessTests.bound(policy) == 0 {
      #expect(whole.scores == single.scores)
    }
  }

  /// A policy that is held as its directory stores it is the same policy, but for the last bits.
  @Test(arguments: RandomModel.shapes.indices, [WeightStorage.bf16, .f16, .f32])
  func whatIsHeldAsStoredComputesTheSame(shape: Int, storage: WeightStorage) throws {
    let model = RandomModel.shapes[shape]
    let folder = NSTemporaryDirectory() + "temper-held-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let source = try model.policy()
    try ModelDirectory.write(
      source.configuration, to: folder, storage: storage, values: source.values)
    let stored = try StoredModel(opening: folder)
    let compute = Compute(threads: 2)
    let widened = try Policy(stored, compute: compute)
    let held = try Policy(stored, held: .stored, compute: compute)
    #expect(held.weightsDigest() == widened.weightsDigest())
    #expect(held.parameters == widened.parameters)
    let requests = model.requests(0..<6, rollouts: 3)
    let sampling = model.sampling(20)
    let generations = try held.generate(
      requests, sampling: sampling, stream: ExactnessTests.stream)
    let groups = trainingGroups(requests, generations)
    let scores = held.score(groups, temperature: 1).logProbabilities
    #expect(
      largestDifference(PolicyTests.stored(generations), scores) <= ExactnessTests.bound(held))
    let wanted = widened.score(groups, temperature: 1).logProbabilities
    #expect(largestDifference(scores, wanted) < (storage == .f32 ? 1e-30 : 1e-4))
  }
}
