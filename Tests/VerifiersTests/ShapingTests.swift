import Records
import Testing
import Verifiers

@Suite struct ShapingTests {
  private func value(
    _ name: String, _ response: Response, right: Bool = true,
    _ values: [String: VerifierParameters.Value] = [:]
  ) throws -> Double? {
    try Verifiers.value(
      of: VerifierPart(name, parameters: VerifierParameters(values)), for: response,
      accuracy: right ? 1 : 0)
  }

  private func format(_ name: String, _ text: String, prefix: String? = nil) throws -> Double? {
    try value(name, Response(text: text), prefix.map { ["prefix": .text($0)] } ?? [:])
  }

  @Test func softOverlongFallsFromTheBufferToTheLimit() throws {
    for (length, wanted) in [(30, 0.0), (60, 0), (70, -0.25), (80, -0.5), (100, -1), (500, -1)] {
      let found = try value(
        "soft_overlong", Response(text: "", tokens: Array(repeating: 1, count: length)),
        ["limit": .integer(100), "buffer": .integer(40)])
      #expect(found == wanted, "\(length)")
    }
    #expect(throws: VerifierError.self) {
      try value(
        "soft_overlong", Response(text: ""), ["limit": .integer(9), "buffer": .integer(10)])
    }
  }

  @Test func theCosineSwapsItsBoundsForWrongAnswers() throws {
    func cosine(_ length: Int, _ right: Bool) throws -> Double? {
      try value(
        "cosine_length", Response(text: "", tokens: Array(repeating: 1, count: length)),
        right: right,
        ["limit": .integer(10), "maximum_correct": .number(3), "minimum_correct": .number(1)])
    }
    #expect(try cosine(0, true) == 3 && cosine(5, true) == 2 && cosine(10, true) == 1)
    #expect(try cosine(20, true) == 1 && cosine(0, false) == -1 && cosine(10, false) == -0.5)
  }

  @Test func repetitionCountsTokensOrWords() throws {
    let twice = Response(text: "Go on go on", tokens: [1, 2, 3, 1, 2, 3])
    // 12 23 31 12 23: three of five.
    #expect(abs(try #require(try value("repetition", twice, ["ngram": .integer(2)])) + 0.4) < 1e-12)
    // go-on on-go go-on: two of three.
    let words = try value(
      "repetition", twice,
      ["ngram": .integer(2), "unit": .text("words"), "maximum_penalty": .number(-3)])
    #expect(abs(try #require(words) + 1) < 1e-12)
    #expect(try value("repetition", Response(text: "a")) == nil)
    #expect(try value("repetition", Response(text: "", tokens: [])) == 0)
  }

  @Test func formatsReadTagsAlone() throws {
    #expect(try format("think_format", "<think>a</think>b") == 1)
    #expect(try format("think_format", "a</think>b") == 0)
    #expect(try format("think_format", "a</think>b", prefix: "<think>") == 1)
    #expect(try format("think_format", "<think><think>a</think>b") == 0)
    #expect(try format("hpt_think_format", "<think>\na\n</think> b") == 1)
    #expect(try format("hpt_think_format", "<think>\na</think>\nb") == 0)
    let whole = "<think>\na\n</think>\n<answer>\nb\n</answer>"
    #expect(try format("think_answer_format", whole) == 1)
    #expect(try format("think_answer_format", whole + "\nmore") == 1)
    #expect(try format("think_answer_format", whole + "more") == 0)
    #expect(
      try format("think_answer_format", "<think>\na\n</think>\n\n<answer>\nb\n</answer>") == 0)
    #expect(try format("tag_count", whole) == 1)
    #expect(try format("tag_count", "<think>\na\n</think>\n") == 0.5)
    #expect(try format("tag_count", whole + "\n</answer>") == 0.75)
    #expect(try format("reasoning_steps", "First, a.\n- b") == 2.0 / 3)
    #expect(try format("reasoning_steps", "1. a\nStep 2: b\n* c\n* d") == 1)
    #expect(try format("reasoning_steps", "a 1. b") == 0)
  }

  @Test func tagsMarkWhatCounts() throws {
    let think = try TagsVerifier(FinalNumberVerifier(), .thinkRequired)
    let tagged = verdict(think, "<think>#### 1</think>\nso #### 42", "42")
    #expect(tagged.rule == "think-required-marker-equal" && tagged.extracted == "42")
    #expect(spanFits(tagged, "<think>#### 1</think>\nso #### 42"))
    #expect(verdict(think, "#### 42", "42").rule == "think-required-missing")
    #expect(verdict(think, "x ###Response #### 42", "42").isRight)
    #expect(verdict(think, "#### 42", "no number").reward == nil)
    let answer = try TagsVerifier(ExactVerifier(), .answerTag)
    #expect(verdict(answer, "<answer>a</answer> <answer> b </answer>", "b").isRight)
    #expect(verdict(answer, "<answer>b</answer>", "b", finish: .length).isRight)
    #expect(verdict(answer, "<answer>b", "b").reward == 0)
    let own = try TagsVerifier(ExactVerifier(), .answerTag, opening: "[[", closing: "]]")
    #expect(verdict(own, "x [[b]] y", "b").isRight)
    #expect(throws: VerifierError.self) {
      try TagsVerifier(ExactVerifier(), .answerTag, opening: "")
    }
    #expect(throws: VerifierError.self) {
      try TagsVerifier(ExactVerifier(), .thinkRequired, opening: "<think>")
    }
  }

  @Test func gsm8kReadsItsPlaces() {
    func judge(_ mode: GSM8KMode, _ response: String, _ gold: String = "42") -> Verdict {
      verdict(FinalNumberVerifier(gsm8k: mode), response, gold)
    }
    #expect(judge(.strict, "so 6 * 7\n#### 42").rule == "marker-equal")
    #expect(judge(.strict, "#### 42 apples", "because\n#### 42").isRight)
    #expect(judge(.strict, "it is 42").rule == "no-answer")
    #expect(judge(.strict, "#### 42 or 43").reward == 0 && judge(.strict, "#### 42 or so").isRight)
    #expect(
      judge(.flexible, "42, and then some 7").reward == 0 && judge(.flexible, "is $42.").isRight)
    #expect(judge(.answerLine, "A: 41\nA: 42").isRight && judge(.answerLine, "PA: 42").reward == 0)
  }
}
