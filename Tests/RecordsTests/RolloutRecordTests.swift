import Records
import Testing

@Suite struct RolloutRecordTests {
  private func record(_ rollouts: [Trajectory], prompt: [Int32] = []) -> RolloutRecord {
    RolloutRecord(
      policyVersion: 0, weightsDigest: [], promptTokens: prompt, demonstrations: [],
      rollouts: rollouts)
  }

  private func trajectory(_ logProbabilities: [Float]) -> Trajectory {
    Trajectory(
      tokens: Array(repeating: 1, count: logProbabilities.count),
      logProbabilities: logProbabilities)
  }

  /// Compares bits: a NaN is no number, but it is this one.
  private func patterns(of record: RolloutRecord) -> [[UInt32]] {
    record.rollouts.map { $0.logProbabilities.map(\.bitPattern) }
  }

  /// Bytes that the program of version 2 wrote.
  @Test func recordsOfVersion2AreReadForEver() throws {
    let stable: [UInt8] =
      [3, 0, 0, 0, 0, 0, 0, 0, 32] + Array(0..<32)
      + [
        2, 5, 0xFF, 0, 0xFF, 0, 0xFF, 0, 0x7F,
        1, 3, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 3, 0, 0, 0,
        1, 1, 9, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0x80, 0xBF, 0, 0,
        2, 4, 0, 0xFF, 0, 0x5B, 0, 0, 1, 0x50, 0, 0, 0, 2, 0, 0, 0, 0,
        2, 0, 0, 1, 1, 1, 3, 4, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0x80, 0xC0, 0xBF, 0x80, 0xFF, 0x7F,
        1, 1, 7, 0x65, 0x6E, 0x74, 0x72, 0x6F, 0x70, 0x79,
        4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x20, 0x80, 0, 0x3F, 0x40, 0x7F,
        0, 1, 0, 1, 0, 0, 1, 0, 0,
      ]
    let payload = RecordPayload(stable: stable, volatile: [0, 0, 0, 0, 0, 0, 208, 63])
    let record = try RolloutRecord(payload: payload, version: 2)
    #expect(record.policyVersion == 3 && record.weightsDigest == Array(0..<32))
    #expect(record.promptTokens == [5, .max] && record.refusal == nil && record.seconds == 0.25)
    #expect(record.demonstrations == [Trajectory(tokens: [1, 2, 3])])
    #expect(record.rejected == [Trajectory(tokens: [9], logProbabilities: [-1])])
    #expect(record.rollouts.map(\.tokens) == [[0, 255, 256, 151_643], []])
    #expect(
      record.rollouts[0].spans == [Span(trained: false, count: 1), Span(role: .tool, count: 3)])
    #expect(
      patterns(of: record)[0] == [0xBF00_0000, 0x8000_0000, 0xFF80_0000, 0x7FC0_0005])
    #expect(record.rollouts[0].quantity("entropy") == [0, 1, 2.5, .infinity])
    #expect(record.rollouts[0].finish == .length && record.rollouts[1].spans == [Span(count: 0)])
    // And the same record is what it is in today's bytes.
    let again = try RolloutRecord(payload: record.payload())
    #expect(again.payload() == record.payload() && patterns(of: again) == patterns(of: record))
    for length in stable.indices {
      #expect(throws: RecordError.self) {
        try RolloutRecord(
          payload: RecordPayload(stable: Array(stable[..<length]), volatile: payload.volatile),
          version: 2)
      }
    }
  }

  @Test func logProbabilitiesKeepEveryBit() throws {
    let tiny = Float.leastNonzeroMagnitude
    let columns: [[Float]] = [
      [], [-0.5], [0], [-0.0], [0, 0, -0.0], [-1, 0, -2], [0.5, 0], [1, -1], [-1, -0.0],
      [.infinity], [-.infinity, 0], [.nan], [-.nan, -1], [Float(bitPattern: 0x7F80_0001)],
      [Float(bitPattern: 0xFFFF_FFFF), -tiny, tiny],
      (0..<1000).map { Float(bitPattern: UInt32($0) &* 2_654_435_761) },
      (0..<1000).map { -Float(bitPattern: UInt32($0) &* 2_654_435_761 & 0x7FFF_FFFF) },
    ]
    for column in columns {
      // Alone, and cut into two responses, one of them empty now and then.
      for cut in [0, column.count / 3, column.count] {
        let record = record([trajectory(Array(column[..<cut])), trajectory(Array(column[cut...]))])
        let again = try RolloutRecord(payload: record.payload())
        #expect(patterns(of: again) == patterns(of: record), "\(column.prefix(3)) cut at \(cut)")
        #expect(again.payload() == record.payload())
      }
    }
  }

  @Test func tokensKeepEveryBitWhateverTheirWidth() throws {
    for bits in 0...31 {
      let largest = Int32(truncatingIfNeeded: (UInt32(1) << UInt32(bits)) &- 1) & .max
      for count in [1, 2, 7, 8, 9, 15, 16, 17, 100] {
        let tokens = (0..<count).map { $0 % 3 == 0 ? largest : largest / Int32($0 + 1) }
        let record = record(
          [Trajectory(tokens: tokens), Trajectory(tokens: [])], prompt: [largest])
        #expect(try RolloutRecord(payload: record.payload()) == record, "\(bits) bits, \(count)")
      }
    }
  }

  /// Ten kilobytes of ids and log-probabilities take five bytes a token, and not eight.
  @Test func columnsSpareWhatIsConstant() {
    var records = RandomRecords(seed: 3)
    let tokens = (0..<1200).map { _ in Int32(records.below(512)) }
    let payload = record([
      Trajectory(tokens: tokens, logProbabilities: tokens.map { -Float($0 + 1) / 7 })
    ]).payload()
    #expect(payload.stable.count < 1200 * 5 + 100 && payload.spared > 1200 * 2)
    #expect(payload.cuts == payload.cuts.sorted() && payload.cuts.count > 6)
    #expect(payload.cuts.allSatisfy { (1...payload.stable.count).contains($0) })
  }

  /// One spelling for each record: what says the same in other bytes is refused.
  @Test func otherSpellingsAreRefused() throws {
    let plain = record([Trajectory(tokens: [1, 2], logProbabilities: [-1, -2])])
    let bytes = plain.payload().stable
    #expect(throws: Never.self) {
      try RolloutRecord(payload: RecordPayload(stable: bytes, volatile: plain.payload().volatile))
    }
    // Version, digest, refusal, names, prompt, two empty lists, one rollout of two tokens, its flags,
    // no quantities, then the width of the tokens.
    let width = 8 + 1 + 1 + 1 + 1 + 2 + 1 + 1 + 1 + 1
    #expect(bytes[width] == 8)
    let flags = width - 2
    func refuses(_ change: (inout [UInt8]) -> Void) -> Bool {
      var changed = bytes
      change(&changed)
      do throws(RecordError) {
        _ = try RolloutRecord(
          payload: RecordPayload(stable: changed, volatile: plain.payload().volatile))
        return false
      } catch { return true }
    }
    #expect(
      refuses {
        $0[width] = 9
        $0.insert(0, at: width + 3)
      }, "a wider column")
    #expect(refuses { $0[width] = 33 }, "more bits than there are")
    #expect(refuses { $0[flags] |= 0x80 }, "an unknown flag")
    #expect(
      refuses {
        $0[flags] &= ~0x20
        $0.insert(contentsOf: [1, 0, 1, 2], at: flags + 1)
      })
    // Signs that need not be stored.
    #expect(
      refuses {
        $0[width + 3] = 0
        $0.append(0b11)
      }, "signs in a plane")
    #expect(refuses { $0[width + 3] = 3 }, "unknown signs")
    // Two numbers fill two of the eight places of the seven mantissa bits.
    #expect(refuses { $0[width + 3 + 1 + 2 + 6] |= 0x80 }, "bits behind the last number")
  }

  /// A broken program's record can be written and not be read.
  @Test func numbersOfOtherTokensAreRefused() {
    for trajectory in [
      Trajectory(tokens: [1, 2], logProbabilities: [-1]),
      Trajectory(tokens: [], logProbabilities: [-1]),
      Trajectory(tokens: [1], quantities: [RecordedQuantity(name: "a", values: [])]),
      Trajectory(
        tokens: [1],
        quantities: [
          RecordedQuantity(name: "a", values: [1]), RecordedQuantity(name: "a", values: [1]),
        ]),
    ] {
      #expect(throws: RecordError.self) {
        try RolloutRecord(payload: record([trajectory]).payload())
      }
    }
  }

  @Test func namesOfQuantitiesStandInTheOrderOfTheirUse() throws {
    func quantity(_ name: String, _ values: [Float]) -> RecordedQuantity {
      RecordedQuantity(name: name, values: values)
    }
    let record = record([
      Trajectory(tokens: [1], quantities: [quantity("b", [1]), quantity("a", [-2])]),
      Trajectory(tokens: [1, 2], quantities: [quantity("a", [3, 4])]),
      Trajectory(tokens: [3], quantities: []),
      Trajectory(tokens: [4], quantities: [quantity("c", [.nan]), quantity("b", [0])]),
    ])
    let again = try RolloutRecord(payload: record.payload())
    #expect(again.payload() == record.payload())
    #expect(again.rollouts.prefix(3) == record.rollouts.prefix(3))
    #expect(again.rollouts[3].quantity("b") == [0])
    #expect(again.rollouts[3].quantity("c")?.first?.isNaN == true)
  }
}
