import Foundation
import Glibc
import Queue
import Records
import Testing

@Suite struct StorageTests {
  @Test func theMapGrowsByItselfAndTheClosureRunsAgain() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    #expect(queue.mapUse.size == 1 << 20)
    var generator = SeededGenerator(seed: 4)
    let payload = RecordPayload(stable: generator.noise(200_000))
    var runs = 0
    // 8 MB in one transaction: 1, 2 and 4 MiB do not hold them.
    try queue.write(claims: []) { transaction in
      runs += 1
      for group in 0..<40 as Range<UInt64> {
        try transaction.put(payload, version: 1, .rollouts, RecordKey(group))
      }
    }
    #expect(runs == 4)
    #expect(queue.mapUse.size == 8 << 20)
    #expect(try queue.read { try $0.head(.rollouts) } == 40)
    // Early growth: before 80 % are in use no transaction fails for it.
    runs = 0
    for group in 40..<100 as Range<UInt64> {
      try queue.write(claims: []) {
        runs += 1
        try $0.put(payload, version: 1, .rollouts, RecordKey(group))
      }
    }
    #expect(runs == 60)
    #expect(queue.mapUse.size == 32 << 20)
  }

  @Test func aMapGrownByAnotherProcessIsFollowed() async throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let folder = run.queueFolder
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      let other = try Queue.open(at: folder, options: TemporaryRun.options)
      var generator = SeededGenerator(seed: 4)
      for group in 0..<20 as Range<UInt64> {
        let payload = RecordPayload(stable: generator.noise(200_000))
        try other.write(claims: []) {
          try $0.put(payload, version: 1, .rollouts, RecordKey(group))
        }
      }
    }
    #expect(try queue.read { try $0.keys(.rollouts).count } == 20)
    try queue.write(claims: []) { try $0.setCursor("verifier", to: 20) }
  }

  @Test func readersOnOtherThreadsSeeWholeCommitsWhileTheMapGrows() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let failures = onThreads(4) { thread in
      guard thread > 0 else {
        try Self.append(150, to: queue)
        return []
      }
      var failures: [String] = []
      var head: UInt64 = 0
      while head < 150 {
        let (now, cursor, last) = try queue.read { transaction in
          let head = try transaction.head(.rollouts)
          let last = head == 0 ? nil : try transaction.payload(.rollouts, RecordKey(head - 1))
          return (head, try transaction.cursor("c"), last)
        }
        if now < head || cursor != now || (now > 0 && last == nil) {
          failures.append("\(head) \(now) \(cursor)")
        }
        head = now
      }
      return failures
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    #expect(queue.mapUse.size > 2 << 20)
  }

  /// Appends groups of 20 KB, a cursor with each.
  private static func append(_ count: UInt64, to queue: Queue) throws {
    var generator = SeededGenerator(seed: 6)
    for group in 0..<count {
      let payload = RecordPayload(stable: generator.noise(20_000))
      try queue.write(claims: []) { transaction in
        try transaction.put(payload, version: 1, .rollouts, RecordKey(group))
        try transaction.setCursor("c", to: group + 1)
      }
    }
  }

  @Test func writersOnSeveralThreadsLoseNothing() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let failures = onThreads(4) { thread in
      for round in 0..<25 as Range<UInt64> {
        let group = round * 4 + UInt64(thread)
        try queue.write(claims: []) {
          try $0.put(verdict(of: group), .verdicts, RecordKey(group))
        }
      }
      return []
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    let found = try queue.read { try $0.records(VerdictRecord.self, .verdicts, count: .max) }
    #expect(found.map(\.record) == (0..<100).map { verdict(of: $0) })
    #expect(try queue.read { try $0.head(.verdicts) } == 100)
  }

  @Test func aDeadReaderIsShownAndSweptAway() async throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let folder = run.queueFolder
    await #expect(processExitsWith: .signal(SIGKILL)) { [folder = folder as String] in
      let other = try Queue.open(at: folder, access: .readOnly)
      try other.read { _ in _ = kill(getpid(), SIGKILL) }
    }
    #expect(queue.readers().contains { $0.pid != getpid() && $0.transaction != nil })
    try queue.check()
    #expect(!queue.readers().contains { $0.pid != getpid() })
  }

  @Test func smallRecordsShareADictionaryThatIsStoredBesideThem() throws {
    func bytes(threshold: Int) throws -> (Int, String) {
      let run = try TemporaryRun()
      var options = TemporaryRun.options
      options.dictionaryThreshold = threshold
      let digest: String
      do {
        let queue = try run.create(options)
        for first in stride(from: UInt64(0), to: 3000, by: 100) {
          try queue.write(claims: []) { transaction in
            for group in first..<first + 100 {
              try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
            }
          }
        }
        digest = try queue.digest(.verdicts).sha256
      }
      // Another process has nothing but the environment to find the dictionary in.
      let queue = try run.open(.readOnly)
      let last = try queue.read { try $0.record(VerdictRecord.self, .verdicts, RecordKey(2999)) }
      #expect(last == verdict(of: 2999))
      #expect(try queue.digest(.verdicts).sha256 == digest)
      return (try queue.pagesInUse(.verdicts), digest)
    }
    let plain = try bytes(threshold: .max)
    let trained = try bytes(threshold: 256)
    print("3000 verdicts: \(plain.0) bytes of pages, with a dictionary \(trained.0)")
    #expect(plain.1 == trained.1)
    #expect(Double(trained.0) < 0.75 * Double(plain.0))
  }

  @Test(.enabled(if: getuid() == 0, "skipped: needs to be root, to become another user"))
  func readingAloneNeedsNoRightToWriteWhileNobodyWrites() async throws {
    let run = try TemporaryRun()
    let folder = run.queueFolder
    do {
      let queue = try run.create()
      let claim = try queue.claim(stage: "gate")
      try queue.write(claims: [claim]) { try $0.setCursor("gate", to: 3) }
      await #expect(processExitsWith: .exitCode(75)) { [folder = folder as String] in
        guard setuid(65_534) == 0 else { return }
        do {
          _ = try Queue.open(at: folder, access: .readOnly)
        } catch let error as QueueError { exit(error.exitStatus.rawValue) }
      }
    }
    await #expect(processExitsWith: .success) { [folder = folder as String] in
      guard setuid(65_534) == 0 else { exit(9) }
      let queue = try Queue.open(at: folder, access: .readOnly)
      guard queue.notice != nil, try queue.read({ try $0.cursor("gate") }) == 3 else { exit(8) }
      do {
        try queue.write(claims: []) { _ in }
        exit(7)
      } catch let error as QueueError where error.code == .readOnly {}
    }
  }

  @Test func tooLittleRoomIsSaidBeforeAnythingIsOpened() throws {
    let run = try TemporaryRun()
    do { _ = try run.create() }
    var options = TemporaryRun.options
    options.requiredFreeBytes = .max
    let error = #expect(throws: QueueError.self) {
      try Queue.open(at: run.queueFolder, options: options)
    }
    #expect(error?.code == .diskFull)
    #expect(error?.exitStatus == .runFailed)
    _ = try Queue.open(at: run.queueFolder, access: .readOnly, options: options)
  }

  @Test func aCopyHoldsTheSameRecords() throws {
    let run = try TemporaryRun()
    let digest: String
    let target = "\(run.folder)/copy"
    do {
      let queue = try run.create()
      try queue.write(claims: []) { transaction in
        for group in 0..<50 as Range<UInt64> {
          try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
        }
      }
      digest = try queue.digest(.verdicts).sha256
      try queue.copy(to: target)
    }
    let copy = try Queue.open(at: target)
    #expect(try copy.digest(.verdicts).sha256 == digest)
    #expect(copy.identity == "run 1")
    try copy.write(claims: []) { try $0.put(verdict(of: 50), .verdicts, RecordKey(50)) }
  }
}
