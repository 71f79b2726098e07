import Foundation
import Testing

/// A small run whose rewards are made of parts, made once and read by every test below.
private final class ComposedRun: Sendable {
  static let shared = Result { try ComposedRun() }

  let scratch: Scratch
  let path: String
  let made: Binary.Result

  private init() throws {
    scratch = try Scratch()
    path = scratch.path + "/run"
    try scratch.makeQuestions(rows: 40)
    let definition = try Self.write(verifier: Self.composition, to: "composed.yaml", in: scratch)
    made = try Binary.run(["run", definition, "--run", path, "--quiet", "--json"])
  }

  static let composition = """
    verifier:
      default: final_number
      sources:
        addition:
          - {name: gsm8k, mode: flexible}
          - name: soft_overlong
            weight: 0.5
            buffer: 4
          - {name: len_reward, weight: 0.25}
          - {name: think_format, multiplies: false}
    """

  /// A definition of the same data with this section.
  func write(verifier: String, to name: String) throws -> String {
    try Self.write(verifier: verifier, to: name, in: scratch)
  }

  private static func write(
    verifier: String, to name: String, in scratch: Scratch
  ) throws -> String {
    let root = scratch.path
    return try scratch.write(
      """
      seed: 5
      steps: 2
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 8}
      rollout: {count: 3, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      \(verifier)
      """, to: name)
  }
}

@Suite("verify and check verifier", .needsBinary)
struct VerifyTests {
  private func run() throws -> ComposedRun {
    let run = try ComposedRun.shared.get()
    try #require(run.made.status == 0, "\(run.made)")
    return run
  }

  /// A group of `source`.
  private func group(of source: String, _ run: ComposedRun) throws -> String {
    let list = try Binary.run([
      "inspect", "list", run.path, "--source", source, "--limit", "1", "--json",
    ]).object()
    return "\(try #require(list["group"] as? Int))"
  }

  @Test("explain shows the parts of a reward with their weights, and what was found")
  func explain() throws {
    let run = try run()
    let number = try group(of: "addition", run)
    let text = try Binary.run(["verify", "explain", run.path, number])
    #expect(text.status == 0 && text.out.contains("rollout 2"), "\(text)")
    #expect(text.out.contains("0.500 · ") && text.out.contains("len_reward"), "\(text.out)")
    let facts = try Binary.run(["verify", "explain", run.path, number, "--json"]).object()
    #expect(facts["verifier"] as? String == "gsm8k+soft_overlong+len_reward+think_format")
    let rollouts = try #require(facts["rollouts"] as? [[String: Any]])
    #expect(rollouts.count == 3)
    for rollout in rollouts {
      let components = try #require(rollout["components"] as? [[String: Any]])
      let sum = components.reduce(0.0) { sum, part in
        sum + (part["weight"] as? Double ?? 0) * (part["value"] as? Double ?? 0)
      }
      #expect(sum == rollout["reward"] as? Double, "\(rollout)")
      #expect(rollout["seconds"] is Double)
    }
    let plain = try Binary.run(["verify", "explain", run.path, try group(of: "subtraction", run)])
    #expect(plain.out.contains("the verifier's own"), "\(plain)")
    let past = try Binary.run(["verify", "explain", run.path, "999"])
    #expect(past.status == 2 && past.isOneLineError, "\(past)")
  }

  @Test("explain tries a verifier on a text, from the command line or stdin")
  func explainText() throws {
    let found = try Binary.run([
      "verify", "explain", "--response", "so it is\n#### 42", "--gold", "42", "--verifier", "gsm8k",
    ])
    #expect(found.status == 0 && found.out.contains("«42»"), "\(found)")
    #expect(found.out.contains("marker-equal") && found.out.contains("right"))
    let scratch = try Scratch()
    let file = try scratch.write("\u{1B}[31m The answer is blue.", to: "response.txt")
    let choice = try Binary.run(
      [
        "verify", "explain", "--response", "-", "--gold", "B", "--verifier",
        "[{name: choice, weight: 2}, {name: tag_count}]", "--tag",
        "choices=[\"red\", \"blue\"]", "--json",
      ], input: file)
    let facts = try #require((try choice.object()["rollouts"] as? [[String: Any]])?.first)
    #expect(facts["reward"] as? Double == 2 && facts["right"] as? Bool == true, "\(facts)")
    let shown = try Binary.run(
      ["verify", "explain", "--response", "-", "--gold", "", "--verifier", "choice"], input: file)
    #expect(!shown.out.contains("\u{1B}") && shown.out.contains("no verdict"), "\(shown)")
    for arguments in [
      ["--response", "x"], ["runs/x"], ["--response", "x", "--gold", "y", "--verifier", "chioce"],
      ["--response", "x", "--gold", "y", "--verifier", "[{name: exact, mode: strict}]"],
    ] {
      let refused = try Binary.run(["verify", "explain"] + arguments)
      #expect(refused.status == 2 && refused.isOneLineError, "\(arguments): \(refused)")
    }
  }

  @Test("rescore lists every flip and changes nothing")
  func rescore() throws {
    let run = try run()
    let digest = try Binary.run(["queue", "digest", run.path]).out
    let same = try Binary.run(["verify", "rescore", run.path, "--with", run.path, "--json"])
      .object()
    #expect((same["flips"] as? [Any])?.isEmpty == true && same["rollouts"] as? Int == 48)
    // An expression that every text matches: whatever was wrong is right now.
    let other = try run.write(
      verifier: "verifier: {default: [{name: regex, pattern: ''}]}", to: "other.yaml")
    let facts = try Binary.run(["verify", "rescore", run.path, "--with", other, "--json"]).object()
    let flips = try #require(facts["flips"] as? [[String: Any]])
    let sources = try #require(facts["sources"] as? [String: [String: Any]])
    let wrong = sources.values.reduce(0) {
      $0 + (($1["rollouts"] as? Int) ?? 0) - (($1["right_before"] as? Int) ?? 0)
    }
    #expect(flips.count == wrong && wrong > 0)
    #expect(sources.values.allSatisfy { $0["right_after"] as? Int == $0["rollouts"] as? Int })
    let text = try Binary.run(["verify", "rescore", run.path, "--with", other])
    #expect(text.status == 0 && text.out.contains("\(wrong) flips"), "\(text)")
    #expect(try Binary.run(["queue", "digest", run.path]).out == digest)
    let none = try Binary.run(["verify", "rescore", run.path, "--with", "none.yaml"])
    #expect(none.status == 2 && none.isOneLineError, "\(none)")
  }

  @Test("a run of composed rewards re-derives its verdicts, and its gate counts accuracy")
  func composed() throws {
    let run = try run()
    let deep = try Binary.run(["queue", "verify", run.path, "--deep"])
    #expect(deep.status == 0, "\(deep)")
    let shown = try Binary.run(["config", "show", run.path])
    #expect(shown.out.contains("{name: soft_overlong, weight: 0.5, multiplies: false, buffer: 4}"))
    let statistics = try Binary.run(["inspect", "stats", run.path])
    #expect(statistics.out.contains("verifier errors"))
  }

  @Test("what a definition says wrong of a verifier is refused with its place")
  func definitions() throws {
    let run = try run()
    for (section, problem) in [
      ("verifier:\n  default: final_nmuber", "there is no verifier final_nmuber"),
      (
        "verifier:\n  default: [{name: gsm8k, mode: lenient}]",
        ":8:33: verifier.default[0].mode must be one of"
      ),
      (
        "verifier:\n  default: [{name: exact, mode: strict}]",
        ":8:33: verifier.default[0].mode: exact does not take it"
      ),
      (
        "verifier:\n  default: [{name: exact, wieght: 2}]",
        "Did you mean verifier.default[0].weight?"
      ),
      ("verifier:\n  sources: {a: [{name: regex, pattern: (}]}", "verifier.sources.a[0].pattern"),
      ("verifier:\n  default: [{name: think_format}]", "0 of the 1 parts"),
    ] {
      let file = try run.write(verifier: section, to: "wrong.yaml")
      let result = try Binary.run(["config", "validate", file])
      #expect(
        result.status == 2 && (result.out + result.error).contains(problem), "\(section): \(result)"
      )
    }
  }

  @Test("check verifier counts agreement by file, and fails where a label disagrees")
  func check() throws {
    let scratch = try Scratch()
    let right = try scratch.write(
      """
      {"id": "a", "gold": "7", "prediction": "#### 7", "expected": true, "mode": "strict"}
      {"id": "b", "gold": "7", "prediction": "A: 8", "expected": false, "mode": "A:"}
      {"id": "c", "gold": "7", "prediction": "7 or 7.0", "expected": null, "mode": "flexible"}
      """, to: "numbers.jsonl")
    let passed = try Binary.run(["check", "verifier", right, "--json"])
    #expect(passed.status == 0, "\(passed)")
    let files = try #require(try passed.object()["files"] as? [String: [String: Any]])
    let file = try #require(files[right])
    #expect(file["kind"] as? String == "gsm8k" && file["agreed"] as? Int == 2)
    #expect(file["undecided"] as? Int == 1 && file["errors"] as? Int == 0)
    #expect((file["microseconds"] as? [String: Any])?.keys.sorted() == ["max", "median", "p99"])
    let wrong = try scratch.write(
      """
      {"id": "x1", "gold": 1, "metadata": {"choices": ["red", "blue"]}, "prediction": "Answer: A", "expected": true}
      {"id": "x2", "gold": "A", "metadata": null, "prediction": "Answer: A", "expected": false}
      {"id": "x3", "gold": "", "metadata": null, "prediction": null, "expected": true}
      {"id": "x4", "gold": "", "metadata": null, "prediction": "", "expected": false}
      """, to: "choice-own.jsonl")
    let failed = try Binary.run(["check", "verifier", right, wrong, "--verbose"])
    #expect(failed.status == 3 && failed.out.contains("x1: right, refused"), "\(failed)")
    #expect(failed.out.contains("x2: wrong, accepted") && failed.out.contains("x3: no verdict"))
    #expect(failed.out.contains("x4: no verdict") && failed.out.contains("3 failed"))
    let shaping = try scratch.write(
      """
      {"id": "s1", "kind": "tag_count", "text": "<think>\\n", "expected": 0.25}
      {"id": "s2", "kind": "soft_overlong", "params": {"max_completion_len": 10, "soft_punish_cache": 5}, "length": 9, "expected": -0.5}
      """, to: "shaping.jsonl")
    let shaped = try Binary.run(["check", "verifier", shaping, "--json"])
    #expect(shaped.status == 3 && shaped.out.contains("-0.8"), "\(shaped)")
    let disagreements = try scratch.write(
      """
      {"id": "d", "gold": "7", "prediction": "7", "suite_expected": true, "graders": {"one": false}, "note": "n"}
      """, to: "disagreements.jsonl")
    let compared = try Binary.run([
      "check", "verifier", disagreements, "--verifier", "exact", "--verbose",
    ])
    #expect(compared.status == 0 && compared.out.contains("whole-equal"), "\(compared)")
    for broken in ["{", "[1]", "{\"id\": 1}", ""] {
      let path = try scratch.write(broken, to: "math.jsonl")
      let result = try Binary.run(["check", "verifier", path, "--json"])
      #expect(result.status == (broken.isEmpty ? 0 : 3), "\(broken): \(result)")
    }
    #expect(try Binary.run(["check", "verifier", scratch.path + "/none"]).status == 3)
  }
}
