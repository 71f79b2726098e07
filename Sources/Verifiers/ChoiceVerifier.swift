public import Records

/// The response decides for the right option of a question of multiple choice.
///
/// The ground truth is a label (`C`, `(C)`, a digit where options have digits), a label with its text, the
/// text of an option, or with the tag `choices` an index from 0. Tags of the prompt that say more, and go
/// before it: `choices` (texts, as a JSON list), `valid_letters`, `correct_letter`, `answer_index`,
/// `correct_answer` and `answer_text`. See `ChoiceReader` for how the answer is found.
public struct ChoiceVerifier: Verifier {
  public let name = "choice"

  public init() {}

  public func verify(response: String, prompt: Prompt, finish: FinishReason) -> Verdict {
    let question: ChoiceQuestion
    do { question = try ChoiceQuestion(prompt) } catch {
      return .unreadable(groundTruth: error.problem)
    }
    let text = Bytes(response)
    guard let (answer, rule) = ChoiceReader(text, question).answer() else {
      return .scored(false, rule: "no-answer", extracted: nil, response: text, format: false)
    }
    let format = rule == "box" || rule == "answer"
    let (span, ending, isRight) = judge(answer, question)
    let extracted = Extracted(span: span, rule: rule)
    // `Answer: B` cut from `Answer: Both` must not count for B.
    if finish == .length, span.upperBound == text.count {
      return .scored(
        false, rule: "\(rule)-cut", extracted: extracted, response: text, format: false)
    }
    return .scored(
      isRight, rule: "\(rule)-\(ending)", extracted: extracted, response: text, format: format)
  }

  private func judge(
    _ answer: ChoiceReader.Answer, _ question: ChoiceQuestion
  ) -> (span: Range<Int>, ending: String, isRight: Bool) {
    switch answer {
    case .label(let label, let span):
      return label == question.right ? (span, "equal", true) : (span, "differs", false)
    case .text(let span): return (span, "equal", true)
    case .several(let span): return (span, "several", false)
    }
  }
}
