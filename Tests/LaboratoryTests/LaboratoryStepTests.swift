import Estimator
import Laboratory
import Testing

@Suite struct LaboratoryStepTests {
  static let space = TabularSpace([
    .init(responses: ["a", "b.", "bb"], rewards: [1, 0, 0], demonstration: [0.7, 0.1, 0.2]),
    .init(responses: ["x", "y"], rewards: [0, 1]),
  ])

  private func algorithm(_ name: String, _ form: Algorithm.Form = .released) throws -> Algorithm {
    var algorithm = try CatalogEntry.find(name, form: form).build()
    algorithm.rollouts.aggregation.constant = 3
    return algorithm
  }

  /// RLOO of two rollouts by hand: Â = ±1 where they differ, so that ĝ = (∇log π(y₁) − ∇log π(y₂)) / 2.
  @Test func theUpdateIsThatWorkedByHand() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 1, spread: 1)
    var memory = LaboratoryMemory()
    let step = try LaboratoryStep(
      try algorithm("rloo"), groups: [GroupDraw(question: 0, rollouts: [0, 2])], start: policy,
      memory: &memory)
    var expected = Array(repeating: 0.0, count: policy.logits.count)
    for choice in Self.space.choices[0][0] {
      policy.addGradient(choice, factor: 0.5, to: &expected)
    }
    for choice in Self.space.choices[0][2] {
      policy.addGradient(choice, factor: -0.5, to: &expected)
    }
    #expect(difference(try step.ascent(at: policy), expected) < 1e-15)
  }

  @Test func hptImitatesWhatNobodySolvedAndDropsItWithoutADemonstration() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 2, spread: 1)
    var memory = LaboratoryMemory()
    let step = try LaboratoryStep(
      try algorithm("hpt"),
      groups: [
        GroupDraw(question: 0, rollouts: [1, 2], demonstration: 0),
        GroupDraw(question: 0, rollouts: [0, 2], demonstration: 0),
        GroupDraw(question: 1, rollouts: [0, 0]),
      ], start: policy, memory: &memory)
    #expect(step.decisions.map(\.rule) == ["switch_sft", "switch_rl", "switch_sft"])
    #expect(step.decisions[2].drop == GateDecision.Drop.noDemonstration)
    #expect(step.dropped == 1)
    let evaluation = try step.evaluate(at: policy)
    #expect(evaluation.diagnostics.demonstrationTokens == 1)
    #expect(evaluation.diagnostics.rolloutTokens == 3)
  }

  @Test func aStepThatDropsEverythingMovesNothing() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 3, spread: 1)
    var memory = LaboratoryMemory()
    let step = try LaboratoryStep(
      try algorithm("dapo"), groups: [GroupDraw(question: 1, rollouts: [0, 0])], start: policy,
      memory: &memory)
    #expect(step.isEmpty)
    #expect(try step.ascent(at: policy).allSatisfy { $0 == 0 })
  }

  /// The entropy bonus reaches the logits by the chain rule: a batch with no other signal.
  @Test func theEntropyBonusClimbsTheEntropy() throws {
    let policy = try TabularPolicy.random(Self.space, seed: 4, spread: 2)
    var algorithm = try algorithm("rloo")
    algorithm.entropy = EntropyBonus(weight: 1)
    var memory = LaboratoryMemory()
    let step = try LaboratoryStep(
      algorithm, groups: [GroupDraw(question: 1, rollouts: [0, 0])], start: policy,
      memory: &memory)
    let ascent = try step.ascent(at: policy)
    var expected = Array(repeating: 0.0, count: ascent.count)
    policy.addEntropyGradient(Self.space.choices[1][0][0].state, factor: 1, to: &expected)
    #expect(difference(ascent, expected) < 1e-15)
    #expect(expected.contains { $0 != 0 })
  }

  /// With responses of one token the ratio per token is that of the response, and the unclipped
  /// surrogate is unbiased for a policy that has moved on; with longer ones it is not.
  @Test func tokenRatiosAreExactForResponsesOfOneToken() throws {
    func bias(_ responses: [String]) throws -> Double {
      let space = TabularSpace([.init(responses: responses, rewards: [1, 0, 0, 0.5])])
      let start = try TabularPolicy.random(space, seed: 5, spread: 1)
      let current = try TabularPolicy.random(space, seed: 6, spread: 1)
      var algorithm = try algorithm("hpt")
      algorithm.gate = Gate(.reinforce)
      algorithm.entropy = nil
      var mean = Array(repeating: 0.0, count: start.logits.count)
      try GroupEnumeration.forEach(size: 3, probabilities: start.probabilities(0)) {
        (rollouts, probability) throws in
        var memory = LaboratoryMemory()
        let step = try LaboratoryStep(
          algorithm, groups: [GroupDraw(question: 0, rollouts: rollouts)], start: start,
          memory: &memory)
        for (index, value) in try step.ascent(at: current).enumerated() {
          mean[index] += probability * value
        }
      }
      // Σ over 3 rollouts / C of (n − 1)/n of the gradient: 2/3 of it.
      return difference(mean, current.meanRewardGradient.map { 2.0 / 3 * $0 })
    }
    #expect(try bias(["a", "b", "c", "d"]) < 1e-14)
    #expect(try bias(["a.", "ab", "b.", "ba"]) > 1e-3)
  }

  @Test func trainingRepeatsItselfAndLearns() throws {
    let start = try TabularPolicy.random(Self.space, seed: 7, spread: 1)
    func trained() throws -> TabularPolicy {
      var training = TabularTraining(try algorithm("rloo"), from: start, .init())
      for _ in 0..<100 { try training.step() }
      return training.policy
    }
    let policy = try trained()
    #expect(policy.meanReward > 0.9)
    #expect(try trained().logits == policy.logits)
  }
}
