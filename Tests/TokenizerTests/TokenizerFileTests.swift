import Foundation
import Records
import Testing
import Tokenizer

@Suite struct TokenizerFileTests {
  static func gaps() throws -> String {
    try String(
      contentsOfFile: TokenizerFixtures.directory + "/gaps/tokenizer.json", encoding: .utf8)
  }

  /// The error of reading `text`, or nothing.
  static func failure(_ text: String) -> String {
    do {
      _ = try Tokenizer(json: Array(text.utf8))
      return ""
    } catch { return error.description }
  }

  /// Each edit asks for something that would change ids, or breaks the file.
  @Test func whatIsNotDoneIsRefusedByName() throws {
    let text = try Self.gaps()
    let edits: [(old: String, new: String, named: String)] = [
      (#""type": "NFC""#, #""type": "NFKC""#, "normalizer: NFKC"),
      (#""type": "BPE""#, #""type": "WordPiece""#, "model.type: WordPiece"),
      (#""dropout": null"#, #""dropout": 0.1"#, "model.dropout"),
      (#""unk_token": null"#, #""unk_token": "a""#, "model.unk_token"),
      (#""byte_fallback": false"#, #""byte_fallback": true"#, "model.byte_fallback"),
      (#""end_of_word_suffix": null"#, #""end_of_word_suffix": "@@""#, "end_of_word_suffix"),
      (#""truncation": null"#, #""truncation": {}"#, "truncation"),
      (#""add_prefix_space": false"#, #""add_prefix_space": true"#, "add_prefix_space"),
      (#""lstrip": false"#, #""lstrip": 1"#, "lstrip"),
      (#""type": "TemplateProcessing""#, #""type": "BertProcessing""#, "BertProcessing"),
      (#""ab": 3"#, #""ab": 2"#, "id 2 stands twice"),
      (#""ab": 3"#, #""ab": -3"#, "id of a vocabulary entry"),
      (#""ab": 3"#, #""ab": 999999999"#, "id of a vocabulary entry"),
      (#""ab": 3"#, #""aab": 3"#, "merge 1"),
      (#""id": 8"#, #""id": 7"#, "added token 7"),
      (#""content": "<\u{e9}>>""#, #""content": "a""#, "added token 9"),
      (#""content": "<\u{e9}>>""#, #""content": """#, "no content"),
      (#""version""#, #""merges"": "#, "byte"),
    ]
    var wrong: [String] = []
    for (old, new, named) in edits {
      let old = old.replacing(#"\u{e9}"#, with: "\u{e9}")
      if !text.contains(old) { wrong.append("no \(old)") }
      let changed = text.replacing(old, with: new, maxReplacements: 1)
      let failure = Self.failure(changed)
      if !failure.contains(named) || failure.contains("\n") { wrong.append("\(new): \(failure)") }
    }
    #expect(wrong == [])
    #expect(Self.failure(text) == "")
  }

  @Test func mergesInBothSpellingsAreTheSame() throws {
    let pairs = try Self.gaps()
    let range = try #require(pairs.firstRange(of: #""merges": "#))
    let strings = pairs[..<range.lowerBound] + #""merges": ["b c", "a b", "a bc"]}}"#
    let (left, right) = (
      try Tokenizer(json: Array(pairs.utf8)), try Tokenizer(json: Array(strings.utf8))
    )
    for text in ["abc", "bcab", "aabbcc", "cabcab"] {
      #expect(left.encode(text) == right.encode(text))
    }
    #expect(left.encode("abc") == [5])
  }

  @Test func aMissingFileSaysWhatToDo() {
    do {
      _ = try Tokenizer(file: "/no/such/tokenizer.json")
      Issue.record("was read")
    } catch {
      #expect(error.code == .file)
      #expect(error.description.hasPrefix("/no/such/tokenizer.json: cannot be read"))
    }
  }

  @Test func theCharacterTokenizerIsTheFileThatHuggingFaceRead() throws {
    let written = CharacterTokenizer.json(
      characters: Array("0123456789abcdefghijklmnopqrstuvwxyz +-*/=().,:;?!<>|\n'\"\\~"),
      specials: ["<|endoftext|>", "<|user|>", "<|assistant|>"])
    let file = TokenizerFixtures.directory + "/characters/tokenizer.json"
    #expect(Array(written.utf8) == Array(try Data(contentsOf: URL(fileURLWithPath: file))))
    let tokenizer = try Tokenizer(json: Array(written.utf8))
    #expect(tokenizer.count == 61)
    #expect(tokenizer.id(of: "<|endoftext|>") == 58)
    #expect(tokenizer.encode("10<|user|>Qé") == [1, 0, 59])
  }

  @Test func theCharacterTokenizersConfigurationIsJSON() throws {
    let text = CharacterTokenizer.configurationJSON(
      endOfText: "<|endoftext|>", chatTemplate: "{% if x %}\"\n{% endif %}")
    let json = try JSONValue(parsing: Array(text.utf8))
    #expect(json["pad_token"]?.string == "<|endoftext|>")
    #expect(json["chat_template"]?.string == "{% if x %}\"\n{% endif %}")
  }
}
