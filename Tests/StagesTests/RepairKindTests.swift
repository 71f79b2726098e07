import Foundation
import Queue
import Records
import Stages
import Testing

/// Repair under algorithms that remember, demand, score and lag; in forks; and of what workers and stages
/// that work ahead have left.
@Suite struct RepairKindTests {
  private static let keys = [
    statedBound, ("steps", "5"), ("checkpoint.every", "2"), ("checkpoint.keep", "9"),
  ]

  /// A run at rest after about `groups` groups.
  private func stopped(
    _ keys: [(String, String)], groups: UInt64 = 24
  ) throws -> TemporaryRun {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(keys), at: folder.directory)
    try goOn(folder.directory, limit: groups)
    return folder
  }

  private func goOn(_ directory: RunDirectory, limit: UInt64? = nil) throws {
    let run = try Run(opening: directory)
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: run.settings.rollout.lag > 0,
      interruption: Interruption())
    _ = try session.work(limit: limit)
  }

  private func end(_ directory: RunDirectory) throws -> [String] {
    try goOn(directory)
    return try digests(try Queue.open(at: directory.queue, access: .readOnly))
  }

  /// Repairs, and expects everything back and the run to end as it would have.
  private func expectWhole(
    _ run: RunDirectory, _ wanted: [String], _ what: String, count: Int? = nil
  ) throws {
    let report = try RunRepair.repair(run, isDry: false)
    #expect(report.isWhole, "\(what): \(report.remaining.prefix(3))")
    if let count { #expect(report.rederived.count == count, "\(what): \(report.rederived)") }
    let after = try RunVerification.verify(run, isDeep: true)
    #expect(after.isClean, "\(what): \(after.problems.prefix(3))")
    #expect(try end(run) == wanted, "\(what)")
  }

  /// In every log every third record, from each of three places on: so all of them, and the rest of a
  /// chunk says who sampled it.
  @Test(arguments: Kind.allCases) func everyRecordComesBack(kind: Kind) throws {
    let folder = try stopped(Self.keys + kind.keys)
    let wanted = try end(try folder.directory.copy("end"))
    for offset in 0..<3 {
      let run = try folder.directory.copy("\(offset)")
      var places: [(Log, RecordKey)] = []
      for log in Log.allCases {
        for (index, key) in try run.keys(log).enumerated() where index % 3 == offset {
          places.append((log, key))
        }
      }
      try run.damage(places)
      try expectWhole(run, wanted, "\(kind) \(offset)", count: places.count)
    }
  }

  /// All rollouts of a step, so that no other of their chunks vouches for them, and whole logs.
  @Test(arguments: Kind.allCases) func aWholeLogComesBack(kind: Kind) throws {
    let folder = try stopped(Self.keys + kind.keys)
    let wanted = try end(try folder.directory.copy("end"))
    for log in Log.allCases {
      let run = try folder.directory.copy("\(log)")
      var keys = try run.keys(log)
      if log == .rollouts { keys = keys.filter { (6..<12).contains($0.id) } }
      // Prompts and decisions at once leave no trace of a wave; each alone does.
      try run.damage(keys.map { (log, $0) })
      try expectWhole(run, wanted, "\(kind) \(log)", count: keys.count)
    }
  }

  /// The demand of a wave that is not emitted yet, damaged; its like in the assembler's state.
  @Test func aDemandThatNobodyHasAnsweredComesBack() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(
      try folder.definition(Self.keys + Kind.waves.keys), at: folder.directory)
    do {
      let run = try Run(opening: folder.directory)
      _ = try work(run, [.reader, .rollout, .verifier, .gate])
      _ = try work(run, [.loss])
    }
    let demands = try folder.directory.keys(.demands)
    try #require(demands == [RecordKey(0, part: 1)])
    let wanted = try end(try folder.directory.copy("end"))
    let run = try folder.directory.copy("damaged")
    try run.damage(.demands, demands[0])
    #expect(try !RunVerification.verify(run).isClean)
    try expectWhole(run, wanted, "demand", count: 1)
  }

  /// What the steps that are gone would be needed for is named; everything else comes back.
  @Test(arguments: [Kind.plain, .waves, .quantiles, .critic, .lag])
  func aTrimmedRunIsMendedOrSaysWhatItLacks(kind: Kind) throws {
    let folder = try stopped(
      [
        statedBound, ("steps", "9"), ("checkpoint.every", "3"), ("checkpoint.keep", "1"),
        ("retention.steps", "2"),
      ] + kind.keys.filter { $0.0 != statedBound.0 || kind == .lag }, groups: 60)
    let base = try Run(opening: folder.directory).ledger.base
    #expect(base.step > 0)
    let wanted = try end(try folder.directory.copy("end"))
    var mended = 0
    for log in Log.allCases {
      for key in Set([try folder.directory.keys(log).first, try folder.directory.keys(log).last]) {
        guard let key else { continue }
        let run = try folder.directory.copy("\(log)-\(key)")
        try run.damage(log, key)
        let report = try RunRepair.repair(run, isDry: false)
        if report.isWhole {
          mended += 1
          #expect(try end(run) == wanted, "\(kind) \(log)/\(key)")
        } else {
          // Weights before the oldest checkpoint are gone.
          #expect([.updates, .rollouts].contains(log), "\(kind): \(report.remaining)")
          #expect(report.remaining.map(\.location) == ["\(log)/\(key)"], "\(report.remaining)")
          #expect(report.remaining[0].problem.contains("checkpoint"), "\(report.remaining)")
        }
      }
    }
    #expect(mended >= 8)
  }

  @Test func aForkMendsItsOwnAndNamesWhatItTookOver() throws {
    let folder = try stopped(Self.keys, groups: 30)
    let others: [(String, [(String, String)])] = [
      ("same", []), ("waves", [("data.prompts_per_step", "4")]), ("critic", Kind.critic.keys),
    ]
    for (name, keys) in others {
      let fork = RunDirectory("\(folder.folder)/\(name)")
      do {
        let source = try Run(opening: folder.directory)
        try RunBranch(source, at: 2).create(at: fork, try folder.definition(Self.keys + keys))
      }
      try goOn(fork, limit: 8)
      let wanted = try end(try fork.copy("end"))
      let own = try fork.copy("own")
      var places: [(Log, RecordKey)] = []
      for log in [Log.prompts, .rollouts, .verdicts, .decisions] {
        places.append((log, RecordKey(13)))
      }
      places += [(.batches, RecordKey(2)), (.updates, RecordKey(2))]
      try own.damage(places)
      try expectWhole(own, wanted, name, count: places.count)

      let taken = try fork.copy("taken")
      try taken.damage(.verdicts, RecordKey(3))
      try taken.damage(.batches, RecordKey(1))
      let report = try RunRepair.repair(taken, isDry: false)
      #expect(Set(report.remaining.map(\.location)) == ["verdicts/3", "batches/1"], "\(name)")
      #expect(report.remaining.allSatisfy { $0.problem.contains("forked") }, "\(name)")
    }
  }

  /// A stage that ran again kept what is upstream of it: made under the same definition it comes back,
  /// made under another one it is named.
  @Test(arguments: [false, true]) func aStageAgainKeepsWhatIsUpstream(changed: Bool) throws {
    let folder = try stopped(Self.keys, groups: 30)
    let fork = RunDirectory("\(folder.folder)/fork")
    do {
      let source = try Run(opening: folder.directory)
      let keys = changed ? [("optimizer.learning_rate", "0.02")] : []
      try RunBranch(source, again: .gate, from: 15).create(
        at: fork, try folder.definition(Self.keys + keys))
    }
    // Under another definition the rollouts that were kept are off-policy, and refused.
    let wanted = changed ? [] : try end(try fork.copy("end"))
    for (log, key) in [(Log.verdicts, RecordKey(16)), (.rollouts, RecordKey(13))] {
      let run = try fork.copy("\(log)")
      try run.damage(log, key)
      if changed {
        let report = try RunRepair.repair(run, isDry: false)
        #expect(report.remaining.map(\.location) == ["\(log)/\(key)"])
        #expect(report.remaining.allSatisfy { $0.problem.contains("definition") })
      } else {
        try expectWhole(run, wanted, "\(log)", count: 1)
      }
    }
  }

  /// Worker 2 has written beyond a gap that worker 1 is to fill.
  @Test func whatAWorkerWroteBeyondAGapIsMended() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let keys = Self.keys + [("data.prompts_per_step", "14")]
    try Run.create(try folder.definition(keys), at: folder.directory)
    do {
      let run = try Run(opening: folder.directory)
      _ = try work(run, [.reader])
      let session = try RunSession(
        run, stages: [.rollout], publishes: true, interruption: Interruption(),
        share: WorkShare(worker: 2, of: 2))
      _ = try session.work()
      #expect(try run.ledger.head(.rollouts) == 0)
    }
    let wanted = try end(try folder.directory.copy("end"))
    let run = try folder.directory.copy("damaged")
    try run.damage([(.rollouts, RecordKey(5)), (.rollouts, RecordKey(13))])
    try expectWhole(run, wanted, "workers", count: 2)
  }

  /// Rollouts of a version that is not their step's: the rest of the chunk says which; without it nothing
  /// does.
  @Test func rolloutsAheadComeBackWhileTheirChunkSaysWhoSampledThem() throws {
    let folder = try TemporaryRun(prompts: sums(20))
    try Run.create(try folder.definition(Self.keys), at: folder.directory)
    do {
      let run = try Run(opening: folder.directory)
      for stage in [StageName.reader, .rollout] {
        let session = try RunSession(
          run, stages: [stage], publishes: true, interruption: Interruption(), ahead: 3)
        _ = try session.work()
        run.ledger.releaseClaims()
      }
      #expect(try run.ledger.head(.rollouts) == 18)
    }
    // The bound that is stated is wide enough for nothing off-policy: so nobody trains on them here.
    let before = try digests(try Queue.open(at: folder.directory.queue, access: .readOnly))
    let part = try folder.directory.copy("part")
    try part.damage([(.rollouts, RecordKey(8)), (.rollouts, RecordKey(17))])
    #expect(try RunRepair.repair(part, isDry: false).isWhole)
    #expect(try digests(try Queue.open(at: part.queue, access: .readOnly)) == before)
    let whole = try folder.directory.copy("whole")
    try whole.damage((12..<16).map { (.rollouts, RecordKey($0)) })
    let report = try RunRepair.repair(whole, isDry: false)
    #expect(report.remaining.count == 4, "\(report.remaining)")
    #expect(report.remaining.allSatisfy { $0.problem.contains("ahead") }, "\(report.remaining)")
  }

  /// Sound records that contradict each other: no repair knows which one is right, and it says so.
  @Test func recordsThatDisagreeAreNamedByARepair() throws {
    let folder = try stopped(Self.keys)
    do {
      let queue = try Queue.open(at: folder.directory.queue)
      let key = RecordKey(10)
      var record = try #require(
        try queue.read { try $0.record(VerdictRecord.self, .verdicts, key) })
      record.verdicts.removeLast()
      try queue.write(claims: []) { [record] transaction in
        try transaction.setAside(.verdicts, key, reason: "forged")
        try transaction.put(record, .verdicts, key)
      }
    }
    for isDry in [true, false] {
      let report = try RunRepair.repair(folder.directory, isDry: isDry)
      #expect(report.remaining.map(\.location) == ["verdicts/10"], "\(report)")
    }
  }

  @Test func aDamagedEvaluationIsNamedAndPutAsideWhereTheRunMakesItAgain() throws {
    let folder = try stopped(Self.keys)
    let run = folder.directory
    for name in ["0-sums", "3-sums"] {
      let evaluation = RunDirectory("\(run.evaluations)/\(name)")
      try FileManager.default.createDirectory(
        atPath: evaluation.path, withIntermediateDirectories: true)
      do {
        let queue = try Queue.create(at: evaluation.queue, identity: "evaluation")
        try queue.write(claims: []) { transaction in
          for (index, prompt) in sums(4).enumerated() {
            try transaction.put(
              PromptRecord(
                step: 0, wave: 0, epoch: 0, position: UInt64(index), dataset: 0, rollouts: 2,
                prompt: prompt), .prompts, RecordKey(UInt64(index)))
          }
        }
      }
    }
    #expect(try RunVerification.verify(run).isClean)
    for name in ["0-sums", "3-sums"] {
      try RunDirectory("\(run.evaluations)/\(name)").damage(.prompts, RecordKey(2))
    }
    let found = try RunVerification.verify(run)
    #expect(
      found.problems.map(\.location) == [
        "evaluations/0-sums/prompts/2", "evaluations/3-sums/prompts/2",
      ])
    #expect(found.problems.allSatisfy { $0.remedy.contains("queue repair \(run.path)") })
    #expect(try RunRepair.repair(run, isDry: true).restored.count == 1)
    let report = try RunRepair.repair(run, isDry: false)
    #expect(report.restored.map(\.location) == ["evaluations/0-sums"], "\(report)")
    #expect(report.remaining.map(\.location) == ["evaluations/3-sums"], "\(report)")
    let place = "\(run.evaluations)/0-sums"
    #expect(try FileManager.default.contentsOfDirectory(atPath: place) == ["queue.damaged-1"])
    #expect(
      try RunVerification.verify(run).problems.map(\.location) == ["evaluations/3-sums/prompts/2"])
  }
}
