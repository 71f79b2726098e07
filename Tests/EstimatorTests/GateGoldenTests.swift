import Estimator
import Foundation
import Records
import Testing

/// The decisions of the golden files: whole numbers and flags, so they are met exactly.
@Suite struct GateGoldenTests {
  private func golden(_ name: String) throws -> JSONValue {
    let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("\(name).json")))
    return try JSONValue(parsing: Array(data), location: name)
  }

  private func cases(_ name: String, _ key: String = "cases") throws -> [JSONValue] {
    let cases = try #require(try golden(name)[key]?.array)
    #expect(!cases.isEmpty)
    return cases
  }

  private func numbers(_ value: JSONValue?) throws -> [Double] {
    try #require(value?.array).map { try #require($0.double) }
  }

  private func integers(_ value: JSONValue?) throws -> [Int] {
    try #require(value?.array).map { try #require($0.integer) }
  }

  private func flags(_ value: JSONValue?) throws -> [Bool] {
    try #require(value?.array).map { try #require($0.boolean as Bool?) }
  }

  /// A group with these rewards, of one token each, and a demonstration.
  private func input(_ rewards: [Double], demonstrations: Int = 1) -> GateInput {
    GateInput(
      step: 0, rollouts: rewards.map { GateRollout(reward: $0, tokens: 1) },
      demonstrations: demonstrations)
  }

  private func decide(_ gate: Gate, _ input: GateInput) throws -> GateDecision {
    var memory: [Double] = []
    return try gate.decide(input, memory: &memory)
  }

  @Test func theSwitchByCountsDecidesAsTheReleasedTrainer() throws {
    var failures: [String] = []
    for (index, row) in try cases("gate", "switch").enumerated() {
      let gate = Gate(
        .switch, thresholdCount: try #require(row["gate_count"]?.integer),
        thresholdOffCount: row["gate_off_count"]?.integer)
      let decision = try decide(gate, input(try numbers(row["rewards"])))
      let same =
        try decision.solved == row["solved"]?.integer && decision.total == row["rollouts"]?.integer
        && decision.accuracy == row["accuracy"]?.double
        && decision.rolloutWeight == row["alpha"]?.double
        && decision.demonstrationWeight == row["beta"]?.double && decision.offPolicyWeight == 0
        && decision.kept == integers(row["rollouts_kept"])
        && (decision.demonstration == .imitated) == (row["demonstrations_added"]?.integer == 1)
        && (decision.rule == "switch_rl") == (row["decision"]?.string == "rl")
        // The peer's tuple has -1 where only its second threshold was met.
        && (decision.rule == "switch_off_sft") == integers(row["peer_tuple"]).contains(-1)
      if !same { failures.append("\(index): \(decision)") }
    }
    #expect(failures == [])
  }

  @Test func theSwitchBySharesDecidesAsThePaper() throws {
    var failures: [String] = []
    for (index, row) in try cases("gate", "fraction_form").enumerated() {
      let gate = Gate(.switch, thresholdShare: try #require(row["gamma"]?.double))
      let decision = try decide(gate, input(try numbers(row["rewards"])))
      let same =
        decision.accuracy == row["accuracy"]?.double
        && decision.rolloutWeight == row["alpha"]?.double
        && decision.demonstrationWeight == row["beta"]?.double
        && (decision.rule == "switch_rl") == (row["decision"]?.string == "rl")
      if !same { failures.append("\(index): \(decision)") }
    }
    #expect(failures == [])
  }

  /// The tables count the demonstration: seven rollouts reach the rows 1 to 8.
  @Test func softMixingHandsOutTheReleasedTables() throws {
    var failures: [String] = []
    for row in try cases("gate", "soft") {
      let type = try #require(row["soft_type"]?.integer)
      let solved = try #require(row["solved_including_demo"]?.integer)
      let expected = MixCoefficients(
        onPolicy: try #require(row["on_policy_coef"]?.double),
        offPolicy: try #require(row["off_policy_coef"]?.double),
        imitation: try #require(row["sft_coef"]?.double))
      let table = try SoftMixTable(released: type)
      if table.rows[solved] != expected { failures.append("table \(type), row \(solved)") }
      guard solved > 0 else { continue }
      let decision = try decide(
        Gate(.soft, softType: type), input((1...7).map { $0 < solved ? 1 : 0 }))
      let given = MixCoefficients(
        onPolicy: decision.rolloutWeight, offPolicy: decision.offPolicyWeight,
        imitation: decision.demonstrationWeight)
      if given != expected || decision.rule != "soft" {
        failures.append("type \(type), \(solved - 1) solved: \(decision)")
      }
    }
    #expect(failures == [])
  }

  @Test func dynamicSamplingKeepsTheRecipesGroups() throws {
    var failures: [String] = []
    for golden in try cases("dynamic_sampling") where golden["kind"] == nil {
      let metric = try numbers(golden["inputs"]?["metric"])
      failures += try unequalGroups(golden, metric: metric)
    }
    #expect(failures == [])
  }

  /// The whole pipeline filters on correctness; its twin on the shaped reward.
  @Test func dynamicSamplingKeepsDAPOsGroups() throws {
    var failures: [String] = []
    var checked = 0
    for golden in try cases("dapo") {
      guard let decisions = golden["expected"]?["decisions"] else { continue }
      let metric = try numbers(decisions["metric"] ?? decisions["accuracy"])
      failures += try unequalGroups(golden, metric: metric)
      checked += 1
    }
    #expect(checked == 2)
    #expect(failures == [])
  }

  /// Where the filter on `metric` keeps other groups or samples than the golden case says.
  private func unequalGroups(_ golden: JSONValue, metric: [Double]) throws -> [String] {
    let gate = Gate(.reinforce, spread: SpreadFilter(component: "acc"))
    var groupKept: [Bool] = []
    var sampleKept = metric.map { _ in false }
    for group in try #require(golden["inputs"]?["groups"]?.array) {
      let rows = try integers(group)
      let decision = try decide(
        gate,
        GateInput(
          step: 0,
          rollouts: rows.map {
            GateRollout(reward: 0, components: [("acc", metric[$0])], tokens: 1)
          },
          demonstrations: 0))
      groupKept.append(decision.drop == nil)
      for index in decision.kept { sampleKept[rows[index]] = true }
    }
    let decisions = golden["expected"]?["decisions"]
    let same =
      try groupKept == flags(decisions?["group_kept"])
      && sampleKept == flags(decisions?["sample_kept"])
    return same ? [] : [golden["name"]?.string ?? "?"]
  }

  @Test func wavesFillABatchAsTheRecipeDoes() throws {
    var failures: [String] = []
    var checked = 0
    for golden in try cases("dynamic_sampling") where golden["kind"]?.string == "accumulate" {
      checked += 1
      let filter = SpreadFilter(
        maximumWaves: try #require(golden["hyperparameters"]?["max_num_gen_batches"]?.integer),
        whenShort: .fail)
      let target = try #require(golden["hyperparameters"]?["train_batch_size"]?.integer)
      let rounds = try #require(golden["inputs"]?["rounds"]?.array)
      var keptPerWave: [[Bool]] = []
      var waves: [[[Int]]] = []
      var fill = filter.fill(target: target, waves: waves)
      while fill.outcome == .unfinished, waves.count < rounds.count {
        let kept = try #require(rounds[waves.count].array).map { filter.keeps(try numbers($0)) }
        waves.append(kept.indices.filter { kept[$0] }.map { [waves.count, $0] })
        keptPerWave.append(kept)
        fill = filter.fill(target: target, waves: waves)
      }
      let decisions = golden["expected"]?["decisions"]
      let same =
        try keptPerWave == #require(decisions?["group_kept_per_round"]?.array).map(flags)
        && fill.waves == decisions?["generation_rounds_used"]?.integer
        && fill.taken == #require(decisions?["batch_groups"]?.array).map(integers)
        && fill.surplus == #require(decisions?["dropped_surplus"]?.array).map(integers)
        && (fill.outcome == .failed) == decisions?["error_too_many_rounds"]?.boolean
      if !same { failures.append("\(golden["name"]?.string ?? "?"): \(fill)") }
    }
    #expect(checked == 3)
    #expect(failures == [])
  }

  @Test func groupFilteringKeepsTheSamplesOfThePaperAndOfTRL() throws {
    var failures: [String] = []
    for golden in try cases("gfpo") where golden["kind"] == nil {
      let name = try #require(golden["name"]?.string)
      let inputs = try #require(golden["inputs"])
      let decisions = try #require(golden["expected"]?["decisions"])
      let rewards = try numbers(inputs["rewards"])
      let lengths = try integers(inputs["response_lengths"])
      let scores = try numbers(decisions["filter_score"])
      let isShortest = golden["hyperparameters"]?["filter"]?.string == "shortest"
      let isPaper = golden["hyperparameters"]?["variant"]?.string == "paper"
      let score = isShortest ? "-length" : "reward / length"
      let kept = try integers(decisions["k_per_group"])
      var sampleKept = rewards.map { _ in false }
      var idle = sampleKept
      for (group, keep) in zip(try #require(inputs["groups"]?.array), kept) {
        let rows = try integers(group)
        let rollouts = rows.map { GateRollout(reward: rewards[$0], tokens: lengths[$0]) }
        let filter = SampleFilter(score: score, keep: keep, keepsRejectedInNormalizer: isPaper)
        let decision = try decide(
          Gate(.reinforce, filter: filter),
          GateInput(step: 0, rollouts: rollouts, demonstrations: 0))
        for index in decision.kept { sampleKept[rows[index]] = true }
        for index in decision.idle { idle[rows[index]] = true }
        let expression = try ScoreExpression(score)
        for (row, rollout) in zip(rows, rollouts)
        where try expression.value(of: rollout, location: "\(row)") != scores[row] {
          failures.append("\(name): score of \(row)")
        }
      }
      let expected = try flags(decisions["sample_kept"])
      if sampleKept != expected { failures.append("\(name): kept") }
      if idle != expected.map({ isPaper && !$0 }) { failures.append("\(name): idle") }
    }
    #expect(failures == [])
  }

  @Test func adaptiveDifficultyTakesThePapersNumbers() throws {
    var checked = 0
    for golden in try cases("gfpo") where golden["kind"]?.string == "adaptive_difficulty" {
      checked += 1
      let levels = try ["k_very_hard", "k_hard", "k_medium", "k_easy"].map {
        try #require(golden["hyperparameters"]?[$0]?.integer)
      }
      // Five evenly spaced means have the quartiles 0.25, 0.5 and 0.75.
      let means = [0.5, 0, 1, 0.25, 0.75]
      #expect(
        try SampleFilter.quartiles(of: means) == numbers(golden["inputs"]?["quartiles"]))
      let isReady = try #require(
        golden["inputs"]?["tracker_ready"]?.boolean as Bool?)
      let filter = SampleFilter(adaptive: levels, warmup: isReady ? 5 : 6)
      let given = try numbers(golden["inputs"]?["group_mean_reward"]).map {
        filter.keep(mean: $0, remembered: means)
      }
      #expect(try given == integers(golden["expected"]?["decisions"]?["k_per_group"]))
    }
    #expect(checked == 2)
  }
}
