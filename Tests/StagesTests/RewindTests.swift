import Foundation
import Queue
import Records
import Stages
import Testing

@Suite struct RewindTests {
  private static let keys = [
    statedBound, ("steps", "7"), ("checkpoint.every", "2"), ("checkpoint.keep", "2"),
  ]

  /// Back to any step that a checkpoint leads to, and on again: as if nothing had happened.
  @Test(arguments: Kind.allCases) func resumingARewoundRunGivesTheUndisturbedOne(
    kind: Kind
  ) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys + kind.keys), at: folder.directory)
    let expected = try finish(folder.directory)
    var failures: [String] = []
    for step: UInt64 in [6, 3, 0] {
      do {
        let run = try Run(opening: folder.directory)
        let rewind = try run.rewind(to: step)
        #expect(rewind.from == 7 && rewind.to == step)
        #expect(try run.consumed(.optimizer) == step)
      }
      let again = try finish(folder.directory)
      if again != expected { failures.append("step \(step)") }
    }
    #expect(failures == [], "\(kind)")
  }

  /// Cursors and states are those of a run that has never gone beyond the step.
  @Test(arguments: [Kind.waves, .percentiles, .quantiles])
  func aRewoundRunStandsWhereAShorterOneEnds(kind: Kind) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys + kind.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let shorter = try TemporaryRun(prompts: sums(18))
    try Run.create(
      try shorter.definition(Self.keys + kind.keys + [("steps", "3")]), at: shorter.directory)
    _ = try finish(shorter.directory)
    func places(_ directory: RunDirectory) throws -> [String] {
      let run = try Run(opening: directory)
      return try run.queue.read { transaction in
        try transaction.cursors().map { "\($0.name) \($0.value)" }
          + transaction.stateNames(prefix: "stage.").map {
            "\($0) \(try transaction.state($0) ?? [])"
          }
      } + digests(run.queue)
    }
    do { _ = try Run(opening: folder.directory).rewind(to: 3) }
    #expect(try places(folder.directory) == places(shorter.directory))
  }

  @Test func aDryRunChangesNothingAndSaysWhatWouldGo() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    let before = try finish(folder.directory)
    let run = try Run(opening: folder.directory)
    let said = try run.rewind(to: 3, isDryRun: true)
    #expect(try FinalState(run) == before)
    #expect(said.records["prompts"] == 24 && said.records["updates"] == 4)
    #expect(said.checkpoints == [6, 7] || said.checkpoints == [4, 6, 7], "\(said.checkpoints)")
    #expect(try run.rewind(to: 3) == said)
  }

  @Test func whatComesAfterGoesFromTheDiskToo() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    _ = try finish(folder.directory)
    let manager = FileManager.default
    for step in ["3-addition", "7-addition"] {
      try manager.createDirectory(
        atPath: folder.directory.evaluations + "/" + step, withIntermediateDirectories: true)
    }
    do { _ = try Run(opening: folder.directory).rewind(to: 3) }
    #expect(try manager.contentsOfDirectory(atPath: folder.directory.checkpoints) == ["0"])
    #expect(
      try manager.contentsOfDirectory(atPath: folder.directory.evaluations) == ["3-addition"])
    #expect(try stableMetrics(folder.directory).count == 3)
  }

  @Test func aRunAtWorkIsNotRewoundAndNoStepThatItHasNot() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create(Self.keys)
    #expect(throws: StageError.self) { try run.rewind(to: 1) }
    try run.ledger.claim(.gate)
    let error = #expect(throws: StageError.self) { try run.rewind(to: 0) }
    #expect(error?.exitStatus == .tryAgain)
    run.ledger.releaseClaims()
    try run.rewind(to: 0)
  }

  @Test func trimmedStepsCannotBeGoneBackTo() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let window = [("steps", "12"), ("retention.steps", "2"), ("checkpoint.keep", "1")]
    try Run.create(try folder.definition(Self.keys + window), at: folder.directory)
    let expected = try finish(folder.directory)
    var base: UInt64 = 0
    do {
      let run = try Run(opening: folder.directory)
      base = try run.ledger.base.step
      let error = #expect(throws: StageError.self) { try run.rewind(to: base - 1) }
      #expect(error?.exitStatus == .usage)
      try run.rewind(to: 12)
    }
    #expect(base > 0)
    #expect(try finish(folder.directory) == expected)
  }
}
