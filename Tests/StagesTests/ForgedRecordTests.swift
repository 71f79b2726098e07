import Foundation
import Queue
import Records
import Stages
import Testing

/// Records that a broken program wrote: their checksums are sound, and what they say cannot be true.
/// Whoever reads one ends with an error that names it; nobody traps, and nobody goes on.
@Suite struct ForgedRecordTests {
  /// A change to one record, and the stage that reads it next.
  private struct Forgery {
    var what: String
    var reader: StageName
    /// The record that the error must name.
    var place: String
    /// What only who has the tokenizer, the model or the tokens at hand can tell.
    var isBeyondVerification = false
    var write: (Queue) throws -> Void

    var beyondVerification: Forgery {
      var copy = self
      copy.isBeyondVerification = true
      return copy
    }

    init<R: StoredRecord>(
      _ what: String, _ log: Log, _ type: R.Type, read reader: StageName, key: RecordKey,
      place: String? = nil, _ change: @escaping (inout R) throws -> Void
    ) {
      self.what = "\(log): \(what)"
      self.reader = reader
      self.place = place ?? "\(log)/\(key)"
      write = { queue in
        var record = try #require(try queue.read { try $0.record(R.self, log, key) })
        try change(&record)
        try queue.write(claims: []) { transaction in
          try transaction.setAside(log, key, reason: "forged")
          try transaction.put(record, log, key)
        }
      }
    }
  }

  private func expectErrors(
    _ keys: [(String, String)] = [], stoppedBefore stage: StageName, _ forgeries: [Forgery]
  ) throws {
    let folder = try TemporaryRun(prompts: sums(20))
    try Run.create(try folder.definition([statedBound] + keys), at: folder.directory)
    do {
      let run = try Run(opening: folder.directory)
      _ = try work(run, StageName.allCases.filter { $0 < stage && $0 != .optimizer })
    }
    for (number, forgery) in forgeries.enumerated() {
      let copy = RunDirectory("\(folder.folder)/copy-\(number)")
      try FileManager.default.copyItem(atPath: folder.directory.path, toPath: copy.path)
      try forgery.write(try Queue.open(at: copy.queue))
      let isFound = try !RunVerification.verify(copy).isClean
      #expect(isFound == !forgery.isBeyondVerification, "\(forgery.what)")
      var found: (any Error)?
      do {
        let run = try Run(opening: copy)
        _ = try work(run, [forgery.reader])
      } catch { found = error }
      let error = found as? any DescribedError
      #expect(error?.exitStatus == .corrupt, "\(forgery.what): \(String(describing: found))")
      let text = error?.description ?? ""
      #expect(text.contains(forgery.place) && text.contains("pipeline queue"), "\(text)")
    }
  }

  @Test func rolloutsBeforeTheVerifier() throws {
    func forged(
      _ what: String, _ change: @escaping (inout RolloutRecord) throws -> Void
    ) -> Forgery {
      Forgery(
        what, .rollouts, RolloutRecord.self, read: .verifier, key: RecordKey(3), change)
    }
    try expectErrors(
      stoppedBefore: .verifier,
      [
        forged("one fewer than was asked") { $0.rollouts.removeLast() },
        forged("one more than was asked") { $0.rollouts.append($0.rollouts[0]) },
        forged("a token beyond the vocabulary") { $0.rollouts[0].tokens[0] = 1 << 20 }
          .beyondVerification,
        forged("a token that is no id") { $0.rollouts[0].tokens[0] = -1 },
        forged("a prompt token that is no id") { $0.promptTokens[0] = -7 },
        forged("spans of other tokens") { $0.rollouts[0].spans = [Span(count: 99)] },
        forged("a log-probability short") { $0.rollouts[0].logProbabilities.removeLast() },
        forged("a quantity of other tokens") {
          $0.rollouts[0].quantities = [
            RecordedQuantity(name: "entropy", values: [1] + .init(repeating: 0, count: 99))
          ]
        },
        forged("a quantity twice") {
          let values = [Float](repeating: 0, count: $0.rollouts[0].tokens.count)
          $0.rollouts[0].quantities = [
            RecordedQuantity(name: "entropy", values: values),
            RecordedQuantity(name: "entropy", values: values),
          ]
        },
        forged("a refusal with rollouts") { $0.refusal = "prompt-too-long" },
        forged("half a digest") { $0.weightsDigest = [1, 2, 3] },
        forged("a version that no run reaches") { $0.policyVersion = .max },
        Forgery(
          "other rollouts asked", .prompts, PromptRecord.self, read: .verifier, key: RecordKey(3),
          place: "rollouts/3"
        ) { $0.rollouts += 1 },
        Forgery(
          "a wave that no step has", .prompts, PromptRecord.self, read: .verifier, key: RecordKey(3)
        ) { $0.wave = .max },
        Forgery(
          "a step that no run reaches", .prompts, PromptRecord.self, read: .verifier,
          key: RecordKey(3)
        ) { $0.step = .max },
      ])
  }

  @Test func verdictsBeforeTheGate() throws {
    func forged(
      _ what: String, _ change: @escaping (inout VerdictRecord) throws -> Void
    ) -> Forgery {
      Forgery(what, .verdicts, VerdictRecord.self, read: .gate, key: RecordKey(2), change)
    }
    func scored(_ reward: Double, _ part: Double = 0) -> Verdict {
      Verdict(
        outcome: .scored(reward: reward, components: [RewardComponent(name: "x", value: part)]),
        rule: "forged")
    }
    try expectErrors(
      stoppedBefore: .gate,
      [
        forged("one fewer than there are rollouts") { $0.verdicts.removeLast() },
        forged("one more than there are rollouts") { $0.verdicts.append(scored(1)) },
        forged("a reward that is no number") { $0.verdicts[0] = scored(.nan) },
        forged("an infinite part of a reward") { $0.verdicts[0] = scored(1, .infinity) },
      ])
  }

  @Test func decisionsBeforeTheAssembler() throws {
    func forged(
      _ what: String, _ change: @escaping (inout DecisionRecord) throws -> Void
    ) -> Forgery {
      Forgery(what, .decisions, DecisionRecord.self, read: .loss, key: RecordKey(4)) {
        // Whatever the gate decided, it starts from a group whose three rollouts all train.
        $0 = DecisionRecord(
          kept: [0, 1, 2], demonstration: .unused, rolloutWeight: 1, demonstrationWeight: 0,
          solved: 0, total: 3, drop: nil, rule: "rl")
        try change(&$0)
      }
    }
    try expectErrors(
      stoppedBefore: .loss,
      [
        forged("a rollout that is not there") { $0.kept = [0, 7] },
        forged("a rollout that is not there, and a total that says so") {
          $0.kept = [0, 7]
          $0.total = 8
        },
        forged("an idle rollout that is not there") { $0.idle = [.max] },
        forged("a rollout twice") { $0.kept = [0, 0] },
        forged("rollouts out of order") { $0.kept = [1, 0] },
        forged("kept and idle") { $0.idle = [1] },
        forged("more solved than there are") { $0.solved = 4 },
        forged("fewer rollouts than there are") {
          $0.kept = [0]
          $0.total = 1
        },
        forged("a weight that is no number") { $0.rolloutWeight = .nan },
        forged("dropped and trained") { $0.drop = "no reason" },
        Forgery(
          "of another step", .prompts, PromptRecord.self, read: .loss, key: RecordKey(4)
        ) { $0.step = 5 },
        Forgery(
          "a rollout gone after its verdict", .rollouts, RolloutRecord.self, read: .loss,
          key: RecordKey(4), place: "verdicts/4"
        ) { $0.rollouts.removeLast() },
        Forgery(
          "demonstrations judged that are not there", .verdicts, VerdictRecord.self, read: .loss,
          key: RecordKey(4)
        ) { $0.demonstrations = Array(repeating: $0.verdicts[0], count: 2) },
      ])
  }

  @Test func batchesBeforeTheOptimizer() throws {
    func forged(
      _ what: String, place: String? = nil,
      _ change: @escaping (inout LossBatchRecord) throws -> Void
    ) -> Forgery {
      Forgery(
        what, .batches, LossBatchRecord.self, read: .optimizer, key: RecordKey(0), place: place,
        change)
    }
    try expectErrors(
      stoppedBefore: .optimizer,
      [
        forged("an update of a group that is not there") { $0.updates[0][0] = 99 },
        forged("a group trained twice in an epoch") { $0.updates[0].append($0.updates[0][0]) },
        forged("an update of nothing") { $0.updates.append([]) },
        forged("no update") { $0.updates = [] },
        forged("a group of another batch") { $0.groups[0].group = 77 },
        forged("a group twice") { $0.groups[1].group = $0.groups[0].group },
        forged("a group that trains and is dropped") {
          $0.drops.append(LossDrop(group: $0.groups[0].group, reason: "surplus"))
        },
        forged("a rollout that is not there", place: "rollouts/") {
          $0.groups[0].rows[0].source = .rollout(99)
        },
        forged("a demonstration that is not there", place: "rollouts/") {
          $0.groups[0].rows[0].source = .demonstration(9)
        },
        forged("a rollout twice") { $0.groups[0].rows[1].source = $0.groups[0].rows[0].source },
        forged("a pair of rows that are not there") {
          $0.groups[0].pairs = [LossPair(chosen: 0, rejected: 9)]
        },
        forged("a row paired with itself") {
          $0.groups[0].pairs = [LossPair(chosen: 1, rejected: 1)]
        },
        forged("advantages of other tokens", place: "rollouts/") {
          $0.groups[0].rows[0].advantages = .init(repeating: 1, count: 99)
        }.beyondVerification,
        forged("returns of other tokens", place: "rollouts/") {
          $0.groups[0].rows[0].returns = [1, 2, 3, 4, 5, 6, 7, 8, 9]
        }.beyondVerification,
        forged("an advantage that is no number") {
          $0.groups[0].rows[0].advantages = [.nan]
        },
        forged("an infinite reward") { $0.groups[0].rows[0].reward = .infinity },
        forged("an infinite weight") { $0.groups[0].rolloutWeight = .infinity },
        forged("of no groups") { $0.endGroup = $0.firstGroup },
        forged("of groups up to the end of all") { $0.endGroup = .max },
        forged("of another step") { $0.step = 1 },
        Forgery(
          "a token beyond the vocabulary", .rollouts, RolloutRecord.self, read: .optimizer,
          key: RecordKey(0)
        ) { $0.rollouts[0].tokens[0] = 1 << 20 }.beyondVerification,
        Forgery(
          "no log-probabilities", .rollouts, RolloutRecord.self, read: .optimizer,
          key: RecordKey(0)
        ) { $0.rollouts[0].logProbabilities = [] }.beyondVerification,
      ])
  }
}
