public import Records
import Stages

/// The questions that two runs have both answered, and who solved what.
public struct RunDifference: Sendable, Equatable, Encodable {
  /// Right rollouts of one run to one question, over all times that it was asked.
  public struct Answers: Sendable, Equatable, Encodable {
    public var right = 0
    public var total = 0
    /// The first group that asked it.
    public var group: GroupID

    public var share: Double { Double(right) / Double(max(total, 1)) }
    public var isSolved: Bool { right > 0 }
  }

  public enum Outcome: String, Sendable, Equatable, CaseIterable, Encodable {
    case both
    case first
    case second
    case none
  }

  /// A question of both runs.
  public struct Question: Sendable, Equatable, Encodable {
    public var source: String
    public var id: String
    public var first: Answers
    public var second: Answers
    public var outcome: Outcome
    /// Share of right rollouts in the second run, less that in the first.
    public var change: Double

    init(_ key: Key, _ first: Answers, _ second: Answers) {
      (source, id) = (key.source, key.id)
      (self.first, self.second) = (first, second)
      change = second.share - first.share
      outcome =
        switch (first.isSolved, second.isSolved) {
        case (true, true): .both
        case (true, false): .first
        case (false, true): .second
        case (false, false): .none
        }
    }
  }

  struct Key: Hashable, Sendable {
    var source: String
    var id: String
  }

  /// What one run comes to.
  public struct Side: Sendable, Equatable, Encodable {
    public var run: String
    /// Questions with verdicts, and of them those that both runs have.
    public var questions: Int
    public var common: Int
    /// Of the common ones: those with a right rollout, and the mean share of right rollouts.
    public var solved: Int
    public var share: Double
  }

  public let first: Side
  public let second: Side
  /// Common questions by outcome.
  public let outcomes: [String: Int]
  /// The common questions that were asked for, by the size of the change, the largest first.
  public let questions: [Question]

  /// - Parameters:
  ///   - only: of all questions those with this outcome are listed; nil: those whose share differs.
  ///   - limit: most questions in the list.
  public init(
    _ first: RunAnswers, _ second: RunAnswers, only: Outcome? = nil, limit: Int = 20
  ) {
    let common = first.questions.compactMap { key, own in
      second.questions[key].map { Question(key, own, $0) }
    }
    outcomes = Dictionary(
      uniqueKeysWithValues: Outcome.allCases.map { outcome in
        (outcome.rawValue, common.count { $0.outcome == outcome })
      })
    let asked = common.filter { only == nil ? $0.change != 0 : $0.outcome == only }
    questions = Array(asked.sorted(by: Self.precedes).prefix(limit))
    self.first = Side(first, common.map(\.first))
    self.second = Side(second, common.map(\.second))
  }

  private static func precedes(_ left: Question, _ right: Question) -> Bool {
    if abs(left.change) != abs(right.change) { return abs(left.change) > abs(right.change) }
    return (left.source, left.id) < (right.source, right.id)
  }
}

extension RunDifference.Side {
  /// - Parameter common: what the run answered to the questions of both.
  fileprivate init(_ run: RunAnswers, _ common: [RunDifference.Answers]) {
    self.run = run.run
    questions = run.questions.count
    self.common = common.count
    solved = common.count { $0.isSolved }
    // Summed in ascending order, so that it does not depend on that of a dictionary.
    share = common.map(\.share).sorted().reduce(0, +) / Double(max(common.count, 1))
  }
}

/// What a run answered to each of its questions.
public struct RunAnswers: Sendable {
  let run: String
  let questions: [RunDifference.Key: RunDifference.Answers]
}

extension StoredRun {
  /// Right rollouts by question; one without any verdict is not there.
  ///
  /// - Parameter steps: only groups of these.
  public func answers(in steps: ClosedRange<UInt64>? = nil) throws -> RunAnswers {
    var answers: [RunDifference.Key: RunDifference.Answers] = [:]
    let start = try steps.map { try firstGroup(ofStep: $0.lowerBound) } ?? 0
    try forEachGroup(from: start) { records in
      if let steps, records.prompt.step > steps.upperBound { return false }
      let judged = (records.verdicts ?? []).filter { $0.reward != nil }
      guard !judged.isEmpty else { return true }
      let prompt = records.prompt.prompt
      let key = RunDifference.Key(source: prompt.source, id: prompt.id)
      var own = answers[key] ?? RunDifference.Answers(group: records.group)
      own.right += judged.count { $0.isRight }
      own.total += judged.count
      answers[key] = own
      return true
    }
    return RunAnswers(run: directory.path, questions: answers)
  }
}
