import Queue
import Records
import Testing

@Suite struct LogTests {
  @Test func recordsComeBackAsTheyWereAfterReopening() throws {
    let run = try TemporaryRun()
    let records = (0..<300).map { verdict(of: UInt64($0)) }
    do {
      let queue = try run.create()
      try queue.write(claims: []) { transaction in
        for (group, record) in records.enumerated() {
          try transaction.put(record, .verdicts, RecordKey(UInt64(group)))
        }
      }
    }
    let queue = try run.open()
    #expect(queue.identity == "run 1")
    let found = try queue.read { try $0.records(VerdictRecord.self, .verdicts, count: .max) }
    #expect(found.map(\.record) == records)
    #expect(found.map(\.key.id) == (0..<300).map(UInt64.init))
    let single = try queue.read { try $0.record(VerdictRecord.self, .verdicts, RecordKey(17)) }
    #expect(single == records[17])
    #expect(try queue.read { try $0.payload(.verdicts, RecordKey(300)) } == nil)
  }

  @Test func headIsTheFirstGapWhateverTheOrderOfWriting() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    var heads: [UInt64] = []
    for group: UInt64 in [0, 2, 5, 1, 4, 3, 6] {
      heads.append(
        try queue.write(claims: []) { transaction in
          try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
          return try transaction.head(.verdicts)
        })
    }
    #expect(heads == [1, 1, 1, 3, 3, 6, 7])
    #expect(try queue.read { try $0.head(.verdicts) } == 7)
    #expect(try queue.read { try $0.keys(.verdicts).map(\.id) } == Array(0..<7))
    #expect(try queue.read { try $0.head(.rollouts) } == 0)
  }

  @Test func demandsAreKeyedByStepAndWave() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let keys = [RecordKey(1, part: 2), RecordKey(0, part: 1), RecordKey(1, part: 0)]
    try queue.write(claims: []) { transaction in
      for key in keys {
        let demand = DemandRecord(step: key.id, wave: key.part, missing: 3)
        try transaction.put(demand, .demands, key)
      }
    }
    let found = try queue.read { try $0.records(DemandRecord.self, .demands, count: .max) }
    #expect(found.map(\.key) == keys.sorted())
    #expect(found.map(\.record.wave) == [1, 0, 2])
    #expect(try queue.digest(.demands).records == 3)
  }

  @Test func outputsCursorAndStateMoveTogetherOrNotAtAll() throws {
    struct Stop: Error {}
    let run = try TemporaryRun()
    let queue = try run.create()
    func work(upTo group: UInt64, failing: Bool) throws {
      try queue.write(claims: []) { transaction in
        try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
        try transaction.setCursor("verifier", to: group + 1)
        try transaction.setState("verifier", to: [UInt8(group)])
        if failing { throw Stop() }
      }
    }
    try work(upTo: 0, failing: false)
    #expect(throws: Stop.self) { try work(upTo: 1, failing: true) }
    #expect(try queue.read { try $0.cursor("verifier") } == 1)
    #expect(try queue.read { try $0.state("verifier") } == [0])
    #expect(try queue.read { try $0.head(.verdicts) } == 1)
    #expect(try queue.read { try $0.payload(.verdicts, RecordKey(1)) } == nil)
    #expect(try queue.read { try $0.cursors().map(\.name) } == ["verifier"])
    #expect(throws: QueueError.self) {
      try queue.write(claims: []) { try $0.setCursor("verifier", to: 0) }
    }
  }

  @Test func statesAreListedByPrefixAndRemoved() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) { transaction in
      for name in ["checkpoint/2", "checkpoint/10", "gate", "checkpoint"] {
        try transaction.setState(name, to: Array(name.utf8))
      }
      try transaction.removeState("checkpoint/10")
    }
    let names = try queue.read { try $0.stateNames(prefix: "checkpoint/") }
    #expect(names == ["checkpoint/2"])
    #expect(try queue.read { try $0.state("checkpoint/10") } == nil)
  }

  @Test func writingAKeyAgainIsHarmlessOnlyWithTheSameStableBytes() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    for seconds in [0.25, 0.75] {
      try queue.write(claims: []) {
        try $0.put(verdict(of: 0, seconds: seconds), .verdicts, RecordKey(0))
      }
    }
    // The first one stays, with its times.
    let kept = try queue.read { try $0.record(VerdictRecord.self, .verdicts, RecordKey(0)) }
    #expect(kept == verdict(of: 0, seconds: 0.25))
    let error = #expect(throws: QueueError.self) {
      try queue.write(claims: []) { try $0.put(verdict(of: 1), .verdicts, RecordKey(0)) }
    }
    #expect(error?.code == .conflict)
    #expect(error?.location.hasSuffix("verdicts/0") == true)
  }

  @Test func digestKnowsStableBytesAndKeysButNotTimesOrCompression() throws {
    func digest(_ groups: [UInt64], seconds: Double, dictionary: Int) throws -> String {
      let run = try TemporaryRun()
      // The folder goes with it, and its inode could be another test's while the queue is open.
      defer { withExtendedLifetime(run) {} }
      var options = TemporaryRun.options
      options.dictionaryThreshold = dictionary
      let queue = try run.create(options)
      for batch in stride(from: 0, to: groups.count, by: 50) {
        try queue.write(claims: []) { transaction in
          for group in groups[batch..<min(batch + 50, groups.count)] {
            try transaction.put(
              verdict(of: group, seconds: seconds), .verdicts, RecordKey(group))
          }
        }
      }
      let digest = try queue.digest(.verdicts)
      #expect(digest.records == groups.count)
      return digest.sha256
    }
    let ascending = Array(UInt64(0)..<600)
    let plain = try digest(ascending, seconds: 1, dictionary: .max)
    #expect(try digest(ascending, seconds: 2, dictionary: 64) == plain)
    #expect(try digest(ascending.reversed(), seconds: 3, dictionary: .max) == plain)
    #expect(try digest(Array(1..<601), seconds: 1, dictionary: .max) != plain)
  }
}
