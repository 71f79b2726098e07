import Estimator
import Records
import Testing

@Suite struct RewardShapingTests {
  @Test func overlongPunishmentInBothForms() throws {
    var failures: [String] = []
    for golden in try AssemblyCase.all("overlong_reward") {
      let lengths = try AssemblyCase.indices(golden.inputs["response_lengths"])
      for (field, floor) in [("penalty_verl", false), ("penalty_paper", true)] {
        let shaping = RewardShaping(
          overlongLimit: Int(try golden.number("max_resp_len")),
          overlongBuffer: Int(try golden.number("overlong_buffer_len")),
          overlongFactor: try golden.number("penalty_factor"), overlongFloor: floor)
        try shaping.validate()
        let theirs = try #require(golden.expected[field]?.array).map { $0.double ?? .nan }
        for (length, penalty) in zip(lengths, theirs)
        where !(abs(shaping.overlongPenalty(tokens: length) - penalty) < 1e-12) {
          failures.append("\(golden.name) \(field) at \(length)")
        }
      }
    }
    #expect(failures == [])
  }

  @Test func thePenaltyNeverRisesWithTheLength() {
    var failures: [String] = []
    for floor in [false, true] {
      for buffer in [0, 1, 7, 12] {
        let shaping = RewardShaping(
          overlongLimit: 12, overlongBuffer: buffer, overlongFactor: 0.5, overlongFloor: floor)
        let penalties = (0...40).map { shaping.overlongPenalty(tokens: $0) }
        if zip(penalties, penalties.dropFirst()).contains(where: { $0 < $1 }) {
          failures.append("buffer \(buffer), floor \(floor)")
        }
        if shaping.overlongPenalty(tokens: 12 - buffer) != 0 { failures.append("start \(buffer)") }
        if buffer > 0, shaping.overlongPenalty(tokens: 12) != -0.5 { failures.append("end") }
      }
    }
    #expect(failures == [])
    #expect(RewardShaping.none.overlongPenalty(tokens: 1_000_000) == 0)
  }

  @Test func anExpressionReplacesTheReward() throws {
    let shaper = try RewardShaper(
      RewardShaping(expression: "2 * reward - format / length", overlongLimit: 3))
    let rollout = GateRollout(reward: 1, components: [("format", 8)], tokens: 4)
    #expect(try shaper.shaped(rollout, location: "here") == 2 - 2 - 1)
    #expect(shaper.missing(in: GateRollout(reward: 1, tokens: 4)) == "format")
    #expect(throws: EstimatorError.self) {
      try shaper.shaped(GateRollout(reward: 1, tokens: 4), location: "here")
    }
  }

  @Test func parametersOutOfRangeAreRefused() {
    for bad in [
      RewardShaping(overlongLimit: 0), RewardShaping(overlongLimit: 4, overlongBuffer: 5),
      RewardShaping(overlongLimit: 4, overlongBuffer: -1), RewardShaping(overlongFactor: .nan),
      RewardShaping(overlongFactor: -1), RewardShaping(expression: "reward +"),
    ] {
      #expect(throws: EstimatorError.self) { try bad.validate() }
    }
  }
}
