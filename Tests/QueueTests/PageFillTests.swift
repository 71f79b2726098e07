import Queue
import Records
import Testing

@Suite struct PageFillTests {
  @Test func piecesAddUpToTheValueWhateverItsSizeAndTheRoomLeft() {
    var generator = SeededGenerator(seed: 11)
    var failures: [String] = []
    for trial in 0..<20_000 {
      let length = trial < 9000 ? trial + 1 : Int.random(in: 1...3_000_000, using: &generator)
      var fill = PageFill(
        pageSize: 4096, keyLength: trial % 2 == 0 ? 8 : 12,
        free: Int.random(in: 0...4080, using: &generator))
      let pieces = fill.pieces(of: length)
      let isSound =
        pieces.reduce(0, +) == length && pieces.allSatisfy { $0 > 0 } && pieces.count <= 4
        && (0...4080).contains(fill.free)
      if !isSound { failures.append("\(length): \(pieces), \(fill.free) left") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  /// The bound that the design asks for, on real pages: what a log takes over what was put in.
  @Test(arguments: [
    (300...300, 1.06), (500...500, 1.06), (700...700, 1.06), (1100...1100, 1.06),
    (2030...2030, 1.06), (3000...3000, 1.06), (5000...5000, 1.06), (8200...8200, 1.06),
    (20_000...20_000, 1.06), (50_000...50_000, 1.06), (400...4000, 1.06), (1000...50_000, 1.06),
  ]) func pagesAreFilled(sizes: ClosedRange<Int>, bound: Double) throws {
    var generator = SeededGenerator(seed: 5)
    let run = try TemporaryRun()
    var options = TemporaryRun.options
    options.dictionaryThreshold = .max
    // Large enough for all: a closure that counts must not run twice.
    options.mapSize = 64 << 20
    let queue = try run.create(options)
    var stored = 0
    var next: UInt64 = 0
    while stored < 4 << 20 {
      try queue.write(claims: []) { transaction in
        for _ in 0..<64 {
          // The envelope has 36 bytes, and zstd adds about 20 to noise.
          let raw = generator.noise(Int.random(in: sizes, using: &generator) - 56)
          try transaction.put(RecordPayload(stable: raw), version: 1, .rollouts, RecordKey(next))
          next += 1
          stored += raw.count + 56
        }
      }
    }
    let ratio = Double(try queue.pagesInUse(.rollouts)) / Double(stored)
    print("page fill \(sizes): \(ratio)")
    #expect(ratio < bound)
  }
}
