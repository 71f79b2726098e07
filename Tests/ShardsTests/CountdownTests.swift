import Records
import Shards
import Testing
import Verifiers

@Suite struct CountdownTests {
  @Test(arguments: CountdownSettings.Side.allCases)
  func demonstrationsReachTheTarget(side: CountdownSettings.Side) throws {
    let countdown = try Countdown(
      CountdownSettings(side: side, seed: 3, rows: 3_000, levels: [1, 2, 3, 4]))
    let verifier = CountdownVerifier()
    var failures: [String] = []
    for index in 0..<countdown.count {
      let row = countdown.row(index)
      let verdict = verifier.verify(
        response: row.demonstrations[0], prompt: row, finish: .stop)
      if verdict.reward != 1 || row != countdown.row(index) { failures.append("\(row)") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  @Test func sidesAreDisjointForAnySeed() throws {
    let questions = { (side: CountdownSettings.Side) throws -> Set<String> in
      var found: Set<String> = []
      for seed in 1...3 as ClosedRange<UInt64> {
        let countdown = try Countdown(
          CountdownSettings(side: side, seed: seed, rows: 3_000, levels: [1]))
        for index in 0..<countdown.count {
          guard case .text(let text) = countdown.row(index).content else { continue }
          let parts = text.split { !$0.isNumber }
          found.insert("\(parts.dropLast().sorted()) \(parts.last!)")
        }
      }
      return found
    }
    let (train, test) = (try questions(.train), try questions(.test))
    #expect(train.isDisjoint(with: test))
    #expect(train.count > 1_000 && test.count > 100)
  }
}
