import Foundation
import Records
import Stages
import Testing

@Suite struct ActivityTests {
  private func all(_ log: ActivityLog) throws -> [StageActivity] {
    var activities: [StageActivity] = []
    try log.forEachTurn { activities.append($0) }
    return activities
  }

  @Test func everyTurnThatMadeSomethingIsNoted() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create()
    let before = Date().timeIntervalSince1970
    let session = try RunSession(
      run, stages: StageName.allCases, publishes: false, interruption: Interruption())
    _ = try session.work()
    let noted = try all(folder.directory.activity)
    for stage in StageName.allCases {
      let own = noted.filter { $0.stage == stage.rawValue }
      // Three steps of six groups.
      #expect(own.reduce(0) { $0 + $1.groups } == (stage == .optimizer ? 3 : 18), "\(stage)")
      #expect(Set(own.map(\.step)) == [0, 1, 2], "\(stage)")
      #expect(own.last?.queued == 0)
      #expect(zip(own, own.dropFirst()).allSatisfy { $0.end <= $1.start }, "\(stage)")
    }
    #expect(noted.allSatisfy { $0.process == getpid() && $0.start <= $0.end })
    #expect(noted[0].start >= before - 1 && noted[0].end <= Date().timeIntervalSince1970 + 1)
    // Chunks of four groups: while the first is sampled, two of six wait.
    #expect(noted.first { $0.stage == "rollout" }?.queued == 2)
    let times = try folder.directory.activity.stepTimes()
    #expect(times.keys.sorted() == [0, 1, 2] && times[0]! < times[2]!)
  }

  @Test func whatAStageDoesInAProcessOfItsOwnIsNotedToo() throws {
    let folder = try TemporaryRun(prompts: sums(18))
    let run = try folder.create()
    for stage in [StageName.reader, .rollout] {
      let session = try RunSession(
        run, stages: [stage], publishes: true, interruption: Interruption())
      _ = try session.work()
      run.ledger.releaseClaims()
    }
    let noted = try all(folder.directory.activity)
    #expect(noted.map(\.stage) == ["reader", "rollout", "rollout"])
    #expect(noted.map(\.groups) == [6, 4, 2] && noted.allSatisfy { $0.step == 0 })
  }

  private func activity(_ number: Int) -> StageActivity {
    StageActivity(
      stage: "gate", process: 7, start: Double(number), end: Double(number) + 0.5,
      groups: 1, step: nil, queued: 0)
  }

  @Test func tornAndForeignLinesAreIgnored() throws {
    let folder = try TemporaryRun(prompts: sums(1))
    let path = folder.folder + "/activity.jsonl"
    let log = ActivityLog(path: path)
    #expect(try all(log).isEmpty)
    try log.note([activity(1)])
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.seekToEnd()
    for line in [
      #"{"stage":"gate","process":7,"sta"#, "", "\0\0\0",
      #"{"stage":"x","process":7,"start":1,"end":2,"groups":1,"queued":0}"#,
      #"{"stage":"gate","process":7,"start":2,"end":1,"groups":1,"queued":0}"#,
      #"{"stage":"gate","process":7,"start":1,"end":2,"groups":-1,"queued":0}"#,
      #"{"stage":"gate","process":1e99,"start":1,"end":2,"groups":1,"queued":0}"#,
    ] { try file.write(contentsOf: Data((line + "\n").utf8)) }
    try log.note([activity(2)])
    #expect(try all(log) == [activity(1), activity(2)])
  }

  @Test func theFileDoesNotGrowWithoutEnd() throws {
    let folder = try TemporaryRun(prompts: sums(1))
    let path = folder.folder + "/activity.jsonl"
    let log = ActivityLog(path: path, longest: 2000)
    for number in 0..<500 { try log.note([activity(number)]) }
    let kept = try all(log)
    // The newest, without a gap.
    let last = try #require(kept.last)
    #expect(last == activity(499) && kept == (500 - kept.count..<500).map(activity))
    #expect(kept.count > 20)
    let bytes = try ["", ".1"].reduce(0) { sum, end in
      sum + (try Data(contentsOf: URL(fileURLWithPath: path + end)).count)
    }
    #expect(bytes < 2 * 2200)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.folder).count == 3)
  }
}
