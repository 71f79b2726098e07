import Conditions
import Foundation
import Inspector
import Queue
import Records
import Testing

@Suite("Stored runs")
struct StoredRunTests {
  /// LMDB opens an environment once a process, so the writer's handle goes first.
  private func closed(_ body: (String) throws -> Void) throws {
    let folder: String
    var sample: SampleRun? = try SampleRun()
    folder = sample?.folder ?? ""
    let copy = folder + "-read"
    try FileManager.default.copyItem(atPath: folder, toPath: copy)
    sample = nil
    defer {
      do { try FileManager.default.removeItem(atPath: copy) } catch { print("left: \(copy)") }
    }
    try body(copy)
  }

  private func listed(
    _ run: StoredRun, _ condition: String? = nil, from: GroupID = 0
  ) throws -> [GroupSummary] {
    var groups: [GroupSummary] = []
    let query = try GroupQuery(where: condition.map { try Condition(onGroups: $0) }, from: from)
    try run.list(query) { groups.append($0.summary) }
    return groups
  }

  @Test("a list holds every group with its fate, also of stages that have not come to it")
  func list() throws {
    try closed { folder in
      let groups = try listed(StoredRun(opening: folder))
      #expect(groups.map(\.group) == Array(0..<6))
      #expect(
        groups.map(\.fate)
          == [.reinforced, .imitated, .dropped, .reinforced, .dropped, .prompted])
      #expect(groups.map(\.solved) == [1, 0, nil, 2, 1, nil])
      #expect(groups[4].rewards == [1, nil])
      #expect(groups[2].reason == "prompt-too-long")
      #expect(groups[0].lengths == [3, 2])
    }
  }

  @Test("a group that the assembler dropped is dropped, with its reason")
  func assemblerDrops() throws {
    let sample = try SampleRun()
    try sample.queue.write(claims: []) { transaction in
      try transaction.put(
        LossBatchRecord(
          step: 0, firstGroup: 0, endGroup: 3, groups: [],
          drops: [LossDrop(group: 0, reason: "surplus")], updates: [], metrics: []),
        .batches, RecordKey(0))
    }
    let copy = sample.folder + "-read"
    try FileManager.default.copyItem(atPath: sample.folder, toPath: copy)
    defer {
      do { try FileManager.default.removeItem(atPath: copy) } catch { print("left: \(copy)") }
    }
    let run = try StoredRun(opening: copy)
    let groups = try listed(run)
    #expect(groups[0].fate == .dropped && groups[0].reason == "surplus")
    #expect(groups[1].fate == .imitated && groups[3].fate == .reinforced)
    let view = try run.group(0)
    #expect(view.fate == .dropped && view.rollouts.allSatisfy { $0.trains == false })
  }

  @Test("filters by step, source, first group and number")
  func filters() throws {
    try closed { folder in
      let run = try StoredRun(opening: folder)
      #expect(try listed(run, "step = 1").map(\.group) == [3, 4, 5])
      #expect(try listed(run, "step = 7").isEmpty)
      #expect(try listed(run, "source = addition").map(\.group) == [0, 2, 4])
      #expect(try listed(run, "step = 1", from: 4).map(\.group) == [4, 5])
      #expect(try run.list(GroupQuery(limit: 2)) { _ in } == (6, true))
      #expect(try run.list(GroupQuery(limit: 6)) { _ in } == (6, false))
    }
  }

  @Test("a group is decoded with the run's own tokenizer, tokens on demand")
  func group() throws {
    try closed { folder in
      let run = try StoredRun(opening: folder)
      let view = try run.group(0, tokens: true)
      #expect(view.prompt == SampleRun.hostile)
      #expect(view.rollouts.map(\.text) == ["3-", "12"])
      #expect(view.rollouts.map(\.finish) == ["stop", "length"])
      #expect(view.rollouts[0].logProbability == -1.75)
      #expect(view.rollouts[0].verdict?.extracted == "3")
      #expect(view.demonstrations.map(\.text) == ["#2"])
      #expect(view.rollouts[0].tokens?.map(\.text) == ["3", "-", "<|end|>"])
      #expect(view.rollouts[0].tokens?[2].quantities == ["entropy": 1.5])
      #expect(try run.group(1).rollouts[0].tokens == nil)
      #expect(try run.group(1).demonstrations[0].trains == true)
      #expect(try run.group(4).rollouts[1].verdict?.error == "timeout")
      #expect(try run.group(5).demonstrations[0].text == "#6")
    }
  }

  @Test("a group that is not there is named, with those that are")
  func missingGroup() throws {
    try closed { folder in
      let run = try StoredRun(opening: folder)
      let error = #expect(throws: InspectorError.self) { try run.group(6) }
      #expect(error?.code == .noGroup)
      #expect(error?.problem == "the run has the groups 0 to 5")
    }
  }

  @Test("a record that is missing among others is damage, not a shorter list")
  func missingRecord() throws {
    try closed { folder in
      do {
        let queue = try Queue.open(at: folder + "/queue")
        try queue.write(claims: []) { try $0.setAside(.prompts, RecordKey(2), reason: "test") }
      }
      let run = try StoredRun(opening: folder)
      let error = #expect(throws: InspectorError.self) { try listed(run) }
      #expect(error?.code == .damaged && error?.location == "prompts/2")
      #expect(error?.exitStatus == .corrupt)
    }
  }

  @Test("statistics count each group once")
  func statistics() throws {
    try closed { folder in
      let statistics = try StoredRun(opening: folder).statistics()
      let overall = statistics.overall
      #expect(overall.groups == 6)
      #expect(overall.fates == ["reinforced": 2, "imitated": 1, "dropped": 2, "prompted": 1])
      #expect(overall.verifierErrors == 1)
      #expect(overall.rewards == 7 && overall.rewardSum == 4)
      #expect(overall.lengths.count == 8 && overall.cut == 4)
      #expect(statistics.steps.map(\.part.groups) == [3, 3])
      #expect(statistics.dropReasons == ["prompt-too-long": 1, "verifier-error: timeout": 1])
      #expect(statistics.errors == ["timeout": 1])
      #expect(
        statistics.verdictRules == ["integer-equal": 4, "no-answer": 3, "error": 1])
      #expect(statistics.bySource["subtraction"]?.share == 0.5)
      #expect(statistics.storage.first { $0.log == "prompts" }?.records == 6)
    }
  }

  @Test("the status of a killed run tells each stage's queue")
  func status() throws {
    try closed { folder in
      let status = try StoredRun(opening: folder).status()
      #expect(status.state == .stopped)
      #expect(status.definition == "sample" && status.steps == 4 && status.step == 0)
      #expect(
        status.stages.map(\.name) == [
          "reader", "rollout", "verifier", "gate", "loss", "optimizer",
        ])
      #expect(status.stages.map(\.queued) == [0, 1, 0, 0, 2, 0])
      #expect(status.stages.allSatisfy { $0.pid == nil })
    }
  }

  @Test("a held stage shows with its process, and looking does not disturb it")
  func holder() throws {
    let sample = try SampleRun()
    let claim = try sample.queue.claim(stage: "gate")
    // LMDB opens an environment once a process: the copy's locks are the original's files.
    let copy = sample.folder + "-held"
    let manager = FileManager.default
    try manager.createDirectory(atPath: copy, withIntermediateDirectories: true)
    for name in ["pipeline.yaml", "queue", "checkpoints"] {
      try manager.copyItem(atPath: "\(sample.folder)/\(name)", toPath: "\(copy)/\(name)")
    }
    try manager.createSymbolicLink(
      atPath: "\(copy)/locks", withDestinationPath: "\(sample.folder)/locks")
    defer { do { try manager.removeItem(atPath: copy) } catch { print("left: \(copy)") } }
    let status = try StoredRun(opening: copy).status()
    #expect(status.state == .running)
    #expect(status.stages.compactMap(\.pid) == [Int(getpid())])
    #expect(claim.epoch == 1)
  }

  @Test("an evaluation is opened by its folder and uses the run's tokenizer")
  func evaluation() throws {
    try closed { folder in
      let place = "\(folder)/evaluations/4-addition"
      let manager = FileManager.default
      try manager.createDirectory(atPath: place, withIntermediateDirectories: true)
      try manager.moveItem(atPath: "\(folder)/queue", toPath: "\(place)/queue")
      let run = try StoredRun(opening: place)
      #expect(run.isEvaluation)
      #expect(try run.group(3).rollouts[0].text == "3-")
      let error = #expect(throws: InspectorError.self) { try run.status() }
      #expect(error?.code == .noRun)
    }
  }

  @Test("what is no run is called so")
  func noRun() {
    let missing = NSTemporaryDirectory() + "/no-such-run"
    let error = #expect(throws: InspectorError.self) { try StoredRun(opening: missing) }
    #expect(error?.code == .noRun && error?.exitStatus == .usage)
    let other = #expect(throws: InspectorError.self) {
      try StoredRun(opening: NSTemporaryDirectory())
    }
    #expect(other?.problem == "it is not a run: it holds no queue")
  }
}
