import Foundation
import Records
import Testing
import Verifiers

@Suite struct RegexVerifierTests {
  /// Where the pattern first matches, in UTF-8; nil for no match.
  private func place(_ pattern: String, _ text: String) throws -> Range<Int>? {
    let found = verdict(try RegexVerifier(), text, pattern)
    #expect(found.reward != nil, "\(pattern): \(found)")
    #expect(spanFits(found, text))
    return found.span
  }

  @Test(
    arguments: [
      ("abc", "xxabc", 2..<5), ("a|ab", "ab", 0..<1), ("ab|a", "ab", 0..<2), ("a*", "aaa", 0..<3),
      ("a*?", "aaa", 0..<0), ("a+?b", "aab", 0..<3), ("(a|b)*c", "abac", 0..<4),
      ("x{2,3}", "xxxx", 0..<3),
      ("x{2}", "axxx", 1..<3), ("x{2,}", "axxx", 1..<4), ("^b", "ab", nil),
      ("(?m)^b", "a\nb", 2..<3),
      ("a$", "ba", 1..<2), ("a$", "a\n", nil), ("(?m)a$", "a\n", 0..<1), (".", "\n", nil),
      ("(?s).", "\n", 0..<1), ("\\bcat\\b", "a cat!", 2..<5), ("\\bcat\\b", "concat", nil),
      ("[^a-c]", "abcd", 3..<4), ("[]a]", "]", 0..<1), ("[a\\-z]", "-", 0..<1),
      ("\\d+", "x42y", 1..<3),
      ("\\W", "ab c", 2..<3), ("(?i)HELLO", "say hello", 4..<9), ("(?i)[A-C]", "b", 0..<1),
      ("\\x41\\u0042", "AB", 0..<2), ("é", "café", 3..<5), ("(?:ab)+", "ababa", 0..<4),
      ("(?<year>\\d{4})", "in 1999", 3..<7), ("(a*)*b", "aaab", 0..<4),
      ("a\\.b", "a.b", 0..<3), ("\\/", "a/b", 1..<2),
    ] as [(String, String, Range<Int>?)])
  func matches(_ pattern: String, _ text: String, _ wanted: Range<Int>?) throws {
    #expect(try place(pattern, text) == wanted, "\(pattern) in \(text)")
  }

  /// Random patterns of what both know, against Foundation's.
  @Test func agreesWithABacktrackingEngine() throws {
    var random = SeededGenerator(state: 5)
    func node(_ depth: Int) -> String {
      func atom() -> String {
        ["a", "b", "c", ".", "[ab]", "[^a]", "\\w", "\\b", "(?:)"].randomElement(using: &random)!
      }
      guard depth > 0 else { return atom() }
      switch Int.random(in: 0..<6, using: &random) {
      case 0: return node(depth - 1) + node(depth - 1)
      case 1: return "(?:" + node(depth - 1) + "|" + node(depth - 1) + ")"
      case 2: return "(" + node(depth - 1) + ")"
      case 3:
        let mark = ["*", "+", "?", "*?", "+?", "??", "{1,2}"].randomElement(using: &random)!
        // A loop over what may be empty is where engines differ.
        return "(?:" + ["a", "b", "ab", "[ab]", "a|bc"].randomElement(using: &random)! + ")" + mark
      default: return atom()
      }
    }
    var failures: [String] = []
    for _ in 0..<4_000 {
      let pattern = node(3)
      let text = String(
        (0..<Int.random(in: 0...8, using: &random)).map { _ in
          "abc ".randomElement(using: &random)!
        })
      let other = try NSRegularExpression(pattern: pattern)
      let theirs = other.firstMatch(in: text, range: NSRange(location: 0, length: text.utf8.count))
        .flatMap { Range($0.range) }
      let ours = verdict(try RegexVerifier(), text, pattern).span
      if ours != theirs {
        failures.append(
          "\(pattern) in '\(text)': \(String(describing: ours)), \(String(describing: theirs))")
      }
    }
    #expect(failures.isEmpty, "\(failures.count): \(failures.prefix(5))")
  }

  @Test(arguments: [
    "(", ")", "a)", "[a", "*a", "a**", "a{2", "a{3,2}", "{", "\\", "(?=a)", "(?!a)", "(?<=a)",
    "(?>a)",
    "(a)\\1", "\\p{L}", "a{1001}", "(?x)a", "\\q", "[z-a]", "((a{500}){500}){500}", "\\xZZ",
    String(repeating: "(", count: 100) + String(repeating: ")", count: 100),
    String(repeating: "a", count: 5_000),
  ])
  func refusesWhatItDoesNotKnow(_ pattern: String) throws {
    #expect(throws: VerifierError.self) { try RegexVerifier(pattern: pattern) }
    #expect(verdict(try RegexVerifier(), "a", pattern).reward == nil)
  }

  @Test func aGroupReadsTheAnswerAndTheLastMatchCounts() throws {
    let regex = try RegexVerifier(pattern: "answer: *(\\w+)", ignoresCase: true)
    #expect(verdict(regex, "Answer: blue\nanswer: red.", "red").rule == "group-equal")
    #expect(verdict(regex, "Answer: blue", "red").rule == "group-differs")
    #expect(verdict(regex, "blue", "blue").rule == "no-match")
    #expect(verdict(regex, "answer: red", "red", finish: .length).rule == "group-cut")
    #expect(verdict(regex, "answer: red", "").reward == nil)
    let optional = try RegexVerifier(pattern: "x(y)?")
    #expect(verdict(optional, "x", "y").rule == "no-group")
    let plain = try RegexVerifier(pattern: "[0-9]{3}")
    #expect(verdict(plain, "in 123", "anything").isRight)
  }

  /// Patterns that take backtracking engines exponential time, and long texts: a counted budget.
  @Test func hostilePatternsEndInTime() throws {
    let clock = ContinuousClock()
    let text = String(repeating: "a", count: 1 << 20)
    for pattern in [
      "(a*)*$b", "(a|a)*b", "(a?){60}a{60}", "(.*)*x", "^(a+)+$", "(a|b|ab)*c", "((a{10}){10}){10}",
    ] {
      let taken = clock.measure { _ = verdict(try! RegexVerifier(), text, pattern) }
      #expect(taken < .seconds(1), "\(pattern): \(taken)")
    }
    #expect(verdict(try RegexVerifier(), text, "(a|b|ab)*c").rule == "budget")
    #expect(verdict(try RegexVerifier(), String(text.prefix(20_000)), "(a|a)*b").rule == "no-match")
  }
}
