import Operators
import Policy
import Randomness
import Testing

@Suite struct GradientTests {
  /// The derivative along random directions against central differences of the loss.
  ///
  /// f32 losses allow h = 2e-3 along a unit direction; the error is then about 1e-3 of the slope's
  /// scale, which sees any wrong term; the golden files see the digits.
  @Test(arguments: RandomModel.shapes.indices) func matchesCentralDifferences(shape: Int) throws {
    let model = RandomModel.shapes[shape]
    let policy = try model.policy(threads: 2)
    let stream = RandomStream(seed: 5, purpose: .mixing)
    let requests = model.requests(0..<6, rollouts: 3)
    let generations = try policy.generate(
      requests, sampling: model.sampling(12), stream: ExactnessTests.stream)
    let groups = trainingGroups(requests, generations)
    func weights(_ count: Int, _ lane: UInt32, _ scale: Float) -> [Float] {
      (0..<count).map { (Float(stream.uniform(UInt64($0), lane)) - 0.5) * scale }
    }
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 0.9, into: gradient) {
      TokenWeights(
        logProbability: weights($0.entropies.count, 1, 0.1),
        entropy: weights($0.entropies.count, 2, 0.1))
    }
    let count = scores.entropies.count
    let (w, v) = (weights(count, 1, 0.1), weights(count, 2, 0.1))
    func loss(_ parameters: [Float]) throws -> Double {
      try policy.replaceParameters(parameters)
      let scores = policy.score(groups, temperature: 0.9)
      var sum = 0.0
      for i in 0..<count {
        sum += Double(w[i]) * Double(scores.logProbabilities[i])
        sum += Double(v[i]) * Double(scores.entropies[i])
      }
      return sum
    }
    let start = policy.parameters
    let values = gradient.values
    var failures: [String] = []
    var first = 0
    for tensor in model.configuration.parameters {
      // A direction inside one tensor, so that each tensor's gradient is seen.
      let range = first..<first + tensor.count
      first += tensor.count
      let direction = range.map { Float(stream.uniform(UInt64($0), 3)) - 0.5 }
      let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let h: Float = 4e-3
      var up = start
      var down = start
      var slope = 0.0
      for (offset, index) in range.enumerated() {
        up[index] += h * direction[offset] / norm
        down[index] -= h * direction[offset] / norm
        slope += Double(values[index]) * Double(up[index] - down[index]) / 2
      }
      let difference = try (loss(up) - loss(down)) / 2
      let scale = values[range].reduce(0.0) { $0 + Double($1 * $1) }.squareRoot() * Double(h)
      let error = abs(slope - difference)
      if !(error < 0.02 * scale + 2e-5) {
        failures.append("\(tensor.name): \(slope) and \(difference)")
      }
    }
    #expect(failures == [])
  }

  @Test func gradientsAddUpOverCalls() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy(threads: 2)
    let requests = model.requests(0..<5, rollouts: 2)
    let generations = try policy.generate(
      requests, sampling: model.sampling(10), stream: ExactnessTests.stream)
    let groups = trainingGroups(requests, generations)
    let whole = Gradient(for: policy)
    policy.accumulate(groups, temperature: 1, into: whole) {
      TokenWeights(logProbability: $0.logProbabilities.map { _ in 1 })
    }
    let parts = Gradient(for: policy)
    for group in groups {
      policy.accumulate([group], temperature: 1, into: parts) {
        TokenWeights(logProbability: $0.logProbabilities.map { _ in 1 })
      }
    }
    let difference = largestDifference(whole.values, parts.values)
    #expect(Double(difference) < 1e-4 * whole.norm())
    parts.zero()
    #expect(parts.norm() == 0)
  }

  @Test func responsesWithoutTokensScoreNothing() throws {
    let model = RandomModel.shapes[0]
    let policy = try model.policy()
    let groups = [
      TrainingGroup(prompt: [1, 2], responses: []),
      TrainingGroup(prompt: [3], responses: [[], [5], [], [6, 7]]),
    ]
    let gradient = Gradient(for: policy)
    let scores = policy.accumulate(groups, temperature: 1, into: gradient) {
      TokenWeights(logProbability: $0.logProbabilities.map { _ in 1 })
    }
    #expect(scores.offsets == [0, 0, 1, 1, 3])
    #expect(scores.logProbabilities.allSatisfy { $0 < 0 && $0.isFinite })
    #expect(gradient.norm() > 0)
    #expect(policy.score([], temperature: 1).logProbabilities == [])
  }

  @Test func whatWeightsThrowLeavesTheGradientAlone() throws {
    struct Refused: Error {}
    let policy = try RandomModel.shapes[0].policy()
    let gradient = Gradient(for: policy)
    #expect(throws: Refused.self) {
      try policy.accumulate(
        [TrainingGroup(prompt: [1], responses: [[2, 3]])], temperature: 1, into: gradient
      ) { _ in throw Refused() }
    }
    #expect(gradient.norm() == 0)
  }
}
