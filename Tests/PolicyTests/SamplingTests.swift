import Operators
import Policy
import Randomness
import Testing

@Suite struct SamplingTests {
  static let stream = RandomStream(seed: 3, purpose: .rollout)

  /// Frequencies of first tokens against the policy's own probabilities: chi-squared.
  @Test func tokensAreDrawnWithTheirProbabilities() throws {
    let model = RandomModel.shapes[5]
    let policy = try model.policy()
    let vocabulary = model.configuration.vocabularySize
    let rollouts = 1000
    let prompt: [Int32] = [1, 2]
    let scores = policy.score(
      [TrainingGroup(prompt: prompt, responses: (0..<vocabulary).map { [Int32($0)] })],
      temperature: 1.3)
    var counts = [Double](repeating: 0, count: vocabulary)
    let generations = try policy.generate(
      [GenerationRequest(group: 5, prompt: prompt, rollouts: rollouts)],
      sampling: model.sampling(1, temperature: 1.3), stream: Self.stream)
    for generation in generations[0] { counts[Int(generation.tokens[0])] += 1 }
    var statistic = 0.0
    for (count, logProbability) in zip(counts, scores.logProbabilities) {
      var term = 1.0
      let x = Double(logProbability)
      // e^x for the small table here, without the C library: 40 terms of its series on x / 64.
      for k in stride(from: 40, to: 0, by: -1) { term = 1 + x / 64 / Double(k) * term }
      var probability = term
      for _ in 0..<6 { probability *= probability }
      let expected = Double(rollouts) * probability
      if expected > 1e-6 { statistic += (count - expected) * (count - expected) / expected }
    }
    // 8 degrees of freedom: above 30 with probability 2e-4, for this seed once and for all.
    #expect(statistic < 30)
  }

  @Test func idsBeyondTheTokenLimitAreNeverDrawn() throws {
    for model in RandomModel.shapes {
      let policy = try model.policy()
      var sampling = model.sampling(20)
      sampling.tokenLimit = 5
      for (topK, temperature) in [(0, 1), (3, 1), (0, 0)] as [(Int, Float)] {
        sampling.topK = topK
        sampling.temperature = temperature
        let generations = try policy.generate(
          model.requests(0..<6, rollouts: 4), sampling: sampling, stream: Self.stream)
        let tokens = generations.joined().flatMap(\.tokens)
        #expect(tokens.allSatisfy { (0..<5).contains($0) })
        // The stored value is of the whole vocabulary, the filtered one of what is left.
        let pairs = generations.joined().flatMap {
          zip($0.logProbabilities, $0.filteredLogProbabilities)
        }
        #expect(pairs.allSatisfy { $0 <= $1 + 1e-6 })
      }
    }
  }

  @Test func stopIdsEndAResponseAndBelongToIt() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    var sampling = model.sampling(30)
    sampling.stopIDs = [0, 3, 9]
    let generations = try policy.generate(
      model.requests(0..<20, rollouts: 8), sampling: sampling, stream: Self.stream
    ).joined()
    #expect(generations.contains(where: \.stopped) && !generations.allSatisfy(\.stopped))
    for generation in generations {
      let stops = generation.tokens.enumerated().filter { sampling.stopIDs.contains($0.element) }
      #expect(stops.count == (generation.stopped ? 1 : 0))
      #expect(!generation.stopped || stops.first?.offset == generation.tokens.count - 1)
      #expect(generation.stopped || generation.tokens.count == 30)
      #expect(generation.logProbabilities.count == generation.tokens.count)
      #expect(generation.entropies.count == generation.tokens.count)
    }
  }

  @Test func whoWatchesHearsOfEveryTokenOnce() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    var heard: [[[Int32]]] = Array(repeating: Array(repeating: [], count: 3), count: 5)
    let generations = try policy.generate(
      model.requests(0..<5, rollouts: 3), sampling: model.sampling(20), stream: Self.stream,
      onToken: { heard[$0][$1].append($2) })
    #expect(generations.map { $0.map(\.tokens) } == heard)
  }

  @Test func positionsOfTheModelBoundAResponse() throws {
    let model = RandomModel.shapes[0]
    var configuration = model.configuration
    configuration.maximumPositions = 20
    let policy = try Policy(
      configuration: configuration, parameters: model.parameters, compute: Compute(threads: 1))
    var sampling = model.sampling(100)
    sampling.stopIDs = []
    let prompt = [Int32](repeating: 1, count: 17)
    let generations = try policy.generate(
      [GenerationRequest(group: 0, prompt: prompt, rollouts: 2)], sampling: sampling,
      stream: Self.stream)
    #expect(generations[0].allSatisfy { $0.tokens.count == 3 })
  }

  /// Sequences that stop leave room for others; a call may hold more than are decoded at once.
  @Test func moreRolloutsThanAreDecodedAtOnce() throws {
    let model = RandomModel.shapes[5]
    let policy = try model.policy()
    let request = GenerationRequest(group: 1, prompt: [4, 5], rollouts: 1500)
    let sampling = model.sampling(4)
    let all = try policy.generate([request], sampling: sampling, stream: Self.stream)[0]
    #expect(all.count == 1500 && all.allSatisfy { !$0.tokens.isEmpty })
    var last = request
    last.firstRollout = 1490
    last.rollouts = 10
    let tail = try policy.generate([last], sampling: sampling, stream: Self.stream)[0]
    // Where the product kernel mixes rows, the last bits may differ, and a token in principle.
    guard ExactnessTests.bound(policy) == 0 else { return }
    #expect(tail == Array(all.suffix(10)))
  }

  @Test func badRequestsAreNamed() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    func failure(_ prompt: [Int32], _ change: (inout SamplingSettings) -> Void = { _ in })
      -> PolicyError.Code?
    {
      var sampling = model.sampling(4)
      change(&sampling)
      do {
        _ = try policy.generate(
          [GenerationRequest(group: 0, prompt: prompt, rollouts: 1)], sampling: sampling,
          stream: Self.stream)
        return nil
      } catch { return error.code }
    }
    #expect(failure([]) == .emptyPrompt)
    #expect(failure([1, 64]) == .tokenOutOfRange)
    #expect(failure([1, -1]) == .tokenOutOfRange)
    #expect(failure([Int32](repeating: 1, count: 512)) == .promptTooLong)
    #expect(failure([1]) { $0.topP = 0 } == .sampling)
    #expect(failure([1]) { $0.temperature = .nan } == .sampling)
    #expect(failure([1]) { $0.maximumTokens = 0 } == .sampling)
    #expect(failure([1]) { $0.tokenLimit = 65 } == .sampling)
    #expect(failure([1]) == nil)
  }

  @Test func initialWeightsAreAFunctionOfTheSeed() {
    let configuration = RandomModel.shapes[0].configuration
    let compute = Compute(threads: 1)
    let one = Policy(configuration: configuration, seed: 1, compute: compute)
    let again = Policy(configuration: configuration, seed: 1, compute: compute)
    let other = Policy(configuration: configuration, seed: 2, compute: compute)
    #expect(one.weightsDigest() == again.weightsDigest())
    #expect(one.weightsDigest() != other.weightsDigest())
    let embedding = one.parameters.prefix(64 * 64).map(Double.init)
    let mean = embedding.reduce(0, +) / 4096
    let deviation = (embedding.reduce(0) { $0 + $1 * $1 } / 4096).squareRoot()
    #expect(abs(mean) < 0.001 && abs(deviation - 0.02) < 0.001)
  }
}
