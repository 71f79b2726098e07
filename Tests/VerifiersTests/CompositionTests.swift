import Records
import Testing
import Verifiers

@Suite struct CompositionTests {
  private func prompt(_ gold: String = "42") -> Prompt {
    Prompt(id: "p", content: .text("?"), groundTruth: gold, source: "test")
  }

  private func response(_ text: String, tokens count: Int = 10) -> Response {
    Response(text: text, tokens: Array(repeating: 7, count: count))
  }

  private func part(
    _ name: String, _ weight: Double = 1, multiplies: Bool = false,
    _ values: [String: VerifierParameters.Value] = [:]
  ) -> VerifierPart {
    VerifierPart(
      name, weight: weight, multiplies: multiplies, parameters: VerifierParameters(values))
  }

  @inline(never)
  private func components(_ verdict: Verdict) -> [String: Double] {
    guard case .scored(_, let parts) = verdict.outcome else { return [:] }
    return Dictionary(uniqueKeysWithValues: parts.map { ($0.name, $0.value) })
  }

  @Test func theRewardIsTheWeightedSumAndAccuracyStays() throws {
    let verifier = try Verifiers.make([
      part("gsm8k"), part("think_format", 0.25),
      part("soft_overlong", 2, ["limit": .integer(20), "buffer": .integer(10)]),
    ])
    let right = verifier.verify(response("<think>x</think>\n#### 42", tokens: 15), of: prompt())
    #expect(right.reward == 1 + 0.25 - 2 * 0.5 && right.isRight)
    #expect(
      components(right) == [
        "accuracy": 1, "format": 1, "gsm8k": 1, "think_format": 1, "soft_overlong": -0.5,
      ])
    #expect(right.rule == "marker-equal" && right.extracted == "42")
    let wrong = verifier.verify(response("<think>x</think>\n#### 41"), of: prompt())
    #expect(wrong.reward == 0.25 && !wrong.isRight)
    #expect(verifier.verify(response("#### 42"), of: prompt("forty")).reward == nil)
    #expect(verifier.isRepeatable && verifier.name == "gsm8k+think_format+soft_overlong")
    // A text that no tokenizer has seen has no length.
    #expect(verifier.verify(Response(text: "#### 42"), of: prompt()).reward == nil)
  }

  @Test func aFormatMayMultiply() throws {
    let verifier = try Verifiers.make([
      part("gsm8k", 2), part("hpt_think_format", multiplies: true),
    ])
    #expect(verifier.verify(response("<think>\nx\n</think>\n#### 42"), of: prompt()).reward == 2)
    let bare = verifier.verify(response("#### 42"), of: prompt())
    #expect(bare.reward == 0 && bare.isRight)
  }

  @Test func aGroupIsComparedOnceAllItsVerdictsAreThere() throws {
    let verifier = try Verifiers.make([part("gsm8k"), part("len_reward", 0.5)])
    let responses = [
      response("#### 42", tokens: 10), response("#### 42", tokens: 30),
      response("#### 1", tokens: 10),
      response("#### 1", tokens: 30), response("#### 42", tokens: 20),
    ]
    let verdicts = verifier.complete(
      responses.map { verifier.verify($0, of: prompt()) }, of: responses)
    #expect(verdicts.map { components($0)["len_reward"] } == [0.5, -0.5, 0, -0.5, 0])
    #expect(verdicts.map(\.reward) == [1.25, 0.75, 0, -0.25, 1])
    let alone = [responses[0]]
    #expect(verifier.complete([verifier.verify(alone[0], of: prompt())], of: alone)[0].reward == 1)
    let failed = verifier.complete(
      [Verdict(outcome: .error("gone"), rule: "error")] + verdicts.dropFirst(), of: responses)
    #expect(failed[0].reward == nil && components(failed[4])["len_reward"] == 0)
  }

  @Test func onePartThatCountsOnceIsTheVerifierItself() throws {
    #expect(try Verifiers.make([part("choice")]) is ChoiceVerifier)
    let half = try Verifiers.make([part("gsm8k", 0.5, ["mode": .text("flexible")])])
    #expect(half.verify(response("it is 42"), of: prompt()).reward == 0.5)
  }

  @Test(
    arguments: [
      ([VerifierPart("think_format")], 0, "name"),
      ([VerifierPart("gsm8k"), VerifierPart("exact")], 0, "name"),
      ([VerifierPart("gsm8k"), VerifierPart("thinkformat")], 1, "name"),
      ([VerifierPart("gsm8k"), VerifierPart("tag_count"), VerifierPart("tag_count")], 2, "name"),
      ([VerifierPart("gsm8k", multiplies: true)], 0, "multiplies"),
      (
        [VerifierPart("gsm8k"), VerifierPart("tag_count", weight: 2, multiplies: true)], 1,
        "multiplies"
      ),
      (
        [VerifierPart("exact", parameters: VerifierParameters(["mode": .text("strict")]))], 0,
        "mode"
      ),
      ([VerifierPart("gsm8k"), VerifierPart("soft_overlong")], 1, "limit"),
      ([VerifierPart("tags")], 0, "of"),
      (
        [
          VerifierPart(
            "tags",
            parameters: VerifierParameters(["of": .text("tags"), "rule": .text("answer-tag")]))
        ], 0, "of"
      ),
      ([VerifierPart("tags", parameters: VerifierParameters(["of": .text("exact")]))], 0, "rule"),
      (
        [VerifierPart("regex", parameters: VerifierParameters(["pattern": .text("(")]))], 0,
        "pattern"
      ),
      ([], 0, "name"),
    ] as [([VerifierPart], Int, String)])
  func whatDoesNotGoTogetherIsRefusedByItsPlace(
    _ parts: [VerifierPart], _ place: Int, _ parameter: String
  ) {
    let error = #expect(throws: VerifierError.self) { try Verifiers.make(parts) }
    #expect(error?.part == place && error?.parameter == parameter, "\(String(describing: error))")
  }

  @Test func lengthsDefaultToTheRuns() throws {
    let verifier = try Verifiers.make(
      [part("gsm8k"), part("soft_overlong"), part("cosine_length", 0)],
      VerifierContext(maximumTokens: 100))
    let found = verifier.verify(response("#### 42", tokens: 90), of: prompt())
    #expect(components(found)["soft_overlong"] == -0.5)
  }
}
