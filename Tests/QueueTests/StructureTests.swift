import Foundation
import Queue
import Records
import Testing

/// The walk over the file's pages: it passes whatever LMDB makes, and no damage gets by it into LMDB.
@Suite struct StructureTests {
  /// Appends, rewrites, deletions and values of all sizes: what LMDB leaves after each commit.
  @Test func whateverLMDBMakesPasses() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    var generator = SeededGenerator(seed: 21)
    var failures: [String] = []
    var (next, first): (UInt64, UInt64) = (0, 0)
    for commit in 0..<400 {
      let count = UInt64.random(in: 0...12, using: &generator)
      let payloads = (0..<count).map { _ in
        RecordPayload(stable: generator.noise(Int.random(in: 0...9000, using: &generator)))
      }
      let names = (0..<4).map { _ in "state \(Int.random(in: 0..<40, using: &generator))" }
      let value = generator.noise(Int.random(in: 0...6000, using: &generator))
      let cut = Int.random(in: 0...Int(count) + 4, using: &generator)
      try queue.write(claims: []) { transaction in
        for (index, payload) in payloads.enumerated() {
          try transaction.put(payload, version: 1, .rollouts, RecordKey(next + UInt64(index)))
        }
        for name in names.dropLast() { try transaction.setState(name, to: value) }
        try transaction.removeState(names[3])
        if commit % 3 == 0 {
          try transaction.removeRecords(.rollouts, below: RecordKey(first + 20), limit: cut)
        }
      }
      next += count
      first = try queue.read { try $0.keys(.rollouts, count: 1).first?.id ?? next }
      guard let figures = try queue.structure() else { continue }
      if figures.unaccounted != 0 { failures.append("commit \(commit): \(figures)") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    let figures = try #require(try queue.structure())
    #expect(figures.freePages > 20 && figures.overflowPages > 20 && figures.walked > 20)
  }

  /// Every bit of every header, pointer and node head of some pages: LMDB never meets one of them.
  @Test func noFlippedBitOfAPageHeadGetsByInSilence() throws {
    let run = try TemporaryRun()
    try DamageTests.fill(run)
    let path = URL(fileURLWithPath: run.dataFile)
    let whole = try Data(contentsOf: path)
    let expected = try DamageTests.answers(run.queueFolder)
    var failures: [String] = []
    var refused = 0
    for page in 2..<whole.count / 4096 {
      for byte in [0, 1, 9, 10, 11, 12, 13, 14, 15, 16, 17] {
        var damaged = whole
        damaged[page * 4096 + byte] ^= 1 << UInt8((page + byte) % 8)
        try damaged.write(to: path)
        do {
          if try DamageTests.answers(run.queueFolder) != expected {
            failures.append("page \(page), byte \(byte): another answer")
          }
        } catch let error as QueueError where error.code == .damaged { refused += 1 }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
    #expect(refused > 100)
  }

  @Test func damageNamesTheFileAndTheCommandThatMendsIt() throws {
    let run = try TemporaryRun()
    try DamageTests.fill(run)
    let path = URL(fileURLWithPath: run.dataFile)
    var bytes = try Data(contentsOf: path)
    let page = try #require((2..<bytes.count / 4096).first { bytes[$0 * 4096 + 10] == 2 })
    // Swapped with its neighbour: both name other places than they stand at.
    let (low, high) = (page * 4096..<(page + 1) * 4096, (page + 1) * 4096..<(page + 2) * 4096)
    let kept = bytes[low]
    bytes.replaceSubrange(low, with: bytes[high])
    bytes.replaceSubrange(high, with: kept)
    try bytes.write(to: path)
    let error = #expect(throws: QueueError.self) { try run.open(.readOnly) }
    #expect(error?.location == run.dataFile && error?.exitStatus == .corrupt)
    #expect(error?.problem.contains("page \(page)") == true)
    #expect(error?.remedy.contains("pipeline queue repair \(run.folder)") == true)
  }

  /// Every opening walks the pages first: that has to stay below the price of reading them.
  @Test func theWalkCostsLessThanReadingTheRecords() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    var generator = SeededGenerator(seed: 22)
    let batches: Range<UInt64> = 0..<16
    for batch in batches {
      let payloads = (0..<500).map { _ in RecordPayload(stable: generator.noise(3400)) }
      try queue.write(claims: []) { transaction in
        for (index, payload) in payloads.enumerated() {
          try transaction.put(
            payload, version: 1, .rollouts, RecordKey(batch * 500 + UInt64(index)))
        }
      }
    }
    let (clock, rounds) = (ContinuousClock(), 0..<5)
    let walk = try rounds.map { _ in try clock.measure { _ = try queue.structure() } }.min()
    let reading = try rounds.map { _ in
      try clock.measure {
        let read = try queue.read { transaction in
          try batches.map {
            try transaction.payloads(.rollouts, from: RecordKey($0 * 500), count: 500).count
          }
        }
        #expect(read.allSatisfy { $0 == 500 })
      }
    }.min()
    #expect(try #require(walk) < #require(reading))
  }
}
