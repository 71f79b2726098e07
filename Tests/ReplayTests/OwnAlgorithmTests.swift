import Estimator
import Foundation
import Queue
import Records
import Replay
import Stages
import Testing

/// A run under its own algorithm: what its stages stored, again.
@Suite(.serialized) struct OwnAlgorithmTests {
  private static let lengthReward = ("algorithm.reward.expression", "length")

  /// Definitions with every kind of decision and memory.
  static let definitions: [[(String, String)]] = [
    [lengthReward],
    [("algorithm.name", "hpt"), ("algorithm.entropy_weight", "0")],
    [
      ("algorithm.name", "dapo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.gate.spread.maximum_waves", "2"), ("algorithm.gate.spread.when_short", "train"),
    ],
    [
      ("algorithm.name", "riskpo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.form", "paper"), ("algorithm.advantage.risk.bundle", "2"), lengthReward,
    ],
    [
      ("algorithm.name", "gfpo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.gate.filter.keep", "2"), lengthReward,
    ],
    [
      ("algorithm.name", "gfpo"), ("algorithm.aggregation.constant", "null"),
      ("algorithm.gate.filter.adaptive", "[1, 2, 3, 3]"), ("algorithm.gate.filter.warmup", "2"),
      lengthReward,
    ],
    [
      ("algorithm.name", "ppo"), ("algorithm.aggregation.constant", "null"), lengthReward,
    ],
    [("algorithm.name", "luffy"), ("algorithm.off_aggregation.constant", "16"), lengthReward],
  ]

  @Test(arguments: definitions.indices)
  func storedDecisionsAndLossBatchesComeOutAgain(index: Int) throws {
    let run = try SmallRun(Self.definitions[index])
    let queue = try run.queue()
    let settings = try RunSettings(run.definition())
    let stored = try StoredSteps(queue, promptsPerStep: settings.reader.promptsPerStep)
    var replay = try AlgorithmReplay(try run.algorithms("run")[0], ReplaySetting(settings))
    var wrong: [String] = []
    for span in stored.spans {
      let prepared = replay.prepare(try stored.load(span))
      let (decisions, batch) = try queue.read { transaction in
        (
          try span.groups.map {
            try #require(try transaction.record(DecisionRecord.self, .decisions, RecordKey($0)))
          },
          try #require(
            try transaction.record(LossBatchRecord.self, .batches, RecordKey(span.step)))
        )
      }
      if prepared.decisions != decisions { wrong.append("decisions of step \(span.step)") }
      let groups = prepared.batch?.groups.map(\.loss) ?? []
      // Rewards of demonstrations are NaN where nobody verified them.
      if "\(groups)" != "\(batch.groups)" { wrong.append("loss batch of step \(span.step)") }
      let drops = zip(span.groups, prepared.drops).compactMap { group, reason in
        decisions[Int(group - span.groups.lowerBound)].drop == nil ? reason : nil
      }
      if drops != batch.drops.map(\.reason) { wrong.append("drops of step \(span.step)") }
    }
    // Luffy's demonstrations were not scored: the batch is refused, by name.
    if index == Self.definitions.count - 1 {
      #expect(replay.failure?.problem.contains("log_probability") == true)
      wrong = wrong.filter { !$0.hasPrefix("loss batch") }
    } else {
      #expect(replay.failure == nil)
    }
    #expect(wrong.isEmpty && stored.spans.count == 3, "\(wrong) of \(stored.spans.count) steps")
  }

  @Test func recordedUpdatesGiveTheLossRatiosAndClipsThatTheOptimizerLogged() throws {
    let run = try SmallRun([
      Self.lengthReward, ("optimizer.record", "[log_probability]"),
      ("algorithm.mask.clip_low", "0.001"), ("algorithm.mask.clip_high", "0.001"),
    ])
    let queue = try run.queue()
    var wrong: [String] = []
    var clipped = 0.0
    for step in 0..<UInt64(3) {
      let logged = try #require(
        try queue.read { try $0.record(UpdateRecord.self, .updates, RecordKey(step)) })
      for (index, measured) in logged.updates.enumerated() {
        var replay = try Replay(
          queue, definition: run.definition(), under: run.algorithms("run", "grpo"),
          .init(steps: step...step, update: index))
        let one = try replay.run().algorithms[0]
        let found = [
          "loss/policy": one.loss, "clip_share": one.clipShare, "ratio/mean": one.ratioMean,
          "ratio/max": one.ratioMaximum,
        ]
        for (name, value) in found where measured.first(where: { $0.name == name })?.value != value
        {
          wrong.append("\(name) of step \(step), update \(index): \(value)")
        }
        clipped += one.clipShare
      }
    }
    #expect(wrong.isEmpty, "\(wrong)")
    #expect(clipped > 0, "no mask ever bit: the test shows nothing")
  }

  @Test func theFirstUpdateOfAnOnPolicyStepIsWhatTheRolloutsThemselvesGive() throws {
    let run = try SmallRun([
      Self.lengthReward, ("optimizer.record", "[log_probability]"), ("loss.mini_batches", "1"),
    ])
    let queue = try run.queue()
    func weights(_ update: Int?) throws -> [Double] {
      var all: [Double] = []
      var replay = try Replay(
        queue, definition: run.definition(), under: run.algorithms("run"), .init(update: update))
      _ = try replay.run { all += $0.tokens.map(\.weight) }
      return all
    }
    let own = try weights(nil)
    let recorded = try weights(0)
    let worst = zip(own, recorded).map { abs($0 - $1) }.max() ?? .infinity
    // Bit for bit where the product kernel keeps rows apart, 1e-4 in the log-probability elsewhere.
    #expect(own.count == recorded.count && worst <= 1e-5, "\(worst)")
    #expect(own.contains { $0 != 0 })
    #expect(try weights(1) != own)
  }

  @Test func notAByteOfTheRunChanges() throws {
    let run = try SmallRun([Self.lengthReward, ("optimizer.record", "[log_probability]")])
    let before = try run.bytes()
    for update in [nil, 1] {
      let queue = try run.queue()
      var replay = try Replay(
        queue, definition: run.definition(), under: run.algorithms("run", "hpt", "gvpo", "luffy"),
        .init(update: update))
      _ = try replay.run { _ in }
      _ = try GateSweep(queue, definition: run.definition(), at: [.share(0)])
    }
    #expect(try run.bytes() == before && before.count > 5)
  }

  @Test func whatWasNotRecordedIsNamedAndTheOthersGoOn() throws {
    let run = try SmallRun([])
    let queue = try run.queue()
    let cases = [
      ("grpo:paper", "anchor_log_probability"), ("ppo", "value"), ("luffy", "log_probability"),
      ("dpo", "anchor_log_probability"), ("srft", "entropy"),
    ]
    var replay = try Replay(
      queue, definition: run.definition(),
      under: run.algorithms("grpo") + cases.map { try run.algorithms($0.0)[0] })
    let report = try replay.run()
    #expect(report.algorithms[0].failure == nil && report.algorithms[0].tokens > 0)
    var wrong: [String] = []
    for (summary, (name, quantity)) in zip(report.algorithms.dropFirst(), cases) {
      // A group without pairs of different rewards never asks for the anchor.
      if name == "dpo", summary.dropped == summary.groups { continue }
      let failure = summary.failure
      let isNamed = failure?.problem.contains(quantity) == true
      let hasRemedy = failure?.remedy.contains("rollout.record: [") == true
      if !isNamed || !hasRemedy || failure?.exitStatus != ExitStatus.mismatch.rawValue {
        wrong.append("\(name): \(failure as Any)")
      }
    }
    #expect(wrong.isEmpty, "\(wrong)")
    var unrecorded = try Replay(
      queue, definition: run.definition(), under: run.algorithms("run"), .init(update: 0))
    let error = #expect(throws: ReplayError.self) { _ = try unrecorded.run() }
    #expect(error?.code == .notRecorded && error?.remedy.contains("optimizer.record") == true)
    var beyond = try Replay(
      queue, definition: run.definition(), under: run.algorithms("run"), .init(update: 9))
    let none = #expect(throws: ReplayError.self) { _ = try beyond.run() }
    #expect(none?.code == .notThere)
  }

  @Test func whatDoesNotExistIsAnErrorWithARemedy() throws {
    let run = try SmallRun([], steps: 1)
    #expect(throws: EstimatorError.self) { try run.algorithms("grpos") }
    #expect(throws: ReplayError.self) { try run.algorithms("grpo:book") }
    #expect(throws: (any Error).self) { try run.algorithms("no/such.yaml") }
    let queue = try run.queue()
    for request in [Replay.Request(group: 1000), .init(steps: 7...9)] {
      let error = #expect(throws: ReplayError.self) {
        _ = try Replay(
          queue, definition: run.definition(), under: run.algorithms("run"), request)
      }
      #expect(error?.code == .notThere && error?.exitStatus == .usage)
    }
    let empty = NSTemporaryDirectory() + "/replay-empty-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    defer {
      do { try FileManager.default.removeItem(atPath: empty) } catch { print("left: \(empty)") }
    }
    let nothing = try Queue.create(at: empty + "/queue", identity: "empty")
    let error = #expect(throws: ReplayError.self) {
      _ = try Replay(nothing, definition: run.definition(), under: run.algorithms("run"))
    }
    #expect(error?.problem.contains("no step") == true)
  }

  @Test func anAlgorithmIsReadFromTheSectionOfAFile() throws {
    let run = try SmallRun([], steps: 1)
    let path = run.folder + "/mine.yaml"
    let text = "algorithm: {name: grpo, mask: {clip_high: 0.28}}\n"
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    let mine = try run.algorithms(path)[0]
    #expect(mine.algorithm.name == "grpo" && mine.algorithm.rollouts.mask.clipHigh == 0.28)
    let named = try run.algorithms("dr_grpo")[0]
    #expect(named.constant?.value == 16)
    #expect(named.constant?.source == "algorithm.aggregation.constant")
  }
}
