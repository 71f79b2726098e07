import Queue
import Records
import Stages
import Testing

@Suite struct ReaderTests {
  private func reader(
    _ run: TemporaryRun, _ keys: [(String, String)] = [], steps: Int = 100, lag: Int = 0
  ) throws -> PromptShardReader {
    let settings = try run.settings(keys)
    return PromptShardReader(
      source: try PromptStream(settings.reader, seed: settings.seed), settings: settings.reader,
      steps: steps, lag: lag, rollouts: 3)
  }

  private func emptyBatch(_ step: UInt64) -> LossBatchRecord {
    LossBatchRecord(step: step, firstGroup: 0, endGroup: 0, groups: [], updates: [], metrics: [])
  }

  /// Everything the reader emits when batches and versions come at once.
  private func read(_ steps: Int, _ reader: inout PromptShardReader, _ ledger: Ledger) throws
    -> [PromptRecord]
  {
    var all: [PromptRecord] = []
    for _ in 0..<steps {
      let step = try ledger.head(.batches)
      guard let outcome = try reader.advance(ledger).outcome else { break }
      all += outcome.all(PromptRecord.self, .prompts)
      try ledger.commit(outcome, by: .reader)
      try ledger.put([emptyBatch(step)], .batches, by: .loss)
      try ledger.setCursor(.optimizer, step + 1)
    }
    return all
  }

  @Test func aWaveIsEmittedOnceAndTheNextWaitsForItsBatchAndItsVersion() throws {
    let run = try TemporaryRun(prompts: sums(20))
    let ledger = try run.ledger()
    var reader = try reader(run)
    let first = try #require(try reader.advance(ledger).outcome)
    let wave = first.all(PromptRecord.self, .prompts)
    #expect(wave.count == 6 && wave.allSatisfy { $0.step == 0 && $0.wave == 0 && $0.rollouts == 3 })
    try ledger.commit(first, by: .reader)
    #expect(try reader.advance(ledger).reason == "step 0 is being worked off")

    try ledger.put([emptyBatch(0)], .batches, by: .loss)
    #expect(try reader.advance(ledger).reason == "step 1 needs policy version 1")
    try ledger.setCursor(.optimizer, 1)
    let second = try #require(try reader.advance(ledger).outcome)
    #expect(second.records.map(\.key.id) == Array(6..<12))
    #expect(second.all(PromptRecord.self, .prompts).allSatisfy { $0.step == 1 })
  }

  /// With lag k step t is answered by version t − k, so the reader runs k steps ahead and no more.
  @Test func lagLetsTheReaderRunAheadByAsManySteps() throws {
    let run = try TemporaryRun(prompts: sums(20))
    let ledger = try run.ledger()
    var reader = try reader(run, lag: 2)
    for step in UInt64(0)..<3 {
      try ledger.commit(try #require(try reader.advance(ledger).outcome), by: .reader)
      try ledger.put([emptyBatch(step)], .batches, by: .loss)
    }
    #expect(try reader.advance(ledger).reason == "step 3 needs policy version 1")
    try ledger.setCursor(.optimizer, 1)
    #expect(try reader.advance(ledger).outcome != nil)
  }

  @Test func aDemandIsAnsweredByAFurtherWaveOfItsStep() throws {
    let run = try TemporaryRun(prompts: sums(30))
    let ledger = try run.ledger()
    var reader = try reader(run)
    try ledger.commit(try #require(try reader.advance(ledger).outcome), by: .reader)
    var demand = Outcome()
    demand.add(DemandRecord(step: 0, wave: 1, missing: 2), to: .demands, at: RecordKey(0, part: 1))
    try ledger.commit(demand, by: .loss)
    let outcome = try #require(try reader.advance(ledger).outcome)
    let wave = outcome.all(PromptRecord.self, .prompts)
    #expect(wave.allSatisfy { $0.step == 0 && $0.wave == 1 })
    #expect(outcome.records.map(\.key.id) == Array(6..<12))
    try ledger.commit(outcome, by: .reader)
    #expect(try reader.advance(ledger).reason == "step 0 is being worked off")
  }

  @Test func everyEpochHoldsEveryPromptOnceInAnOrderOfItsOwn() throws {
    let run = try TemporaryRun(prompts: sums(9))
    let ledger = try run.ledger()
    var reader = try reader(run)
    // Six to a step over nine rows: every other wave crosses an epoch's end.
    let all = try read(9, &reader, ledger)
    #expect(all.count == 54)
    let epochs = (UInt64(0)..<6).map { epoch in all.filter { $0.epoch == epoch } }
    for epoch in epochs {
      #expect(Set(epoch.map(\.prompt.id)).count == 9 && epoch.map(\.position) == Array(0..<9))
    }
    #expect(Set(epochs.map { $0.map(\.prompt.id) }).count == 6)
  }

  @Test func theLastStepIsTheLast() throws {
    let run = try TemporaryRun(prompts: sums(9))
    let ledger = try run.ledger()
    var reader = try reader(run, steps: 2)
    #expect(try read(5, &reader, ledger).count == 12)
    #expect(try reader.advance(ledger).reason == "all 2 steps are emitted")
  }

  /// A reader that starts anew before every wave, as after a kill, emits what one does that never
  /// stopped, across the end of an epoch too.
  @Test func aReaderThatStartsAnewGoesOnExactly() throws {
    let run = try TemporaryRun(prompts: sums(9))
    var lasting = try reader(run)
    let expected = try read(8, &lasting, try run.ledger())
    let other = try TemporaryRun(prompts: sums(9))
    let ledger = try other.ledger()
    var found: [PromptRecord] = []
    for _ in 0..<8 {
      var fresh = try reader(other)
      found += try read(1, &fresh, ledger)
    }
    #expect(found == expected)
  }

  @Test func supervisedRowsAreMixedInAtTheirShareAndAskNoRollouts() throws {
    let run = try TemporaryRun(
      prompts: sums(40), supervised: sums(11, source: "text", demonstrated: true))
    let ledger = try run.ledger()
    let keys = [
      ("data.supervised", run.folder + "/supervised"), ("data.supervised_share", "0.25"),
      ("data.prompts_per_step", "8"),
    ]
    var reader = try reader(run, keys)
    let all = try read(10, &reader, ledger)
    let plain = all.filter { $0.dataset == 1 }
    #expect(all.count == 80 && abs(plain.count - 20) <= 1, "\(plain.count) of 80")
    #expect(plain.allSatisfy { $0.rollouts == 0 && $0.prompt.source == "text" })
    #expect(all.filter { $0.dataset == 0 }.allSatisfy { $0.rollouts == 3 })
    #expect(Set(plain.prefix(11).map(\.prompt.id)).count == 11, "an epoch of its own")
  }
}
