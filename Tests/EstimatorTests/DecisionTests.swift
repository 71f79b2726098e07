import Estimator
import Testing

/// Small cases worked by hand: bad input, names, rates.
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
      _ = try Algorithm.named("grpo", settings: [.init("aggregation.kind", .text("mean"))])
    } catch {
      #expect(error.remedy.contains("token_mean"))
    }
    let share = Algorithm.Setting("gate.threshold_share", .number(0.5))
    #expect(code { _ = try Algorithm.named("grpo", settings: [share]) } == .badParameter)
    let unknown = Algorithm.Setting("mask.clip", .number(0.5))
    #expect(code { _ = try Algorithm.named("grpo", settings: [unknown]) } == .unknownName)
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
