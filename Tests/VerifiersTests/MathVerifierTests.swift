import Records
import Testing
import Verifiers

/// Where the answer is found, and what a verdict says of it.
@Suite struct MathVerifierTests {
  private let math = MathVerifier()

  private func rule(_ response: String, _ gold: String) -> String {
    let found = verdict(math, response, gold)
    return spanFits(found, response) ? found.rule : "the span does not fit"
  }

  @Test func theLastBoxCounts() {
    #expect(rule(#"First \boxed{8}, no: \boxed{9}"#, "9") == "boxed-text-equal")
    #expect(rule(#"First \boxed{8}, no: \boxed{9}"#, "8") == "boxed-differs")
    #expect(rule(#"\boxed {\frac{18}{2}}"#, "9") == "boxed-number-equal")
    #expect(rule(#"\fbox{9}"#, "9") == "boxed-text-equal")
    #expect(rule(#"\\boxed{9}"#, "9") == "boxed-text-equal")
    #expect(verdict(math, #"so \boxed{ 9 }."#, "9").extracted == "9")
    #expect(rule(#"\boxed{}"#, "9") == "boxed-unreadable")
  }

  @Test func boxesSideBySideAreOneList() {
    #expect(rule(#"\boxed{2} and \boxed{5}"#, "5, 2") == "boxed-list-equal")
    #expect(rule(#"$\boxed{2}$, $\boxed{5}$"#, #"\{2,5\}"#) == "boxed-set-equal")
    #expect(rule(#"\boxed{2} or \boxed{5}"#, "5") == "boxed-differs")
    #expect(rule(#"\boxed{5} \boxed{5}"#, "5") == "boxed-text-equal")
    #expect(rule(#"\boxed{2} is wrong, so \boxed{5}"#, "5") == "boxed-text-equal")
  }

  @Test func aBoxThatIsNotClosedIsNone() {
    #expect(rule(#"the answer is \boxed{9"#, "9") == "boxed-unclosed")
    #expect(rule(#"\boxed{9} … \boxed{9"#, "9") == "boxed-unclosed")
  }

  @Test func thoughtsDoNotCount() {
    #expect(rule(#"<think>\boxed{8}</think> It is \boxed{9}"#, "9") == "boxed-text-equal")
    #expect(rule(#"<think>\boxed{9}</think> That is all."#, "9") == "no-answer")
    #expect(rule("<think>9</think>", "9") == "no-answer")
  }

  @Test func closingStatements() {
    #expect(
      rule(#"\boxed{3} … Final Answer: The final answer is $9$. I hope it is correct."#, "9")
        == "anchor-text-equal")
    #expect(rule(#"The final answer is 3, or rather \boxed{9}"#, "9") == "boxed-text-equal")
    #expect(rule("So the answer is 3/4.", "0.75") == "anchor-number-equal")
    #expect(rule("Answer: x = 3", "3") == "anchor-number-equal")
    #expect(rule("**Final Answer**\n$\\frac{3}{4}$", "0.75") == "anchor-number-equal")
    #expect(rule("#### 1,200", "1200") == "anchor-number-equal")
    #expect(rule("<answer>12</answer>", "12") == "anchor-text-equal")
    #expect(rule("The answer is (C).", "C") == "anchor-symbolic-equal")
    #expect(rule("Final Answer: he walked 3 miles.", "3") == "anchor-text-equal")
    #expect(rule("The answer is unknown, not 7.", "7") == "anchor-unreadable")
    #expect(rule("The answer is either 6 or 7.", "7") == "anchor-unreadable")
  }

  @Test func withoutAnyMarkTheLastFormulaOrNumber() {
    #expect(rule("3 + 6", "9") == "whole-number-equal")
    #expect(rule("the value is $x = 9$ here", "9") == "formula-number-equal")
    #expect(rule("from $4$ on he has 9 coins left.", "9") == "number-text-equal")
    #expect(rule("we get P = 3/4.", "0.75") == "number-number-equal")
    #expect(rule("down by -5.", "-5") == "number-text-equal")
    #expect(rule("the roots are $2$ and $5$.", "2, 5") == "formula-list-equal")
    #expect(rule("it is 8 or 9", "9") == "hedged")
    #expect(rule("no idea", "9") == "no-answer")
    #expect(rule("", "9") == "no-answer")
  }

  @Test func groundTruthsOfAllForms() {
    for gold in [
      "9", "$9$", #"\boxed{9}"#, #"We add and get $x = \boxed{9}$."#, "the answer is 9",
      "\\(9\\)", "$x=9$", "9 apples",
    ] {
      #expect(verdict(math, #"\boxed{9}"#, gold).reward == 1, "\(gold)")
      #expect(verdict(math, #"\boxed{8}"#, gold).reward == 0, "\(gold)")
    }
    // What cannot be read is compared as text.
    #expect(verdict(math, #"\boxed{\text{No Triangle!?}}"#, "no triangle!?").reward == 1)
    #expect(verdict(math, #"\boxed{9}"#, "no triangle!?").reward == 0)
  }

  @Test func groundTruthsThatAreErrors() {
    for gold in ["", " \n", #"\boxed{}"#, "9^{9^{9^{9}}}"] {
      let found = verdict(math, #"\boxed{9}"#, gold)
      #expect(found.reward == nil, "\(gold)")
      #expect(found.rule == "ground-truth")
    }
  }

  @Test func componentsTellAccuracyAndFormat() {
    func components(_ response: String) -> [Double] {
      guard case .scored(_, let parts) = verdict(math, response, "9").outcome else { return [] }
      return parts.map(\.value)
    }
    #expect(components(#"\boxed{9}"#) == [1, 1])
    #expect(components(#"\boxed{8}"#) == [0, 1])
    #expect(components("The answer is 9") == [1, 0])
    #expect(components("nothing") == [0, 0])
  }

  @Test func whatWasCutIsNoAnswer() {
    #expect(verdict(math, "The answer is 9", "9", finish: .length).rule == "anchor-cut")
    #expect(verdict(math, #"\boxed{9} and so"#, "9", finish: .length).reward == 1)
    #expect(verdict(math, #"\boxed{9}"#, "9", finish: .length).reward == 1)
  }

  @Test func habitsAreOptions() {
    let strict = MathVerifier(
      name: "strict", extraction: .boxOnly, listOrderMatters: true, percentIsHundredth: false,
      roundingPlaces: 3)
    #expect(verdict(strict, "The answer is 9", "9").rule == "no-answer")
    #expect(verdict(strict, #"\boxed{2,1}"#, "1,2").reward == 0)
    #expect(verdict(strict, #"\boxed{50\%}"#, "0.5").reward == 0)
    #expect(verdict(strict, #"\boxed{0.333}"#, "1/3").reward == 1)
    #expect(verdict(math, #"\boxed{0.333}"#, "1/3").reward == 0)
  }
}
