import Mathematics
import Testing

/// Exact arithmetic seen through comparisons, at sizes around the borders of machine words.
@Suite struct ArithmeticTests {
  private func isEqual(_ gold: String, _ answer: String) -> Bool {
    if case .equal = AnswerComparison().compare(
      gold: Array(gold.utf8), answer: Array(answer.utf8))
    {
      return true
    }
    return false
  }

  @Test func identitiesHoldAtAnySize() {
    var generator = SplitMix(state: 11)
    var failures: [String] = []
    for round in 0..<400 {
      let (a, b) = (generator.number(round % 60), generator.number(round * 7 % 60))
      let claims = [
        ("\(a)", #"\frac{\#(a)\cdot \#(b)}{\#(b)}"#),
        ("(\(a)+\(b))(\(a)-\(b))", "\(a)^2-\(b)^2"),
        ("\(a)-\(b)", "-(\(b)-\(a))"),
        (#"\sqrt{\#(a)\cdot \#(a)}"#, "\(a)"),
        (#"\frac{\#(a)}{\#(b)}+\frac{\#(b)}{\#(a)}"#, #"\frac{\#(a)^2+\#(b)^2}{\#(a)\cdot\#(b)}"#),
      ]
      failures += claims.filter { !isEqual($0.0, $0.1) }.map { "\($0.0) = \($0.1)" }
      if isEqual("\(a)\(b)", "\(a)\(b)+1") { failures.append("\(a)\(b) = \(a)\(b)+1") }
    }
    #expect(failures.isEmpty, "\(failures.prefix(3))")
  }

  @Test func wordBorders() {
    #expect(isEqual("9223372036854775808", "2^{63}"))
    #expect(isEqual("-9223372036854775808", "-2^{63}"))
    #expect(isEqual("-9223372036854775808", "-9223372036854775807-1"))
    #expect(isEqual("18446744073709551616", "2^{64}"))
    #expect(isEqual("340282366920938463463374607431768211456", "4294967296^4"))
    #expect(isEqual("0", "2^{64}-2^{63}-2^{63}"))
    #expect(isEqual("4294967295", #"\frac{2^{64}-1}{2^{32}+1}"#))
    #expect(!isEqual("9223372036854775807", "2^{63}"))
  }

  /// With 32-bit words the estimate of a quotient's digit is almost never one too large; here it is.
  @Test func longDivisionCorrectsItsEstimate() {
    let (u, v) = ("170141183420855150474555134919112130560", "39614081257132168796771975169")
    #expect(isEqual("39614081257132168792477007874", #"\#(u) \bmod \#(v)"#))
    #expect(isEqual("4294967294", #"\lfloor \frac{\#(u)}{\#(v)} \rfloor"#))
  }

  @Test func irrationalNumbersAreOrdered() {
    // The order of the ends decides whether an interval is one.
    #expect(isEqual(#"(\sqrt2,\frac{99}{70})"#, #"\sqrt2<x<\frac{99}{70}"#))
    #expect(isEqual(#"(\ln 2,\ln 3)"#, #"\ln 2<x<\ln 3"#))
    #expect(isEqual(#"(e,\pi)"#, #"\pi>x>e"#))
    #expect(isEqual(#"\lfloor e^{10} \rfloor"#, "22026"))
    #expect(isEqual(#"\lfloor \pi^{10} \rfloor"#, "93648"))
    #expect(isEqual(#"\lfloor 1000\ln 2 \rfloor"#, "693"))
    #expect(isEqual(#"\lfloor 1000\sin 1 \rfloor"#, "841"))
    #expect(isEqual(#"\lfloor 1000\sqrt[3]{2} \rfloor"#, "1259"))
  }
}

/// SplitMix64, and numbers of a given length from it.
private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func number(_ digits: Int) -> String {
    let rest = (0..<digits).map { _ in String(next() % 10) }.joined()
    return "\(1 + next() % 9)" + rest
  }
}
