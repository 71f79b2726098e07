public import Records
public import Verifiers

/// What most responses to a prompt without ground truth answer.
///
/// Answers are one where the verifier says so: a response belongs to the first answer that, as the ground
/// truth, makes it right. So `1/2` and `0.5` vote together, and every verifier that compares can label.
public struct AnswerProposal: Sendable, Equatable {
  public struct Vote: Sendable, Equatable {
    /// As the first response of its voters spells it.
    public var answer: String
    public var count: Int
  }

  /// The most frequent first, equally many in the order in which they came.
  public var votes: [Vote]
  /// Responses, also those without an answer.
  public var samples: Int

  /// The answer with the most votes; nil without one, and where two have equally many.
  public var answer: String? {
    guard let first = votes.first, votes.count == 1 || votes[1].count < first.count else {
      return nil
    }
    return first.answer
  }

  /// Share of all responses that give it.
  public var agreement: Double {
    answer == nil || samples == 0 ? 0 : Double(votes[0].count) / Double(samples)
  }

  public init(_ responses: [Response], to prompt: Prompt, by verifier: any Verifier) {
    samples = responses.count
    var classes: [Vote] = []
    for response in responses {
      if let known = classes.indices.first(where: {
        Self.isRight(response, classes[$0].answer, prompt, verifier)
      }) {
        classes[known].count += 1
      } else if let answer = Self.answer(of: response, prompt, verifier),
        // An answer that is not even equal to itself can be no ground truth.
        Self.isRight(response, answer, prompt, verifier)
      {
        classes.append(Vote(answer: answer, count: 1))
      }
    }
    votes = classes.enumerated().sorted {
      ($1.element.count, $0.offset) < ($0.element.count, $1.offset)
    }
    .map(\.element)
  }

  private static func isRight(
    _ response: Response, _ truth: String, _ prompt: Prompt, _ verifier: any Verifier
  ) -> Bool {
    var asked = prompt
    asked.groundTruth = truth
    return verifier.verify(response, of: asked).isRight
  }

  /// Where an answer stands does not depend on the ground truth, but it must be one: a number or a letter.
  private static func answer(
    of response: Response, _ prompt: Prompt, _ verifier: any Verifier
  ) -> String? {
    var asked = prompt
    for standIn in ["0", "A"] {
      asked.groundTruth = standIn
      let verdict = verifier.verify(response, of: asked)
      if case .error = verdict.outcome { continue }
      return verdict.extracted.flatMap { $0.isEmpty ? nil : $0 }
    }
    return nil
  }
}
