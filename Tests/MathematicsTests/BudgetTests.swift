import Mathematics
import Testing

/// Nothing costs more than is allowed, whoever wrote it.
@Suite struct BudgetTests {
  private func compare(_ gold: String, _ answer: String) -> ComparisonResult {
    AnswerComparison().compare(gold: Array(gold.utf8), answer: Array(answer.utf8))
  }

  private static let explosive = [
    "7^{7^{7^{7}}}", "7^7^7^7", "3^{10000000000}", "((((8!)!)!)!)!",
    #"\binom{2000000000}{1000000000}"#, "(p+q+r+s)^{50}", "((p+q)^{12}+r)^{12}",
    #"\sum_{k=1}^{10^{9}} k"#, #"\sum_{k=1}^{900}\sum_{j=1}^{900} kj"#, "1e9999 \\cdot 1e9999",
    #"\sum_{k=1}^{1000}\frac1k"#, "x^{100000000}",
  ]

  @Test func explosionsAreStoppedByTheCount() {
    for answer in Self.explosive {
      let clock = ContinuousClock()
      var result = ComparisonResult.different
      let time = clock.measure { result = compare("3", answer) }
      #expect(result == .costlyAnswer, "\(answer)")
      // Some 10 ms on a quiet machine.
      #expect(time < .milliseconds(500), "\(answer) took \(time)")
      #expect(compare(answer, "3") == .costlyGold, "\(answer)")
      #expect(compare(answer, answer) == .equal(.text), "\(answer)")
    }
  }

  @Test func nestingIsBounded() {
    let openers = [
      "(", #"\sqrt{"#, #"\frac{1}{1+"#, "x^{", "|", #"\left("#, "{", "-", #"\{"#, #"\sin("#, "!",
      "1/",
      #"\begin{pmatrix}"#, #"\frac"#, #"\sqrt"#, "2^", #"\text{"#, "x=", "1,", #"\pm "#, "^2", "'",
    ]
    for opener in openers {
      for times in [100, 1000, 3000] {
        let text = String(repeating: opener, count: times)
        for answer in [text, text + "1", "1" + text] {
          let result = compare("3", answer)
          #expect(result != .equal(.number), "\(times) times \(opener)")
        }
      }
    }
  }

  @Test func longTextsAreRefused() {
    let digits = String(repeating: "7", count: 20_000)
    #expect(compare("3", digits) == .costlyAnswer)
    #expect(compare(digits, digits) == .equal(.text))
    #expect(compare("3", String(repeating: "7", count: 1_000_000)) == .costlyAnswer)
  }

  @Test func theBudgetDecidesNotTheClock() {
    let (gold, answer) = (Array("(a+b)^8".utf8), Array("(b+a)^{8}".utf8))
    var smallest = 1
    while AnswerComparison(operations: smallest).compare(gold: gold, answer: answer)
      != .equal(.symbolic)
    {
      smallest += 1
      #expect(smallest < 5_000)
      if smallest >= 5_000 { return }
    }
    // One operation less is one too few, every time.
    for _ in 0..<3 {
      let less = AnswerComparison(operations: smallest - 1)
      #expect(less.compare(gold: gold, answer: answer) != .equal(.symbolic))
    }
  }
}
