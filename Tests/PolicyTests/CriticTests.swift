import Operators
import Policy
import Randomness
import Testing

/// The convention of values, their gradients, and that neither depends on threads or neighbours.
@Suite struct CriticTests {
  /// Whether products keep a row's bits wherever it stands.
  static func rowsAreIndependent(_ compute: Compute) -> Bool {
    compute.measureRowIndependence(widths: [16, 48, 64, 192], depths: [64, 192]).holds
  }

  /// dL/dvalue of token i: any function serves that is not the same for all.
  static func pull(_ index: Int) -> Float {
    Float(RandomStream(seed: 5, purpose: .mixing).uniform(UInt64(index), 1)) - 0.5
  }

  @Test func aValueIsThatOfTheStateBeforeItsToken() throws {
    for model in RandomModel.shapes {
      let critic = try model.critic(threads: 2)
      let tolerance: Float = Self.rowsAreIndependent(critic.compute) ? 0 : 1e-4
      let groups = model.groups(0..<6, responses: 4, longest: 9)
      let values = critic.values(groups)
      var wanted: [Float] = []
      for group in groups {
        for response in group.responses where !response.isEmpty {
          let states = try critic.values(of: group.prompt + response)
          wanted += states[group.prompt.count - 1..<states.count - 1]
        }
      }
      #expect(values.count == wanted.count && values.count > 50)
      #expect(largestDifference(values, wanted) <= tolerance)
      #expect(Set(values.map(\.bitPattern)).count > values.count / 2)
    }
  }

  @Test func lastTokensAndLaterTokensDoNotChangeAValue() throws {
    let model = RandomModel.shapes[0]
    let critic = try model.critic()
    guard Self.rowsAreIndependent(critic.compute) else { return }
    let values = critic.values([TrainingGroup(prompt: [1, 2], responses: [[3, 4, 5]])])
    let other = critic.values([TrainingGroup(prompt: [1, 2], responses: [[3, 4, 6]])])
    #expect(differentBits(values, other) == 0)
    let earlier = critic.values([TrainingGroup(prompt: [1, 2], responses: [[3, 9, 5]])])
    #expect(differentBits(values, earlier) == 1)
  }

  @Test func aValueDoesNotDependOnItsGroupOrPlace() throws {
    let model = RandomModel.shapes[4]
    let critic = try model.critic(threads: 2)
    guard Self.rowsAreIndependent(critic.compute) else { return }
    let groups = model.groups(0..<70, responses: 6, longest: 20)
    let together = critic.values(groups)
    var start = 0
    var differences = 0
    for (index, group) in groups.enumerated() {
      let count = group.responses.reduce(0) { $0 + $1.count }
      if [0, 33, 69].contains(index) {
        let expected = Array(together[start..<start + count])
        differences += differentBits(critic.values([group]), expected)
        let single = group.responses.map { TrainingGroup(prompt: group.prompt, responses: [$0]) }
        differences += differentBits(critic.values(single), expected)
      }
      start += count
    }
    #expect(differences == 0)
  }

  @Test func threadsAndInstructionSetsChangeNoBit() throws {
    let model = RandomModel.shapes[4]
    let groups = model.groups(0..<30, responses: 7, longest: 30)
    var reference: (values: [Float], gradient: [Float], weights: [Float])?
    for threads in [1, 2, 3] {
      for isa in ISA.allCases {
        let critic = try model.critic(threads: threads, upTo: isa)
        let gradient = Gradient(for: critic)
        let values = critic.accumulate(groups, into: gradient) { $0.map { 0.01 * $0 } }
        critic.update(
          gradient, AdamWState(for: critic), settings: AdamWSettings(weightDecay: 0.1),
          learningRate: 1e-3,
          gradientScale: Gradient.clippingCoefficient(norm: gradient.norm(), maximumNorm: 1))
        guard let wanted = reference else {
          reference = (values, gradient.values, critic.parameters)
          continue
        }
        #expect(differentBits(values, wanted.values) == 0, "\(threads) \(isa)")
        #expect(differentBits(gradient.values, wanted.gradient) == 0, "\(threads) \(isa)")
        #expect(differentBits(critic.parameters, wanted.weights) == 0, "\(threads) \(isa)")
      }
    }
  }

  /// As the policy's test: f32 losses, a direction inside one tensor at a time; the operators'
  /// gradients are compared with a reference in double, and the golden file sees the digits.
  @Test(arguments: RandomModel.shapes.indices) func matchesCentralDifferences(shape: Int) throws {
    let model = RandomModel.shapes[shape]
    let critic = try model.critic(threads: 2)
    let stream = RandomStream(seed: 6, purpose: .mixing)
    let groups = model.groups(0..<6, responses: 3, longest: 12)
    let gradient = Gradient(for: critic)
    critic.accumulate(groups, into: gradient) { $0.indices.map { 0.1 * Self.pull($0) } }
    let values = gradient.values
    let start = critic.parameters
    func loss(_ parameters: [Float]) throws -> Double {
      try critic.replaceParameters(parameters)
      return critic.values(groups).enumerated().reduce(0) {
        $0 + Double(0.1 * Self.pull($1.offset)) * Double($1.element)
      }
    }
    var failures: [String] = []
    var first = 0
    for tensor in critic.configuration.parameters {
      let range = first..<first + tensor.count
      first += tensor.count
      let direction = range.map { stream.uniform(UInt64($0), 3) - 0.5 }
      let norm = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let h = 4e-3
      var (up, down) = (start, start)
      var slope = 0.0
      for (offset, index) in range.enumerated() {
        up[index] += Float(h * direction[offset] / norm)
        down[index] -= Float(h * direction[offset] / norm)
        slope += Double(values[index]) * Double(up[index] - down[index]) / 2
      }
      let difference = try (loss(up) - loss(down)) / 2
      let scale = values[range].reduce(0.0) { $0 + Double($1 * $1) }.squareRoot() * h
      let error = abs(slope - difference)
      if !(error < 0.02 * scale + 2e-5) {
        failures.append("\(tensor.name): \(slope) and \(difference), scale \(scale)")
      }
    }
    #expect(failures == [])
  }

  @Test func gradientsAddUpOverCalls() throws {
    let model = RandomModel.shapes[0]
    let critic = try model.critic(threads: 2)
    let groups = model.groups(0..<5, responses: 2, longest: 10)
    let whole = Gradient(for: critic)
    critic.accumulate(groups, into: whole) { $0.map { _ in 1 } }
    let parts = Gradient(for: critic)
    for group in groups { critic.accumulate([group], into: parts) { $0.map { _ in 1 } } }
    #expect(Double(largestDifference(whole.values, parts.values)) < 1e-4 * whole.norm())
    // dL/dbias is the sum of dL/dvalue.
    let bias = try #require(Self.range("score.bias", critic.configuration).first)
    let tokens = groups.reduce(0) { $1.responses.reduce($0) { $0 + $1.count } }
    #expect(whole.values[bias] == Float(tokens))
  }

  @Test func responsesWithoutTokensHaveNoValue() throws {
    let critic = try RandomModel.shapes[0].critic()
    let groups = [
      TrainingGroup(prompt: [1, 2], responses: []),
      TrainingGroup(prompt: [3], responses: [[], [5], [], [6, 7]]),
    ]
    let gradient = Gradient(for: critic)
    let values = critic.accumulate(groups, into: gradient) { $0.map { _ in 1 } }
    #expect(values.count == 3 && values.allSatisfy(\.isFinite))
    // Both first tokens follow the same state.
    #expect(values[0] == values[1] && values[1] != values[2])
    #expect(critic.values([]) == [])
  }

  @Test func accumulateSeesTheValuesOfValues() throws {
    let model = RandomModel.shapes[1]
    let critic = try model.critic(threads: 2)
    let groups = model.groups(0..<60, responses: 8, longest: 20)
    let gradient = Gradient(for: critic)
    var seen: [Float] = []
    let values = critic.accumulate(groups, into: gradient) {
      seen = $0
      return $0.map { _ in 0 }
    }
    #expect(differentBits(values, seen) == 0)
    #expect(differentBits(values, critic.values(groups)) == 0)
    #expect(gradient.norm() == 0)
  }

  @Test func whatWeightsThrowLeavesTheGradientAlone() throws {
    struct Refused: Error {}
    let critic = try RandomModel.shapes[0].critic()
    let gradient = Gradient(for: critic)
    #expect(throws: Refused.self) {
      try critic.accumulate([TrainingGroup(prompt: [1], responses: [[2, 3]])], into: gradient) {
        _ in throw Refused()
      }
    }
    #expect(gradient.norm() == 0)
  }

  static func range(_ name: String, _ configuration: ModelConfiguration) -> Range<Int> {
    var start = 0
    for tensor in configuration.parameters {
      if tensor.name == name { return start..<start + tensor.count }
      start += tensor.count
    }
    return 0..<0
  }
}
