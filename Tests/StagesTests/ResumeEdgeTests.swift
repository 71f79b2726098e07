import Foundation
import Queue
import Records
import Shards
import Stages
import Testing

/// Where a run may stop and be taken up again, one session after the other; what the process had not
/// committed is gone with it.
@Suite struct ResumeEdgeTests {
  /// Six stages as processes of their own, each stopped after at most `limit` groups (the optimizer:
  /// steps), so that waves, steps and epochs are cut at their borders and in between.
  private func byPieces(
    _ kind: Kind, limit: UInt64, _ keys: [(String, String)]
  ) throws -> FinalState {
    let folder = try TemporaryRun(prompts: sums(10))
    try Run.create(try folder.definition(keys + kind.keys), at: folder.directory)
    for _ in 0..<400 {
      for stage in StageName.allCases {
        let run = try Run(opening: folder.directory)
        _ = try work(run, [stage], limit: limit)
        if try run.isFinished { return try FinalState(run) }
      }
    }
    throw StageError(.badRun, at: folder.directory.path, "it does not end", remedy: "")
  }

  /// 10 prompts and 6 a step: every other step passes an epoch's end. Two epochs of two mini-batches in
  /// passes of one group: a step is many updates of many passes.
  @Test(arguments: [Kind.waves, .quantiles, .critic]) func aRunInPiecesIsTheRunInOne(kind: Kind)
    throws
  {
    let keys = [
      statedBound, ("steps", "3"), ("checkpoint.every", "2"), ("checkpoint.keep", "1"),
      ("optimizer.micro_batch_groups", "1"),
    ]
    let folder = try TemporaryRun(prompts: sums(10))
    try Run.create(try folder.definition(keys + kind.keys), at: folder.directory)
    let expected = try finish(folder.directory)
    #expect(try byPieces(kind, limit: 5, keys) == expected, "\(kind)")
  }

  @Test func beforeTheFirstStepAfterTheLastAndWithMoreSteps() throws {
    let long = try TemporaryRun(prompts: sums(10))
    try Run.create(try long.definition([("steps", "6")]), at: long.directory)
    let expected = try finish(long.directory)
    let folder = try TemporaryRun(prompts: sums(10))
    try Run.create(try folder.definition([("steps", "3")]), at: folder.directory)
    // Opened and left before anything is done.
    do { _ = try work(Run(opening: folder.directory), [.gate]) }
    let short = try finish(folder.directory)
    #expect(try finish(folder.directory) == short, "a finished run stays as it is")
    let more = try finish(folder.directory, overrides: [("steps", "6")])
    #expect(more == expected)
  }

  @Test func otherThreadsGiveTheSameBits() throws {
    var ends: [FinalState] = []
    for threads in ["1", "2", "5"] {
      let folder = try TemporaryRun(prompts: sums(10))
      try Run.create(
        try folder.definition([("compute.threads", threads)]), at: folder.directory)
      ends.append(try finish(folder.directory))
    }
    #expect(ends[1] == ends[0] && ends[2] == ends[0])
  }

  @Test func aChangedDatasetIsRefusedWithTheFileThatDiffers() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    do { _ = try folder.create() }
    let data = folder.folder + "/prompts"
    try FileManager.default.removeItem(atPath: data)
    _ = try DatasetWriter.write(count: 8, folder: data, name: "prompts") { sums(9)[$0] }
    let error = #expect(throws: StageError.self) { try Run(opening: folder.directory) }
    #expect(error?.exitStatus == .mismatch)
    for part in ["data.prompts", "prompts-00000", "8 rows", "9 rows"] {
      #expect(error?.problem.contains(part) == true, "\(part): \(error?.problem ?? "")")
    }
  }

  /// The place of a tokenizer is no identity, its content is.
  @Test func anotherTokenizerIsRefusedAndAMovedOneIsNot() throws {
    let folder = try TemporaryRun(prompts: sums(9))
    do { _ = try folder.create() }
    let moved = folder.folder + "/tokenizer"
    try FileManager.default.copyItem(atPath: TemporaryRun.tokenizer, toPath: moved)
    _ = try Run(opening: folder.directory, overrides: [("model.tokenizer", moved)])
    try Data("{}".utf8).write(to: URL(fileURLWithPath: moved + "/tokenizer.json"))
    let other = folder.folder + "/tokenizer-2"
    try FileManager.default.moveItem(atPath: moved, toPath: other)
    let error = #expect(throws: StageError.self) {
      try Run(opening: folder.directory, overrides: [("model.tokenizer", other)])
    }
    #expect(error?.code == .changed && error?.problem.contains("model.tokenizer") == true)
  }
}
