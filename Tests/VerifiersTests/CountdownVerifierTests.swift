import Records
import Testing
import Verifiers

@Suite struct CountdownVerifierTests {
  private let verifier = CountdownVerifier()

  /// response, numbers, target, reward, rule
  private static let cases: [(String, [Int], Int, Double, String)] = [
    ("5*8=40\n40-3=37\n#### 5*8-3", [3, 5, 8], 37, 1, "marker-reached"),
    ("<answer> (5 + 3) × 8 </answer>", [3, 5, 8], 64, 1, "answer-tag-reached"),
    ("#### 8 \u{F7} (5 \u{2212} 3)", [3, 5, 8], 4, 1, "marker-reached"),
    ("#### 8/(3-8/3)", [3, 3, 8, 8], 24, 1, "marker-reached"),
    ("#### 3-4", [3, 4], -1, 1, "marker-reached"),
    ("#### -3+4", [3, 4], 1, 0, "marker-other-numbers"),
    ("#### -3+4", [-3, 4], 1, 1, "marker-reached"),
    ("#### 4--3", [-3, 4], 7, 1, "marker-reached"),
    ("#### 3+4", [3, 4, 5], 7, 0, "marker-other-numbers"),
    ("#### 3+4+5-5", [3, 4, 5], 7, 0, "marker-other-numbers"),
    ("#### 3+5", [3, 5], 7, 0, "marker-missed"),
    ("#### 3/(4-4)", [3, 4, 4], 7, 0, "marker-division-by-zero"),
    ("#### 2**3", [2, 3], 8, 0, "marker-not-an-expression"),
    ("#### 7//2", [7, 2], 3, 0, "marker-not-an-expression"),
    ("#### 2^3", [2, 3], 8, 0, "marker-not-an-expression"),
    ("#### 2(3)", [2, 3], 6, 0, "marker-not-an-expression"),
    ("#### (2)(3)", [2, 3], 6, 0, "marker-not-an-expression"),
    ("#### 1.5*2", [1, 5, 2], 3, 0, "marker-not-an-expression"),
    ("#### 1 5*2", [1, 5, 2], 30, 0, "marker-not-an-expression"),
    ("#### 12", [1, 2], 12, 0, "marker-other-numbers"),
    ("#### 3+4=7", [3, 4], 7, 0, "marker-not-an-expression"),
    ("#### (3+4", [3, 4], 7, 0, "marker-not-an-expression"),
    ("#### 3+4)", [3, 4], 7, 0, "marker-not-an-expression"),
    ("#### 3+", [3], 3, 0, "marker-not-an-expression"),
    ("####", [3], 3, 0, "marker-not-an-expression"),
    ("#### ３+4", [3, 4], 7, 0, "marker-not-an-expression"),
    ("3+4", [3, 4], 7, 0, "no-answer"),
    ("#### 1\n<answer>3+4</answer> trailing", [3, 4], 7, 1, "answer-tag-reached"),
  ]

  @Test func everyCaseHasItsRewardAndRule() {
    var failures: [String] = []
    for (response, numbers, target, reward, rule) in Self.cases {
      let gold = "{\"numbers\": \(numbers), \"target\": \(target)}"
      let found = verdict(verifier, response, gold)
      if found.reward != reward || found.rule != rule || !spanFits(found, response) {
        failures.append("\(response) for \(gold): \(found)")
      }
    }
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  @Test func anUnreadableGroundTruthIsAnError() {
    let huge = Int.max
    for gold in [
      "", "7", "{}", "{\"numbers\": [], \"target\": 1}", "{\"numbers\": [1.5], \"target\": 1}",
      "{\"numbers\": [1]}", "{\"numbers\": [\(huge), \(huge), \(huge)], \"target\": 1}",
    ] {
      #expect(verdict(verifier, "#### 1", gold).reward == nil, "\(gold)")
    }
  }

  @Test func nestingAndLengthAreBounded() {
    let gold = "{\"numbers\": [1], \"target\": 1}"
    let nested = { (depth: Int) in
      "#### " + String(repeating: "(", count: depth) + "1" + String(repeating: ")", count: depth)
    }
    #expect(verdict(verifier, nested(64), gold).reward == 1)
    #expect(verdict(verifier, nested(65), gold).rule == "marker-not-an-expression")
    for text in [
      nested(1_000_000), "#### " + String(repeating: "1+", count: 1_000_000) + "1",
      "#### " + String(repeating: "9", count: 1_000_000),
      String(repeating: "<answer>", count: 200_000), String(repeating: "</answer>", count: 200_000),
    ] {
      #expect(verdict(verifier, text, gold).reward == 0)
    }
  }

  @Test func aCutAnswerDoesNotCount() {
    let gold = "{\"numbers\": [3, 4], \"target\": 7}"
    #expect(verdict(verifier, "#### 3+4", gold, finish: .length).rule == "marker-cut")
    #expect(verdict(verifier, "<answer>3+4</answer>", gold, finish: .length).reward == 1)
  }

  @Test func randomExpressionsReachTheirValueAndNoOther() {
    var random = SeededGenerator(state: 5)
    var failures: [String] = []
    var whole = 0
    for _ in 0..<20_000 {
      var numbers: [Int] = []
      let (text, value) = Self.expression(Int.random(in: 1...6, using: &random), &numbers, &random)
      guard let value, value.top % value.bottom == 0 else { continue }
      whole += 1
      let target = value.top / value.bottom
      let right = verdict(verifier, "#### \(text)", "{\"numbers\":\(numbers),\"target\":\(target)}")
      let wrong = verdict(
        verifier, "#### \(text)", "{\"numbers\":\(numbers),\"target\":\(target + 1)}")
      if right.reward != 1 || wrong.reward != 0 { failures.append(text) }
    }
    #expect(failures.isEmpty, "\(failures.prefix(5))")
    #expect(whole > 5_000)
  }

  /// A fully bracketed random expression and its value, computed beside it; nil: divides by 0.
  private static func expression(
    _ count: Int, _ numbers: inout [Int], _ random: inout SeededGenerator
  ) -> (String, (top: Int, bottom: Int)?) {
    if count == 1 {
      let number = Int.random(in: 0...25, using: &random)
      numbers.insert(number, at: Int.random(in: 0...numbers.count, using: &random))
      return ("\(number)", (number, 1))
    }
    let split = Int.random(in: 1..<count, using: &random)
    let (leftText, left) = expression(split, &numbers, &random)
    let (rightText, right) = expression(count - split, &numbers, &random)
    let symbol = ["+", "-", "*", "/"].randomElement(using: &random)!
    let text = "(\(leftText) \(symbol) \(rightText))"
    guard let a = left, let b = right else { return (text, nil) }
    switch symbol {
    case "+": return (text, (a.top * b.bottom + b.top * a.bottom, a.bottom * b.bottom))
    case "-": return (text, (a.top * b.bottom - b.top * a.bottom, a.bottom * b.bottom))
    case "*": return (text, (a.top * b.top, a.bottom * b.bottom))
    default: return (text, b.top == 0 ? nil : (a.top * b.bottom, a.bottom * b.top))
    }
  }
}
