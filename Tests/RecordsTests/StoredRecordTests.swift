import Records
import Testing

/// Decodes as the type of `record`.
private func decoded<R: StoredRecord>(_ record: R, _ payload: RecordPayload) throws(RecordError)
  -> R
{
  try R(payload: payload)
}

@Suite struct StoredRecordTests {
  private func comesBack<R: StoredRecord>(_ record: R) throws -> Bool {
    let again = try decoded(record, record.payload())
    return again == record && again.payload() == record.payload()
  }

  @Test func everyRecordComesBackAsItWas() throws {
    var failures: [String] = []
    for seed in UInt64(0)..<300 {
      var records = RandomRecords(seed: seed)
      for record in records.all() where try !comesBack(record) {
        failures.append("seed \(seed): \(type(of: record))")
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(5))")
  }

  @Test func notANumberComesBackBitForBit() throws {
    let nan = Double(nan: 5, signaling: false)
    let row = LossRow(source: .demonstration(0), advantages: [1], reward: nan)
    let batch = LossBatchRecord(
      step: 1, firstGroup: 2, endGroup: 3,
      groups: [LossGroup(group: 2, rolloutWeight: 1, demonstrationWeight: 0, rows: [row])],
      updates: [[0]], metrics: [Measurement("x", -.nan)])
    #expect(try decoded(batch, batch.payload()).payload() == batch.payload())
  }

  @Test func kindsAreDistinct() {
    var records = RandomRecords(seed: 1)
    let kinds = records.all().map { type(of: $0).kind }
    #expect(kinds.count == 7 && Set(kinds) == Set(1...7))
  }

  private func outcome<R: StoredRecord>(of record: R, _ payload: RecordPayload) -> Outcome {
    do throws(RecordError) {
      return try decoded(record, payload).payload() == record.payload() ? .same : .different
    } catch { return .refused }
  }

  private enum Outcome {
    case same
    case different
    case refused
  }

  @Test func aPartOfARecordIsRefused() {
    var failures: [String] = []
    for seed in UInt64(0)..<40 {
      var records = RandomRecords(seed: seed)
      for record in records.all() {
        let whole = record.payload()
        for length in whole.stable.indices {
          let part = RecordPayload(
            stable: Array(whole.stable.prefix(length)), volatile: whole.volatile)
          if outcome(of: record, part) != .refused {
            failures.append("seed \(seed): \(type(of: record)) cut at \(length)")
          }
        }
        for length in whole.volatile.indices {
          let part = RecordPayload(
            stable: whole.stable, volatile: Array(whole.volatile.prefix(length)))
          if outcome(of: record, part) != .refused {
            failures.append("seed \(seed): \(type(of: record)) without its times")
          }
        }
        let longer = RecordPayload(stable: whole.stable + [0], volatile: whole.volatile)
        if outcome(of: record, longer) != .refused {
          failures.append("seed \(seed): \(type(of: record)) with a byte more")
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(5))")
  }

  /// A changed byte may be another valid record (a token is a token); it must never trap, and never
  /// pass as the record that was written.
  @Test func aChangedByteIsRefusedOrSeen() {
    var failures: [String] = []
    var refused = 0
    for seed in UInt64(0)..<30 {
      var records = RandomRecords(seed: seed)
      for record in records.all() {
        let whole = record.payload()
        for index in whole.stable.indices {
          for mask in [UInt8(1), 0x80, 0xFF, UInt8(records.below(255) + 1)] {
            var bytes = whole.stable
            bytes[index] ^= mask
            switch outcome(of: record, RecordPayload(stable: bytes, volatile: whole.volatile)) {
            case .refused: refused += 1
            case .different: break
            case .same: failures.append("seed \(seed): \(type(of: record)) byte \(index)")
            }
          }
        }
      }
    }
    #expect(failures.isEmpty, "\(failures.prefix(5))")
    #expect(refused > 100)
  }

  @Test func aCountAboveTheRestIsRefusedBeforeAnythingIsReserved() {
    var writer = ByteWriter()
    writer.put(count: 1 << 40)
    writer.put(UInt64(0))
    let bytes = writer.bytes
    func refuses(_ read: (inout ByteReader) throws(RecordError) -> Void) -> Bool {
      var reader = ByteReader(bytes)
      do throws(RecordError) {
        try read(&reader)
        return false
      } catch { return error.exitStatus == .corrupt && error.problem.contains("counts") }
    }
    #expect(refuses { reader throws(RecordError) in _ = try reader.raw() })
    #expect(refuses { reader throws(RecordError) in _ = try reader.string() })
    #expect(refuses { reader throws(RecordError) in _ = try reader.tokens() })
    #expect(refuses { reader throws(RecordError) in _ = try reader.floats() })
    #expect(
      refuses { reader throws(RecordError) in
        _ = try reader.array { (reader: inout ByteReader) throws(RecordError) in
          try reader.byte()
        }
      })
  }

  @Test func aCountWithoutEndAndTextThatIsNotUTF8AreRefused() {
    var endless = ByteReader(Array(repeating: 0xFF, count: 20))
    #expect(throws: RecordError.self) { try endless.count() }
    var text = ByteReader([2, 0xC3, 0x28])
    #expect(throws: RecordError.self) { try text.string() }
    var flag = ByteReader([2])
    #expect(throws: RecordError.self) { try flag.bool() }
  }

  /// The spans of a trajectory cover its tokens, also where their counts overflow: adding the three
  /// below wraps around to the two tokens that there are.
  @Test func spansThatDoNotCoverTheTokensAreRefused() {
    func trajectory(_ counts: [Int]) -> RecordPayload {
      RolloutRecord(
        policyVersion: 0, weightsDigest: [], promptTokens: [], demonstrations: [],
        rollouts: [Trajectory(tokens: [1, 2], spans: counts.map { Span(count: $0) })]
      ).payload()
    }
    #expect(throws: RecordError.self) { try RolloutRecord(payload: trajectory([1])) }
    #expect(throws: RecordError.self) { try RolloutRecord(payload: trajectory([1, 2])) }
    #expect(throws: RecordError.self) {
      try RolloutRecord(payload: trajectory([.max, .max, 4]))
    }
    #expect(throws: Never.self) { try RolloutRecord(payload: trajectory([0, 1, 1])) }
  }
}
