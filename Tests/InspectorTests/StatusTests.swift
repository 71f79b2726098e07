import Foundation
import Inspector
import Records
import Testing

@Suite("Status of a run")
struct StatusTests {
  /// A copy of the sample, which the object's own writer does not hold open.
  private func copied(_ body: (String) throws -> Void) throws {
    let copy: String
    do {
      let sample = try SampleRun()
      copy = sample.folder + "-status"
      try FileManager.default.copyItem(atPath: sample.folder, toPath: copy)
    }
    defer {
      do { try FileManager.default.removeItem(atPath: copy) } catch { print("left: \(copy)") }
    }
    try body(copy)
  }

  /// Turns as the runner notes them; the reader's last one made groups 3 to 5.
  private static let activity = """
    {"stage":"reader","process":1,"start":1000,"end":1001,"groups":3,"step":0,"queued":0}
    {"stage":"rollout","process":1,"start":1001,"end":1003,"groups":3,"step":0,"queued":0}
    {"stage":"verifier","process":1,"start":1003,"end":1003.5,"groups":3,"step":0,"queued":0}
    {"stage":"optimizer","process":1,"start":1004,"end":1006,"groups":3,"step":0,"queued":0}
    {"stage":"reader","process":1,"start":1006,"end":1007,"groups":3,"step":1,"queued":0}
    {"stage":"rollout","process":1,"start":1007,"end":1011,"groups":2,"step":1,"queued":1}
    {"stage":"gate","process":1,"start":1012,"end":1012,"groups":5,"step":1,"queued":0}
    {"stage":"optimizer","process":1,"start":1012,"end":1014,"groups":3,"step":1,"queued":0}
    {"stage":"optim
    """

  @Test("rates, ages and the end come from the activity log where there is one")
  func activity() throws {
    try copied { folder in
      try FileManager.default.createDirectory(
        atPath: "\(folder)/logs", withIntermediateDirectories: true)
      try Data(Self.activity.utf8).write(
        to: URL(fileURLWithPath: "\(folder)/logs/activity.jsonl"))
      let run = try StoredRun(opening: folder)
      let status = try run.status(now: Date(timeIntervalSince1970: 1020), explains: true)
      let stages = Dictionary(uniqueKeysWithValues: status.stages.map { ($0.name, $0) })
      // 5 groups in 2 + 4 seconds; 2 steps in 2 + 2.
      #expect(stages["rollout"]?.rate == 5.0 / 6)
      #expect(stages["optimizer"]?.rate == 0.5)
      #expect(stages["gate"]?.rate == nil)
      // Group 5 waits for its rollouts since the reader's last turn.
      #expect(stages["rollout"]?.oldestSeconds == 13)
      #expect(stages["rollout"]?.oldestIsBound == false)
      #expect(stages["verifier"]?.oldestSeconds == nil)
      // From 1006 to 1014, and none of the four steps is committed in the queue.
      #expect(status.secondsPerStep == 8 && status.etaSeconds == 32)
      let rate = status.explain?.first { $0.number.hasPrefix("rollout rate") }
      #expect(rate?.record == "logs/activity.jsonl, last 2 turns")
    }
  }

  @Test("without it an age is a bound, and what nothing says is not there")
  func noActivity() throws {
    try copied { folder in
      let status = try StoredRun(opening: folder).status(now: Date(timeIntervalSinceNow: 60))
      let rollout = try #require(status.stages.first { $0.name == "rollout" })
      #expect(rollout.queued == 1 && rollout.oldestIsBound)
      #expect((rollout.oldestSeconds ?? 0) >= 60)
      #expect(rollout.rate == nil && status.etaSeconds == nil && status.explain == nil)
      #expect(rollout.total == 256 && status.stages.last?.total == 4)
      // The newest verdict that is none, and where it stands.
      let error = try #require(status.lastError)
      #expect(error.stage == "verifier" && error.problem == "timeout" && error.group == 4)
      #expect(error.record == "verdicts/4")
    }
  }
}
