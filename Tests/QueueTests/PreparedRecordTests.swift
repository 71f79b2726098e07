import Queue
import Records
import Testing

/// A rollout record of about `tokens` tokens.
private func rollouts(_ tokens: Int, seed: UInt64) -> RolloutRecord {
  var generator = SeededGenerator(seed: seed)
  let trajectories = (0..<4).map { _ in
    let ids = (0..<tokens / 4).map { _ in Int32.random(in: 0..<512, using: &generator) }
    return Trajectory(
      tokens: ids, logProbabilities: ids.map { _ in -Float.random(in: 0..<3, using: &generator) })
  }
  return RolloutRecord(
    policyVersion: seed, weightsDigest: [], promptTokens: [1, 2, 3], demonstrations: [],
    rollouts: trajectories, seconds: 0.5)
}

@Suite struct PreparedRecordTests {
  /// Small ones, which need a dictionary, and large ones, which are compressed before.
  @Test func preparedOnOtherThreadsTheRecordsAreTheSame() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let records = (0..<300).map { rollouts([20, 400, 900, 3000][$0 % 4], seed: UInt64($0)) }
    let preparation = queue.prepare(
      records.enumerated().map { (Log.rollouts, RecordKey(UInt64($0)), $1) })
    #expect(preparation.count == 300)
    let prepared = try preparation.records()
    #expect(prepared.map(\.key.id) == Array(0..<300))
    // Twice in one transaction: writing a key again is harmless.
    try queue.write(claims: []) { transaction in
      for record in prepared + prepared { try transaction.put(record) }
    }
    let again = try queue.read { try $0.records(RolloutRecord.self, .rollouts, count: .max) }
    #expect(again.map(\.record) == records)
    #expect(throws: QueueError.self) {
      try queue.write(claims: []) { try $0.put(rollouts(900, seed: 7), .rollouts, RecordKey(2)) }
    }
  }

  @Test func nothingIsPreparedOfNothing() throws {
    let run = try TemporaryRun()
    #expect(try run.create().prepare([]).records().isEmpty)
  }

  /// What columns spare in bytes they do not spare in memory.
  @Test func aRecordThatCouldNotBeReadAgainIsNotWritten() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    let record = RolloutRecord(
      policyVersion: 0, weightsDigest: [],
      promptTokens: Array(repeating: 1, count: 17 << 20), demonstrations: [], rollouts: [])
    let error = #expect(throws: QueueError.self) {
      try queue.prepare(record, .rollouts, RecordKey(0))
    }
    #expect(error?.code == .tooLarge && error?.location == "rollouts/0")
    #expect(throws: QueueError.self) {
      try queue.prepare([(Log.rollouts, RecordKey(0), record)]).records()
    }
  }

  @Test func sectionsMakeOneFrameThatAnyDecoderReads() throws {
    let codec = FrameCodec()
    var generator = SeededGenerator(seed: 9)
    let stable: [UInt8] = Array(repeating: 3, count: 5000) + generator.noise(5000)
    for cuts in [
      [], [5000], [0, 1, 5000, 5000, 5010, 10_000], Array(stride(from: 0, to: 10_000, by: 63)),
    ] {
      for volatile: [UInt8] in [[], [1, 2, 3]] {
        let payload = RecordPayload(stable: stable, volatile: volatile, cuts: cuts)
        let frame = codec.compressSections(payload, room: 36)
        #expect(frame[..<36].allSatisfy { $0 == 0 })
        let raw = try codec.decompress(
          frame[36...], length: 10_000 + volatile.count, with: nil, place: "x")
        #expect(raw == stable + volatile, "\(cuts.prefix(6))")
      }
    }
    let halved = codec.compressSections(RecordPayload(stable: stable, cuts: [5000]), room: 0)
    #expect(halved.count < 5100)
  }

  /// A store of version 2 goes on: its records are read, and repeating one is no conflict.
  @Test func recordsOfAnOlderVersionStandForTheSameRecord() throws {
    let run = try TemporaryRun()
    let queue = try run.create()
    // Version 2 of a record without trajectories: version, digest, prompt, three lists, no refusal.
    var writer = ByteWriter()
    writer.put(UInt64(5))
    writer.put([])
    writer.put(planes: [7, 8, 70_000])
    for _ in 0..<3 { writer.put(count: 0) }
    writer.put(false)
    let old = RecordPayload(stable: writer.bytes, volatile: Array(repeating: 0, count: 8))
    let record = RolloutRecord(
      policyVersion: 5, weightsDigest: [], promptTokens: [7, 8, 70_000], demonstrations: [],
      rollouts: [])
    try queue.write(claims: []) { try $0.put(old, version: 2, .rollouts, RecordKey(0)) }
    #expect(try queue.read { try $0.record(RolloutRecord.self, .rollouts, RecordKey(0)) } == record)
    let examined = try queue.read { try $0.examine(.rollouts, from: RecordKey(0), count: 1) }
    #expect(try examined.records[0].record(RolloutRecord.self, in: .rollouts) == record)
    #expect(
      try queue.read { try $0.stableBytes(of: RolloutRecord.self, .rollouts, RecordKey(0)) }
        == record.payload().stable)
    try queue.write(claims: []) { try $0.put(record, .rollouts, RecordKey(0)) }
    #expect(try queue.read { try $0.payload(.rollouts, RecordKey(0)) } == old)
    var other = record
    other.promptTokens[2] = 70_001
    let error = #expect(throws: QueueError.self) {
      try queue.write(claims: []) { try $0.put(other, .rollouts, RecordKey(0)) }
    }
    #expect(error?.code == .conflict)
    for version: UInt16 in [1, 4] {
      try queue.write(claims: []) {
        try $0.put(old, version: version, .rollouts, RecordKey(UInt64(version)))
      }
      let unknown = #expect(throws: QueueError.self) {
        try queue.read { try $0.record(RolloutRecord.self, .rollouts, RecordKey(UInt64(version))) }
      }
      #expect(unknown?.code == .unknownVersion && unknown?.problem.contains("2 to 3") == true)
    }
  }
}
