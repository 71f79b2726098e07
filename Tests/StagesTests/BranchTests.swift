import Definition
import Foundation
import Queue
import Records
import Stages
import Testing

@Suite struct BranchTests {
  private static let keys = [
    statedBound, ("steps", "6"), ("checkpoint.every", "2"), ("checkpoint.keep", "9"),
  ]

  private func target(_ folder: TemporaryRun, _ name: String) -> RunDirectory {
    RunDirectory("\(folder.folder)/\(name)")
  }

  private func branch(
    _ folder: TemporaryRun, at step: UInt64, _ name: String, _ keys: [(String, String)]? = nil
  ) throws {
    let run = try Run(opening: folder.directory)
    let definition = try keys.map { try folder.definition($0) }
    try RunBranch(run, at: step).create(at: target(folder, name), definition)
  }

  @Test(arguments: Kind.allCases) func aForkUnderTheSameDefinitionRepeatsTheRun(
    kind: Kind
  ) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys + kind.keys), at: folder.directory)
    let expected = try finish(folder.directory)
    var failures: [String] = []
    for step: UInt64 in [1, 4] {
      try branch(folder, at: step, "fork-\(step)")
      if try finish(target(folder, "fork-\(step)")) != expected { failures.append("\(step)") }
    }
    #expect(failures == [], "\(kind)")
    #expect(try FinalState(Run(opening: folder.directory)) == expected, "the source stays")
  }

  @Test func aForkUnderAnotherDefinitionKeepsWhatCameBefore() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    let before = try finish(folder.directory)
    let others: [[(String, String)]] =
      [[("optimizer.learning_rate", "0.02")], [("data.prompts_per_step", "4")]]
      + [Kind.waves, .quantiles, .critic].map(\.keys)
    for (index, keys) in others.enumerated() {
      try branch(folder, at: 3, "fork-\(index)", Self.keys + keys)
      let after = try finish(target(folder, "fork-\(index)"))
      #expect(after != before, "\(keys)")
      #expect(Array(after.metrics[..<3]) == Array(before.metrics[..<3]), "\(keys)")
      #expect(after.metrics.count == 6)
      let run = try Run(opening: target(folder, "fork-\(index)"))
      let origin = try #require(try run.ledger.origin)
      #expect(origin.step == 3 && origin.changes.count >= 1)
      // What the source did under its definition cannot be worked out here.
      #expect(throws: StageError.self) { try run.rewind(to: 2) }
      try run.rewind(to: 4)
    }
    // From where it stood before it was rewound.
    #expect(try finish(target(folder, "fork-0")).metrics.count == 6)
  }

  /// With a critic, or without it, the initial checkpoint is another one.
  @Test func aForkFromTheStartCanGainAndLoseACritic() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let fresh = try TemporaryRun(prompts: sums(18))
    try Run.create(try fresh.definition(Self.keys + Kind.critic.keys), at: fresh.directory)
    let expected = try finish(fresh.directory)
    try branch(folder, at: 0, "with", Self.keys + Kind.critic.keys)
    #expect(try finish(target(folder, "with")) == expected)
    do {
      let run = try Run(opening: target(folder, "with"))
      try RunBranch(run, at: 0).create(
        at: target(folder, "without"), try folder.definition(Self.keys))
    }
    #expect(try finish(target(folder, "without")) == finish(folder.directory))
  }

  @Test func aForkOfAForkAndOfATrimmedRunGoesOn() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let window = [("steps", "12"), ("retention.steps", "2"), ("checkpoint.keep", "2")]
    try Run.create(try folder.definition(Self.keys + window), at: folder.directory)
    let expected = try finish(folder.directory)
    try branch(folder, at: 11, "one")
    do {
      let run = try Run(opening: target(folder, "one"))
      try RunBranch(run, at: 11).create(at: target(folder, "two"))
    }
    for name in ["one", "two"] {
      let again = try finish(target(folder, name))
      #expect(again.weights == expected.weights && again.metrics == expected.metrics, "\(name)")
    }
  }

  /// A fork that keeps a window trims beyond the point where it began, under another algorithm.
  @Test func aForkIsTrimmedBeyondItsOrigin() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let own = Self.keys + Kind.percentiles.keys + [("steps", "16"), ("checkpoint.keep", "1")]
    try branch(folder, at: 3, "whole", own)
    try branch(folder, at: 3, "window", own + [("retention.steps", "2")])
    let whole = try finish(target(folder, "whole"))
    let window = try finish(target(folder, "window"))
    #expect(window.weights == whole.weights && window.metrics == whole.metrics)
    #expect(try Run(opening: target(folder, "window")).ledger.base.step > 3)
  }

  @Test(arguments: [("model.hidden_size", "32"), ("model.layers", "2")])
  func theModelOfAForkIsTheRuns(key: String, value: String) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    let error = #expect(throws: StageError.self) {
      try branch(folder, at: 0, "fork", Self.keys + [(key, value)])
    }
    #expect(error?.problem.contains(key) == true)
    #expect(!FileManager.default.fileExists(atPath: target(folder, "fork").path))
  }
}

@Suite struct StageAgainTests {
  private static let keys = [
    statedBound, ("steps", "4"), ("checkpoint.every", "2"), ("checkpoint.keep", "9"),
  ]

  /// The digests of the logs that a stage writes.
  private func own(_ stage: StageName, _ queue: Queue, below end: UInt64) throws -> String {
    let logs: [StageName: Log] = [
      .reader: .prompts, .rollout: .rollouts, .verifier: .verdicts, .gate: .decisions,
      .loss: .batches, .optimizer: .updates,
    ]
    let log = try #require(logs[stage])
    return "\(try queue.digest(log, below: RecordKey(end)))"
  }

  /// The stage alone gives the records that the source has, and all stages the whole run.
  @Test(arguments: StageName.allCases, [Kind.waves, .percentiles, .lag])
  func aStageWorksOffAgainWhatItHasConsumed(stage: StageName, kind: Kind) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys + kind.keys), at: folder.directory)
    let expected = try finish(folder.directory)
    let fork = RunDirectory("\(folder.folder)/fork")
    var failures: [String] = []
    for group: GroupID in [17] {
      try? FileManager.default.removeItem(atPath: fork.path)
      do {
        let source = try Run(opening: folder.directory)
        let branch = try RunBranch(source, again: stage, from: group)
        #expect(branch.group <= group)
        try branch.create(at: fork)
        let run = try Run(opening: fork)
        _ = try work(run, [stage])
        let heads: [StageName: Log] = [
          .reader: .prompts, .rollout: .rollouts, .verifier: .verdicts, .gate: .decisions,
          .loss: .batches, .optimizer: .updates,
        ]
        let head = try run.ledger.head(try #require(heads[stage]))
        if stage != .loss, stage != .optimizer, head <= group {
          failures.append("group \(group): only \(head) groups")
        }
        if try own(stage, run.queue, below: head) != own(stage, source.queue, below: head) {
          failures.append("group \(group): other records")
        }
      }
      if try finish(fork) != expected { failures.append("group \(group): another end") }
    }
    #expect(failures == [], "\(stage) \(kind)")
  }

  /// Other weights make what the source sampled off-policy: never trained on in silence.
  @Test func whatOtherWeightsSampledIsRefusedAndSampledAgain() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let fork = RunDirectory("\(folder.folder)/fork")
    let faster = Self.keys + [("optimizer.learning_rate", "0.5")]
    do {
      let source = try Run(opening: folder.directory)
      try RunBranch(source, again: .optimizer, from: 6).create(
        at: fork, try folder.definition(faster))
    }
    let error = #expect(throws: StageError.self) { try finish(fork) }
    #expect(error?.exitStatus == .mismatch && error?.location == "rollouts/12")
    let again = RunDirectory("\(folder.folder)/again")
    do {
      let source = try Run(opening: fork)
      try RunBranch(source, again: .rollout, from: 12).create(at: again)
    }
    _ = try finish(again)
  }

  @Test func aGroupThatIsNotThereIsNamed() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let run = try Run(opening: folder.directory)
    let error = #expect(throws: StageError.self) { try RunBranch(run, again: .gate, from: 24) }
    #expect(error?.problem.contains("0 to 23") == true)
  }
}
