import Estimator
import Testing

/// Small cases worked by hand: advantages, bad input, names.
@Suite struct DecisionTests {
  private func code(_ body: () throws -> Void) -> EstimatorError.Code? {
    do {
      try body()
      return nil
    } catch let error as EstimatorError {
      return error.code
    } catch {
      return nil
    }
  }

  @Test func equalRewardsGiveExactlyZero() throws {
    for kind in [
      AdvantageEstimate.Kind.centered, .leaveOneOut, .normalized(epsilon: 0, bessel: true),
    ] {
      // The mean of three 0.1 is not 0.1.
      #expect(try AdvantageEstimate(kind).advantages(rewards: [0.1, 0.1, 0.1]) == [0, 0, 0])
    }
  }

  @Test func aGroupOfOneFollowsItsRule() throws {
    #expect(try AdvantageEstimate(.centered).advantages(rewards: [0.5]) == [0.5])
    #expect(
      try AdvantageEstimate(.normalized(epsilon: 1, bessel: true)).advantages(rewards: [1]) == [0.5]
    )
    #expect(
      try AdvantageEstimate(.centered, singleton: .zero).advantages(rewards: [0.5]) == [0])
  }

  /// R = (1, 0): mean 1/2; Bessel's std is √(1/2), the population's 1/2.
  @Test func besselDividesByOneLess() throws {
    let bessel = try AdvantageEstimate(.normalized(epsilon: 0, bessel: true))
      .advantages(rewards: [1, 0])
    #expect(abs(bessel[0] - 0.5.squareRoot()) < 1e-15)
    #expect(
      try AdvantageEstimate(.normalized(epsilon: 0, bessel: false)).advantages(rewards: [1, 0])
        == [1, -1])
  }

  @Test func badNumbersAreRefusedAndNeverBecomeWeights() throws {
    let algorithm = try Algorithm.named("grpo")
    let batch = try RandomGroups(seed: 2).batch(algorithm)
    let token = try #require(batch.trained.firstIndex(of: true))
    for value in [Double.nan, .infinity, -.infinity] {
      var current = batch
      current.logProbability[token] = value
      #expect(code { _ = try algorithm.evaluate(current) } == .notFinite)
      var old = batch
      old.logProbabilityOld?[token] = value
      #expect(code { _ = try algorithm.evaluate(old) } == .notFinite)
      var advantage = batch
      advantage.advantages = .perRow(batch.rows.map { _ in value })
      #expect(code { _ = try algorithm.evaluate(advantage) } == .notFinite)
      #expect(code { _ = try algorithm.advantage.advantages(rewards: [value, 0]) } == .notFinite)
    }
    var unclamped = algorithm
    unclamped.rollouts.mask = .none
    var far = batch
    far.logProbabilityOld?[token] = -800
    #expect(code { _ = try unclamped.evaluate(far) } == .notFinite)
  }

  @Test func untrainedTokensAreNeverRead() throws {
    let algorithm = try Algorithm.named("grpo")
    var batch = try RandomGroups(seed: 4).batch(algorithm)
    let before = try algorithm.evaluate(batch)
    for token in batch.trained.indices where !batch.trained[token] {
      batch.logProbability[token] = .nan
      batch.logProbabilityOld?[token] = .nan
      batch.entropy?[token] = .nan
    }
    #expect(batch.trained.contains(false))
    #expect(try algorithm.evaluate(batch) == before)
  }

  @Test func missingAndMisshapenQuantitiesAreNamed() throws {
    let algorithm = try Algorithm.named("grpo")
    let batch = try RandomGroups(seed: 2).batch(algorithm)
    var missing = batch
    missing.logProbabilityOld = nil
    #expect(code { _ = try algorithm.evaluate(missing) } == .missingQuantity)
    var short = batch
    short.entropy?.removeLast()
    #expect(code { _ = try algorithm.evaluate(short) } == .shapeMismatch)
    var starts = batch
    starts.rowStarts[1] = starts.tokenCount + 1
    #expect(code { _ = try algorithm.evaluate(starts) } == .shapeMismatch)
    #expect(algorithm.quantities == [.logProbability, .logProbabilityOld])
  }

  @Test func unknownNamesListTheKnownOnes() throws {
    #expect(throws: EstimatorError.self) { try Algorithm.named("gpro") }
    do {
      var parameters = AlgorithmParameters()
      parameters.aggregation.kind = "mean"
      _ = try Algorithm.named("grpo", parameters: parameters)
    } catch {
      #expect(error.remedy.contains("token_mean"))
    }
    var parameters = AlgorithmParameters()
    parameters.gate.thresholdShare = 0
    #expect(code { _ = try Algorithm.named("grpo", parameters: parameters) } == .badParameter)
    #expect(code { _ = try Algorithm.named("hpt") } == .badParameter)
  }

  @Test func learningRatesFollowTheirFormulas() throws {
    let cosine = try LearningRate(peak: 2, warmup: 4, decay: .cosine, total: 12, floor: 1)
    #expect((0..<4).map(cosine.at(update:)) == [0.5, 1, 1.5, 2])
    #expect(abs(cosine.at(update: 8) - 1.5) < 1e-15)
    #expect(cosine.at(update: 12) == 1)
    #expect(cosine.at(update: 100) == 1)
    let linear = try LearningRate(peak: 1, decay: .linear, total: 4)
    #expect((0...4).map(linear.at(update:)) == [1, 0.75, 0.5, 0.25, 0])
    #expect(try LearningRate(peak: 3).at(update: 77) == 3)
    #expect(code { _ = try LearningRate(peak: 1, decay: .linear) } == .badParameter)
  }

  @Test func theRewardSidePenaltyLowersTheReward() throws {
    let penalty = KLPenalty(.k1, weight: 0.5, place: .reward)
    // d = (0.5, 1): the second token is not trained.
    #expect(
      try penalty.shaped(
        reward: 1, logProbability: [-1, -1], anchor: [-1.5, -2], trained: [true, false]) == 0.75)
  }
}
