import Mathematics
import Records
import Testing
import Verifiers

/// Answers and ground truths of arbitrary bytes: a verdict, bounded, and the same again.
@Suite struct MathFuzzTests {
  /// Stands for what an input was found to be, so that unlike inputs join the corpus.
  private struct Refusal: DescribedError {
    var problem: String
    var location: String { "answer" }
    var remedy: String { "Answer otherwise." }
    var exitStatus: Records.ExitStatus { .mismatch }
  }

  private static let corpus = [
    #"\frac{1}{2}"# + "\n0.5", "(1, 2]\n(1,2]", #"\{1, 2\}"# + "\n2, 1",
    #"\begin{pmatrix}1&2\\3&4\end{pmatrix}"# + "\n" + #"\begin{bmatrix}1&2\\3&4\end{bmatrix}"#,
    "1 < x \\le 3\n(1, 3]", #"\sqrt{3+2\sqrt2}"# + "\n" + #"1+\sqrt{2}"#, "45\\%\n0.45",
    #"\sin 2x"# + "\n" + #"2\sin x\cos x"#, "x=1 \\text{ or } x=2\n1, 2", "2\\frac13\n7/3",
    #"\cos 20^\circ\cos 40^\circ\cos 80^\circ"# + "\n" + #"\frac18"#, "111_3\n13",
    #"\sum_{k=1}^{10} k"# + "\n55", #"\log_2 3"# + "\n" + #"\frac{\ln 3}{\ln 2}"#,
    #"\begin{vmatrix}1&2\\3&4\end{vmatrix}"# + "\n-2", "5 \\bmod 3\n2", "{4 \\choose 2}\n6",
    "x+y=1\n2x+2y=2", "(-\\infty,1)\\cup(3,\\infty)\nx<1 or x>3", "0.1\\overline{6}\n1/6",
  ].map { Array($0.utf8) }

  private static let words = [
    "\\frac", "\\sqrt", "\\sqrt[3]", "\\sin ", "\\ln ", "\\pi", "^", "_", "{", "}", "(", ")", "[",
    "]",
    "\\{", "\\}", "|", ",", "\\cup", "\\in", "\\le ", "=", "\\pm ", "!", "\\binom", "^\\circ",
    "\\%",
    "\\begin{pmatrix}", "\\end{pmatrix}", "&", "\\\\", "\\text{", "e^", "i", "x", "9", "0", ".",
    "/",
    "\\begin{vmatrix}", "\\end{vmatrix}", "\\begin{cases}", "\\end{cases}", "\\choose ", "\\over ",
    "\\bmod ", "\\gcd(", "|x|", "\\overline{3}", "1,234", "_3", "e3", "\\tan ", "\\arcsin ", "f(",
    "9223372036854775807", "\\sum_{k=-9223372036854775807}^{9223372036854775807}",
    "\\prod_{k=1}^{5}",
    "\\text{ cm}", "\\setminus ", "\\mid ", "\\ne ", ":", " and ", "x!", "\\lfloor ", "\\rfloor ",
    "-", "\\infty", "\\sum_{k=1}^{9}", "\\overline{", "\u{3C0}", "\u{B2}", "\u{2264}", "10^{9}",
  ]

  @Test func comparisons() {
    Fuzzing.expectSound(
      FuzzTarget(name: "math", corpus: Self.corpus, words: Self.words) { bytes in
        let parts = bytes.split(separator: 0x0A, maxSplits: 1, omittingEmptySubsequences: false)
        let (gold, answer) = (Array(parts[0]), Array(parts.count > 1 ? parts[1] : []))
        let comparison = AnswerComparison()
        let result = comparison.compare(gold: gold, answer: answer)
        guard comparison.compare(gold: gold, answer: answer) == result else {
          throw BrokenPromise(what: "another result the second time")
        }
        if case .equal = result { return }
        throw Refusal(problem: "\(result)")
      })
  }

  @Test func responses() {
    let corpus = [
      #"<think>\boxed{1}</think> so \boxed{2} and \boxed{3}."#, "The final answer is $7$. Done.",
      "#### 12", "Answer: x = 3", "we get $x$ and $y = 4$.", "it is 8 or 9", "17",
    ].map { Array($0.utf8) }
    let words = [
      "\\boxed{", "}", "$", "\\(", "\\)", "\\[", "\\]", "answer is ", "Answer:", "####", "</think>",
      "final answer", ". ", "\n", " and ", " or ", "7", "1,000", "<|", "\\", "\u{E9}",
    ]
    Fuzzing.expectSound(
      FuzzTarget(
        name: "math-response", corpus: corpus, words: words,
        read: { bytes in
          let response = String(decoding: bytes, as: UTF8.self)
          let found = MathVerifier().verify(
            response: response,
            prompt: Prompt(id: "p", content: .text("?"), groundTruth: "7", source: "fuzz"),
            finish: .stop)
          if let span = found.span {
            let text = Array(response.utf8)
            guard span.upperBound <= text.count,
              String(decoding: text[span], as: UTF8.self) == found.extracted
            else { throw BrokenPromise(what: "a span that is not the answer's") }
          }
          guard found.reward != 1 else { return }
          throw Refusal(problem: found.rule)
        }, acceptsCorpus: false))
  }
}
