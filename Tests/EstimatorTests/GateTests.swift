import Estimator
import Randomness
import Testing

/// Small cases worked by hand, and what holds for every gate.
@Suite struct GateTests {
  private func input(_ rewards: [Double], demonstrations: Int = 1, step: UInt64 = 0) -> GateInput {
    GateInput(
      step: step, rollouts: rewards.map { GateRollout(reward: $0, tokens: 2) },
      demonstrations: demonstrations, group: 5)
  }

  private func decide(
    _ gate: Gate, _ rewards: [Double], demonstrations: Int = 1, step: UInt64 = 0
  ) throws -> GateDecision {
    var memory: [Double] = []
    return try gate.decide(
      input(rewards, demonstrations: demonstrations, step: step), memory: &memory)
  }

  private func weights(_ decision: GateDecision) -> [Double] {
    [decision.rolloutWeight, decision.offPolicyWeight, decision.demonstrationWeight]
  }

  @Test func equalityGoesToImitationAndSolvedMeansExactlyOne() throws {
    let gate = Gate(.switch, thresholdCount: 2)
    #expect(try decide(gate, [1, 1, 0]).rule == "switch_sft")
    #expect(try decide(gate, [1, 1, 1]).rule == "switch_rl")
    let almost = try decide(Gate(.switch, thresholdShare: 0), [0.999999, 0.5, 2])
    #expect(almost.solved == 0)
    #expect(almost.demonstration == .imitated)
    #expect(almost.kept == [])
    let off = Gate(.switch, thresholdCount: 0, thresholdOffCount: 1)
    #expect(try decide(off, [1, 0]).rule == "switch_off_sft")
    #expect(try decide(off, [1, 1]).rule == "switch_rl")
    #expect(try decide(off, [0, 0]).rule == "switch_sft")
  }

  /// 0.1 + 0.2 is above 0.3 in binary; ⌊γ·n + 1e-9⌋ does not care.
  @Test func sharesAreComparedAsWholeNumbers() throws {
    let rewards = (0..<10).map { $0 < 3 ? 1.0 : 0 }
    #expect(try decide(Gate(.switch, thresholdShare: 0.3), rewards).demonstrationWeight == 1)
    #expect(try decide(Gate(.switch, thresholdShare: 0.1 + 0.2), rewards).demonstrationWeight == 1)
    #expect(try decide(Gate(.switch, thresholdShare: -1e-12), [0]).rolloutWeight == 1)
  }

  @Test func whatCannotTrainIsDroppedByName() throws {
    let sft = Gate(.imitate)
    #expect(try decide(sft, [], demonstrations: 0).drop == "no_demonstration")
    #expect(try decide(sft, []).demonstration == .imitated)
    #expect(try decide(Gate(.reinforce), []).drop == "no_rollouts")
    let hpt = Gate(.switch, thresholdShare: 0)
    #expect(try decide(hpt, [0], demonstrations: 0).drop == "no_demonstration")
    #expect(try decide(hpt, []).demonstration == .imitated)
    #expect(try decide(Gate(.join), [], demonstrations: 0).drop == "no_rollouts")
    #expect(try decide(Gate(.reinforce, rolloutWeight: 0), [1]).drop == "zero_weight")
    #expect(try decide(Gate(.imitate, demonstrationWeight: 0), [1]).drop == "zero_weight")
    // Table 0 reads (0, 0, 1) when nothing is solved, and there is nothing to imitate.
    let soft = try decide(Gate(.soft), [0, 0], demonstrations: 0)
    #expect(soft.drop == "zero_weight")
    #expect(soft.rule == "soft_none")
  }

  @Test func numbersThatAreNoneAreRefusedByGroupAndRollout() throws {
    do {
      _ = try decide(Gate(.reinforce), [1, .nan])
      Issue.record("no error")
    } catch let error as EstimatorError {
      #expect(error.code == .notFinite)
      #expect(error.location == "group 5, rollout 1")
    }
  }

  @Test func theGateReadsTheComponentThatItNames() throws {
    var memory: [Double] = []
    let rollouts = [
      GateRollout(reward: 0.9, components: [("correct", 1)], tokens: 1),
      GateRollout(reward: 1, components: [("correct", 0), ("format", 1)], tokens: 1),
    ]
    let group = GateInput(step: 0, rollouts: rollouts, demonstrations: 1)
    let correct = Gate(.switch, thresholdCount: 1, component: "correct")
    #expect(try correct.decide(group, memory: &memory).solved == 1)
    // A verdict without accuracy counts by its reward.
    #expect(try Gate(.switch).decide(group, memory: &memory).solved == 1)
    let shaped = GateRollout(reward: 0.4, components: [("accuracy", 1)], tokens: 1)
    let mixed = GateInput(step: 0, rollouts: rollouts + [shaped], demonstrations: 1)
    #expect(try Gate(.switch).decide(mixed, memory: &memory).solved == 2)
    let rewards = Gate(.switch, component: "reward")
    #expect(try rewards.decide(mixed, memory: &memory).solved == 1)
    let format = try Gate(.reinforce, component: "format").decide(group, memory: &memory)
    #expect(format.drop == "component_missing: format")
    #expect(format.total == 2)
  }

  @Test func aJoiningDemonstrationIsAMemberImitatedOrBoth() throws {
    let both = try decide(Gate(.join), [0, 1])
    #expect(both.demonstration == .both)
    #expect(weights(both) == [1, 1, 1])
    let luffy = try decide(Gate(.join, demonstrationWeight: 0), [0, 1])
    #expect(luffy.demonstration == .joins)
    #expect(weights(luffy) == [1, 1, 0])
    #expect(luffy.kept == [0, 1])
    #expect(try decide(Gate(.join, offPolicyWeight: 0), [0]).demonstration == .imitated)
    let alone = try decide(Gate(.join), [0, 1], demonstrations: 0)
    #expect(alone.rule == "join_none")
    #expect(alone.demonstration == .unused)
    #expect(weights(alone) == [1, 0, 0])
    // Nothing to join: the demonstration of a group without rollouts is imitated alone.
    let lonely = try decide(Gate(.join), [])
    #expect(lonely.demonstration == .imitated)
    #expect(weights(lonely) == [0, 0, 1])
    #expect(try decide(Gate(.join, demonstrationWeight: 0), []).drop == "no_rollouts")
  }

  /// α = 0 beside a member: its advantage still needs the rollouts' rewards.
  @Test func rolloutsOfNoWeightStayBesideAMember() throws {
    let decision = try decide(Gate(.join, rolloutWeight: 0, demonstrationWeight: 0), [0, 1])
    #expect(decision.kept == [0, 1])
    #expect(weights(decision) == [0, 1, 0])
    let imitated = try decide(Gate(.table, demonstrationTable: [2]), [0, 1])
    #expect(imitated.kept == [])
    #expect(weights(imitated) == [0, 0, 2])
  }

  /// P = 1/4 on (0, 1, 4) lies half way to the middle entry.
  @Test func tablesAreLinearBetweenTheirEntries() throws {
    let gate = Gate(
      .table, rolloutTable: [0, 1, 4], offPolicyTable: [3], demonstrationTable: [1, 0],
      rolloutWeight: 2, demonstrationWeight: 4)
    #expect(try weights(decide(gate, [1, 0, 0, 0])) == [1, 3, 3])
    #expect(try weights(decide(gate, [1, 1, 0, 0])) == [2, 3, 2])
    #expect(try weights(decide(gate, [1, 1, 1, 0])) == [5, 3, 1])
    #expect(try weights(decide(gate, [1, 1, 1, 1])) == [8, 3, 0])
    #expect(try weights(decide(gate, [1], demonstrations: 0)) == [8, 0, 0])
    #expect(try decide(gate, [1], demonstrations: 0).rule == "table_none")
  }

  @Test func tablesOfOneEntryMoreThanRolloutsAreReadOffExactly() throws {
    let random = RandomStream(seed: 9, purpose: .mixing)
    var failures: [String] = []
    for count in [1, 2, 3, 7, 8, 15, 16, 17] {
      let table = (0...count).map { random.uniform(UInt64(count), UInt32($0)) + 0.1 }
      for solved in 0...count {
        let rewards = (0..<count).map { $0 < solved ? 1.0 : 0 }
        let found = try decide(Gate(.table, rolloutTable: table), rewards).rolloutWeight
        if found != table[solved] { failures.append("\(solved) of \(count): \(found)") }
        let constant = try decide(Gate(.table, rolloutTable: [0.1, 0.1, 0.1]), rewards)
        if constant.rolloutWeight != 0.1 { failures.append("constant at \(solved) of \(count)") }
      }
    }
    #expect(failures == [])
  }

  @Test func theReleasedTablesAreForSevenRollouts() throws {
    #expect(throws: EstimatorError.self) {
      try decide(Gate(.soft), Array(repeating: 0, count: 8))
    }
    #expect(try weights(decide(Gate(.soft), [1, 0, 0])) == [0.125, 0.5, 0.5])
    #expect(
      try weights(decide(Gate(.soft, softType: 2), [1, 0], demonstrations: 0)) == [0.125, 0, 0])
  }

  @Test func theScheduleImitatesFirst() throws {
    for kind in Gate.Kind.allCases {
      let gate = Gate(kind, thresholdCount: -1, rolloutTable: [1], imitationSteps: 3)
      let before = try decide(gate, [1, 0], step: 2)
      #expect(before.rule == "schedule_sft")
      #expect(before.demonstration == .imitated && before.kept == [])
      #expect(try decide(gate, [1, 0], step: 3).rule != "schedule_sft")
      #expect(try decide(gate, [1], demonstrations: 0, step: 0).drop == "no_demonstration")
    }
  }

  @Test func parametersOutOfRangeAreRefusedByKey() {
    var failures: [String] = []
    let gates: [(String, Gate)] = [
      ("gate.component", Gate(.reinforce, component: "")),
      ("gate.rl_weight", Gate(.reinforce, rolloutWeight: -1)),
      ("gate.off_weight", Gate(.join, offPolicyWeight: .infinity)),
      ("gate.sft_weight", Gate(.imitate, demonstrationWeight: .nan)),
      ("gate", Gate(.switch, thresholdCount: 1, thresholdShare: 0.5)),
      ("gate", Gate(.switch, thresholdOffCount: 0, thresholdShare: 0.5)),
      ("gate.threshold_share", Gate(.switch, thresholdShare: .nan)),
      ("algorithm", Gate(.soft, softType: 3)),
      ("gate.rl_table", Gate(.table)),
      ("gate.off_table", Gate(.table, offPolicyTable: [0, -0.5])),
    ]
    for (key, gate) in gates {
      do {
        try gate.validate()
        failures.append("\(key) is taken")
      } catch {
        if error.location != key { failures.append("\(key): \(error)") }
      }
    }
    #expect(failures == [])
    #expect(throws: Never.self) { try Gate(.switch, thresholdShare: -1).validate() }
  }
}

/// Limits at which one gate is another, and what holds for all.
@Suite struct GatePropertyTests {
  private struct Draw {
    let random: RandomStream
    var drawn: UInt64 = 0

    init(seed: UInt64) { random = RandomStream(seed: seed, purpose: .mixing) }

    mutating func number(below bound: Int) -> Int {
      drawn += 1
      return Int(random.integer(below: UInt64(bound), drawn))
    }

    mutating func input(at most: Int = 7) -> GateInput {
      let count = number(below: most + 1)
      let rollouts = (0..<count).map { _ in
        GateRollout(reward: Double(number(below: 3)) / 2, tokens: number(below: 9) + 1)
      }
      return GateInput(
        step: UInt64(number(below: 4)), rollouts: rollouts, demonstrations: number(below: 2))
    }

    mutating func gate() -> Gate {
      var gate = Gate(Gate.Kind.allCases[number(below: 6)], thresholdCount: number(below: 4) - 1)
      gate.softType = number(below: 3)
      (gate.rolloutTable, gate.offPolicyTable) = ([0, 1], [0, 0.5, 0])
      gate.demonstrationTable = [1, 0]
      gate.imitationSteps = UInt64(number(below: 2))
      gate.offPolicyWeight = Double(number(below: 2))
      gate.demonstrationWeight = Double(number(below: 2))
      if number(below: 2) == 0 { gate.spread = SpreadFilter() }
      if number(below: 2) == 0 {
        gate.filter = SampleFilter(
          score: "reward / length", keep: number(below: 5) + 1,
          keepsRejectedInNormalizer: number(below: 2) == 0,
          adaptive: number(below: 2) == 0 ? [] : [4, 3, 2, 1], window: 5, warmup: 2)
      }
      return gate
    }
  }

  /// A decision trains something exactly if it is no drop; indices ascend and are not shared;
  /// weights go with the rows that they weigh; the same question has the same answer.
  @Test func everyDecisionIsWhole() throws {
    var failures: [String] = []
    var drops = 0
    for seed in 0..<3000 as Range<UInt64> {
      var draw = Draw(seed: seed)
      let gate = draw.gate()
      let input = draw.input()
      let before = (0..<draw.number(below: 7)).map { Double($0) / 7 }
      var (memory, again) = (before, before)
      let decision = try gate.decide(input, memory: &memory)
      let same = try gate.decide(input, memory: &again) == decision && memory == again
      let rows = decision.kept + decision.idle
      let uses = decision.demonstration
      let isWhole =
        decision.kept == decision.kept.sorted() && decision.idle == decision.idle.sorted()
        && Set(rows).count == rows.count && rows.allSatisfy(input.rollouts.indices.contains)
        && (decision.drop == nil) == (!decision.kept.isEmpty || uses != .unused)
        && (decision.offPolicyWeight != 0) == (uses == .joins || uses == .both)
        && (decision.demonstrationWeight != 0) == (uses == .imitated || uses == .both)
        && (decision.rolloutWeight == 0 || !decision.kept.isEmpty)
        && (uses == .unused || input.demonstrations > 0)
        && (decision.idle.isEmpty || !decision.kept.isEmpty)
      let remembers = memory == before || memory.count <= 5
      if decision.drop != nil { drops += 1 }
      if !(same && isWhole && remembers) { failures.append("seed \(seed): \(gate) \(decision)") }
    }
    #expect(failures == [])
    #expect((100..<2900).contains(drops))
  }

  /// γ below 0 is reinforcement, γ of 1 imitation; a table of steps is the switch; a join without a
  /// demonstration is reinforcement; a filter that keeps all is none.
  @Test func limitsOfOneGateAreAnother() throws {
    var failures: [String] = []
    for seed in 0..<500 as Range<UInt64> {
      var draw = Draw(seed: seed)
      let input = draw.input(at: 8)
      let total = input.rollouts.count
      func same(_ one: Gate, _ other: Gate, _ name: String) throws {
        var memory: [Double] = []
        var (first, second) = (
          try one.decide(input, memory: &memory), try other.decide(input, memory: &memory)
        )
        (first.rule, second.rule) = ("", "")
        if first != second { failures.append("seed \(seed), \(name): \(first), \(second)") }
      }
      try same(Gate(.switch, thresholdShare: -1), Gate(.reinforce), "no imitation")
      try same(Gate(.switch, thresholdShare: 1), Gate(.imitate), "imitation")
      try same(Gate(.switch, thresholdCount: total), Gate(.imitate), "imitation by count")
      try same(
        Gate(.reinforce), Gate(.reinforce, filter: SampleFilter(keep: 8)), "a filter that keeps all"
      )
      try same(
        Gate(.join, offPolicyWeight: 0, demonstrationWeight: 0), Gate(.reinforce), "no weight")
      if input.demonstrations == 0 { try same(Gate(.join), Gate(.reinforce), "none to join") }
      guard total > 0, input.demonstrations > 0 else { continue }
      let steps = (0...total).map { $0 <= 1 ? 0.0 : 1.0 }
      try same(
        Gate(.switch, thresholdCount: 1),
        Gate(.table, rolloutTable: steps, demonstrationTable: steps.map { 1 - $0 }), "steps")
    }
    #expect(failures == [])
  }
}
