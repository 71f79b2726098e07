import Records
import Testing
import Verifiers

@Suite struct ChoiceVerifierTests {
  private func judge(
    _ response: String, _ gold: String = "B", tags: [String: String] = [:], prompt: String = "?",
    finish: FinishReason = .stop
  ) -> Verdict {
    let found = ChoiceVerifier().verify(
      response: response,
      prompt: Prompt(
        id: "p", content: .text(prompt), groundTruth: gold, source: "test", tags: tags),
      finish: finish)
    #expect(spanFits(found, response), "\(response): \(found)")
    return found
  }

  @Test(arguments: [
    ("\\boxed{B}", "box-equal"), ("so $\\boxed{\\text{(B)}}$.", "box-equal"),
    ("\\boxed{\\mathbf{B}}", "box-equal"), ("\\boxed{B) 17 apples}", "box-equal"),
    ("\\boxed{b}", "box-equal"), ("<answer>B</answer>", "line-equal"),
    ("The answer is B.", "answer-equal"), ("The correct answer is (B).", "answer-equal"),
    ("Answer: B", "answer-equal"), ("ANSWER: b", "answer-equal"), ("**Answer:** B", "answer-equal"),
    ("Answer:\n\nB", "answer-equal"), ("The answer would be option B", "answer-equal"),
    ("the answer is not A but B", "answer-equal"),
    ("It isn't C. The answer's clear: B", "letter-equal"),
    ("The answer is a hard one to see: B", "answer-equal"),
    ("Of A, B and C the answer is B.", "answer-equal"),
    ("Answer: A\nWait, that was wrong.\nAnswer: B", "answer-equal"),
    ("The answer is A at first sight, but the final answer is B.", "answer-equal"),
    ("<think>The answer is A.</think> The answer is B.", "answer-equal"),
    ("I choose B.", "correct-equal"), ("I would go with (B).", "correct-equal"),
    ("The best option is B", "correct-equal"), ("Hence B is correct.", "correct-equal"),
    ("Option B is the right one", "correct-equal"), ("Reasoning.\n\n**(B)**", "line-equal"),
    ("B", "line-equal"), ("$B$", "line-equal"), ("(b)", "line-equal"),
    ("B. A would be too much.", "line-equal"), ("B, because it floats", "begin-equal"),
    ("B\nbecause it floats", "begin-equal"),
    ("So it must be B then", "letter-equal"), ("The answer is B not A", "answer-equal"),
    ("The answer is B, not A.", "answer-equal"), ("The answer is not A, it is B.", "letter-equal"),
  ])
  func findsTheLetter(_ response: String, rule: String) {
    let found = judge(response)
    #expect(found.isRight && found.rule == rule, "\(response): \(found)")
  }

  @Test(arguments: [
    "\\boxed{AB}", "\\boxed{A, B}", "\\boxed{B or C}", "The answer is B or C.", "Answer: A/B",
    "The answer is A and B.", "It is either A or B.",
    "Both A and B.", "Neither A nor B.", "The answer is A not B", "The answer is not B.",
    "B is wrong.", "B is wrong, hence A.",
    "It can't be B", "The answer isn't B", "Because it is big, a bee flies", "",
    "A) one\nB) two\nC) three", "B) two\nC) three", "A B C D", "Answer: A", "\\boxed{Bee}",
    "The answer is B. No, the answer is C.", "The answer is B. On second thought B is wrong.",
    "Answer: none", "option A has wings, option B has none", "\\boxed{A} and \\boxed{C}",
  ])
  func refuses(_ response: String) {
    let found = judge(response)
    #expect(found.reward == 0, "\(response): \(found)")
  }

  @Test func whatIsCutIsNoAnswer() {
    #expect(judge("Answer: B", finish: .length).rule == "answer-cut")
    #expect(judge("Answer: B.", finish: .length).isRight)
  }

  @Test(arguments: [
    "B", "b", "(B)", "B)", "B. two", "(B) two", "B two", "so it is\nB two", "\\boxed{B}",
  ])
  func groundTruthsSayTheSame(_ gold: String) {
    #expect(judge("The answer is B.", gold).isRight, "\(gold)")
    #expect(!judge("The answer is A.", gold).isRight, "\(gold)")
  }

  @Test func optionsComeFromTagsOrThePrompt() {
    let choices = ["choices": #"["ten birds", "two birds", "three"]"#]
    for (gold, tags) in [
      ("1", choices), ("two birds", choices), ("Two birds.", choices),
      ("x", ["correct_letter": "b"]),
      ("", choices.merging(["answer_index": "1"]) { $1 }),
    ] {
      #expect(judge("The answer is B.", gold, tags: tags).isRight, "\(gold) \(tags)")
      #expect(judge("The answer is C.", gold, tags: tags).reward == 0, "\(gold) \(tags)")
    }
    #expect(judge("I count two birds here", "1", tags: choices).rule == "text-equal")
    #expect(judge("I count ten birds here", "1", tags: choices).rule == "text-differs")
    #expect(judge("two birds or ten birds", "1", tags: choices).rule == "no-answer")
    #expect(judge("\\boxed{two birds}", "1", tags: choices).rule == "box-equal")
    let asked = "How many?\n\nA) ten birds\nB) two birds\nC) three\n"
    #expect(judge("there are two birds", "B", prompt: asked).isRight)
    let numbered = "How many?\n1) ten\n2) two\n3) three"
    #expect(judge("The answer is 2.", "2", prompt: numbered).isRight)
    #expect(judge("The answer is (3).", "2", prompt: numbered).rule == "answer-differs")
    #expect(judge("\\boxed{2}", "2").isRight)
  }

  @Test func aTextThatNamesNoOptionIsLookedForAtTheEnd() {
    #expect(judge("It must have been Paris.", "Paris").isRight)
    #expect(judge("It was not Paris.", "Paris").reward == 0)
    #expect(judge("Paris and more.\nOr was it?", "Paris").reward == 0)
  }

  @Test func whatNamesNoOptionIsAnError() {
    #expect(judge("B", "").reward == nil)
    #expect(
      judge("B", "F", tags: ["choices": #"["x", "y"]"#, "correct_letter": "F"]).reward == nil)
    #expect(judge("B", "", tags: ["answer_index": "99"]).reward == nil)
  }

  @Test func megabytesAreReadInTime() {
    let clock = ContinuousClock()
    for piece in ["answer ", "A or ", "B\n", "\\boxed{", "(((((", "not ", "</think>", "x"] {
      let response = String(repeating: piece, count: (1 << 20) / piece.utf8.count)
      let taken = clock.measure { _ = judge(response, "C") }
      #expect(taken < .milliseconds(500), "\(piece): \(taken)")
    }
  }
}
