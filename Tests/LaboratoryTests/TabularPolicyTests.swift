import Estimator
import Laboratory
import Testing

@Suite struct TabularPolicyTests {
  static let space = TabularSpace([
    .init(responses: ["a", "b.", "ba", "bb.", "bbb"], rewards: [1, 0, 1, 0, 1]),
    .init(responses: ["x.", "xy", "z"], rewards: [0, 1, 0]),
  ])

  @Test func statesAreThePrefixesThatSomeResponseContinues() {
    // Question 0: "", "b", "bb" with 2 + 3 + 2 tokens; question 1: "", "x" with 2 + 2.
    #expect(Self.space.states.count == 5)
    #expect(Self.space.logitCount == 11)
    #expect(Self.space.longest == 3)
    #expect(Self.space.questionOfState.sorted() == [0, 0, 0, 1, 1])
  }

  @Test func responsesHaveTheProbabilitiesThatWereAskedFor() throws {
    let wanted = [[0.1, 0.2, 0.3, 0.15, 0.25], [0.5, 0.2, 0.3]]
    let policy = try TabularPolicy(Self.space, responses: wanted)
    for question in wanted.indices {
      for (left, right) in zip(policy.probabilities(question), wanted[question]) {
        #expect(abs(left - right) < 1e-12)
      }
    }
    // (0.1 + 0.3 + 0.25 + 0.2) / 2
    #expect(abs(policy.meanReward - 0.425) < 1e-12)
  }

  @Test func gradientsOfTokensAndEntropiesAreThoseOfTheLossHead() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 3, spread: 2)
    for (state, range) in Self.space.states.enumerated() {
      let distribution = try TokenDistribution(logits: Array(policy.logits[range]))
      var entropy = Array(repeating: 0.0, count: policy.logits.count)
      policy.addEntropyGradient(state, factor: 1, to: &entropy)
      #expect(difference(Array(entropy[range]), distribution.entropyGradient()) < 1e-15)
      for logit in range {
        var token = Array(repeating: 0.0, count: policy.logits.count)
        policy.addGradient(.init(logit: logit, state: state), factor: 1, to: &token)
        let expected = distribution.logProbabilityGradient(target: logit - range.lowerBound)
        #expect(difference(Array(token[range]), expected) < 1e-15)
      }
    }
  }

  @Test func theGradientOfTheMeanRewardIsThatOfFiniteDifferences() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 4, spread: 1)
    let gradient = policy.meanRewardGradient
    for index in gradient.indices {
      var direction = Array(repeating: 0.0, count: gradient.count)
      direction[index] = 1
      let above = try policy.moved(direction, by: 1e-5).meanReward
      let below = try policy.moved(direction, by: -1e-5).meanReward
      #expect(abs((above - below) / 2e-5 - gradient[index]) < 1e-9)
    }
  }

  @Test func theValueOfAStateIsTheExpectedRewardFromThere() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 5, spread: 1)
    let first = Self.space.choices.map { $0[0][0].state }
    let mean = first.map { policy.values[$0] }.reduce(0, +) / 2
    #expect(abs(mean - policy.meanReward) < 1e-12)
  }

  @Test(arguments: [2, 3, 5]) func groupsAreEnumeratedWithTheirProbabilities(size: Int) {
    let probabilities = [0.1, 0.2, 0.3, 0.4]
    var groups = 0
    var total = 0.0
    var expected = Array(repeating: 0.0, count: 4)
    GroupEnumeration.forEach(size: size, probabilities: probabilities) { rollouts, probability in
      groups += 1
      total += probability
      for rollout in rollouts { expected[rollout] += probability / Double(size) }
    }
    #expect(groups == GroupEnumeration.count(size: size, responses: 4))
    #expect(abs(total - 1) < 1e-12)
    #expect(difference(expected, probabilities) < 1e-12)
  }

  @Test func drawsFollowTheirProbabilities() {
    let sampler = GroupSampler(seed: 9)
    let probabilities = [0.1, 0.0, 0.6, 0.3]
    var counts = Array(repeating: 0.0, count: 4)
    for key in 0..<UInt64(5000) {
      let group = sampler.group(1, size: 4, key: key, probabilities: probabilities)
      for rollout in group.rollouts { counts[rollout] += 1 / 20000 }
    }
    #expect(counts[1] == 0)
    // Four standard errors of a share of 0.6 in 20,000 draws.
    #expect(difference(counts, probabilities) < 0.014)
    let again = sampler.group(1, size: 4, key: 7, probabilities: probabilities)
    #expect(again == sampler.group(1, size: 4, key: 7, probabilities: probabilities))
  }
}

func difference(_ left: [Double], _ right: [Double]) -> Double {
  guard left.count == right.count else { return .infinity }
  return zip(left, right).reduce(0) { max($0, abs($1.0 - $1.1)) }
}
