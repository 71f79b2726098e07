import Records
import Testing
import Verifiers

/// Verifiers over arbitrary responses and ground truths: a verdict each time, the same again, whose
/// answer stands where it says.
@Suite struct VerifierFuzzTests {
  /// A verdict that is not right, so that its rule counts as a kind of refusal.
  private struct Refused: DescribedError {
    var problem: String
    var location: String { "verdict" }
    var remedy: String { "Answer better." }
    var exitStatus: Records.ExitStatus { .mismatch }
  }

  /// Whether the verdict is right. Not inlined, for the sake of Swift 6.3.1's CopyPropagation.
  @inline(never)
  private static func read(_ verifier: any Verifier, _ response: String, _ prompt: Prompt) throws {
    let verdict = verifier.verify(response: response, prompt: prompt, finish: .stop)
    guard verdict == verifier.verify(response: response, prompt: prompt, finish: .stop) else {
      throw BrokenPromise(what: "another verdict the second time")
    }
    if let span = verdict.span {
      let bytes = Array(response.utf8)
      guard span.upperBound <= bytes.count,
        String(decoding: bytes[span], as: UTF8.self) == verdict.extracted
      else { throw BrokenPromise(what: "\(verdict.rule): the answer stands elsewhere") }
    }
    if case .error(let reason) = verdict.outcome { throw Refused(problem: reason) }
    guard verdict.isRight else { throw Refused(problem: verdict.rule) }
  }

  /// Inputs are a ground truth, a zero byte, and a response.
  private func expectSound(
    _ name: String, _ verifier: any Verifier, _ corpus: [(String, String)], words: [String],
    tags: [String: String] = [:]
  ) {
    Fuzzing.expectSound(
      FuzzTarget(
        name: name, corpus: corpus.map { Array("\($0)\0\($1)".utf8) }, words: words + ["\0"]
      ) { bytes in
        let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        let gold = String(decoding: parts[0], as: UTF8.self)
        let response = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
        let prompt = Prompt(
          id: "p", content: .text("A) red\nB) blue"), groundTruth: gold, source: "fuzz", tags: tags)
        try Self.read(verifier, response, prompt)
      })
  }

  @Test func regularExpressions() throws {
    expectSound(
      "regex", try RegexVerifier(),
      [
        ("^(a|b)*c{2,3}$", "ababcc"), ("(?im)\\bx[^y-z\\d]+?$", "a\nx--"), ("\\u0041.\\x42", "A B"),
        ("(?:(?<n>a?)+|b*){3}", "aab"),
      ],
      words: [
        "(", ")", "(?:", "|", "*", "+", "?", "*?", "{2,}", "{1,3}", "[^", "]", "\\b", "\\d", "\\W",
        "^", "$", "(?s)", "\\", "(?=",
      ])
  }

  @Test func schemas() throws {
    expectSound(
      "json-schema", try JSONSchemaVerifier(),
      [
        (
          ##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "required": ["x"]}}}"##,
          #"```json\#n{"x": [1.5e3, "\u00e9", null]}\#n```"#
        ),
        (
          #"{"items": {"anyOf": [{"type": "string", "pattern": "^a+$"}, {"minimum": 3}]}, "minItems": 2}"#,
          #"<answer>["aa", 3.0]</answer>"#
        ),
        (#"{"not": {"enum": [1, "a"]}, "properties": {"k": {"const": 0}}}"#, #"{"k": -0.0}"#),
      ],
      words: [
        "\"type\":", "\"integer\"", "\"$ref\":", "\"#\"", "\"oneOf\":", "\"allOf\":", "\"not\":",
        "\"additionalProperties\":", "\"pattern\":", "\"maxLength\":", "```", "<answer>",
        "</answer>",
        "{", "}", "[", "]", ",", ":",
      ])
  }

  @Test func choices() {
    let words = [
      "A", "B", "b", "(", ")", "answer", "final answer", " is ", ":", "not", "or", "\\boxed{", "}",
      "</think>", "<answer>", "</answer>", "**", "option", "correct", "wrong", ".", "\n", "blue",
    ]
    expectSound(
      "choice", ChoiceVerifier(),
      [
        ("B", "The answer is B."), ("(B) blue", "\\boxed{\\text{(B)}}"),
        ("blue", "It must be blue"),
        ("B", "A is wrong, so I choose option B."), ("2", "B"),
      ], words: words, tags: ["choices": #"["red", "2", "blue"]"#])
  }

  @Test func tags() throws {
    let words = [
      "<think>", "</think>", "###Response", "<answer>", "</answer>", "#### ", "A: ", "42",
    ]
    for rule in TagsVerifier.Rule.allCases {
      expectSound(
        "tags-\(rule.rawValue)", try TagsVerifier(FinalNumberVerifier(), rule),
        [
          ("42", "<think>41</think><answer>\n#### 42\n</answer>"),
          ("1,000", "x</think> <answer>\\boxed{1000}</answer>"),
        ], words: words)
    }
  }
}
