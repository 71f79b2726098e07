import Foundation
import Glibc
import Queue
import Records
import Testing

/// Kills at random instants; what was acknowledged must be there, and nothing may be half there.
@Suite struct CrashTests {
  /// Appends groups and acknowledges each commit on `acknowledged`, until it is killed.
  static func work(_ folder: String, acknowledged: String, microseconds: UInt32) throws {
    let queue = try Queue.open(at: folder)
    let claim = try queue.claim(stage: "verifier")
    let log = unsafe open(acknowledged, O_WRONLY | O_APPEND | O_CREAT, 0o644)
    Thread.detachNewThread {
      usleep(microseconds)
      kill(getpid(), SIGKILL)
    }
    while true {
      let first = try queue.read { try $0.cursor("verifier") }
      try queue.write(claims: [claim]) { transaction in
        for group in first..<first + 5 {
          try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
        }
        try transaction.setCursor("verifier", to: first + 5)
        try transaction.setState("verifier", to: Array("\(first + 5)".utf8))
      }
      var count = first + 5
      unsafe _ = write(log, &count, 8)
    }
  }

  /// The last count that a killed child acknowledged.
  static func acknowledged(_ path: String) throws -> UInt64 {
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count >= 8 else { return 0 }
    let whole = bytes.count / 8 * 8
    return bytes[(whole - 8)..<whole].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  @Test func killedAtRandomTimesItKeepsWhatItAcknowledgedAndNothingByHalves() async throws {
    let run = try TemporaryRun()
    do { _ = try run.create() }
    var generator = SeededGenerator(seed: 20)
    let (folder, log) = (run.queueFolder, "\(run.folder)/acknowledged")
    var unacknowledged = 0
    var before: UInt64 = 0
    for trial in 0..<12 {
      let delay = UInt32.random(in: 100...60_000, using: &generator)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [folder = folder as String, log = log as String, delay = delay as UInt32] in
        try CrashTests.work(folder, acknowledged: log, microseconds: delay)
      }
      let queue = try run.open()
      // A child that died before its first acknowledgement leaves the number of the one before.
      let promised = max(before, try Self.acknowledged(log))
      let (head, cursor, state) = try queue.read { transaction in
        (
          try transaction.head(.verdicts), try transaction.cursor("verifier"),
          try transaction.state("verifier") ?? []
        )
      }
      #expect(head >= promised && head <= promised + 5, "trial \(trial)")
      #expect(cursor == head && (head == 0 || state == Array("\(head)".utf8)), "trial \(trial)")
      unacknowledged += head > promised ? 1 : 0
      before = head
      let records = try queue.read { try $0.records(VerdictRecord.self, .verdicts, count: .max) }
      #expect(records.map(\.record) == (0..<head).map { verdict(of: $0) }, "trial \(trial)")
    }
    print("kills between commit and acknowledgement: \(unacknowledged) of 12")
  }

  @Test func aCreationKilledAtAnyTimeCanBeDoneAgain() async throws {
    var generator = SeededGenerator(seed: 21)
    var states: [String] = []
    for _ in 0..<10 {
      let run = try TemporaryRun()
      let folder = run.queueFolder
      let delay = UInt32.random(in: 0...30_000, using: &generator)
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [folder = folder as String, delay = delay as UInt32] in
        Thread.detachNewThread {
          usleep(delay)
          kill(getpid(), SIGKILL)
        }
        _ = try Queue.create(at: folder, identity: "run 1")
        while true { pause() }
      }
      do {
        let queue = try run.open()
        #expect(queue.identity == "run 1")
        states.append("whole")
      } catch let error as QueueError {
        #expect([.missing, .unfinished].contains(error.code), "\(error)")
        states.append("\(error.code)")
        let queue = try run.create()
        #expect(try queue.read { try $0.head(.prompts) } == 0)
      }
    }
    print("creations: \(states.sorted())")
  }

  @Test func anExistingQueueIsNeverCreatedAgain() throws {
    let run = try TemporaryRun()
    do { _ = try run.create() }
    let error = #expect(throws: QueueError.self) { try run.create() }
    #expect(error?.code == .exists)
    // Nor a damaged one.
    var bytes = try #require(FileManager.default.contents(atPath: run.dataFile))
    bytes[40] ^= 0xFF
    try bytes.write(to: URL(fileURLWithPath: run.dataFile))
    let second = #expect(throws: QueueError.self) { try run.create() }
    #expect(second?.code == .damaged)
    #expect(FileManager.default.contents(atPath: run.dataFile) == bytes)
  }

  @Test func nothingToOpenIsSaidToBeMissingOrUnfinished() throws {
    let run = try TemporaryRun()
    #expect(#expect(throws: QueueError.self) { try run.open() }?.code == .missing)
    try FileManager.default.createDirectory(
      atPath: run.queueFolder, withIntermediateDirectories: false)
    #expect(#expect(throws: QueueError.self) { try run.open() }?.code == .unfinished)
    #expect(throws: QueueError.self) {
      try Queue.create(at: "\(run.folder)/absent/queue", identity: "")
    }
  }

  /// A power cut may lose the pages of a file whose name it keeps. Without the creation's mark the
  /// same bytes are damage.
  @Test(arguments: [0, 512, 4096])
  func pagesThatAPowerCutTookFromACreationWereNeverAQueue(kept: Int) throws {
    let run = try TemporaryRun()
    _ = try run.create()
    var bytes = try #require(FileManager.default.contents(atPath: run.dataFile))
    bytes.replaceSubrange(kept..., with: Data(count: bytes.count - kept))
    try bytes.write(to: URL(fileURLWithPath: run.dataFile))
    #expect(#expect(throws: QueueError.self) { try run.open() }?.code == .damaged)
    let mark = run.queueFolder + "/creation.lock"
    try Data().write(to: URL(fileURLWithPath: mark))
    #expect(#expect(throws: QueueError.self) { try run.open() }?.code == .unfinished)
    _ = try run.create()
    #expect(!FileManager.default.fileExists(atPath: mark))
    // Killed between the last sync and the mark's end: the queue is whole, and the mark goes.
    try Data().write(to: URL(fileURLWithPath: mark))
    #expect(#expect(throws: QueueError.self) { try run.create() }?.code == .exists)
    try Data().write(to: URL(fileURLWithPath: mark))
    _ = try run.open()
    #expect(!FileManager.default.fileExists(atPath: mark))
  }
}
