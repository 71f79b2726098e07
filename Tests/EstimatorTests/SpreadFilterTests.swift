import Estimator
import Randomness
import Testing

@Suite struct SpreadFilterTests {
  @Test func equalNumbersHaveNoSpread() {
    let filter = SpreadFilter()
    // Their standard deviation is 1.4e-17, so that the released recipe keeps them.
    #expect(!filter.keeps([0.1, 0.1, 0.1]))
    #expect(filter.keeps([0.1, 0.1, 0.1.nextUp]))
    #expect(!filter.keeps([0, -0.0]))
    #expect(filter.keeps([0]))
    #expect(!filter.keeps([]))
  }

  @Test func thePapersRuleCountsSolvedRollouts() {
    let filter = SpreadFilter(rule: .solved)
    #expect(filter.keeps([0, 1]))
    #expect(!filter.keeps([0, 0.5]))
    #expect(!filter.keeps([1, 1]))
    #expect(!filter.keeps([1]))
    #expect(!filter.keeps([]))
  }

  /// The filter comes after the one within the group: the two shortest are both wrong.
  @Test func onlyTheKeptRolloutsMustDiffer() throws {
    let input = GateInput(
      step: 0,
      rollouts: [(1, 0), (2, 0), (9, 1)].map {
        GateRollout(reward: $0.1, components: [("acc", Double($0.0))], tokens: $0.0)
      }, demonstrations: 0)
    var gate = Gate(.reinforce, spread: SpreadFilter(), filter: SampleFilter(keep: 2))
    var memory: [Double] = []
    let dropped = try gate.decide(input, memory: &memory)
    #expect(dropped.drop == "no_spread")
    #expect(dropped.kept == [] && dropped.idle == [] && dropped.rolloutWeight == 0)
    #expect(dropped.solved == 1)
    gate.spread?.component = "acc"
    #expect(try gate.decide(input, memory: &memory).kept == [0, 1])
    gate.spread?.component = "absent"
    #expect(try gate.decide(input, memory: &memory).drop == "component_missing: absent")
    gate.spread?.component = "reward"
    gate.filter?.keep = 1
    #expect(try gate.decide(input, memory: &memory).kept == [0])
  }

  @Test func imitatedGroupsNeedNoSpread() throws {
    let input = GateInput(
      step: 0, rollouts: [0, 0].map { GateRollout(reward: $0, tokens: 1) }, demonstrations: 1)
    var memory: [Double] = []
    let decision = try Gate(.switch, spread: SpreadFilter()).decide(input, memory: &memory)
    #expect(decision.demonstration == .imitated)
    #expect(decision.drop == nil)
  }

  @Test func aShortBatchTrainsOrFailsAsTheFilterSays() {
    let waves = [["a"], [], ["b"]]
    var filter = SpreadFilter(maximumWaves: 3)
    #expect(
      filter.fill(target: 4, waves: waves)
        == SpreadFill(outcome: .short, taken: ["a", "b"], surplus: [], waves: 3))
    filter.whenShort = .fail
    #expect(
      filter.fill(target: 4, waves: waves)
        == SpreadFill(outcome: .failed, taken: [], surplus: [], waves: 3))
    filter.maximumWaves = 0
    #expect(filter.fill(target: 4, waves: waves).outcome == .unfinished)
    // Without filling a step is one wave, and being short is no failure.
    filter.fill = false
    #expect(
      filter.fill(target: 4, waves: waves)
        == SpreadFill(outcome: .short, taken: ["a"], surplus: [], waves: 1))
    #expect(filter.fill(target: 4, waves: [[String]]()).outcome == .unfinished)
    #expect(filter.fill(target: 1, waves: [["a", "b"]]).surplus == ["b"])
  }

  /// Whatever comes after the wave that ends a step changes nothing; nothing is lost or doubled.
  @Test func laterWavesNeverChangeABatch() {
    let random = RandomStream(seed: 11, purpose: .mixing)
    var failures: [String] = []
    for trial in 0..<300 as Range<UInt64> {
      func draw(_ bound: UInt64, _ place: UInt32) -> Int {
        Int(random.integer(below: bound, trial, place))
      }
      let filter = SpreadFilter(
        fill: draw(4, 0) > 0, maximumWaves: draw(5, 1),
        whenShort: draw(2, 2) == 0 ? .train : .fail)
      let target = draw(17, 3) + 1
      var next = 0
      let waves = (0..<draw(7, 4)).map { wave in
        (0..<draw(6, UInt32(5 + wave))).map { _ in
          next += 1
          return next
        }
      }
      let whole = filter.fill(target: target, waves: waves)
      let looked = waves[..<whole.waves].flatMap { $0 }
      var isRight = filter.fill(target: target, waves: Array(waves[..<whole.waves])) == whole
      for count in 0..<whole.waves {
        let earlier = filter.fill(target: target, waves: Array(waves[..<count]))
        isRight = isRight && earlier.outcome == .unfinished && earlier.waves == count
      }
      switch whole.outcome {
      case .full: isRight = isRight && whole.taken.count == target
      case .unfinished, .short: isRight = isRight && whole.taken.count < target
      case .failed: isRight = isRight && whole.taken.isEmpty && filter.whenShort == .fail
      }
      if whole.outcome != .failed { isRight = isRight && whole.taken + whole.surplus == looked }
      if !isRight { failures.append("trial \(trial): \(filter), \(target) of \(waves): \(whole)") }
    }
    #expect(failures == [])
  }

  @Test func parametersOutOfRangeAreRefused() {
    for filter in [SpreadFilter(component: ""), SpreadFilter(maximumWaves: -1)] {
      #expect(throws: EstimatorError.self) {
        try Gate(.reinforce, spread: filter).validate()
      }
    }
  }
}
