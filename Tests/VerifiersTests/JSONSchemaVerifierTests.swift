import Records
import Testing
import Verifiers

@Suite struct JSONSchemaVerifierTests {
  private func judge(_ schema: String, _ response: String) throws -> Verdict {
    let found = verdict(try JSONSchemaVerifier(), response, schema)
    #expect(spanFits(found, response))
    return found
  }

  @Test(arguments: [
    (#"true"#, "1", true), (#"false"#, "1", false), (#"{}"#, #"{"a": [1, null]}"#, true),
    (#"{"type": "integer"}"#, "1.0", true), (#"{"type": "integer"}"#, "1e2", true),
    (#"{"type": "integer"}"#, "1.5", false), (#"{"type": "number"}"#, "1.5", true),
    (#"{"type": ["null", "string"]}"#, "null", true), (#"{"type": "object"}"#, "[]", false),
    (#"{"enum": [1, "a", {"b": [2.0]}]}"#, #"{"b": [2]}"#, true), (#"{"enum": [1]}"#, "2", false),
    (#"{"const": 0.1}"#, "0.10", true), (#"{"const": 0.1}"#, "0.1000000000000000055511", false),
    (#"{"const": 9007199254740993}"#, "9007199254740992", false), (#"{"const": 0}"#, "-0.0", true),
    (#"{"minimum": 0.1}"#, "0.09999999999999999999", false), (#"{"minimum": -5}"#, "-5", true),
    (#"{"maximum": 1e400}"#, "1e401", false), (#"{"exclusiveMaximum": 3}"#, "3", false),
    (#"{"exclusiveMinimum": -3}"#, "-2.9", true), (#"{"minLength": 2}"#, #""é""#, false),
    (#"{"maxLength": 1}"#, #""\ud83d\ude00""#, true), (#"{"pattern": "^a+$"}"#, #""aaa""#, true),
    (#"{"pattern": "^a+$"}"#, #""aab""#, false), (#"{"pattern": "b"}"#, "7", true),
    (#"{"items": {"type": "string"}}"#, #"["a", 1]"#, false), (#"{"items": false}"#, "[]", true),
    (#"{"minItems": 1, "maxItems": 2}"#, "[1, 2, 3]", false),
    (#"{"maxItems": 2, "minItems": 5}"#, "[1, 2, 3, 4, 5]", false),
    (#"{"minProperties": 1}"#, "{}", false), (#"{"maxProperties": 1}"#, #"{"a": 1}"#, true),
    (#"{"required": ["a"]}"#, #"{"b": 1}"#, false),
    (#"{"properties": {"a": {"type": "string"}}}"#, #"{"a": 1}"#, false),
    (#"{"properties": {"a": {}}, "additionalProperties": false}"#, #"{"a": 1, "b": 2}"#, false),
    (#"{"additionalProperties": {"type": "integer"}}"#, #"{"x": 1}"#, true),
    (#"{"anyOf": [{"type": "string"}, {"minimum": 3}]}"#, "2", false),
    (#"{"oneOf": [{"minimum": 1}, {"minimum": 2}]}"#, "3", false),
    (#"{"oneOf": [{"minimum": 1}, {"minimum": 2}]}"#, "1.5", true),
    (#"{"allOf": [{"minimum": 1}, {"maximum": 2}]}"#, "3", false),
    (#"{"not": {"type": "null"}}"#, "null", false),
    (##"{"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "null"}}}"##, "null", true),
    (
      ##"{"properties": {"next": {"$ref": "#"}}, "additionalProperties": false}"##,
      #"{"next": {"next": {}}}"#, true
    ),
    (
      ##"{"properties": {"next": {"$ref": "#"}}, "additionalProperties": false}"##,
      #"{"next": {"x": 1}}"#, false
    ),
    (#"{"title": "t", "format": "date", "default": 3}"#, #""no date""#, true),
  ])
  func validates(_ schema: String, _ response: String, _ isValid: Bool) throws {
    #expect(try judge(schema, response).reward == (isValid ? 1 : 0), "\(schema): \(response)")
  }

  @Test(arguments: [
    "", "{", "[]", "3", #"{"patternProperties": {}}"#, #"{"type": "text"}"#, #"{"minLength": -1}"#,
    #"{"minItems": 1.5}"#, #"{"pattern": "("}"#, #"{"$ref": "other.json"}"#, ##"{"$ref": "#/x"}"##,
    #"{"items": [{}]}"#, #"{"properties": {"a": {"$id": "x"}}}"#, #"{"a": 1, "a": 2}"#,
    #"{"anyOf": [3]}"#, #"{"exclusiveMinimum": true}"#, #"{"multipleOf": 2}"#, ##"{"$ref": "#"}"##,
    #"{"dependentRequired": {}}"#,
  ])
  func refusesSchemasThatItDoesNotDo(_ schema: String) throws {
    #expect(try judge(schema, "1").reward == nil, "\(schema)")
  }

  @Test func findsTheJSON() throws {
    let schema = #"{"type": "integer"}"#
    #expect(try judge(schema, "<think>3</think> 4").rule == "whole-valid")
    #expect(try judge(schema, "Here:\n```json\n4\n```\nand more").rule == "fenced-valid")
    #expect(try judge(schema, "Here: ```4```").rule == "fenced-valid")
    #expect(try judge(schema, "```\n1\n```\n<answer> 4 </answer>").rule == "answer-tag-valid")
    #expect(try judge(schema, "the number is 4").rule == "whole-no-json")
    #expect(try judge(schema, "4 5").rule == "whole-no-json")
    for text in [
      "01", "1.", ".5", "+1", "1e", "[1,]", "{a: 1}", "'a'", "\"\\ud800\"", "NaN", "\"\n\"",
    ] {
      #expect(try judge("true", text).rule == "whole-no-json", "\(text)")
    }
    let cut = verdict(try JSONSchemaVerifier(schema: schema), "12", "", finish: .length)
    #expect(cut.rule == "whole-cut")
    let inner = try judge(#"{"properties": {"a": {"items": {"maximum": 2}}}}"#, #"{"a": [1, 3]}"#)
    #expect(inner.critique == "maximum does not hold at /a/1")
  }

  @Test func hostileTextsAndSchemasEndInTime() throws {
    let clock = ContinuousClock()
    let deep = String(repeating: "[", count: 1 << 19)
    let wide = "[" + String(repeating: "1,", count: 40_000) + "1]"
    let doubling = ##"{"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}"##
    let explosive = (0..<30).map { level in
      let next = "{\"$ref\": \"#/$defs/d\(level + 1)\"}"
      return "\"d\(level)\": {\"allOf\": [\(next), \(next)]}, "
    }
    let schema =
      "{\"$ref\": \"#/$defs/d0\", \"$defs\": {" + explosive.joined() + "\"d30\": {}}}"
    for (schema, text) in [
      ("true", deep), (#"{"items": {"enum": [2, 3, 4, 5]}}"#, wide), (doubling, "1"), (schema, "1"),
      (#"{"pattern": "(a|aa)+$"}"#, "\"" + String(repeating: "a", count: 500_000) + "b\""),
    ] {
      let taken = try clock.measure { _ = try judge(schema, text) }
      #expect(taken < .seconds(1), "\(schema.prefix(40)): \(taken)")
    }
    #expect(try judge(schema, "1").rule == "budget")
  }
}
