import Testing
import Verifiers

@Suite("Text patterns")
struct TextPatternTests {
  /// What stands at the ranges.
  private func found(_ pattern: TextPattern, _ text: String) -> [String] {
    let bytes = Array(text.utf8)
    return pattern.search(text).ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
  }

  @Test("a text is found as it stands, all of its places from the left")
  func fixed() {
    #expect(found(TextPattern("aa"), "aaaaa") == ["aa", "aa"])
    #expect(TextPattern("é=").search("é é= é=").ranges == [3..<6, 7..<10])
    #expect(found(TextPattern("a.c"), "abc a.c") == ["a.c"])
    #expect(found(TextPattern("x"), "").isEmpty)
  }

  @Test("an expression counts in bytes, and an empty match is none")
  func expression() throws {
    #expect(try TextPattern(expression: "[0-9]+").search("é12 好345").ranges == [2..<4, 8..<11])
    #expect(try found(TextPattern(expression: "a*"), "baab") == ["aa"])
    #expect(try found(TextPattern(expression: "^b|b$"), "bab") == ["b", "b"])
  }

  @Test(
    "a literal means each of its characters, in either case where asked",
    arguments: [
      "a.c", "1+1=2", "\\boxed{2}", "[x](y)*", "$5_^|?", "tab\there",
    ])
  func literal(text: String) throws {
    let pattern = try TextPattern(expression: text, isLiteral: true, ignoresCase: true)
    #expect(found(pattern, "-" + text.uppercased() + "-") == [text.uppercased()])
    #expect(found(pattern, "abc 1111 boxed").isEmpty)
  }

  @Test("a search that would take too long says so; an unknown pattern is refused")
  func bounds() throws {
    let dear = try TextPattern(expression: "(a|a|a|a|a|a|a|a){200}b")
    #expect(!dear.search(String(repeating: "a", count: 1 << 20)).isComplete)
    #expect(throws: VerifierError.self) { try TextPattern(expression: "(a") }
  }
}
