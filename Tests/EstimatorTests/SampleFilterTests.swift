import Estimator
import Randomness
import Testing

@Suite struct SampleFilterTests {
  private func group(_ lengths: [Int], rewards: [Double]) -> GateInput {
    GateInput(
      step: 0,
      rollouts: zip(lengths, rewards).map { GateRollout(reward: $1, tokens: $0) },
      demonstrations: 0, group: 17)
  }

  @Test func ofEqualScoresTheFirstStay() {
    #expect(SampleFilter.best(2, of: [1, 3, 3, 3]) == [1, 2])
    #expect(SampleFilter.best(2, of: [0, -0.0, 0]) == [0, 1])
    #expect(SampleFilter.best(9, of: [2, 1]) == [0, 1])
    #expect(SampleFilter.best(1, of: []) == [])
  }

  /// The definition: no rejected score beats a kept one, and of equals the lower index is kept.
  @Test func theBestAreNoWorseThanTheRest() {
    let random = RandomStream(seed: 3, purpose: .mixing)
    var failures: [String] = []
    for trial in 0..<300 as Range<UInt64> {
      let count = Int(random.integer(below: 18, trial, 0))
      let keep = Int(random.integer(below: 18, trial, 1))
      let scores = (0..<count).map { Double(random.integer(below: 5, trial, 2, UInt32($0))) }
      let kept = SampleFilter.best(keep, of: scores)
      let rejected = scores.indices.filter { !kept.contains($0) }
      let isBest = kept.allSatisfy { one in
        rejected.allSatisfy { other in
          scores[one] > scores[other] || (scores[one] == scores[other] && one < other)
        }
      }
      if kept.count != min(keep, count) || kept != kept.sorted() || !isBest {
        failures.append("trial \(trial): \(keep) of \(scores) gave \(kept)")
      }
    }
    #expect(failures == [])
  }

  /// n = 4: the positions are 0.75, 1.5 and 2.25.
  @Test func quartilesAreLinearBetweenNeighbours() {
    #expect(SampleFilter.quartiles(of: [4, 1, 8, 2]) == [1.75, 3, 5])
    #expect(SampleFilter.quartiles(of: [7]) == [7, 7, 7])
    // In (1 − s)·a + s·b these would differ in the last bit, and a mean of 0.1 would be hard.
    let equal = Array(repeating: 0.1, count: 6)
    #expect(SampleFilter.quartiles(of: equal) == [0.1, 0.1, 0.1])
  }

  @Test func aMeanOnAQuartileIsOnItsEasierSide() {
    let filter = SampleFilter(adaptive: [8, 7, 6, 4], warmup: 0)
    let remembered = [0, 0.25, 0.5, 0.75, 1]
    let means = [0, 0.25.nextDown, 0.25, 0.5.nextDown, 0.5, 0.75.nextDown, 0.75, 1]
    #expect(
      means.map { filter.keep(mean: $0, remembered: remembered) } == [8, 8, 7, 7, 6, 6, 4, 4])
    #expect(filter.keep(mean: 1, remembered: []) == 8)
  }

  @Test func aGroupIsComparedWithThoseBeforeItAndThenRemembered() throws {
    let gate = Gate(
      .reinforce, filter: SampleFilter(adaptive: [4, 3, 2, 1], window: 3, warmup: 2))
    var memory: [Double] = []
    var kept: [Int] = []
    for mean in [1, 0, 1, 0.5, 1] {
      let decision = try gate.decide(
        group([1, 2, 3, 4], rewards: Array(repeating: mean, count: 4)), memory: &memory)
      kept.append(decision.kept.count)
    }
    // Warm-up; warm-up; quartiles of (1, 0) are ¼ ½ ¾; of (1, 0, 1) ½ 1 1; of (0, 1, ½) ¼ ½ ¾.
    #expect(kept == [4, 4, 1, 3, 1])
    #expect(memory == [1, 0.5, 1])
    // A smaller window forgets what a larger one remembered, also before it is first written.
    var narrow = SampleFilter(adaptive: [4, 3, 2, 1], window: 1, warmup: 0)
    #expect(narrow.keep(mean: 0.5, remembered: [1, 1, 0]) == 1)
    narrow.window = 3
    #expect(narrow.keep(mean: 0.5, remembered: [1, 1, 0]) == 3)
  }

  @Test func onlyGroupsThatReachTheFilterAreRemembered() throws {
    let gate = Gate(.switch, filter: SampleFilter(adaptive: [1, 1, 1, 1], warmup: 0))
    var memory: [Double] = []
    var imitated = group([1, 1], rewards: [0, 0])
    imitated.demonstrations = 1
    #expect(try gate.decide(imitated, memory: &memory).rule == "switch_sft")
    #expect(memory == [])
    #expect(try gate.decide(group([1, 1], rewards: [0, 1]), memory: &memory).kept == [0])
    #expect(memory == [0.5])
    var fixed = gate
    fixed.filter?.adaptive = []
    _ = try fixed.decide(group([1, 1], rewards: [0, 1]), memory: &memory)
    #expect(memory == [0.5])
  }

  @Test func rejectedRolloutsAreIdleOrGone() throws {
    var memory: [Double] = []
    let input = group([3, 1, 2, 1], rewards: [1, 1, 0, 0])
    var gate = Gate(.reinforce, filter: SampleFilter(keep: 2))
    let paper = try gate.decide(input, memory: &memory)
    #expect(paper.kept == [1, 3])
    #expect(paper.idle == [0, 2])
    #expect(paper.rolloutWeight == 1)
    #expect((paper.solved, paper.total) == (2, 4))
    gate.filter?.keepsRejectedInNormalizer = false
    #expect(try gate.decide(input, memory: &memory).idle == [])
    #expect(memory == [])
  }

  @Test func aScoreThatCannotBeComputedIsADropOrAnErrorNamingTheGroup() throws {
    var memory: [Double] = [0.5]
    var gate = Gate(
      .reinforce, filter: SampleFilter(score: "fluency", adaptive: [1, 1, 1, 1], warmup: 0))
    let missing = try gate.decide(group([1], rewards: [1]), memory: &memory)
    #expect(missing.drop == "component_missing: fluency")
    #expect(missing.kept == [])
    gate.filter?.score = "reward / (length - 1)"
    do {
      _ = try gate.decide(group([2, 1], rewards: [1, 0]), memory: &memory)
      Issue.record("no error")
    } catch {
      #expect(error.location == "group 17, rollout 1")
      #expect(error.code == .notFinite)
    }
    gate.filter?.score = "-length"
    #expect(memory == [0.5])
    memory = [.nan]
    #expect(throws: EstimatorError.self) {
      try gate.decide(group([1], rewards: [1]), memory: &memory)
    }
  }

  @Test func parametersOutOfRangeAreRefusedByKey() {
    var failures: [String] = []
    let filters: [(String, SampleFilter)] = [
      ("gate.filter.score", SampleFilter(score: "length +")),
      ("gate.filter.keep", SampleFilter(keep: 0)),
      ("gate.filter.adaptive", SampleFilter(adaptive: [8, 8, 6])),
      ("gate.filter.adaptive", SampleFilter(adaptive: [8, 8, 6, 0])),
      ("gate.filter.window", SampleFilter(adaptive: [8, 8, 6, 4], window: 0)),
      ("gate.filter.warmup", SampleFilter(adaptive: [8, 8, 6, 4], window: 9, warmup: 10)),
    ]
    for (key, filter) in filters {
      do {
        try Gate(.reinforce, filter: filter).validate()
        failures.append("\(key) is taken")
      } catch {
        if error.location != key { failures.append("\(key): \(error)") }
      }
    }
    #expect(failures == [])
    #expect(throws: Never.self) {
      try Gate(.reinforce, filter: SampleFilter(keep: 0, adaptive: [8, 8, 6, 4])).validate()
    }
  }
}
