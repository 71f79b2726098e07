public import Estimator
import Foundation
import Randomness

/// A softmax over the vocabulary of every state of a ``TabularSpace``, with exact expectations.
///
/// Its numbers at a state are those of ``Estimator/TokenDistribution`` at temperature 1.
public struct TabularPolicy: Sendable {
  public let space: TabularSpace
  /// `z`, over all states.
  public let logits: [Double]
  /// `log softmax(z)` within each state.
  public let logProbabilities: [Double]
  /// `H` of each state, in nats.
  public let entropies: [Double]

  /// - Throws: `.notFinite` for a logit that is none.
  public init(_ space: TabularSpace, logits: [Double]) throws(EstimatorError) {
    precondition(
      logits.count == space.logitCount,
      "TabularPolicy: \(logits.count) logits for a space of \(space.logitCount)")
    self.space = space
    self.logits = logits
    var logProbabilities: [Double] = []
    var entropies: [Double] = []
    for state in space.states {
      let distribution = try TokenDistribution(logits: Array(logits[state]))
      logProbabilities += distribution.logProbabilities
      entropies.append(distribution.entropy)
    }
    self.logProbabilities = logProbabilities
    self.entropies = entropies
  }

  /// Logits drawn evenly from −spread to spread.
  public static func random(
    _ space: TabularSpace, seed: UInt64, spread: Double
  ) throws(EstimatorError) -> TabularPolicy {
    let stream = RandomStream(seed: seed, purpose: .initialWeights)
    let logits = (0..<space.logitCount).map { spread * (2 * stream.uniform(UInt64($0)) - 1) }
    return try TabularPolicy(space, logits: logits)
  }

  /// The policy whose responses to every question have the given probabilities, all positive.
  public init(
    _ space: TabularSpace, responses probabilities: [[Double]]
  ) throws(EstimatorError) {
    // The unnormalised softmax of a state is the mass of what follows each of its tokens.
    var mass = Array(repeating: 0.0, count: space.logitCount)
    for (question, responses) in space.choices.enumerated() {
      for (response, choices) in responses.enumerated() {
        for choice in choices { mass[choice.logit] += probabilities[question][response] }
      }
    }
    try self.init(space, logits: mass.map { log($0) })
  }

  /// `z + factor · direction`.
  public func moved(
    _ direction: [Double], by factor: Double
  ) throws(EstimatorError) -> TabularPolicy {
    try TabularPolicy(space, logits: zip(logits, direction).map { $0 + factor * $1 })
  }

  // MARK: Responses

  /// `log π(y | q)`, the sum over the response's tokens.
  public func logProbability(_ question: Int, _ response: Int) -> Double {
    space.choices[question][response].reduce(0) { $0 + logProbabilities[$1.logit] }
  }

  /// `π(y | q)` of every response to a question.
  public func probabilities(_ question: Int) -> [Double] {
    space.choices[question].indices.map { exp(logProbability(question, $0)) }
  }

  /// `Σ_y π(y | q) · values[y]`.
  public func mean(_ question: Int, _ values: [Double]) -> Double {
    zip(probabilities(question), values).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// `E[r]`, questions weighing the same.
  public var meanReward: Double {
    let sum = space.questions.indices.reduce(0) { $0 + mean($1, space.questions[$1].rewards) }
    return sum / Double(space.questions.count)
  }

  /// `−Σ_y π log π` of the responses, averaged over the questions, in nats.
  public var responseEntropy: Double {
    let sum = space.questions.indices.reduce(0.0) { sum, question in
      let surprisals = space.choices[question].indices.map { -logProbability(question, $0) }
      return sum + mean(question, surprisals)
    }
    return sum / Double(space.questions.count)
  }

  /// `V`: the expected reward from each state on, what a perfect critic says.
  public var values: [Double] {
    var sums = Array(repeating: 0.0, count: space.states.count)
    var mass = sums
    for (question, responses) in space.choices.enumerated() {
      let probabilities = probabilities(question)
      for (response, choices) in responses.enumerated() {
        for choice in choices {
          sums[choice.state] +=
            probabilities[response] * space.questions[question].rewards[response]
          mass[choice.state] += probabilities[response]
        }
      }
    }
    return zip(sums, mass).map { $1 > 0 ? $0 / $1 : 0 }
  }

  // MARK: Gradients

  /// Adds `factor · ∇_z log π(token)` to `gradient`: `factor · (1[v = token] − p_v)` within the state.
  public func addGradient(
    _ choice: TabularSpace.Choice, factor: Double, to gradient: inout [Double]
  ) {
    for logit in space.states[choice.state] {
      gradient[logit] -= factor * exp(logProbabilities[logit])
    }
    gradient[choice.logit] += factor
  }

  /// Adds `factor · ∇_z H` of a state to `gradient`: `−factor · p_v (log p_v + H)`.
  public func addEntropyGradient(_ state: Int, factor: Double, to gradient: inout [Double]) {
    for logit in space.states[state] {
      let value = logProbabilities[logit]
      gradient[logit] -= factor * exp(value) * (value + entropies[state])
    }
  }

  /// `Σ_q Σ_y π(y | q) · weights[q][y] · ∇_z log π(y | q)`: the gradient of any expectation.
  public func expectedGradient(_ weights: [[Double]]) -> [Double] {
    var gradient = Array(repeating: 0.0, count: logits.count)
    for (question, responses) in space.choices.enumerated() {
      let probabilities = probabilities(question)
      for (response, choices) in responses.enumerated() {
        let factor = probabilities[response] * weights[question][response]
        for choice in choices { addGradient(choice, factor: factor, to: &gradient) }
      }
    }
    return gradient
  }

  /// `∇_z E[r]`, exactly.
  public var meanRewardGradient: [Double] {
    let share = 1 / Double(space.questions.count)
    return expectedGradient(space.questions.map { $0.rewards.map { share * $0 } })
  }
}

/// The few operations on vectors of logits that the experiments need.
enum Vector {
  static func dot(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
  }

  static func norm(_ vector: [Double]) -> Double { dot(vector, vector).squareRoot() }

  /// 0 where one of the two is 0.
  static func cosine(_ left: [Double], _ right: [Double]) -> Double {
    let norms = norm(left) * norm(right)
    return norms > 0 ? dot(left, right) / norms : 0
  }

  static func add(_ addend: [Double], factor: Double = 1, to sum: inout [Double]) {
    for index in sum.indices { sum[index] += factor * addend[index] }
  }

  static func largestDifference(_ left: [Double], _ right: [Double]) -> Double {
    zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
  }
}

/// Ratios of two policies, and numbers in sentences.
enum Ratio {
  static func range(_ logRatios: [Double]) -> ClosedRange<Double> {
    let low = logRatios.min() ?? 0
    let high = logRatios.max() ?? 0
    return exp(low)...exp(high)
  }

  /// Rounded, for a sentence.
  static func text(_ ratio: Double, digits: Int = 2) -> String {
    let scale = (0..<digits).reduce(1.0) { scale, _ in 10 * scale }
    return "\((scale * ratio).rounded() / scale)"
  }
}
