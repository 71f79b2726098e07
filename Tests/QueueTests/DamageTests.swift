import Foundation
import Glibc
import Queue
import Records
import Testing

/// Damage done to the files at rest must show as an error that names it, never as other data.
@Suite struct DamageTests {
  static let count: UInt64 = 60

  /// A queue with records of noise, large ones and small ones, and what it must answer.
  static func fill(_ run: TemporaryRun) throws {
    var generator = SeededGenerator(seed: 8)
    let queue = try run.create()
    let sizes = [40, 700, 3000, 9000]
    let payloads = (0..<count).map { group in
      RecordPayload(stable: generator.noise(sizes[Int(group) % 4]), volatile: [1])
    }
    try queue.write(claims: []) { transaction in
      for (group, payload) in payloads.enumerated() {
        try transaction.put(payload, version: 1, .rollouts, RecordKey(UInt64(group)))
      }
      try transaction.setCursor("verifier", to: 40)
      try transaction.setState("gate", to: Array("state of the gate".utf8))
    }
    try queue.writeHeadRecord()
  }

  /// Everything a reader can ask, as one value.
  static func answers(_ folder: String, _ access: Queue.Access = .readWrite) throws -> [String] {
    let queue = try Queue.open(at: folder, access: access, options: TemporaryRun.options)
    return try queue.read { transaction in
      var answers = try (0..<count).map { group in
        "\(try transaction.payload(.rollouts, RecordKey(group)).map { XXH64.hash($0.stable) } ?? 0)"
      }
      answers.append("\(try transaction.cursors())")
      answers.append("\(try transaction.state("gate") ?? [])")
      answers.append("\(try transaction.head(.rollouts))")
      return answers
    }
  }

  @Test func everyTruncationIsRefusedBeforeTheMapIsTouched() throws {
    let run = try TemporaryRun()
    try Self.fill(run)
    let whole = try Data(contentsOf: URL(fileURLWithPath: run.dataFile))
    var generator = SeededGenerator(seed: 9)
    var failures: [String] = []
    for _ in 0..<100 {
      let length = Int.random(in: 1..<whole.count, using: &generator)
      try whole.prefix(length).write(to: URL(fileURLWithPath: run.dataFile))
      do {
        _ = try run.open()
        failures.append("\(length) of \(whole.count) bytes opened")
      } catch let error as QueueError {
        if error.code != .damaged || !error.problem.contains("truncated") {
          failures.append("\(length): \(error)")
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  /// A process for each batch of trials, so that a death inside LMDB is counted: none is allowed.
  @Test func flippedBitsAndZeroedPagesNeverChangeAnAnswer() async throws {
    let run = try TemporaryRun()
    try Self.fill(run)
    let (folder, data) = (run.queueFolder, run.dataFile)
    let expected = try Self.answers(folder)
    let whole = try Data(contentsOf: URL(fileURLWithPath: data))
    let tally = "\(run.folder)/tally"
    var generator = SeededGenerator(seed: 10)
    var outcomes: [String: Int] = [:]
    for batch in 0..<8 {
      let (seed, zeroes) = (generator.next(), batch % 3 == 0)
      await #expect(processExitsWith: .success) {
        [
          data = data as String, folder = folder as String, tally = tally as String,
          seed = seed as UInt64, zeroes = zeroes as Bool, whole = whole as Data,
          expected = expected as [String]
        ] in
        // Signals are counted by what a batch leaves undone.
        for number in [SIGABRT, SIGSEGV, SIGBUS] { signal(number) { _ in _exit(0) } }
        var generator = SeededGenerator(seed: seed)
        var lines = ""
        for _ in 0..<20 {
          var damaged = whole
          if zeroes {
            let page = Int.random(in: 2..<whole.count / 4096, using: &generator) * 4096
            damaged.replaceSubrange(page..<page + 4096, with: Data(count: 4096))
          } else {
            let place = Int.random(in: 0..<whole.count, using: &generator)
            damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
          }
          try damaged.write(to: URL(fileURLWithPath: data))
          do {
            let found = try DamageTests.answers(folder)
            lines += found == expected ? "same\n" : "CHANGED\n"
          } catch let error as QueueError { lines += "\(error.code)\n" }
          try lines.write(toFile: tally, atomically: true, encoding: .utf8)
        }
      }
      let lines = try String(contentsOfFile: tally, encoding: .utf8).split(separator: "\n")
      for line in lines { outcomes[String(line), default: 0] += 1 }
      if lines.count < 20 { outcomes["died inside LMDB", default: 0] += 1 }
    }
    print("damage: \(outcomes)")
    let allowed = ["same", "damaged", "steppedBack", "unknownVersion"]
    #expect(outcomes.keys.allSatisfy { allowed.contains($0) }, "\(outcomes)")
    #expect(outcomes["damaged", default: 0] > 80)
  }

  @Test func everyFlippedByteOfAStateIsSeenAtOpening() throws {
    let run = try TemporaryRun()
    try Self.fill(run)
    let path = URL(fileURLWithPath: run.dataFile)
    let whole = try Data(contentsOf: path)
    // The only copy in use: the environment was filled by one commit.
    let range = try #require(whole.range(of: Data("state of the gate".utf8)))
    var failures: [Int] = []
    // The key's four bytes stand before the value, eight bytes of seal behind it.
    for index in range.lowerBound - 4..<range.upperBound + 8 {
      var damaged = whole
      damaged[index] ^= 1
      try damaged.write(to: path)
      do {
        _ = try run.open()
        failures.append(index - range.lowerBound)
      } catch let error as QueueError where error.code == .damaged {}
    }
    #expect(failures.isEmpty)
  }

  @Test func aQueueThatStepsBackIsRefused() throws {
    let run = try TemporaryRun()
    do { _ = try run.create() }
    let data = URL(fileURLWithPath: run.dataFile)
    let old = try Data(contentsOf: data)
    do {
      let queue = try run.open()
      try queue.write(claims: []) { try $0.put(verdict(of: 0), .verdicts, RecordKey(0)) }
      try queue.writeHeadRecord()
      try queue.check()
    }
    try old.write(to: data)
    let error = #expect(throws: QueueError.self) { try run.open() }
    #expect(error?.code == .steppedBack)
    #expect(error?.exitStatus == .corrupt)
  }

  @Test func aDamagedHeadRecordIsNamed() throws {
    let run = try TemporaryRun()
    try Self.fill(run)
    let path = URL(fileURLWithPath: "\(run.queueFolder)/head")
    let whole = try Data(contentsOf: path)
    for index in whole.indices {
      var damaged = whole
      damaged[index] ^= 4
      try damaged.write(to: path)
      let error = #expect(throws: QueueError.self) { try run.open() }
      #expect(error?.location == path.path)
    }
    try whole.write(to: path)
    _ = try run.open()
  }

  @Test func aRecordSetAsideKeepsItsBytesAndMakesRoomForAnother() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) { transaction in
      for group in 0..<3 as Range<UInt64> {
        try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
      }
    }
    try queue.write(claims: []) { transaction in
      try transaction.setAside(.verdicts, RecordKey(1), reason: "checksum")
      try transaction.put(verdict(of: 100), .verdicts, RecordKey(1))
    }
    let found = try queue.read { try $0.quarantine() }
    #expect(found.map(\.key) == [RecordKey(1)])
    #expect(found.first?.reason == "checksum")
    #expect(found.first?.bytes.prefix(4) == Array("TMPR".utf8)[...])
    let replaced = try queue.read { try $0.record(VerdictRecord.self, .verdicts, RecordKey(1)) }
    #expect(replaced == verdict(of: 100))
    #expect(try queue.read { try $0.head(.verdicts) } == 3)
  }

  @Test func aRecordOfAnotherVersionIsRefusedByName() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) {
      try $0.put(verdict(of: 0).payload(), version: 9, .verdicts, RecordKey(0))
    }
    let error = #expect(throws: QueueError.self) {
      try queue.read { try $0.record(VerdictRecord.self, .verdicts, RecordKey(0)) }
    }
    #expect(error?.code == .unknownVersion)
    #expect(error?.location == "\(run.dataFile), verdicts/0")
    let known = "\(VerdictRecord.version)"
    #expect(error?.problem.contains("9") == true && error?.problem.contains(known) == true)
  }
}
