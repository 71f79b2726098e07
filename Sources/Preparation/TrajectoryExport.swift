public import Inspector
public import Records
import Verifiers

/// What a run has stored, as rows of a dataset again: each question once, with its right rollouts as
/// demonstrations, or with a right and a wrong one as a pair of preference.
public struct TrajectoryExport: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    /// Right rollouts in place of the demonstrations.
    case demonstrations
    /// Right rollouts beside the demonstrations.
    case added
    /// The chosen and the rejected: the first right and the first wrong rollout.
    case pairs
  }

  /// Rollouts of a question that are kept.
  private struct Question: Sendable {
    var prompt: Prompt
    var right: [String] = []
    var wrong: [String] = []
  }

  private let kind: Kind
  private let perQuestion: Int
  private var questions: [Question] = []
  private var places: [String: Int] = [:]
  /// Rollouts gone through, and those among them that have no verdict.
  public private(set) var rollouts = 0
  public private(set) var errors = 0

  /// - Parameter perQuestion: the most rollouts of a question; later ones replace nothing.
  public init(_ kind: Kind, perQuestion: Int = 1) {
    self.kind = kind
    self.perQuestion = perQuestion
  }

  /// A question that is asked again, in a later epoch, gains rollouts; equal texts count once. Responses
  /// that were cut at the length limit teach nobody to end, and are not taken.
  public mutating func add(_ answered: AnsweredPrompt) {
    let prompt = answered.prompt
    let key = "\(prompt.source)\u{0}\(prompt.id)"
    let place = places[key] ?? questions.count
    if place == questions.count {
      questions.append(Question(prompt: prompt))
      places[key] = place
    }
    var question = questions[place]
    for (response, verdict) in zip(answered.responses, answered.verdicts) {
      rollouts += 1
      if case .error = verdict.outcome { errors += 1 }
      guard verdict.reward != nil, response.finish == .stop else { continue }
      if verdict.isRight {
        Self.keep(response.text, in: &question.right, perQuestion)
      } else {
        Self.keep(response.text, in: &question.wrong, perQuestion)
      }
    }
    questions[place] = question
  }

  private static func keep(_ text: String, in texts: inout [String], _ limit: Int) {
    guard texts.count < limit, !texts.contains(text),
      !text.allSatisfy(\.isWhitespace)
    else { return }
    texts.append(text)
  }

  /// The rows, in the order in which their questions were first asked, and how many questions gave none.
  public func rows() -> (rows: [Prompt], left: Int) {
    let rows = questions.compactMap { question -> Prompt? in
      var row = question.prompt
      guard !question.right.isEmpty else { return nil }
      switch kind {
      case .demonstrations: row.demonstrations = question.right
      case .added:
        row.demonstrations += question.right.filter { !row.demonstrations.contains($0) }
      case .pairs:
        guard !question.wrong.isEmpty else { return nil }
        row.demonstrations = [question.right[0]]
        row.rejected = [question.wrong[0]]
      }
      return row
    }
    return (rows, questions.count - rows.count)
  }
}
