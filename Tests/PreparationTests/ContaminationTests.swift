import Preparation
import Records
import Testing

@Suite struct ContaminationTests {
  private static let question =
    "A train leaves Oslo at 9:05 with 120 people. At each of 4 stops 15 get off and 8 get on. "
    + "How many people arrive?"

  private func contamination(_ questions: [String], threshold: Double = 0.5) -> Contamination {
    var contamination = Contamination(threshold: threshold)
    for (place, question) in questions.enumerated() {
      contamination.add(row(question, id: "q\(place)"), of: "suite")
    }
    return contamination
  }

  @Test(arguments: [
    question, question.uppercased(), question.replacing(" ", with: "\n\t "),
    question.replacing(" ", with: ""), question.filter { $0.isLetter || $0.isNumber },
    question.replacing(".", with: " — !?"), "Solve this.\n\nQuestion: \(question)\nThink first.",
  ])
  func aPlantedQuestionIsFound(_ planted: String) {
    let found = contamination(["Another question that nobody asks in training.", Self.question])
      .matches(row(planted))
    #expect(found.count == 1 && found.first?.suite == "suite" && found.first?.id == "q1")
    #expect(found.first?.share == 1 && found.first?.place == "prompt")
  }

  @Test func itIsFoundInDemonstrationsAndMessages() {
    let contamination = contamination([Self.question])
    let demonstrated = contamination.matches(
      row("x", demonstrations: ["Let me see.", Self.question]))
    #expect(demonstrated.first?.place == "demonstration")
    var asked = row("")
    asked.content = .messages([
      Message(role: "system", content: "Think."), Message(role: "user", content: Self.question),
    ])
    #expect(contamination.matches(asked).count == 1)
    // A system message that a suite has too contaminates nothing.
    asked.content = .messages([
      Message(role: "system", content: Self.question), Message(role: "user", content: "Why?"),
    ])
    #expect(contamination.matches(asked).isEmpty)
  }

  /// Of a question's runs so many must occur; other numbers are another question.
  @Test func partsCountByTheirShare() {
    let half = String(Self.question.prefix(Self.question.count * 3 / 4))
    #expect(contamination([Self.question], threshold: 0.3).matches(row(half)).count == 1)
    #expect(contamination([Self.question], threshold: 0.9).matches(row(half)).isEmpty)
    let changed = Self.question.replacing("120", with: "300").replacing("15", with: "21")
      .replacing("Oslo", with: "Rome")
    #expect(contamination([Self.question]).matches(row(changed)).isEmpty)
  }

  /// Two short texts: one that stands in any sum, one that is long enough to be told.
  @Test func shortQuestionsMustBeTheWholePrompt() {
    let contamination = contamination(["1 + 1 = ?", "What is the capital of Mongolia?"])
    #expect(contamination.matches(row("What is 1 + 1?")).isEmpty)
    #expect(contamination.matches(row("1+1=")).map(\.id) == ["q0"])
    #expect(
      contamination.matches(row("Tell me: what is the capital of mongolia")).map(\.id) == ["q1"])
    #expect(contamination.matches(row("")).isEmpty)
  }
}
