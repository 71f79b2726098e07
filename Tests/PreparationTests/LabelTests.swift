import Foundation
import Preparation
import Records
import Shards
import Testing
import Verifiers

@Suite struct LabelTests {
  private func proposal(
    _ responses: [String], _ verifier: any Verifier = MathVerifier()
  ) -> AnswerProposal {
    AnswerProposal(responses.map { Response(text: $0) }, to: row("x", truth: ""), by: verifier)
  }

  /// Votes are of answers, not of spellings.
  @Test func equalAnswersVoteTogether() {
    let found = proposal([
      "\\boxed{0.5}", "It is \\boxed{\\frac{1}{2}}.", "\\boxed{2}", "I do not know.",
      "\\boxed{50\\%}",
    ])
    #expect(found.answer == "0.5" && found.samples == 5 && found.agreement == 0.6)
    #expect(found.votes.map(\.answer) == ["0.5", "2"] && found.votes.map(\.count) == [3, 1])
  }

  @Test func withoutAMajorityNothingIsProposed() {
    let tie = proposal(["\\boxed{1}", "\\boxed{2}"])
    #expect(tie.answer == nil && tie.agreement == 0 && tie.votes.count == 2)
    let silent = proposal(["I cannot tell you.", ""], FinalNumberVerifier(gsm8k: .flexible))
    #expect(silent.votes.isEmpty && silent.samples == 2)
    #expect(proposal([]).answer == nil)
  }

  @Test func everyVerifierThatComparesCanLabel() {
    let numbers = proposal(
      ["#### 1,200", "#### 1200", "#### 7"], FinalNumberVerifier(gsm8k: .strict))
    #expect(numbers.votes.map(\.count) == [2, 1])
    var question = row("Which?\nA. one\nB. two\nC. three", truth: "")
    question.tags = ["choices": #"["one", "two", "three"]"#]
    let letters = AnswerProposal(
      ["Answer: B", "The answer is (B)", "Answer: C"].map { Response(text: $0) }, to: question,
      by: ChoiceVerifier())
    #expect(letters.answer == "B" && letters.votes.map(\.count) == [2, 1], "\(letters)")
  }

  private let rows = Rows(all: [
    row("one", id: "1", truth: ""), row("two", id: "2", truth: ""),
    row("three", id: "3", truth: "known"), row("four", id: "4", truth: " "),
  ])

  private func lines(_ change: (inout [LabelReview.Line]) -> Void = { _ in }) -> LabelReview {
    var lines = [0, 1, 3].map { place in
      LabelReview.Line(
        proposal(["\\boxed{\(place)}", "\\boxed{\(place)}", "\\boxed{9}"]), for: rows.all[place],
        row: place, agreement: 0.5)
    }
    change(&lines)
    return LabelReview(lines)
  }

  private func applied(_ review: LabelReview) throws -> (rows: [Prompt], left: Int, corrected: Int)
  {
    var made: [Prompt] = []
    let counts = try review.apply(to: rows, at: "review.jsonl") { made.append($0) }
    return (made, counts.leftOut, counts.corrected)
  }

  @Test func whatPeopleSayIsTaken() throws {
    let folder = NSTemporaryDirectory() + "label-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let review = lines {
      $0[0].answer = "17"
      $0[1].accept = false
    }
    try review.write(to: folder + "/review.jsonl")
    let read = try LabelReview(reading: folder + "/review.jsonl")
    #expect(read.lines == review.lines)
    let (made, left, corrected) = try applied(read)
    #expect(made.map(\.groundTruth) == ["17", "known", "3"] && left == 1 && corrected == 1)
    #expect(made.map { $0.tags["label"] } == ["corrected", nil, "majority"])
    #expect(made.map { $0.tags["label_agreement"] } == [nil, nil, "0.6667"])
  }

  @Test func aReviewThatDoesNotFitIsRefusedWithItsLine() throws {
    let changes: [(String, (inout [LabelReview.Line]) -> Void)] = [
      ("another id", { $0[1].id = "5" }), ("earlier line", { $0[1].row = 0 }),
      ("empty answer", { $0[0].answer = " " }), ("another id", { $0[2].row = 77 }),
      ("no line", { $0.removeLast() }),
    ]
    for (problem, change) in changes {
      let error = #expect(throws: ShardError.self) { try applied(lines(change)) }
      #expect(error?.problem.contains(problem) == true, "\(error as Any)")
    }
  }
}
