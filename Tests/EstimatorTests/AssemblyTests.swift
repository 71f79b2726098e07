import Estimator
import Testing

/// From groups of rows to advantages and returns.
@Suite struct AssemblyTests {
  private func row(_ reward: Double, _ tokens: Int = 3, values: Double? = nil) -> AssemblyRow {
    AssemblyRow(
      reward: reward, tokens: tokens,
      values: values.map { Array(repeating: $0, count: tokens) } ?? [])
  }

  private func random(_ seed: UInt64, groups: Int = 5) -> [AssemblyGroup] {
    var random = TestRandom(seed: seed)
    return (0..<groups).map { id in
      AssemblyGroup(
        id: UInt64(id),
        rows: (0..<Int.random(in: 1...5, using: &random)).map { _ in
          let tokens = Int.random(in: 1...7, using: &random)
          func numbers() -> [Double] {
            (0..<tokens).map { _ in Double.random(in: -1...1, using: &random) }
          }
          return AssemblyRow(
            reward: Double.random(in: -1...1, using: &random), tokens: tokens,
            trained: (0..<tokens).map { _ in Int.random(in: 0...3, using: &random) > 0 },
            penalties: numbers(), values: numbers())
        })
    }
  }

  /// Without whitening and bundles a group's numbers are its own.
  @Test func orderOfGroupsDoesNotMatter() throws {
    var failures: [String] = []
    for seed in UInt64(1)..<15 {
      let groups = random(seed)
      for kind in AdvantageEstimate.Kind.allCases where kind != .riskBundle {
        for discounted in [false, true] {
          let estimate = AdvantageEstimate(kind, discount: 0.9, discounted: discounted)
          if try estimate.step(groups.reversed()) != estimate.step(groups).reversed() {
            failures.append("seed \(seed) \(kind) \(discounted)")
          }
        }
      }
    }
    #expect(failures == [])
  }

  /// With γ = λ = 1 and a critic that says 0, GAE is the sum of what is still to come: Monte Carlo.
  @Test func gaeWithoutCriticIsMonteCarlo() throws {
    var failures: [String] = []
    for seed in UInt64(1)..<15 {
      var groups = random(seed)
      for group in groups.indices {
        for row in groups[group].rows.indices {
          groups[group].rows[row].values = groups[group].rows[row].values.map { _ in 0 }
        }
      }
      let gae = try AdvantageEstimate(.gae).step(groups)
      if try gae != AdvantageEstimate(.reward, discounted: true).step(groups) {
        failures.append("seed \(seed): discounted sums")
      }
      for (group, made) in zip(groups, gae) {
        for (row, made) in zip(group.rows, made.rows) where row.trainedTokens > 0 {
          let rewards = row.tokenRewards
          for token in rewards.indices where row.trained[token] {
            let tail = rewards[token...].reduce(0, +)
            if abs(made.advantages[token] - tail) > 1e-12 {
              failures.append("seed \(seed) group \(group.id) token \(token)")
            }
          }
        }
      }
    }
    #expect(failures == [])
  }

  /// By hand: γ = 0.5, λ = 0.5, V = (1, 2), R = 3 on the last token.
  /// δ_1 = 3 − 2 = 1; δ_0 = 0 + 0.5·2 − 1 = 0; Â = (0.25·1, 1); returns = Â + V.
  @Test func gaeByHand() throws {
    var group = AssemblyGroup(id: 1, rows: [row(3, 2)])
    group.rows[0].values = [1, 2]
    let ours = try AdvantageEstimate(.gae, discount: 0.5, lambda: 0.5).step([group])[0].rows[0]
    #expect(ours.advantages == [0.25, 1])
    #expect(ours.returns == [1.25, 3])
  }

  /// A token that carries no loss between the two, with any value and penalty, changes nothing.
  @Test func untrainedTokensAreSteppedOver() throws {
    var plain = AssemblyGroup(id: 1, rows: [row(3, 2)])
    plain.rows[0].values = [1, 2]
    plain.rows[0].penalties = [0.5, 0.25]
    var gaps = AssemblyGroup(id: 1, rows: [row(3, 4)])
    gaps.rows[0].values = [1, .nan, 2, 7]
    gaps.rows[0].penalties = [0.5, .nan, 0.25, 9]
    gaps.rows[0].trained = [true, false, true, false]
    for estimate in [
      AdvantageEstimate(.gae, discount: 0.5, lambda: 0.5),
      AdvantageEstimate(.reward, discount: 0.5, discounted: true),
    ] {
      let left = try estimate.step([plain])[0].rows[0]
      let right = try estimate.step([gaps])[0].rows[0]
      #expect(right.advantages == [left.advantages[0], 0, left.advantages[1], 0])
      #expect(right.returns == [left.returns[0], 0, left.returns[1], 0])
    }
    #expect(try AdvantageEstimate(.reward).step([gaps])[0].rows[0].advantages == [2.25])
  }

  /// Before the statistics where a row has one number; token by token, after them, where sums run.
  @Test func penaltiesEnterTheReward() throws {
    var group = AssemblyGroup(id: 1, rows: [row(1, 2), row(0, 2)])
    group.rows[0].penalties = [0.25, 0.25]
    let whole = try AdvantageEstimate(.centered).step([group])[0].rows
    #expect(whole.map(\.advantages) == [[0.25], [-0.25]])
    let spread = try AdvantageEstimate(.centered, discounted: true).step([group])[0].rows
    #expect(spread.map(\.advantages) == [[0, 0.25], [-0.5, -0.5]])
  }

  @Test func standingDecidesWhoCounts() throws {
    var group = AssemblyGroup(id: 1, rows: [row(1), row(0), row(9), row(7)])
    group.rows[2].standing = .imitated
    group.rows[2].kind = .demonstration
    group.rows[3].standing = .idle
    let ours = try AdvantageEstimate(.centered).step([group])[0].rows
    #expect(ours.map(\.advantages) == [[0.5], [-0.5], [1], [0]])
    group.rows[2].standing = .member
    let joined = try AdvantageEstimate(.leaveOneOut).step([group])[0].rows
    #expect(joined.map { $0.advantages[0] }.prefix(3).reduce(0, +).magnitude < 1e-12)
    #expect(joined[2].advantages[0] > 8)
  }

  @Test func preferenceLeavesTheNumberToThePairs() throws {
    let ours = try AdvantageEstimate(.preference, whiten: .plain)
      .step([AssemblyGroup(id: 1, rows: [row(1), row(0)])])
    #expect(ours[0].rows.map(\.advantages) == [[0], [0]])
  }

  @Test func groupsThatCannotTrainSayWhy() throws {
    let empty = AssemblyGroup(id: 1, rows: [])
    var untrained = AssemblyGroup(id: 2, rows: [row(1, 2)])
    untrained.rows[0].trained = [false, false]
    let ours = try AdvantageEstimate(.centered)
      .step([empty, untrained, AssemblyGroup(id: 3, rows: [row(1)])])
    #expect(ours.map(\.drop) == ["no_rows", "no_tokens", nil])
  }

  private func problem(
    _ estimate: AdvantageEstimate, _ group: AssemblyGroup
  ) -> EstimatorError? {
    do {
      _ = try estimate.step([AssemblyGroup(id: 3, rows: [row(0, values: 1)]), group])
      return nil
    } catch let error as EstimatorError {
      return error
    } catch {
      return nil
    }
  }

  @Test func badNumbersAreRefusedByName() {
    let good = AssemblyGroup(id: 17, rows: [row(0, values: 1), row(1, values: 1)])
    #expect(problem(AdvantageEstimate(.gae), good) == nil)
    var reward = good
    reward.rows[1].reward = .nan
    let error = problem(AdvantageEstimate(.centered), reward)
    #expect(error?.code == .notFinite)
    #expect(error?.location == "group 17, row 1")
    var value = good
    value.rows[1].values[2] = .infinity
    #expect(problem(AdvantageEstimate(.gae), value)?.location == "group 17, row 1")
    // Only gae reads values.
    #expect(problem(AdvantageEstimate(.centered), value) == nil)
    var penalty = good
    penalty.rows[0].penalties = [0, .nan, 0]
    #expect(problem(AdvantageEstimate(.reward), penalty)?.code == .notFinite)
    var missing = good
    missing.rows[1].values = []
    #expect(problem(AdvantageEstimate(.gae), missing)?.code == .missingQuantity)
    #expect(problem(AdvantageEstimate(.gae), missing)?.location == "value")
    var short = good
    short.rows[0].trained = [true]
    #expect(problem(AdvantageEstimate(.reward), short)?.code == .shapeMismatch)
    var huge = good
    huge.rows[0].reward = -1.5e308
    huge.rows[1].reward = 1.5e308
    #expect(problem(AdvantageEstimate(.leaveOneOut), huge)?.code == .notFinite)
    // What no estimate reads is not looked at.
    var imitated = reward
    imitated.rows[1].standing = .imitated
    #expect(problem(AdvantageEstimate(.centered), imitated) == nil)
  }
}
