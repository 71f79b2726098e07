import Randomness

/// One question with the responses that were drawn for it.
public struct GroupDraw: Sendable, Equatable {
  public var question: Int
  /// Indices of responses, in the group's order.
  public var rollouts: [Int]
  /// The demonstration drawn for the question; nil: none.
  public var demonstration: Int?
  /// Factor on α and β of the group. An expectation over groups is one batch of all of them, each
  /// with its probability.
  public var weight: Double
  /// What stands in for the verifier's rewards of the rollouts; nil: the space's.
  public var rewards: [Double]?

  public init(
    question: Int, rollouts: [Int], demonstration: Int? = nil, weight: Double = 1,
    rewards: [Double]? = nil
  ) {
    self.question = question
    self.rollouts = rollouts
    self.demonstration = demonstration
    self.weight = weight
    self.rewards = rewards
  }
}

/// Draws groups with the numbers of a rollout generator: a pure function of seed, draw and position.
public struct GroupSampler: Sendable {
  private let stream: RandomStream

  public init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .rollout) }

  /// - Parameters:
  ///   - key: distinguishes draws, such as a step.
  ///   - probabilities: of the question's responses under the sampling policy.
  ///   - demonstration: `π_demo` of the question; nil: none is drawn.
  public func group(
    _ question: Int, size: Int, key: UInt64, probabilities: [Double],
    demonstration: [Double]? = nil
  ) -> GroupDraw {
    let place = UInt32(question)
    let rollouts = (0..<size).map { index in
      Self.pick(probabilities, stream.uniform(key, place, UInt32(index)))
    }
    let drawn = demonstration.map {
      Self.pick($0, stream.uniform(key, place, UInt32.max))
    }
    return GroupDraw(question: question, rollouts: rollouts, demonstration: drawn)
  }

  static func pick(_ probabilities: [Double], _ uniform: Double) -> Int {
    var rest = uniform * probabilities.reduce(0, +)
    for (index, probability) in probabilities.enumerated() {
      rest -= probability
      if rest < 0 { return index }
    }
    // Rounding can leave a rest; it belongs to the last response that can occur.
    return probabilities.lastIndex { $0 > 0 } ?? 0
  }
}

/// Every group of n rollouts of one question, with its probability.
///
/// Nothing under test depends on the order of a group's rollouts (the experiments that do sample), so
/// that a group stands for all of its orders: C(n + k − 1, n) groups instead of kⁿ.
public struct GroupEnumeration: Sendable {
  /// Calls `body` with each group and the probability that n independent draws give it in any order.
  public static func forEach<Failure: Error>(
    size: Int, probabilities: [Double],
    _ body: (_ rollouts: [Int], _ probability: Double) throws(Failure) -> Void
  ) throws(Failure) {
    var counts = Array(repeating: 0, count: probabilities.count)
    counts[0] = size
    while true {
      var rollouts: [Int] = []
      var probability = 1.0
      for (response, count) in counts.enumerated() {
        // n! / Π c! · Π pᶜ, one factor per rollout.
        for copy in 0..<count {
          rollouts.append(response)
          probability *=
            probabilities[response] * Double(rollouts.count) / Double(copy + 1)
        }
      }
      if probability > 0 { try body(rollouts, probability) }
      guard advance(&counts) else { return }
    }
  }

  /// C(n + k − 1, n).
  public static func count(size: Int, responses: Int) -> Int {
    (0..<size).reduce(1) { $0 * (responses + $1) / ($1 + 1) }
  }

  /// The next composition of n into k parts, in descending order of the first parts.
  private static func advance(_ counts: inout [Int]) -> Bool {
    let last = counts.count - 1
    let tail = counts[last]
    counts[last] = 0
    guard let place = counts[..<last].lastIndex(where: { $0 > 0 }) else {
      counts[last] = tail
      return false
    }
    counts[place] -= 1
    counts[place + 1] = tail + 1
    return true
  }
}
