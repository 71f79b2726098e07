import Foundation
import Queue
import Records
import Testing

/// Reading past LMDB's map, each page judged as it is read.
@Suite struct InspectionTests {
  /// Everything that a reader can ask, as one value.
  private static func answers(_ queue: Queue) throws -> [String] {
    try queue.read { transaction in
      var answers: [String] = []
      for log in [Log.rollouts, .verdicts] {
        let keys = try transaction.keys(log)
        answers.append("\(log) \(keys)")
        for key in keys {
          let payload = try transaction.payload(log, key)
          answers.append("\(XXH64.hash(payload?.stable ?? []))")
        }
        answers.append("\(try transaction.contains(log, RecordKey(1 << 40)))")
        answers.append("\(try transaction.payloads(log, from: RecordKey(3), count: 7).map(\.key))")
        answers.append("\(try transaction.head(log))")
      }
      answers.append("\(try transaction.cursors())")
      for name in try transaction.stateNames() {
        answers.append("\(name) \(XXH64.hash(try transaction.state(name) ?? []))")
      }
      return answers
    }
  }

  @Test func itSaysWhatLMDBSaysOfWhateverLMDBMakes() throws {
    let run = try TemporaryRun()
    var generator = SeededGenerator(seed: 31)
    var next: UInt64 = 0
    _ = try run.create()
    for round in 0..<12 {
      var queue: Queue? = try run.open()
      for _ in 0..<20 {
        let count = UInt64.random(in: 0...30, using: &generator)
        let payloads = (0..<count).map { _ in
          RecordPayload(stable: generator.noise(Int.random(in: 0...9000, using: &generator)))
        }
        let name = "state \(Int.random(in: 0..<40, using: &generator))"
        let value = generator.noise(Int.random(in: 0...6000, using: &generator))
        try queue?.write(claims: []) { transaction in
          for (index, payload) in payloads.enumerated() {
            try transaction.put(payload, version: 1, .rollouts, RecordKey(next + UInt64(index)))
          }
          try transaction.setState(name, to: value)
          if round % 3 == 0 {
            try transaction.removeRecords(.rollouts, below: RecordKey(next / 2), limit: 40)
          }
        }
        next += count
      }
      queue = nil
      let expected = try Self.answers(try run.open(.readOnly))
      #expect(try Self.answers(try run.open(.inspection)) == expected)
    }
    #expect(next > 1000)
  }

  /// Of each page every byte of its head and some of its body: the same answer, or damage by name.
  @Test func noDamageChangesAnAnswerInSilence() throws {
    let run = try TemporaryRun()
    try DamageTests.fill(run)
    let path = URL(fileURLWithPath: run.dataFile)
    let whole = try Data(contentsOf: path)
    let expected = try DamageTests.answers(run.queueFolder, .inspection)
    #expect(try DamageTests.answers(run.queueFolder) == expected)
    var generator = SeededGenerator(seed: 32)
    var failures: [String] = []
    var refused = 0
    for page in 2..<whole.count / 4096 {
      let places = Array(0..<24) + (0..<24).map { _ in Int.random(in: 0..<4096, using: &generator) }
      for byte in places {
        var damaged = whole
        damaged[page * 4096 + byte] ^= 1 << UInt8(Int.random(in: 0..<8, using: &generator))
        try damaged.write(to: path)
        do {
          if try DamageTests.answers(run.queueFolder, .inspection) != expected {
            failures.append("page \(page), byte \(byte): another answer")
          }
        } catch let error as QueueError where error.code == .damaged {
          refused += 1
        } catch let error as QueueError where error.code == .unknownVersion {
          refused += 1
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    #expect(refused > 500)
  }

  @Test func itWritesNothing() throws {
    let run = try TemporaryRun()
    try DamageTests.fill(run)
    let reader = try run.open(.inspection)
    #expect(throws: QueueError.self) { try reader.write(claims: []) { _ in } }
    #expect(reader.readers().isEmpty)
  }

  /// Opening reads the tables and the meta pages, not the records.
  @Test func openingLooksAtNoRecord() throws {
    let run = try TemporaryRun()
    var queue: Queue? = try run.create()
    var generator = SeededGenerator(seed: 33)
    for batch in UInt64(0)..<40 {
      let payloads = (0..<500).map { _ in RecordPayload(stable: generator.noise(1500)) }
      try queue?.write(claims: []) { transaction in
        for (index, payload) in payloads.enumerated() {
          try transaction.put(
            payload, version: 1, .rollouts, RecordKey(batch * 500 + UInt64(index)))
        }
      }
    }
    queue = nil
    func seconds(_ access: Queue.Access) throws -> Double {
      let times = try (0..<5).map { _ in
        try ContinuousClock().measure { _ = try run.open(access) } / .seconds(1)
      }
      return times.sorted()[2]
    }
    let (whole, judged) = (try seconds(.readOnly), try seconds(.inspection))
    #expect(judged < whole / 4, "\(judged) s beside \(whole) s")
  }
}
