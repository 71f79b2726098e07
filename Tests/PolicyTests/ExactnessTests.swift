import Operators
import Policy
import Randomness
import Testing

/// The log-probability stored at generation and the trainer's are two computations of one number:
/// the same bits where rows of a product are independent, and within 1e-4 elsewhere.
@Suite struct ExactnessTests {
  static let stream = RandomStream(seed: 11, purpose: .rollout)

  /// What the product kernel of this machine promises for the shapes of `model`.
  static func bound(_ policy: Policy) -> Float {
    policy.compute.measureRowIndependence(widths: [16, 48, 64, 192], depths: [64, 192]).holds
      ? 0 : 1e-4
  }

  @Test(arguments: RandomModel.shapes.indices) func storedAndTrainedAgree(shape: Int) throws {
    let model = RandomModel.shapes[shape]
    var failures: [String] = []
    let batches: [(prompts: Range<Int>, rollouts: Int, tokens: Int, temperature: Float)] = [
      (0..<1, 1, 12, 1), (0..<3, 4, 40, 1), (5..<22, 3, 20, 0.6), (0..<64, 8, 6, 1),
      (3..<4, 130, 17, 1.5), (0..<9, 2, 33, 0),
    ]
    for threads in 1...2 {
      let policy = try model.policy(threads: threads)
      let bound = Self.bound(policy)
      for batch in batches {
        let requests = model.requests(batch.prompts, rollouts: batch.rollouts)
        let generations = try policy.generate(
          requests, sampling: model.sampling(batch.tokens, temperature: batch.temperature),
          stream: Self.stream)
        let scores = policy.score(
          trainingGroups(requests, generations), temperature: batch.temperature)
        let difference = largestDifference(stored(generations), scores.logProbabilities)
        let entropies = generations.flatMap { $0.flatMap(\.entropies) }
        let entropyDifference = largestDifference(entropies, scores.entropies)
        if difference > bound || entropyDifference > bound {
          failures.append("\(threads) threads, \(batch): \(difference), \(entropyDifference)")
        }
      }
    }
    #expect(failures == [])
  }

  @Test func aRolloutDoesNotDependOnWhatIsDecodedWithIt() throws {
    for model in RandomModel.shapes {
      let policy = try model.policy(threads: 2)
      guard Self.bound(policy) == 0 else { continue }
      let requests = model.requests(0..<40, rollouts: 5)
      let sampling = model.sampling(24)
      let together = try policy.generate(requests, sampling: sampling, stream: Self.stream)
      // Alone, in another order, and in parts of a group.
      for index in [0, 17, 39] {
        let alone = try policy.generate([requests[index]], sampling: sampling, stream: Self.stream)
        #expect(alone[0] == together[index])
        var part = requests[index]
        part.firstRollout = 2
        part.rollouts = 2
        let parts = try policy.generate([part], sampling: sampling, stream: Self.stream)
        #expect(parts[0] == Array(together[index][2..<4]))
      }
      let backwards = try policy.generate(
        requests.reversed(), sampling: sampling, stream: Self.stream)
      #expect(backwards == together.reversed())
    }
  }

  @Test func aScoreDoesNotDependOnItsGroupOrPlace() throws {
    let model = RandomModel.shapes[4]
    let policy = try model.policy(threads: 2)
    guard Self.bound(policy) == 0 else { return }
    let requests = model.requests(0..<70, rollouts: 6)
    let generations = try policy.generate(
      requests, sampling: model.sampling(20), stream: Self.stream)
    let groups = trainingGroups(requests, generations)
    let together = policy.score(groups, temperature: 1).logProbabilities
    // The first, one inside and the last group alone, and every response of them alone.
    var start = 0
    var differences = 0
    for (index, group) in groups.enumerated() {
      let count = group.responses.reduce(0) { $0 + $1.count }
      if [0, 33, 69].contains(index) {
        let expected = Array(together[start..<start + count])
        differences += differentBits(
          policy.score([group], temperature: 1).logProbabilities, expected)
        let single = group.responses.map { TrainingGroup(prompt: group.prompt, responses: [$0]) }
        differences += differentBits(
          policy.score(single, temperature: 1).logProbabilities, expected)
        // As one sequence without a prompt of its own: the positions are what counts.
        let joined = TrainingGroup(
          prompt: [group.prompt[0]],
          responses: group.responses.map { Array(group.prompt.dropFirst()) + $0 })
        let whole = policy.score([joined], temperature: 1)
        var tail: [Float] = []
        for r in group.responses.indices {
          tail += whole.logProbabilities[whole.offsets[r]..<whole.offsets[r + 1]]
            .suffix(group.responses[r].count)
        }
        differences += differentBits(tail, expected)
      }
      start += count
    }
    #expect(differences == 0)
  }

  @Test func threadsAndInstructionSetsChangeNoBit() throws {
    let model = RandomModel.shapes[4]
    var reference: (generations: [[Generation]], gradient: [Float], weights: [Float])?
    let requests = model.requests(0..<30, rollouts: 7)
    for threads in [1, 2, 3] {
      for isa in ISA.allCases {
        let policy = try model.policy(threads: threads, upTo: isa)
        let generations = try policy.generate(
          requests, sampling: model.sampling(30), stream: Self.stream)
        let gradient = Gradient(for: policy)
        policy.accumulate(
          trainingGroups(requests, generations), temperature: 0.8, into: gradient
        ) { scores in
          TokenWeights(
            logProbability: scores.logProbabilities.map { $0 * 0.01 },
            entropy: scores.entropies.map { $0 * 0.001 })
        }
        let state = AdamWState(for: policy)
        policy.update(
          gradient, state, settings: AdamWSettings(), learningRate: 1e-3,
          gradientScale: Gradient.clippingCoefficient(norm: gradient.norm(), maximumNorm: 1))
        guard let wanted = reference else {
          reference = (generations, gradient.values, policy.parameters)
          continue
        }
        #expect(generations == wanted.generations, "\(threads) \(isa)")
        #expect(differentBits(gradient.values, wanted.gradient) == 0, "\(threads) \(isa)")
        #expect(differentBits(policy.parameters, wanted.weights) == 0, "\(threads) \(isa)")
      }
    }
  }

  /// Neither number is a copy of the other: another policy's scores differ from what was stored.
  @Test func aPerturbedWeightIsSeen() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    let requests = model.requests(0..<8, rollouts: 4)
    let generations = try policy.generate(
      requests, sampling: model.sampling(16), stream: Self.stream)
    var parameters = policy.parameters
    parameters[parameters.count / 2] += 1e-3
    let digest = policy.weightsDigest()
    try policy.replaceParameters(parameters)
    #expect(policy.weightsDigest() != digest)
    let scores = policy.score(trainingGroups(requests, generations), temperature: 1)
    #expect(largestDifference(stored(generations), scores.logProbabilities) > 1e-6)
  }

  @Test func accumulateSeesTheScoresOfScore() throws {
    let model = RandomModel.shapes[1]
    let policy = try model.policy(threads: 2)
    let requests = model.requests(0..<60, rollouts: 8)
    let generations = try policy.generate(
      requests, sampling: model.sampling(20), stream: Self.stream)
    let groups = trainingGroups(requests, generations)
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 1, into: gradient) { scores in
      TokenWeights(logProbability: scores.logProbabilities.map { _ in 0 })
    }
    #expect(scores == policy.score(groups, temperature: 1))
    #expect(gradient.norm() == 0)
  }
}
