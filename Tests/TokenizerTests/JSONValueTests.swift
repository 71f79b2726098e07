import Records
import Testing

/// The JSON reader of `Records`, which reads tokenizer.json, config.json and safetensors headers.
@Suite struct JSONValueTests {
  static func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
  }

  @Test func valuesKeepTheirKindAndMembersTheirOrder() throws {
    let json = try Self.parse(
      #" {"z": [1, -2, 2.5, 1e3, true, null], "a": {"\u00e9\n": "\ud83d\ude00/\/"}} "#)
    #expect(json.object?.map(\.name) == ["z", "a"])
    let values = try #require(json["z"]?.array)
    #expect(values.map(\.integer) == [1, -2, nil, nil, nil, nil])
    #expect(values.prefix(4).map(\.double) == [1, -2, 2.5, 1000])
    #expect(values[4].boolean == true && values[5].isNull)
    #expect(json["a"]?["é\n"]?.string == "😀//")
    #expect(json["y"] == nil)
  }

  @Test func wholeNumbersAreExactToTheLastBit() throws {
    #expect(try Self.parse("9223372036854775807").integer == .max)
    #expect(try Self.parse("-9223372036854775808").integer == .min)
    #expect(try Self.parse("9223372036854775808").integer == nil)
  }

  /// Names that `String` takes as equal but whose bytes differ are two names.
  @Test func composedAndDecomposedNamesAreTwo() throws {
    let json = try Self.parse("{\"\u{e9}\": 1, \"e\u{301}\": 2}")
    #expect(json["\u{e9}"]?.integer == 1)
    #expect(json["e\u{301}"]?.integer == 2)
  }

  @Test func whatIsNotJSONIsRefused() {
    let texts = [
      "", " ", "{", "}", "[", "[1", "[1,", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
      "{\"a\":1 \"b\":2}", "{\"a\":1,\"a\":2}", "1 2", "01", "-", "+1", "1.", ".5", "1e", "1e999",
      "tru", "nul", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"\\ud800\"",
      "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "\u{FEFF}1", "NaN", "[1]]", "// 1",
      String(repeating: "[", count: 200) + String(repeating: "]", count: 200),
    ]
    var accepted: [String] = []
    for text in texts {
      do {
        _ = try Self.parse(text)
        accepted.append(text)
      } catch {}
    }
    #expect(accepted == [])
    #expect(throws: JSONError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
  }

  @Test func quotedTextIsReadBackByteForByte() throws {
    var random = SeededNumbers(seed: 21)
    var failed: [String] = []
    for _ in 0..<500 {
      var text = ""
      for _ in 0..<12 {
        let bound: UInt64 = random.next() % 2 == 0 ? 0x80 : 0x110000
        if let scalar = Unicode.Scalar(UInt32(random.next() % bound)) {
          text.unicodeScalars.append(scalar)
        }
      }
      let read = try Self.parse(JSONValue.quoted(text)).string ?? ""
      if !read.utf8.elementsEqual(text.utf8) { failed.append(text) }
    }
    #expect(failed == [], "seed 21")
  }
}
