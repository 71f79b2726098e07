import Queue
import Records
import Testing

@Suite struct CutTests {
  /// Verdicts of 0..<count; every seventh is long, so that it lies in several pieces.
  private func fill(_ queue: Queue, _ count: UInt64, from first: UInt64 = 0) throws {
    try queue.write(claims: []) { transaction in
      for group in first..<count {
        let repeats = group % 7 == 0 ? 2000 : 1
        let verdicts = (0..<repeats).flatMap { verdict(of: group &* 31 &+ UInt64($0)).verdicts }
        let record = VerdictRecord(verdicts: verdicts, seconds: [])
        try transaction.put(record, .verdicts, RecordKey(group))
      }
    }
  }

  private func ids(_ queue: Queue) throws -> [UInt64] {
    try queue.read { try $0.keys(.verdicts).map(\.id) }
  }

  @Test func whatIsCutAndWrittenAgainIsAsIfItHadNeverGone() throws {
    let (cut, plain) = (try TemporaryRun(), try TemporaryRun())
    let queue = try cut.create()
    let other = try plain.create()
    try fill(other, 3000)
    try fill(queue, 3000)
    let removed = try queue.write(claims: []) { transaction in
      try transaction.removeRecords(.verdicts, from: RecordKey(1234))
    }
    #expect(removed == 3000 - 1234)
    #expect(try queue.read { try $0.head(.verdicts) } == 1234)
    #expect(try ids(queue) == Array(0..<1234))
    try fill(queue, 3000, from: 1234)
    #expect(try queue.digest(.verdicts) == other.digest(.verdicts))
    #expect(try queue.read { try $0.head(.verdicts) } == 3000)
  }

  @Test func aCutInTheTransactionThatWroteSeesItsRecords() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) { transaction in
      for group: UInt64 in 0..<5 {
        try transaction.put(verdict(of: group), .verdicts, RecordKey(group))
      }
      try transaction.removeRecords(.verdicts, from: RecordKey(2))
      try transaction.put(verdict(of: 2, seconds: 1), .verdicts, RecordKey(2))
    }
    #expect(try ids(queue) == [0, 1, 2])
    #expect(try queue.read { try $0.head(.verdicts) } == 3)
  }

  @Test func trimmingTakesTheLowestAndLeavesTheHead() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try fill(queue, 3000)
    var counts: [Int] = []
    for _ in 0..<4 {
      counts.append(
        try queue.write(claims: []) { transaction in
          try transaction.removeRecords(.verdicts, below: RecordKey(2500), limit: 1000)
        })
    }
    #expect(counts == [1000, 1000, 500, 0])
    #expect(try ids(queue) == Array(2500..<3000))
    #expect(try queue.read { try $0.head(.verdicts) } == 3000)
    try fill(queue, 3100, from: 3000)
    #expect(try queue.read { try $0.head(.verdicts) } == 3100)
  }

  @Test func demandsAreCutByStep() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) { transaction in
      for key in [(0, 1), (1, 1), (1, 2), (2, 1)] {
        let demand = DemandRecord(step: UInt64(key.0), wave: UInt32(key.1), missing: 1)
        try transaction.put(demand, .demands, RecordKey(demand.step, part: demand.wave))
      }
      try transaction.removeRecords(.demands, from: RecordKey(2))
      try transaction.removeRecords(.demands, below: RecordKey(1))
    }
    let found = try queue.read { try $0.keys(.demands) }
    #expect(found == [RecordKey(1, part: 1), RecordKey(1, part: 2)])
  }

  @Test func aCursorGoesBackOnlyWhereAsked() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    try queue.write(claims: []) { try $0.setCursor("gate", to: 17) }
    #expect(throws: QueueError.self) {
      try queue.write(claims: []) { try $0.setCursor("gate", to: 16) }
    }
    try queue.write(claims: []) { transaction in
      try transaction.setCursorBack("gate", to: 9)
      try transaction.setCursorBack("loss", to: 9)
    }
    #expect(try queue.read { try ($0.cursor("gate"), $0.cursor("loss")) } == (9, 0))
  }

  /// The head record is outside the transaction: it must not call the cut queue a step back.
  @Test func aCutQueueOpensWhenTheHeadRecordWasLoweredFirst() throws {
    let run = try TemporaryRun()
    do {
      let queue = try run.create()
      try fill(queue, 20)
      try queue.writeHeadRecord()
      try queue.lowerHeadRecord(to: [.verdicts: 12])
      // Killed here: the record says less than there is, which is sound.
    }
    do {
      let queue = try run.open()
      try queue.write(claims: []) { transaction in
        _ = try transaction.removeRecords(.verdicts, from: RecordKey(12))
      }
    }
    #expect(try ids(try run.open()).count == 12)
  }

  /// Deleted pages are used again: a queue that drops as much as it takes stays as it is.
  @Test func aWindowThatMovesDoesNotGrow() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    var used: [Int] = []
    for step: UInt64 in 0..<60 {
      try fill(queue, (step + 1) * 50, from: step * 50)
      if step >= 5 {
        try queue.write(claims: []) { transaction in
          _ = try transaction.removeRecords(.verdicts, below: RecordKey((step - 4) * 50))
        }
      }
      used.append(queue.mapUse.used)
    }
    #expect(used[59] <= used[20] + used[20] / 10, "\(used)")
  }
}
