import Estimator
import Testing

@Suite struct WhiteningTests {
  private func groups(_ random: inout TestRandom, rows: Int) -> [AssemblyGroup] {
    (0..<3).map { id in
      AssemblyGroup(
        id: UInt64(id),
        rows: (0..<rows).map { _ in
          let tokens = Int.random(in: 1...6, using: &random)
          return AssemblyRow(
            reward: Double.random(in: -1...1, using: &random), tokens: tokens,
            trained: (0..<tokens).map { $0 == 0 || Bool.random(using: &random) },
            values: (0..<tokens).map { _ in Double.random(in: -1...1, using: &random) })
        })
    }
  }

  private func numbers(_ groups: [AssemblyGroup], _ ours: [AssembledGroup]) -> [Double] {
    zip(groups, ours).flatMap { group, made in
      zip(group.rows, made.rows).flatMap { row, made in
        (0..<row.tokens).filter { row.trained.isEmpty || row.trained[$0] }.map(made.advantage)
      }
    }
  }

  /// Mean 0 and variance 1 over trained tokens, whether rows carry one number or one per token.
  @Test func meanIsZeroAndVarianceOne() throws {
    var failures: [String] = []
    for seed in 1..<20 {
      var random = TestRandom(seed: UInt64(seed))
      let groups = groups(&random, rows: 4)
      for estimate in [
        AdvantageEstimate(.reward), AdvantageEstimate(.centered), AdvantageEstimate(.gae),
        AdvantageEstimate(.reward, discount: 0.9, discounted: true),
      ] {
        for whiten in [Whitening.bessel, .plain] {
          var whitened = estimate
          whitened.whiten = whiten
          let all = numbers(groups, try whitened.step(groups))
          let count = Double(all.count)
          let mean = all.reduce(0, +) / count
          let squares = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
          let variance = squares / (whiten == .bessel ? count - 1 : count)
          if abs(mean) > 1e-7 || abs(variance - 1) > 1e-6 {
            failures.append("seed \(seed) \(estimate.kind) \(whiten): \(mean), \(variance)")
          }
        }
      }
    }
    #expect(failures == [])
  }

  /// A number per row whitens to what the same number on every token whitens to.
  @Test func aRowCountsOncePerToken() throws {
    var random = TestRandom(seed: 4)
    let groups = groups(&random, rows: 3)
    let once = try AdvantageEstimate(.reward, whiten: .bessel).step(groups)
    let perToken = try AdvantageEstimate(.reward, discounted: true, whiten: .bessel).step(groups)
    let worst = zip(numbers(groups, once), numbers(groups, perToken))
      .reduce(0) { max($0, abs($1.0 - $1.1)) }
    #expect(worst < 1e-12)
    #expect(once[0].rows[0].advantages.count == 1)
    #expect(perToken[0].rows.allSatisfy { $0.advantages.count == $0.returns.count })
  }

  @Test func fewerThanTwoTokensGiveZero() throws {
    let one = AssemblyGroup(id: 1, rows: [AssemblyRow(reward: 3, tokens: 1)])
    let none = AssemblyGroup(
      id: 2, rows: [AssemblyRow(reward: 3, tokens: 2, trained: [false, false])])
    for whiten in [Whitening.bessel, .plain] {
      for group in [one, none] {
        let ours = try AdvantageEstimate(.reward, whiten: whiten).step([group])
        #expect(ours[0].rows[0].advantages == [0])
      }
      #expect(try AdvantageEstimate(.reward, whiten: whiten).step([]) == [])
    }
  }

  @Test func constantAdvantagesBecomeZero() throws {
    let group = AssemblyGroup(
      id: 1, rows: (0..<3).map { _ in AssemblyRow(reward: 1, tokens: 5) })
    for whiten in [Whitening.bessel, .plain] {
      let ours = try AdvantageEstimate(.reward, whiten: whiten).step([group])
      #expect(ours[0].rows.allSatisfy { abs($0.advantages[0]) < 1e-4 })
    }
  }

  @Test func imitatedAndIdleRowsStayAsTheyAre() throws {
    var group = AssemblyGroup(
      id: 1, rows: [0.0, 1, 5, 7].map { AssemblyRow(reward: $0, tokens: 2) })
    group.rows[2].standing = .imitated
    group.rows[3].standing = .idle
    let ours = try AdvantageEstimate(.reward, whiten: .plain).step([group])[0].rows
    #expect(ours.map { $0.advantages[0] } == [-1, 1, 1, 0])
  }
}
