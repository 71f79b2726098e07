import Records
import Testing
import Verifiers

@Suite struct FinalNumberTests {
  private let strict = FinalNumberVerifier(name: "final_number_strict", rules: [.marker])
  private let lenient = FinalNumberVerifier()

  /// response, ground truth, reward, rule of the verifier with all rules
  private static let cases: [(String, String, Double, String)] = [
    ("7+5=12\n#### 132", "132", 1, "marker-equal"),
    ("#### 132\n", "132", 1, "marker-equal"),
    ("#### 42 #### 41 #### 43", "42", 0, "marker-differs"),
    ("#### 41\n#### 42", "42", 1, "marker-equal"),
    ("####42", "42", 1, "marker-equal"),
    ("#### 1,234,567", "1234567", 1, "marker-equal"),
    ("#### 1,2", "1", 0, "marker-malformed"),
    ("#### 1.2.3", "1.2", 0, "marker-malformed"),
    ("#### 42abc", "42", 0, "marker-malformed"),
    ("#### 7*6", "7", 0, "marker-malformed"),
    ("#### 42-1", "42", 0, "marker-malformed"),
    ("#### ４２", "42", 0, "marker-empty"),
    ("#### ", "42", 0, "marker-empty"),
    ("42\n####", "42", 0, "marker-empty"),
    ("####\n42", "42", 0, "marker-empty"),
    ("#### .", "42", 0, "marker-empty"),
    ("#### ,,,", "42", 0, "marker-empty"),
    ("#### 42.0", "42", 1, "marker-equal"),
    ("#### 42.", "42", 1, "marker-equal"),
    ("#### 042", "42", 1, "marker-equal"),
    ("#### $42 per week.", "42", 1, "marker-equal"),
    ("#### -42", "42", 0, "marker-differs"),
    ("#### \u{2212}42", "-42", 1, "marker-equal"),
    ("#### -$42", "-42", 1, "marker-equal"),
    ("#### $-42", "-42", 1, "marker-equal"),
    ("#### +42", "42", 1, "marker-equal"),
    ("#### -0", "0", 1, "marker-equal"),
    ("#### .5", "0.50", 1, "marker-equal"),
    ("#### 2/4", "0.5", 1, "marker-equal"),
    ("#### -2/4", "-1/2", 1, "marker-equal"),
    ("#### 84/2", "42", 1, "marker-equal"),
    ("#### 1/3", "0.3333333333333333", 0, "marker-differs"),
    ("#### 1/0", "1", 0, "marker-malformed"),
    ("#### 1/2/3", "1/2", 0, "marker-malformed"),
    ("#### 9007199254740993", "9007199254740992", 0, "marker-differs"),
    ("#### 0.1000000000000000000000000001", "0.1", 0, "marker-differs"),
    ("so it is \\boxed{-3}.", "-3", 1, "boxed-equal"),
    ("\\boxed{3} and \\boxed{4", "4", 1, "boxed-equal"),
    ("\\boxed{3 or 4}", "3", 0, "boxed-malformed"),
    ("A: 5\nA: 163", "163", 1, "answer-line-equal"),
    ("NASA: 5 is 7", "7", 1, "last-number-equal"),
    ("Therefore the answer is -3", "-3", 1, "last-number-equal"),
    ("10-4", "4", 1, "last-number-equal"),
    ("they are 1,2,3.", "3", 1, "last-number-equal"),
    ("<<3/4*120=90.0>>90.0 units", "90", 1, "last-number-equal"),
    ("no idea", "3", 0, "no-answer"),
    ("", "3", 0, "no-answer"),
  ]

  @Test func everyCaseHasItsRewardAndRule() {
    var failures: [String] = []
    for (response, gold, reward, rule) in Self.cases {
      let found = verdict(lenient, response, gold)
      if found.reward != reward || found.rule != rule || !spanFits(found, response) {
        failures.append("\(response) for \(gold): \(found)")
      }
    }
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  @Test func strictTakesTheMarkerOnly() {
    #expect(verdict(strict, "the answer is 42", "42").rule == "no-answer")
    #expect(verdict(strict, "\\boxed{42}", "42").reward == 0)
    #expect(verdict(strict, "#### 42", "42").reward == 1)
  }

  @Test func formatIsTheMarkerWithANumber() {
    let format = { (response: String) -> Double? in
      guard case .scored(_, let components) = verdict(lenient, response, "42").outcome else {
        return nil
      }
      return components.first { $0.name == "format" }?.value
    }
    #expect(format("#### 41") == 1)
    #expect(format("42") == 0)
    #expect(format("#### x") == 0)
  }

  @Test func anAnswerCutAtTheLengthLimitDoesNotCount() {
    #expect(verdict(strict, "#### 13", "13", finish: .length).rule == "marker-cut")
    #expect(verdict(strict, "#### 13", "13", finish: .length).reward == 0)
    #expect(verdict(strict, "#### 13\n", "13", finish: .length).reward == 1)
    #expect(verdict(strict, "#### 13", "13").reward == 1)
  }

  @Test func anUnreadableGroundTruthIsAnError() {
    for gold in ["", "x", "12 apples", "1/0", "####", "{\"numbers\":[1]}"] {
      #expect(verdict(strict, "#### 12", gold).reward == nil, "\(gold)")
    }
    #expect(verdict(strict, "#### 12", "worked\n#### 12").reward == 1)
    #expect(verdict(strict, "#### 1200", "1,200").reward == 1)
  }

  @Test func fractionsCompareExactlyAtAnySizeAllowed() {
    var random = SeededGenerator(state: 11)
    var failures: [String] = []
    for _ in 0..<300 {
      let digits = { (count: Int, random: inout SeededGenerator) in
        "1" + (0..<count).map { _ in "\(Int.random(in: 0...9, using: &random))" }.joined()
      }
      let numerator = digits(Int.random(in: 0...300, using: &random), &random)
      let denominator = digits(Int.random(in: 0...300, using: &random), &random)
      // Appending zeros multiplies both by the same power of ten.
      let zeros = String(repeating: "0", count: Int.random(in: 0...40, using: &random))
      let gold = "\(numerator)/\(denominator)"
      let same = verdict(strict, "#### \(numerator)\(zeros)/\(denominator)\(zeros)", gold)
      let other = verdict(strict, "#### \(numerator)\(zeros)1/\(denominator)\(zeros)0", gold)
      if same.reward != 1 || other.reward != 0 { failures.append(gold) }
    }
    #expect(failures.isEmpty, "\(failures)")
  }

  @Test func hostileLengthsComeToAVerdict() {
    let million = 1_000_000
    let responses = [
      String(repeating: "9", count: million), String(repeating: "#", count: million),
      String(repeating: "1,", count: million), String(repeating: "1/", count: million),
      String(repeating: "111,", count: million), String(repeating: "A:", count: million),
      String(repeating: "\\boxed{", count: million), String(repeating: "-", count: million),
      String(repeating: ".", count: million) + "1",
      "#### " + String(repeating: "9", count: million) + "/7",
    ]
    let clock = ContinuousClock()
    for response in responses {
      var found: Verdict?
      let took = clock.measure { found = verdict(lenient, response, "1/3") }
      #expect(found?.reward == 0, "\(response.prefix(20))")
      // Linear work on a megabyte or four is milliseconds; quadratic work would be hours.
      #expect(took < .seconds(5), "\(response.prefix(20))")
    }
    let nines = String(repeating: "9", count: million)
    #expect(verdict(strict, "#### \(nines)", nines).reward == 1)
  }
}
