import Estimator
import Laboratory
import Records
import Testing

/// The claims of the experiments, each with a tolerance under which it would fail.
@Suite struct ExperimentTests {
  static let settings = LaboratorySettings.small

  /// Central differences with h = 1e-5 of an objective of order 1 are good to about 1e-10.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func theGradientOfTheCommonObjectiveIsTheRLTermPlusMuTimesSFT(seed: UInt64) throws {
    let result = try CommonObjective(LaboratorySettings(seed: seed))
    for row in result.rows {
      #expect(row.jointError < 1e-8, "μ = \(row.mu)")
      #expect(row.sumError < 1e-8, "μ = \(row.mu)")
      #expect(row.unifiedError < 1e-8, "μ = \(row.mu)")
      #expect(row.norm > 0.01)
    }
    #expect(result.rows.map(\.mu) == [0, 0.1, 0.5, 1, 2, 10])
  }

  @Test func whatCentresRewardsIsUnbiasedAndWhatNormalisesThemIsNot() throws {
    let result = try BiasAndVariance(Self.settings)
    #expect(
      result.unbiased(onPolicy: true)
        == ["reinforce (released)", "rloo", "dr_grpo (paper)", "gvpo (paper)"])
    #expect(result.unbiased(onPolicy: false) == [])
    func row(_ name: String, _ size: Int, onPolicy: Bool = true) throws -> BiasAndVariance.Row {
      try #require(
        result.rows.first {
          $0.algorithm == name && $0.size == size && $0.isOnPolicy == onPolicy
        })
    }
    // The bias of GRPO's paper form does not go away with the group.
    #expect(try row("grpo (paper)", 8).bias > 0.2)
    // Nor does what is exact depend on the rounding of a sum.
    #expect(try row("rloo", 8).bias < 1e-12)
    // A baseline takes variance away, and a larger group takes more.
    #expect(try row("rloo", 8).noise < 0.8 * row("reinforce (released)", 8).noise)
    #expect(try row("rloo", 8).noise < row("rloo", 2).noise / 2)
    // The same samples, so the noise of REINFORCE falls with the root of their number.
    let noise = try row("reinforce (released)", 2).noise / row("reinforce (released)", 8).noise
    #expect(abs(noise - 2) < 1e-9)
    // RiskPO follows another objective, by more than four standard errors.
    let risk = try row("riskpo (paper)", 4)
    #expect(risk.bias > 4 * risk.error && risk.error > 0)
    // GSPO's clip of 3e-4 leaves hardly a response once the policy has moved.
    #expect(
      try row("gspo", 4, onPolicy: false).bias > row("dr_grpo (paper)", 4, onPolicy: false).bias)
  }

  @Test func gvpoEndsAtTheClosedFormWhoeverSampled() throws {
    let result = try UniqueOptimum(Self.settings)
    #expect(result.rows.count == UniqueOptimum.Sampler.allCases.count)
    for row in result.rows {
      #expect(row.before > 0.3)
      if row.sampler.hasFullSupport {
        #expect(row.after < 1e-4, "\(row.sampler.rawValue)")
        #expect(row.spread < 1e-4, "\(row.sampler.rawValue)")
      } else {
        #expect(row.after > 0.1, "\(row.sampler.rawValue)")
      }
    }
  }

  @Test func riskPOMovesOnBundlesThatTeachGroupAlgorithmsNothing() throws {
    let result = try RiskOfBundles(Self.settings)
    for row in result.rows {
      #expect(row.groupNorms.allSatisfy { $0 == 0 }, "\(row.allRight) all right")
      // At or above the upper quantile Â is 0, below it negative.
      #expect((row.advantage < 0) == (Double(row.allRight) < result.quantiles[1]))
      #expect((row.riskNorm > 0) == (row.advantage < 0))
      #expect(row.wrongGain >= 0 && row.rightGain <= 0)
    }
    #expect(result.rows[0].riskNorm > 0.5)
    #expect(result.rows[2].rightGain < -0.01)
    #expect(result.gain > 0.05)
    #expect(abs(result.rows.reduce(0) { $0 + $1.probability } - 1) < 1e-12)
    // From a start at which nearly every group is all wrong that is worth something.
    let halfway = try result.curves.map { curve in
      try #require(curve.meanReward.firstIndex { $0 >= 0.4 }, "\(curve.algorithm)")
    }
    #expect(halfway.count == 3 && halfway[2] < halfway[0] - 30 && halfway[2] < halfway[1] - 30)
  }

  @Test func dividingByTheResponsesLengthShortensRightAndLengthensWrongResponses() throws {
    let result = try LengthBias(Self.settings)
    for row in result.rows {
      switch row.algorithm {
      case "grpo (paper)":
        #expect(row.right < -0.05 && row.wrong > 0.05)
      case "grpo (released)", "dapo (paper)":
        #expect(row.right < -0.005 && row.wrong > 0.005)
      default:
        #expect(abs(row.right) < 1e-12 && abs(row.wrong) < 1e-12, "\(row.algorithm)")
      }
      // All of them learn.
      #expect(row.reward > 0.3)
    }
    for curve in result.curves {
      let growth = try #require(curve.wrongLength.last) - curve.wrongLength[0]
      switch curve.algorithm {
      case "grpo (paper)": #expect(growth > 0.2)
      case "grpo (released)": #expect(growth > 0.05)
      default: #expect(abs(growth) < 1e-9, "\(curve.algorithm)")
      }
    }
  }

  @Test func riskPOKeepsEntropyByLearningMoreSlowlyAndAKLPenaltyKeepsIt() throws {
    let result = try EntropyOverTraining(Self.settings)
    let group = try #require(result.curve(EntropyOverTraining.group))
    let risk = try #require(result.curve(EntropyOverTraining.risk))
    let high = try #require(result.curve(EntropyOverTraining.clipHigher))
    let even = try #require(result.curve(EntropyOverTraining.clipEven))
    let anchored = try #require(result.curve(EntropyOverTraining.anchored))
    for curve in result.curves {
      #expect(try #require(curve.entropy.last) < 0.5 * curve.entropy[0], "\(curve.algorithm)")
      #expect(try #require(curve.meanReward.last) > 0.95, "\(curve.algorithm)")
    }
    #expect(risk.entropy[25] > group.entropy[25] + 0.2)
    #expect(risk.meanReward[25] < group.meanReward[25])
    let level = try #require(risk.entropy(atReward: 0.8))
    #expect(level < (try #require(group.entropy(atReward: 0.8))))
    // Tenths of a nat would matter; the higher clip makes less.
    let clips = try (
      #require(high.entropy(atReward: 0.9)), #require(even.entropy(atReward: 0.9))
    )
    #expect(abs(clips.0 - clips.1) < 0.05)
    #expect(try #require(anchored.entropy.last) > 3 * #require(group.entropy.last))
  }

  @Test func hptBeatsEveryFixedMixtureWhenTheDemonstratorErrsAndNotWhenItNeverDoes() throws {
    let result = try HybridAgainstMixtures(Self.settings)
    let hybrid = try #require(result.row(HybridAgainstMixtures.hybrid, accuracy: 0.6))
    let mixture = try #require(result.bestMixture(accuracy: 0.6))
    #expect(hybrid.all > mixture.all + 0.003)
    #expect(hybrid.hard > 0.98)
    let alone = try #require(result.row(HybridAgainstMixtures.reinforcement, accuracy: 0.6))
    #expect(alone.hard < 0.2 && alone.easy > 0.99)
    let supervised = try #require(result.row("SFT alone", accuracy: 0.6))
    #expect(abs(supervised.hard - 0.6) < 0.1 && abs(supervised.easy - 0.25) < 1e-9)
    // A heavier share of SFT ends nearer to the demonstrator.
    let mixtures = result.rows.filter { $0.accuracy == 0.6 && $0.method.hasPrefix("mixture") }
    #expect(zip(mixtures, mixtures.dropFirst()).allSatisfy { $0.hard > $1.hard })
    let perfect = try #require(result.row(HybridAgainstMixtures.hybrid, accuracy: 1))
    let best = try #require(result.bestMixture(accuracy: 1))
    #expect(best.all > perfect.all && perfect.all > 0.98)
  }

  @Test func experimentsRepeatThemselves() throws {
    let first = try RiskOfBundles(Self.settings).rows.map(\.riskNorm)
    #expect(try RiskOfBundles(Self.settings).rows.map(\.riskNorm) == first)
    let other = try RiskOfBundles(LaboratorySettings(seed: 2)).rows.map(\.riskNorm)
    #expect(other != first)
  }

  @Test func anUnknownExperimentIsAnsweredWithAllThatThereAre() throws {
    let error = try #require(throws: LaboratoryError.self) {
      _ = try Laboratory.experiment("nothing")
    }
    for experiment in Laboratory.experiments {
      #expect(error.remedy.contains(experiment.name))
    }
    #expect(error.exitStatus == .usage)
    #expect(throws: LaboratoryError.self) { _ = try LaboratorySettings(groupSizes: [2, 17]) }
    #expect(throws: LaboratoryError.self) { _ = try LaboratorySettings(groupSizes: []) }
  }
}

extension LaboratorySettings {
  /// Sizes that are summed over quickly.
  static let small: LaboratorySettings = {
    do { return try LaboratorySettings(groupSizes: [2, 4, 8]) } catch {
      preconditionFailure("\(error)")
    }
  }()
}
