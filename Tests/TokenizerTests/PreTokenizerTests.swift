import Foundation
import Records
import Testing
import Tokenizer

@Suite struct PreTokenizerTests {
  /// Cut by Oniguruma with the published expressions (`Fixtures/README.md`).
  @Test(arguments: [
    ("qwen2", PreTokenizer.contractionsAndDigits(most: 1)),
    ("llama3", .contractionsAndDigits(most: 3)), ("gpt2", .gpt2),
  ])
  func wordsAreThoseOfTheExpression(name: String, preTokenizer: PreTokenizer) throws {
    let file = URL(fileURLWithPath: TokenizerFixtures.directory + "/words.json")
    let json = try JSONValue(parsing: Array(try Data(contentsOf: file)), location: "words.json")
    let cases = try #require(json["cases"]?.array)
    var wrong: [String] = []
    for entry in cases {
      let text = try #require(entry["text"]?.string)
      let words = preTokenizer.words(in: text).map { Array($0.utf8) }
      if words != entry[name]?.array?.map({ Array(($0.string ?? "").utf8) }) {
        wrong.append("\(text.unicodeScalars.map { String($0.value, radix: 16) })")
      }
    }
    #expect(cases.count == 500)
    #expect(wrong == [])
  }

  /// By hand: the alternatives in their order, and what the look-ahead gives back.
  @Test func alternativesAreTriedInOrder() {
    let modern = PreTokenizer.contractionsAndDigits(most: 3)
    #expect(modern.words(in: "it's 12345!\n\n x") == ["it", "'s", " ", "123", "45", "!\n\n", " x"])
    #expect(modern.words(in: "a   b") == ["a", "  ", " b"])
    #expect(modern.words(in: "a  \n \n  b") == ["a", "  \n \n", " ", " b"])
    #expect(modern.words(in: "x  ") == ["x", "  "])
    #expect(modern.words(in: "\tab\u{200B}cd") == ["\tab", "\u{200B}cd"])
    #expect(PreTokenizer.gpt2.words(in: "we'LL 1a") == ["we", "'", "LL", " 1", "a"])
    #expect(PreTokenizer.whole.words(in: "a b") == ["a b"])
    #expect(PreTokenizer.gpt2.words(in: "") == [])
  }
}
