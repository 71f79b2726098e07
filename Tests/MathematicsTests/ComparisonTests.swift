import Mathematics
import Testing

/// What is equal and what is not, by kind of answer.
@Suite struct ComparisonTests {
  private func isEqual(
    _ gold: String, _ answer: String, _ options: ComparisonOptions = ComparisonOptions()
  ) -> Bool {
    let comparison = AnswerComparison(options: options)
    if case .equal = comparison.compare(gold: Array(gold.utf8), answer: Array(answer.utf8)) {
      return true
    }
    return false
  }

  private func expect(_ equal: [(String, String)], _ different: [(String, String)]) {
    let missed = equal.filter { !isEqual($0.0, $0.1) }
    let accepted = different.filter { isEqual($0.0, $0.1) }
    #expect(missed.isEmpty, "taken for different: \(missed)")
    #expect(accepted.isEmpty, "taken for equal: \(accepted)")
  }

  @Test func numbers() {
    expect(
      [
        ("7/3", #"2\frac{1}{3}"#), ("7/3", "2 1/3"), (#"\frac{7}{3}"#, #"2\tfrac13"#),
        ("5000", "5{,}000"), ("5000", #"5,\!000"#), ("5000000", "5 000 000"),
        ("12,345.5", "12345.50"), ("-36", "\u{2212}36"), (".25", #"\frac{1}{4}"#),
        (#"1.5\times 10^{3}"#, "1500"), ("1.5e3", "1500"), ("0.00015", #"1.5\cdot10^{-4}"#),
        (#"0.\overline{36}"#, #"\frac{4}{11}"#), ("1/6", #"0.1\overline{6}"#),
        ("13", "111_3"), ("111_{3}", #"111_{\text{three}}"#), ("120", "5!"),
        (#"\binom{10}{3}"#, "120"), (#"{10 \choose 3}"#, "120"), ("1/2", #"{1 \over 2}"#),
        ("3", #"\lfloor 3.7 \rfloor"#), ("4", #"\lceil \pi \rceil"#), ("12", #"2^2 \cdot 3"#),
        ("55", #"\sum_{k=1}^{10} k"#), ("24", #"\prod_{k=1}^{4} k"#), ("½", "0.5"),
        ("6", #"\gcd(12, 18)"#), ("x³", "x^3"), ("x^{10}", "x¹⁰"),
      ],
      [
        ("13", "111_2"), ("36", "-36"), ("34", "3,4"), ("34", #"3\,4"#), ("42", "4 2"),
        ("1024", "2^{1}0"), ("2", "2.0000001"), ("1", "0/0"), ("36", "36 37"),
        ("98765432109876543210", "98765432109876543211"), ("1", "0^0"), ("7", "7 % 42"),
        ("0", "0 if x else 1"), ("0", "1 - 0.9999999999999999999999"),
      ])
  }

  @Test func decimals() {
    expect(
      [
        ("0.333333", #"\frac13"#), ("0.3333333333", #"\frac13"#), ("1/3", "0.33333333"),
        (#"\pi"#, "3.141593"), (#"\pi"#, "3.1415926"), ("3.141593", #"\pi"#),
        ("2.828427", #"2\sqrt2"#), ("2,75", "2.75"), ("2.75", "2,75"), ("0,125", "0.125"),
      ],
      [
        ("1/3", "0.3333"), (#"\pi"#, "3.14"), ("0.0000001", "0.0000002"), ("0", "0.00000001"),
        ("0.25", "0.26"), ("1.41", #"\sqrt2"#), ("2000", "2,0"),
      ])
    let coarse = ComparisonOptions(roundingPlaces: 2)
    #expect(isEqual(#"\frac13"#, "0.33", coarse))
    #expect(!isEqual(#"\frac13"#, "0.34", coarse))
  }

  @Test func percent() {
    expect(
      [
        (#"45\%"#, "45"), (#"45\%"#, "0.45"), ("0.45", #"45\%"#), ("45", #"45\%"#),
        (#"12.5\%"#, #"\frac18"#), (#"45\%"#, "45 percent"), ("45 pct", #"45\%"#),
      ], [("45", "0.45"), ("0.45", "45"), (#"45\%"#, "4500"), (#"45\%"#, #"0.45\%"#)])
    #expect(!isEqual("0.45", #"45\%"#, ComparisonOptions(percentIsHundredth: false)))
  }

  @Test func units() {
    expect(
      [
        ("36", #"36 \text{ cm}^2"#), ("36", #"36\ \mathrm{m}^{3}/\mathrm{s}"#), ("36", "$36"),
        (#"\$36"#, "36 dollars"), ("36 inches", "36"), ("36", #"36\text{ square units}"#),
        ("36", #"36\text{ marbles}"#), (#"36^\circ"#, "36"), ("36", #"36^\circ\text{C}"#),
        ("36", #"36\text{ degrees}"#), ("5 cm", #"5\text{ centimeters}"#),
      ],
      [
        ("36", #"36\text{ million}"#), ("36", #"36\text{ is false}"#), ("36", #"36\text{ or }37"#),
        ("a+2", "m+2"), ("x+g", "x+h"), ("36", #"36\text{ nope}"#), ("36", #"36\text{ thirds}"#),
        ("5 cm", "5 km"), (#"5\text{ m}"#, #"5\text{ feet}"#),
      ])
  }

  @Test func rootsAndConstants() {
    expect(
      [
        (#"\frac{\sqrt{2}}{2}"#, #"\frac{1}{\sqrt{2}}"#), (#"\sqrt{12}"#, #"2\sqrt3"#),
        (#"\sqrt{3+2\sqrt2}"#, #"1+\sqrt2"#), (#"\sqrt{5+2\sqrt6}"#, #"\sqrt2+\sqrt3"#),
        (#"\sqrt[3]{-27}"#, "-3"), ("-2", "(-8)^{1/3}"), (#"\sqrt[3]{16}"#, #"2\sqrt[3]{2}"#),
        (#"\frac{1}{1+\sqrt2}"#, #"\sqrt2-1"#), (#"\sqrt{-1}"#, "i"), ("i^2", "-1"),
        (#"\frac{1+i}{2}"#, #"\frac{1}{1-i}"#), ("5", "|3+4i|"), ("-1", #"e^{i\pi}"#),
        (#"\sqrt[3]{2+\sqrt5}+\sqrt[3]{2-\sqrt5}"#, "1"), (#"2\pi"#, "2*pi"),
        (#"\sqrt{2}/2"#, "sqrt(2)/2"), (#"\frac{\pi}{2}"#, #"\pi/2"#),
      ],
      [
        (#"\sqrt{2}"#, #"\sqrt{3}"#), (#"\sqrt2+\sqrt3"#, #"\sqrt5"#), ("3+4i", "3-4i"),
        ("e", "2.718"), (#"\sqrt{2}"#, #"-\sqrt{2}"#),
        ("2", #"\sqrt{2+\sqrt{2+\sqrt{2+\sqrt{2}}}}"#),
      ])
  }

  @Test func functions() {
    expect(
      [
        (#"\frac{\sqrt2}{2}"#, #"\sin 45^\circ"#), (#"\sqrt3"#, #"\tan\frac{\pi}{3}"#),
        (#"\frac{\sqrt6-\sqrt2}{4}"#, #"\sin 15^\circ"#), ("1", #"\sin^2 x+\cos^2 x"#),
        (#"\frac{1+\sqrt5}{4}"#, #"\cos 36^\circ"#), (#"\sin 2x"#, #"2\sin x\cos x"#),
        (#"\frac18"#, #"\cos20^\circ\cos40^\circ\cos80^\circ"#), (#"\log_2 32"#, "5"),
        (#"\ln 8"#, #"3\ln 2"#), (#"\frac{\ln 3}{\ln 2}"#, #"\log_2 3"#), (#"e^{\ln 5}"#, "5"),
        (#"\arctan 1"#, #"\frac{\pi}{4}"#), (#"\sin^{-1}\frac12"#, #"\frac{\pi}{6}"#),
        (#"\lg 1000"#, "3"), (#"|2-x|"#, "|x-2|"), (#"\cosh x"#, #"\frac{e^x+e^{-x}}{2}"#),
      ],
      [
        (#"\sin x"#, #"\cos x"#), ("0", #"\ln 0"#), ("1", #"\tan 90^\circ"#),
        (#"\frac12"#, #"\sin 30"#), (#"2\ln x"#, #"\ln x"#),
      ])
  }

  @Test func symbols() {
    expect(
      [
        ("(x+1)^2", "x^2+2x+1"), (#"\frac{x^2-4}{x-2}"#, "x+2"), ("4^x", "2^{2x}"),
        (#"\frac1x+\frac1y"#, #"\frac{x+y}{xy}"#), ("x^{n+1}", #"x\cdot x^n"#),
        (#"x\sqrt x"#, "x^{3/2}"),
        (#"\frac{\pi}{4}+k\pi, k\in\mathbb{Z}"#, #"k\pi+\frac{\pi}{4}\ (k\in\mathbb{Z})"#),
        (#"\frac{1}{\sqrt{x+1}}"#, #"\frac{\sqrt{x+1}}{x+1}"#),
        (#"\sqrt{x^2}"#, "|x|"), (#"2\pi r^2"#, #"2r^2\pi"#), (#"\frac{(2n)!}{n!}"#, #"(2n)!/n!"#),
        (#"\frac{x}{7}+\frac{2}{7}"#, "(x+2)/7"), ("x**2", "x^2"), ("a_{1}+b", "b+a_1"),
      ],
      [
        (#"\sqrt{x^2}"#, "x"), ("a", "\u{430}"), ("x", "X"), (#"\frac12x"#, #"\frac{1}{2x}"#),
        (#"\frac1x+\frac1y"#, #"\frac{1}{x+y}"#), ("x+1", "x-1"), ("x_1", "x_2"),
        (#"\sqrt{x+y}"#, #"\sqrt x+\sqrt y"#), ("x^2", "x_2"),
      ])
  }

  @Test func setsAndLists() {
    expect(
      [
        ("{1,2,3}", #"\{3,2,1\}"#), (#"\{1,2,3\}"#, "1, 2, 3"), (#"\{1,1,2\}"#, #"\{1,2\}"#),
        ("1,2,3", #"1, 2, \text{ and } 3"#), ("1,2,3", "1, 2 and 3"), (#"\pm 5"#, "5, -5"),
        (#"\frac{3\pm\sqrt5}{2}"#, #"\frac{3-\sqrt5}{2}, \frac{3+\sqrt5}{2}"#),
        (#"x=1 \text{ or } x=2"#, #"x\in\{1,2\}"#), ("x=1,2", "1, 2"), (#"\emptyset"#, #"\{\}"#),
        (#"\{(1,2),(3,4)\}"#, "(3,4),(1,2)"), ("a=4, b=5", "4, 5"),
      ],
      [
        (#"\{1,2,3\}"#, #"\{1,2\}"#), ("1,2", "1,2,2"), ("5", #"\pm 5"#), ("1,2", "1"),
        ("a=4, b=5", "a=5, b=4"), (#"\{1,2\}"#, "(1,2)"),
      ])
    #expect(!isEqual("1, 2", "2, 1", ComparisonOptions(listOrderMatters: true)))
  }

  @Test func pointsAndIntervals() {
    expect(
      [
        ("(1,2)", #"\left(1,\ 2\right)"#), ("(1,2)", "1, 2"), ("(x,y)=(1,2)", "(1,2)"),
        ("(1,2)", #"\langle 1,2\rangle"#), ("(1,2)", #"\begin{pmatrix}1\\2\end{pmatrix}"#),
        ("(1,2)", "]1, 2["), (#"(1,\infty)"#, "x>1"), ("x>1", #"(1,+\infty)"#),
        (#"1<x\le 3"#, #"x\in(1,3]"#), (#"1<x\le 3"#, #"3\ge x>1"#), ("2x<4", "x<2"),
        (#"(-\infty,1)\cup(3,\infty)"#, #"x<1 \text{ or } x>3"#), (#"x\ne0"#, "x != 0"),
        (#"(-\infty,0)\cup(0,\infty)"#, #"\mathbb{R}\setminus\{0\}"#), ("[0,2]", "[0,1]∪[1,2]"),
        (#"\{x\mid x>3\}"#, #"(3,\infty)"#), (#"(0,\sqrt2)"#, #"0<x<\sqrt2"#),
        (#"(-\infty,1) U (3,\infty)"#, #"(3,\infty)\cup(-\infty,1)"#), ("[1;2]", "[1,2]"),
      ],
      [
        ("(1,2)", "(2,1)"), ("(1,2)", "(1,2]"), ("x<2", #"x\le2"#), ("x<2", "x>2"),
        ("(1,2)", "(1,2,3)"), ("[0,2]", #"[0,1)\cup(1,2]"#), ("2", "[0,100]"),
      ])
  }

  @Test func equations() {
    expect(
      [
        ("x=5", "5"), ("5", "x=5"), ("f(x)=x^2", "x^2"), ("|AB|=7", "7"), ("7", "AB=7"),
        ("x : y = 3 : 4", "3:4"), (#"\frac{AB}{CD}=2"#, "2"), ("11", "x = 5+6 = 11"),
        (#"\frac13"#, #"x=\frac13\approx0.333"#), ("1000", "10^3=1000"), ("5", "5 = x"),
        ("y=2x+3", "2x-y+3=0"), ("x+y=1", "2x+2y=2"), (#"\frac{x^2}{4}+y^2=1"#, "x^2+4y^2=4"),
        ("1", #"\lim_{x\to0}\frac{\sin x}{x}=1"#), ("a<b<c", "c>b>a"), ("3:4", #"\frac34"#),
        (#"P(A \mid B)=\frac14"#, "0.25"), (#"f^{-1}(x)=x-1"#, "x-1"),
      ],
      [
        ("2x+z=1", "1"), ("7=11a+c", "11a+c"), ("x+y=1", "x+y=2"), ("42", "43=42"),
        ("42", #"x\neq42"#), ("a<b<c", "a<c<b"), ("12:30", "12:45"), ("42", ">42"),
      ])
  }

  @Test func matrices() {
    expect(
      [
        (
          #"\begin{pmatrix}1/2&0\\0&1\end{pmatrix}"#,
          #"\begin{bmatrix}0.5 & 0 \\ 0 & 1\end{bmatrix}"#
        ),
        (#"\begin{pmatrix}2\\4\end{pmatrix}"#, #"2\begin{pmatrix}1\\2\end{pmatrix}"#),
        (
          #"\begin{pmatrix}1&2\\3&4\end{pmatrix}"#,
          #"\left(\begin{array}{cc}1&2\\3&4\end{array}\right)"#
        ), ("-2", #"\begin{vmatrix}1&2\\3&4\end{vmatrix}"#),
        (#"\begin{cases} x=1 \\ y=2 \end{cases}"#, "x=1, y=2"),
      ],
      [
        (#"\begin{pmatrix}1\\2\end{pmatrix}"#, #"\begin{pmatrix}1&2\end{pmatrix}"#),
        (#"\begin{pmatrix}1&2\\3&4\end{pmatrix}"#, #"\begin{pmatrix}1&3\\2&4\end{pmatrix}"#),
      ])
  }

  @Test func words() {
    expect(
      [
        (#"\text{Monday}"#, "monday"), ("Yes", #"\text{yes}."#), ("B", #"\textbf{(B)}"#),
        (#"\text{(B)}"#, "B"), ("A, C", #"\text{A, C}"#), (#"\text{12,345}"#, "12345"),
        (#"\text{No solution}"#, "no solution"), ("AC", #"\text{AC}"#),
      ],
      [
        ("B", "C"), ("42", #"\neg 42"#), ("42", #"\phantom{42}7"#), ("42", #"\input{42}"#),
        ("0", "__import__('os')"), ("42", "answer"), ("42", ""), ("42", #"\ldots"#),
        ("42", "42?"), ("42", "42 -"), (#"\text{Monday}"#, #"\text{Sunday}"#),
      ])
  }

  /// What was escaped once too often is read all the same.
  @Test func doubledBackslashes() {
    expect([(#"\\frac{1}{2}"#, "0.5"), (#"\\left(1, \\frac12\\right)"#, "(1, 0.5)")], [])
  }
}
