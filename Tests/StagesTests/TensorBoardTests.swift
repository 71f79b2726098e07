import Foundation
import Metrics
import Queue
import Records
import Stages
import TensorBoardReader
import Testing

@Suite struct TensorBoardTests {
  private static func file(_ run: RunDirectory) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: run.tensorBoard)
    try #require(names.count == 1 && names[0].contains("tfevents"), "\(names)")
    return "\(run.tensorBoard)/\(names[0])"
  }

  private static func bytes(_ run: RunDirectory) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: try file(run))))
  }

  /// Works the run off up to `steps` steps, and lets go of it.
  private func work(_ folder: TemporaryRun, steps: Int = 3) throws {
    let run = try Run(opening: folder.directory, overrides: [("steps", "\(steps)")])
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    #expect(try session.work() == .finished)
  }

  /// The event file says what `metrics.jsonl` does, every step once.
  private func expectWhole(_ run: RunDirectory, steps: Range<UInt64> = 0..<3) throws {
    let lines = try MetricLines.read(run)
    let events = try EventFile.events(try Self.bytes(run))
    #expect(events.first?.version == "brain.Event:2")
    #expect(events.dropFirst().map(\.step) == steps.map { $0 } && lines.map(\.step) == Array(steps))
    for (event, line) in zip(events.dropFirst(), lines) {
      #expect(event.version == nil && event.scalars.map(\.tag) == line.values.map(\.name))
      let bits = event.scalars.map(\.value.bitPattern)
      #expect(bits == line.values.map { Float($0.value).bitPattern }, "step \(line.step)")
      #expect(event.wallTime > 1e9)
    }
  }

  @Test func everyStepStandsOnceHoweverOftenTheRunIsBroughtBack() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(folder.definition(), at: folder.directory)
    try work(folder, steps: 1)
    let first = try Self.bytes(folder.directory)
    try work(folder, steps: 2)
    try work(folder)
    try expectWhole(folder.directory)
    // What was there is not written anew: a TensorBoard that has read it goes on behind it.
    let now = try Self.bytes(folder.directory)
    #expect(now.starts(with: first) && now.count > first.count)
    try work(folder)
    #expect(try Self.bytes(folder.directory) == now)
  }

  enum Damage: CaseIterable {
    case torn, hole, garbage, twice, missingStep, otherFile, empty, removed
  }

  @Test(arguments: Damage.allCases) func whatWasDamagedIsPutRight(_ damage: Damage) throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(folder.definition(), at: folder.directory)
    try work(folder)
    let path = try Self.file(folder.directory)
    let whole = try Self.bytes(folder.directory)
    let records = try EventFile.records(whole)
    let changed: [UInt8]? =
      switch damage {
      case .torn: Array(whole.dropLast(9))
      case .hole: whole.dropLast(200) + [UInt8](repeating: 0, count: 200)
      case .garbage: whole + Array("garbage behind the end".utf8)
      case .twice: whole + records[2]
      case .missingStep: Array(records[0] + records[1] + records[3])
      case .otherFile: Array("not an event file at all, but long enough for a head".utf8)
      case .empty: []
      case .removed: nil
      }
    if let changed {
      try Data(changed).write(to: URL(fileURLWithPath: path))
    } else {
      try FileManager.default.removeItem(atPath: path)
    }
    try work(folder)
    try expectWhole(folder.directory)
    // Wall times too, since the activity log knows them still.
    let times = try EventFile.events(try Self.bytes(folder.directory)).dropFirst().map(\.wallTime)
    let known = try EventFile.events(whole).dropFirst().map(\.wallTime)
    #expect(zip(times, known).allSatisfy { abs($0 - $1) < 1 }, "\(times) \(known)")
  }

  @Test func itsFolderMayBeClearedAwayWhileTheRunGoesOn() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create()
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    let tensorBoard = folder.directory.tensorBoard
    _ = try session.work { _ in
    } afterStep: { done in
      if done == 1 { try FileManager.default.removeItem(atPath: tensorBoard) }
    }
    let steps = try EventFile.events(try Self.bytes(folder.directory)).map(\.step)
    #expect(steps == [nil, 1, 2])
  }

  @Test func aRewindTakesItsStepsAway() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(folder.definition([("checkpoint.every", "1")]), at: folder.directory)
    try work(folder)
    _ = try Run(opening: folder.directory).rewind(to: 1)
    try expectWhole(folder.directory, steps: 0..<1)
    try work(folder)
    try expectWhole(folder.directory)
  }

  @Test func itIsNotWrittenWhereItIsSwitchedOffAndFilledWhereItIsSwitchedOn() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(folder.definition([("metrics.tensorboard", "false")]), at: folder.directory)
    try work(folder, steps: 2)
    #expect(!FileManager.default.fileExists(atPath: folder.directory.tensorBoard))
    let run = try Run(
      opening: folder.directory, overrides: [("metrics.tensorboard", "true"), ("steps", "3")])
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    _ = try session.work()
    try expectWhole(folder.directory)
  }
}
