import Conditions
import Foundation
import Inspector
import Queue
import Records
import Testing
import Tokenizer

/// What the index answers is what the records say, whatever has happened to run and index since.
@Suite("Index of groups")
struct GroupIndexTests {
  /// A run whose groups vary in everything that is indexed.
  private final class VariedRun {
    let folder: String
    static let rules = ["integer-equal", "no-answer", "fallback", "boxed-equal"]

    init(groups: UInt64, seed: UInt64 = 1) throws {
      folder = NSTemporaryDirectory() + "/index-tests-\(UUID().uuidString)"
      try FileManager.default.createDirectory(
        atPath: "\(folder)/checkpoints/0", withIntermediateDirectories: true)
      let json = CharacterTokenizer.json(
        characters: Array("0123456789+-=# \n"), specials: ["<|end|>"])
      try Data(json.utf8).write(
        to: URL(fileURLWithPath: "\(folder)/checkpoints/0/tokenizer.json"))
      let definition = """
        name: varied
        steps: 4
        model: {tokenizer: t}
        data: {prompts: d}
        algorithm: {name: hpt}
        """
      try Data(definition.utf8).write(to: URL(fileURLWithPath: "\(folder)/pipeline.yaml"))
      let queue = try Queue.create(at: "\(folder)/queue", identity: "varied")
      try Self.write(0..<groups, to: queue, seed: seed)
    }

    deinit {
      do { try FileManager.default.removeItem(atPath: folder) } catch { print("left: \(folder)") }
    }

    /// Opens the queue for writing, and closes it.
    func write(_ groups: Range<UInt64>, seed: UInt64 = 1) throws {
      try Self.write(groups, to: try Queue.open(at: "\(folder)/queue"), seed: seed)
    }

    /// Groups from the end on have lost their verdicts and decisions; the last ones are prompts alone.
    private static func write(_ groups: Range<UInt64>, to queue: Queue, seed: UInt64) throws {
      try queue.write(claims: []) { transaction in
        for group in groups {
          var numbers = Numbers(seed: seed &* 1_000_003 &+ group)
          let key = RecordKey(group)
          let left = groups.upperBound - group
          try transaction.put(prompt(group, &numbers), .prompts, key)
          guard left > 3 else { continue }
          let lengths = (0..<numbers.below(5)).map { _ in 1 + numbers.below(9) }
          try transaction.put(rollouts(lengths, &numbers), .rollouts, key)
          guard left > 6 else { continue }
          let verdicts = lengths.map { _ in verdict(&numbers) }
          try transaction.put(VerdictRecord(verdicts: verdicts, seconds: []), .verdicts, key)
          guard left > 9 else { continue }
          try transaction.put(decision(verdicts, &numbers), .decisions, key)
        }
      }
    }

    private static func prompt(_ group: UInt64, _ numbers: inout Numbers) -> PromptRecord {
      let level = numbers.below(4)
      return PromptRecord(
        step: group / 50, wave: UInt32(numbers.below(2)), epoch: group / 100, position: group,
        dataset: 0, rollouts: 4,
        prompt: Prompt(
          id: "q-\(numbers.below(300))", content: .text("\(group)+1="), groundTruth: "\(group + 1)",
          source: ["addition", "subtraction", "Größe \u{202E}"][numbers.below(3)],
          tags: level == 0 ? [:] : ["level": "\(level)"]))
    }

    private static func rollouts(_ lengths: [Int], _ numbers: inout Numbers) -> RolloutRecord {
      RolloutRecord(
        policyVersion: 0, weightsDigest: Array(repeating: 0, count: 32), promptTokens: [1],
        demonstrations: [],
        rollouts: lengths.map { length in
          Trajectory(
            tokens: (0..<length).map { _ in Int32(numbers.below(10)) },
            logProbabilities: Array(repeating: -1, count: length),
            finish: numbers.below(2) == 0 ? .stop : .length)
        })
    }

    private static func verdict(_ numbers: inout Numbers) -> Verdict {
      let rule = rules[numbers.below(4)]
      if numbers.below(10) == 0 { return Verdict(outcome: .error("timeout"), rule: "error") }
      let rewards = [0, 1, 0.5, -0.25]
      return Verdict(
        outcome: .scored(reward: rewards[numbers.below(4)], components: []), extracted: "7",
        rule: rule)
    }

    private static func decision(_ verdicts: [Verdict], _ numbers: inout Numbers) -> DecisionRecord
    {
      let solved = UInt32(verdicts.count { $0.isRight })
      let total = UInt32(verdicts.count)
      guard numbers.below(4) > 0 else {
        return DecisionRecord(
          kept: [], demonstration: .unused, rolloutWeight: 0, demonstrationWeight: 0,
          solved: solved,
          total: total, drop: "because \(numbers.below(3))", rule: "drop")
      }
      let isImitated = solved == 0
      return DecisionRecord(
        kept: isImitated ? [] : Array(0..<total), demonstration: isImitated ? .imitated : .unused,
        rolloutWeight: 1, demonstrationWeight: 1, solved: solved, total: total, drop: nil,
        rule: isImitated ? "sft" : "rl")
    }
  }

  /// SplitMix64.
  private struct Numbers {
    var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func below(_ bound: Int) -> Int {
      state &+= 0x9E37_79B9_7F4A_7C15
      var mixed = state
      mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
      mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
      return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
  }

  private static let conditions = [
    "reward = 1", "reward = 1 and length > 4", "reward < 0 or reason = timeout", "step >= 3",
    "not reward = 1", "question = q-17", "id in (q-1, q-2, 'q-250')", "source ~ ÖSSE",
    "level in (1, 3) and not source = addition", "fate = dropped and drop !~ '1'", "accuracy > 0.4",
    "finish = length and reason in (fallback, no-answer)", "trains = yes and rollout = 2",
    "not (reason = fallback or reason = no-answer)", "level", "not reward",
    "gate = sft and total = 3",
    "group >= 100 and group < 140 and wave = 1", "solved = total and total > 0",
    "text ~ '77' and reward = 1", "not text ~ '7'", "answer = 7 and not (text ~ '1' or step < 2)",
    "prompt ~ '99+' or truth = 3", "reward = 1 and not text", "policy = 0 and rollouts = 4",
  ].filter { !$0.contains("solved = total") }

  private func groups(
    _ run: StoredRun, _ condition: String, limit: Int = .max
  ) throws -> [GroupMatches.Match] {
    try run.groups(GroupQuery(where: Condition(onGroups: condition), limit: limit)).matches
  }

  /// What the records say, group by group and rollout by rollout, without any index.
  private func expected(_ run: StoredRun, _ text: String) throws -> [GroupMatches.Match] {
    let condition = try Condition(onGroups: text)
    var found: [GroupMatches.Match] = []
    try run.list(GroupQuery()) { listed in
      let rows = max(1, listed.rollouts.count)
      let rollouts = try (0..<rows).filter { row in
        var values: [String: Condition.Value] = [:]
        for name in condition.fields {
          guard let field = GroupField.named(name) else { continue }
          let own = try listed.values(field)
          values[name] = field.isOfRollouts ? (row < own.count ? own[row] : nil) : own[0]
        }
        return condition.holds { values[$0] }
      }
      guard !rollouts.isEmpty else { return }
      found.append(.init(group: listed.summary.group, rollouts: rollouts))
    }
    return found
  }

  @Test("every condition finds what the records say, with the index new, known, and made in part")
  func conditions() throws {
    let varied = try VariedRun(groups: 240)
    for round in 0..<3 {
      let run = try StoredRun(opening: varied.folder)
      for condition in Self.conditions {
        #expect(try groups(run, condition) == expected(run, condition), "\(condition), \(round)")
      }
    }
    #expect(try !expected(StoredRun(opening: varied.folder), "reward = 1 and length > 4").isEmpty)
  }

  @Test("a run that grows, and one that is cut and goes on otherwise, are indexed again")
  func changes() throws {
    let varied = try VariedRun(groups: 120)
    func check(_ what: String) throws {
      let run = try StoredRun(opening: varied.folder)
      for condition in Self.conditions {
        #expect(try groups(run, condition) == expected(run, condition), "\(what): \(condition)")
      }
    }
    try check("new")
    try varied.write(120..<200)
    try check("grown")
    do {
      let queue = try Queue.open(at: "\(varied.folder)/queue")
      try queue.write(claims: []) { transaction in
        for log in [Log.prompts, .rollouts, .verdicts, .decisions] {
          try transaction.removeRecords(log, from: RecordKey(90))
        }
      }
    }
    // As many groups as before, with other contents: nothing but the revision tells.
    try varied.write(90..<200, seed: 2)
    try check("cut")
  }

  @Test(
    "a damaged, foreign or missing block is made anew; where nothing can be written, all is found")
  func damage() throws {
    let varied = try VariedRun(groups: 150)
    let place = varied.folder + "/index/0"
    let wanted = try expected(StoredRun(opening: varied.folder), "reward = 1")
    #expect(try groups(StoredRun(opening: varied.folder), "reward = 1") == wanted)
    let whole = try Data(contentsOf: URL(fileURLWithPath: place))
    var numbers = Numbers(seed: 5)
    for _ in 0..<200 {
      var bytes = whole
      bytes[numbers.below(bytes.count)] ^= UInt8(1 << numbers.below(8))
      try bytes.write(to: URL(fileURLWithPath: place))
      #expect(try groups(StoredRun(opening: varied.folder), "reward = 1") == wanted)
    }
    for length in [0, 3, 12, 40, whole.count / 2, whole.count - 1] {
      try whole.prefix(length).write(to: URL(fileURLWithPath: place))
      #expect(try groups(StoredRun(opening: varied.folder), "reward = 1") == wanted)
    }
    // A file where the folder should be: nothing can be written, whoever asks.
    try FileManager.default.removeItem(atPath: varied.folder + "/index")
    try Data("x".utf8).write(to: URL(fileURLWithPath: varied.folder + "/index"))
    let run = try StoredRun(opening: varied.folder)
    #expect(try groups(run, "reward = 1") == wanted)
    #expect(try groups(run, "reward = 1") == wanted)
  }

  @Test("order, direction, first group, what is passed over, and limit")
  func order() throws {
    let varied = try VariedRun(groups: 240)
    let run = try StoredRun(opening: varied.folder)
    let all = try groups(run, "reward = 1").map(\.group)
    func found(
      _ order: GroupField?, descends: Bool = false, from: GroupID = 0, skip: Int = 0,
      limit: Int = .max
    ) throws -> GroupMatches {
      try run.groups(
        GroupQuery(
          where: Condition(onGroups: "reward = 1"), order: order, descends: descends, from: from,
          skip: skip, limit: limit))
    }
    #expect(try found(nil, descends: true).matches.map(\.group) == all.reversed())
    #expect(try found(nil, from: 100).matches.map(\.group) == all.filter { $0 >= 100 })
    let part = try found(nil, skip: 3, limit: 4)
    #expect(part.matches.map(\.group) == Array(all.dropFirst(3).prefix(4)))
    #expect(part.total == all.count && part.hasMore)
    #expect(try !found(nil, skip: 3).hasMore)
    // Of several rollouts that match the longest counts, and groups of one length keep their order.
    var longest: [(group: GroupID, length: Int)] = []
    try run.list(GroupQuery()) { listed in
      let right = zip(listed.summary.rewards, listed.summary.lengths).filter { $0.0 == 1 }
      if let most = right.map(\.1).max() { longest.append((listed.summary.group, most)) }
    }
    let sorted = longest.sorted { ($1.length, $0.group) < ($0.length, $1.group) }.map(\.group)
    #expect(try found(.length, descends: true).matches.map(\.group) == sorted)
    #expect(
      try found(.length, descends: true, limit: 5).matches.map(\.group) == Array(sorted.prefix(5)))
    #expect(throws: InspectorError.self) { try GroupQuery(order: .source) }
  }

  @Test("what the gate did, question by question, is what the groups say")
  func gate() throws {
    let varied = try VariedRun(groups: 240)
    let run = try StoredRun(opening: varied.folder)
    let history = try run.gateHistory(line: 0.25)
    var fates: [UInt64: [GroupSummary.Fate]] = [:]
    typealias Name = GateHistory.QuestionName
    var courses: [Name: [(group: GroupID, step: UInt64, share: Double?)]] = [:]
    try run.list(GroupQuery()) { listed in
      let group = listed.summary
      fates[group.step, default: []].append(group.fate)
      let share = group.solved.flatMap { solved in
        group.total.flatMap { $0 == 0 ? nil : Double(solved) / Double($0) }
      }
      let name = Name(source: group.source, id: group.id)
      courses[name, default: []].append((group.group, group.step, share))
    }
    #expect(history.steps.count == fates.count)
    for step in history.steps {
      let own = fates[step.step] ?? []
      #expect(step.groups == own.count && step.sft == own.count { $0 == .imitated })
      #expect(step.dropped == own.count { $0 == .dropped })
    }
    #expect(history.questions.count == courses.count)
    #expect(history.questions.map(\.group) == history.questions.map(\.group).sorted())
    let cells = try run.gateCells(of: history.questions.map(\.name))
    for question in history.questions {
      let course = try #require(courses[question.name])
      let known = course.compactMap { look in look.share.map { (step: look.step, share: $0) } }
      #expect(question.firstSolved == known.first { $0.share > 0.25 }?.step)
      let flips = zip(known, known.dropFirst()).filter { $0.share > 0.25 && $1.share <= 0.25 }
      #expect(question.flippedBack == flips.map(\.1.step))
      #expect(cells[question.name]?.map(\.group) == course.map(\.group))
    }
    // Every group stands in one slice, and every right rollout.
    let parts = history.slices.flatMap(\.cells)
    #expect(parts.reduce(0) { $0 + $1.groups } == 240)
    #expect(
      parts.reduce(0) { $0 + $1.solved } == history.questions.reduce(0) { $0 + $1.solved })
    let binned = try #require(history.slices.first).binned(2, from: 0)
    #expect(binned.cells.map(\.step) == [0, 2, 4])
    let hardest = history.places(.hardest).map { history.questions[$0].accuracy ?? 2 }
    #expect(hardest == hardest.sorted())
  }
}
