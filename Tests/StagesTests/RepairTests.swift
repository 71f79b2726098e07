import Foundation
import Queue
import Records
import Stages
import Testing

/// Verification and repair of real runs that were stopped in the middle.
@Suite(.serialized) struct RepairTests {
  private static let keys = [statedBound, ("steps", "5"), ("checkpoint.every", "2")]

  /// A run that has emitted `groups` prompts, at rest. With 24 it has worked off three steps of six.
  private func stopped(_ keys: [(String, String)] = [], groups: UInt64 = 24) throws -> TemporaryRun
  {
    let folder = try TemporaryRun(prompts: sums(40))
    try Run.create(try folder.definition(keys + Self.keys), at: folder.directory)
    try Self.work(folder.directory, limit: groups)
    return folder
  }

  /// The same run again, in a directory of its own beside it.
  private func copy(_ folder: TemporaryRun, _ number: Int) throws -> RunDirectory {
    let path = "\(folder.folder)/copy-\(number)"
    try FileManager.default.copyItem(atPath: folder.directory.path, toPath: path)
    return RunDirectory(path)
  }

  private static func work(_ directory: RunDirectory, limit: UInt64? = nil) throws {
    let session = try RunSession(
      try Run(opening: directory), stages: StageName.allCases, publishes: false,
      interruption: Interruption())
    _ = try session.work(limit: limit)
  }

  /// The digests of all logs at the run's end.
  private static func finished(_ directory: RunDirectory) throws -> [String] {
    try work(directory)
    return try stored(directory)
  }

  private static func stored(_ directory: RunDirectory) throws -> [String] {
    try digests(try Queue.open(at: directory.queue, access: .readOnly))
  }

  @Test func aSoundRunIsCleanAtEveryStopAndWorkedOutAgainItIsTheSame() throws {
    let folder = try stopped()
    for _ in 0..<3 {
      let report = try RunVerification.verify(folder.directory, isDeep: true)
      #expect(report.isClean, "\(report.problems.prefix(3))")
      #expect(report.checks.contains { $0.name == "worked out again" && $0.checked > 40 })
      try Self.work(folder.directory, limit: 1)
    }
  }

  /// One of each kind of record, at the start, in the middle and at the end.
  @Test func everyKindOfRecordComesBackToTheSameBits() throws {
    let folder = try stopped()
    let reference = try Self.finished(try copy(folder, 0))
    let run = folder.directory
    let places: [(Log, RecordKey)] = [
      (.prompts, RecordKey(0)), (.prompts, RecordKey(17)), (.rollouts, RecordKey(1)),
      (.rollouts, RecordKey(14)), (.verdicts, RecordKey(9)), (.decisions, RecordKey(13)),
      (.batches, RecordKey(1)), (.updates, RecordKey(0)), (.updates, RecordKey(2)),
    ]
    try run.damage(places)
    let found = try RunVerification.verify(run)
    let named = Set(found.problems.map(\.location))
    #expect(named.isSuperset(of: places.map { "\($0.0)/\($0.1)" }), "\(named.sorted())")

    let report = try RunRepair.repair(run, isDry: false)
    #expect(report.isWhole, "\(report.remaining)")
    #expect(report.rederived.count == places.count, "\(report.rederived)")
    let after = try RunVerification.verify(run, isDeep: true)
    #expect(after.isClean, "\(after.problems.prefix(3))")
    do {
      let set = try Queue.open(at: run.queue, access: .readOnly).read { try $0.quarantine() }
      #expect(set.count == places.count)
    }
    #expect(try Self.finished(run) == reference)
    #expect(try RunRepair.repair(run, isDry: false).isIdle)
  }

  @Test func aDryRunWritesNothing() throws {
    let folder = try stopped()
    try folder.directory.damage(.verdicts, RecordKey(4))
    let before = try Data(contentsOf: folder.directory.data)
    let report = try RunRepair.repair(folder.directory, isDry: true)
    #expect(report.rederived.map(\.location) == ["verdicts/4"])
    #expect(try Data(contentsOf: folder.directory.data) == before)
  }

  /// Cursors, heads, states, checkpoint pointers, the identity: whatever the small tables hold.
  @Test func everySmallValueThatFollowsFromTheLogsComesBack() throws {
    let folder = try stopped()
    let reference = try Self.finished(try copy(folder, 0))
    let values = try Queue.open(at: folder.directory.queue, access: .readOnly).read {
      try $0.tableBytes()
    }
    #expect(values.count > 20)
    var failures: [String] = []
    for (number, (table, key, bytes)) in values.enumerated() {
      let run = try copy(folder, 1 + number)
      // In its seal: the last eight bytes, behind key and value.
      let node = Array(key.utf8) + bytes
      try run.damage(node, at: node.count - 3)
      let report = try RunRepair.repair(run, isDry: false)
      let clean = try RunVerification.verify(run)
      // A claim's number only has to be above all earlier ones.
      let again = try Queue.open(at: run.queue, access: .readOnly).read { try $0.tableBytes() }
      let changed = zip(values, again).filter { $0.0.table != "epochs" && $0.0 != $0.1 }
      if !report.isWhole || !clean.isClean || report.isIdle || !changed.isEmpty
        || again.count != values.count
      {
        failures.append("\(table)/\(key): \(report.remaining) \(clean.problems.prefix(2))")
      } else if try number % 6 == 0 && Self.finished(run) != reference {
        failures.append("\(table)/\(key): digests")
      }
    }
    #expect(failures.isEmpty, "\(failures)")
  }

  /// What no opening goes on without, and what a repair takes from pipeline.yaml and the folders: the
  /// error says so, and it does.
  @Test func whatOpeningMissesIsNamedWithTheRepairThatBringsItBack() throws {
    let folder = try stopped()
    let losses: [(String, (WriteTransaction) throws -> Void)] = [
      ("checkpoints", { try $0.removeState("checkpoints") }),
      ("identity", { try $0.restoreIdentity("{}") }),
    ]
    for (number, (what, lose)) in losses.enumerated() {
      let run = try copy(folder, number)
      do { try Queue.open(at: run.queue).write(claims: []) { try lose($0) } }
      let error = #expect(throws: StageError.self) { try Run(opening: run) }
      #expect(error?.exitStatus == .corrupt, "\(what)")
      #expect(error?.remedy.contains("pipeline queue repair \(run.path)`") == true, "\(what)")
      #expect(try !RunVerification.verify(run).isClean, "\(what)")
      let report = try RunRepair.repair(run, isDry: false)
      #expect(report.isWhole && !report.isIdle, "\(what): \(report.remaining)")
      _ = try Run(opening: run)
      #expect(try RunVerification.verify(run).isClean, "\(what)")
    }
  }

  /// Pages zeroed, one after the other, until the trees are broken: the rest is read leaf by leaf.
  @Test func brokenPagesAreReadOneByOneAndTheRestIsMadeAgain() throws {
    let folder = try stopped()
    let reference = try Self.finished(try copy(folder, 0))
    let whole = try Data(contentsOf: folder.directory.data)
    var failures: [String] = []
    var salvaged = 0
    for page in stride(from: 2, to: whole.count / 4096, by: 7) {
      let run = try copy(folder, page)
      var bytes = whole
      bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: Data(count: 4096))
      try bytes.write(to: run.data)
      do {
        let report = try RunRepair.repair(run, isDry: false)
        salvaged += report.salvagedFrom == nil ? 0 : 1
        let clean = try RunVerification.verify(run)
        if !report.isWhole || !clean.isClean {
          failures.append("page \(page): \(report.remaining) \(clean.problems.prefix(2))")
        } else if try Self.finished(run) != reference {
          failures.append("page \(page): digests")
        }
      } catch { failures.append("page \(page): \(error)") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    #expect(salvaged > 1)
  }

  @Test func aBackupMadeWhileTheRunIsAtWorkGoesOnToTheSameEnd() throws {
    let folder = try stopped(groups: 12)
    let reference = try Self.finished(try copy(folder, 0))
    let target = folder.folder + "/backup"
    // In the middle of a session of another process in the crash tests; here between two of one.
    try RunBackup.write(folder.directory, to: target)
    #expect(throws: StageError.self) { try RunBackup.write(folder.directory, to: target) }
    try FileManager.default.removeItem(atPath: folder.directory.path)
    let moved = RunDirectory(target)
    #expect(try RunVerification.verify(moved).isClean)
    #expect(try Self.finished(moved) == reference)
  }

  @Test func compactingKeepsEveryRecordAndGivesFreePagesBack() throws {
    let folder = try stopped()
    do {
      let queue = try Queue.open(at: folder.directory.queue)
      try queue.write(claims: []) {
        try $0.setState("large", to: [UInt8](repeating: 7, count: 1 << 20))
      }
      _ = try queue.write(claims: []) { try $0.removeState("large") }
    }
    let before = try digests(try Queue.open(at: folder.directory.queue, access: .readOnly))
    // What an interrupted compaction leaves is no obstacle.
    try FileManager.default.createDirectory(
      atPath: folder.directory.queue + QueueReplacement.suffix, withIntermediateDirectories: true)
    let sizes = try Queue.compact(at: folder.directory.queue)
    #expect(sizes.after + (1 << 20) <= sizes.before)
    #expect(try digests(try Queue.open(at: folder.directory.queue, access: .readOnly)) == before)
    #expect(try RunVerification.verify(folder.directory).isClean)
    #expect(
      !FileManager.default.fileExists(atPath: folder.directory.queue + QueueReplacement.suffix))
    try Self.work(folder.directory)
  }

  @Test func whatAKilledProcessLeftIsNamedAndRemovedAndNothingElse() throws {
    let folder = try stopped()
    let place = folder.directory
    #expect(try RunCleaning(of: place).items.isEmpty)
    let rubbish = [
      "\(place.checkpoints)/tmp-4-99", "\(place.checkpoints)/77", "\(place.policies)/tmp-1-99",
      place.queue + QueueReplacement.suffix, "\(place.path).creating-999999",
    ]
    for path in rubbish {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
      try Data(count: 10).write(to: URL(fileURLWithPath: path + "/x"))
    }
    try Data(count: 5).write(to: URL(fileURLWithPath: place.queue + "/head.tmp-17"))
    let cleaning = try RunCleaning(of: place)
    #expect(cleaning.items.count == 6 && cleaning.bytes == 55, "\(cleaning.items)")
    try cleaning.remove()
    #expect(try RunCleaning(of: place).items.isEmpty)
    #expect(try RunVerification.verify(place).isClean)
    try Self.work(folder.directory)
  }

  /// What a power cut left goes when the run goes on; what a living process makes stays.
  @Test func goingOnRemovesWhatADeadProcessWasMaking() throws {
    let folder = try stopped()
    let place = folder.directory
    let dead = ["\(place.path)/summary.json.tmp-999999", "\(place.logs)/changes.log.tmp-999999"]
    let alive = ["\(place.path)/summary.json.tmp-1", "\(place.path)/note.tmp-x"]
    for path in dead + alive { try Data(count: 5).write(to: URL(fileURLWithPath: path)) }
    for path in ["\(place.path).creating-999999", "\(place.path).creating-1"] {
      try FileManager.default.createDirectory(
        atPath: path + "/queue", withIntermediateDirectories: true)
    }
    try Self.work(place, limit: 1)
    for path in dead + ["\(place.path).creating-999999"] {
      #expect(!FileManager.default.fileExists(atPath: path), "\(path)")
    }
    for path in alive + ["\(place.path).creating-1"] {
      #expect(FileManager.default.fileExists(atPath: path), "\(path)")
    }
  }

  /// A creation that was cut off is said, and the next one makes the run in its place.
  @Test func aRunThatWasCutOffInItsCreationIsMadeAgain() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let left = "\(folder.directory.path).creating-999999"
    try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: true)
    let error = #expect(throws: StageError.self) { try Run(opening: folder.directory) }
    #expect(error?.problem.contains("was making it is gone") == true)
    try Run.create(try folder.definition(), at: folder.directory)
    #expect(!FileManager.default.fileExists(atPath: left))
    // The second of two is told apart from one that failed.
    let second = #expect(throws: StageError.self) {
      try Run.create(try folder.definition(), at: folder.directory)
    }
    #expect(second?.code == .madeElsewhere)
    _ = try Run(opening: folder.directory)
  }

  @Test func aRunAtWorkIsNotTouched() throws {
    let folder = try stopped()
    let run = try Run(opening: folder.directory)
    try run.ledger.claim(.gate)
    let error = #expect(throws: QueueError.self) {
      try RunLocks(
        runFolder: folder.directory.path, stages: StageName.allCases.map(\.rawValue))
    }
    #expect(error?.code == .locked && error?.exitStatus == .tryAgain)
  }
}
