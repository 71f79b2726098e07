import Foundation
import Testing

/// Two small runs of the same questions, made once by the command itself.
private final class TwinRuns: Sendable {
  static let shared = Result { try TwinRuns() }

  let scratch: Scratch
  var first: String { scratch.path + "/first" }
  var second: String { scratch.path + "/second" }

  private init() throws {
    scratch = try Scratch()
    try scratch.makeQuestions(rows: 60)
    let root = scratch.path
    for (name, seed) in [("first", 5), ("second", 6)] {
      let definition = try scratch.write(
        """
        seed: \(seed)
        steps: 3
        model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
        heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
        data: {prompts: \(root)/data, prompts_per_step: 20}
        rollout: {count: 2, maximum_tokens: 8, record: [entropy]}
        algorithm: {name: hpt, aggregation: {constant: 8}}
        """, to: name + ".yaml")
      let made = try Binary.run(["run", definition, "--run", "\(root)/\(name)", "--quiet"])
      try #require(made.status == 0, "\(made)")
    }
  }
}

@Suite("Inspecting runs", .needsBinary)
struct InspectTests {
  private func runs() throws -> TwinRuns { try TwinRuns.shared.get() }

  @Test("grep finds, counts, and says by its exit code when there is nothing")
  func grep() throws {
    let run = try runs().first
    let found = try Binary.run(["inspect", "grep", run, "#### ", "--in", "demonstration"])
    let lines = found.out.split(separator: "\n")
    #expect(found.status == 0 && lines.count == 60, "\(found)")
    #expect(lines.allSatisfy { $0.contains(" demonstration:") && $0.contains(": #### ") })
    let count = try Binary.run(["inspect", "grep", run, "-r", "^#+ ", "-c", "--json"]).object()
    #expect(count["lines"] as? Int == 60 && count["groups"] as? Int == 60)
    let first = try Binary.run(
      ["inspect", "grep", run, "-i", "ADD", "--in", "prompt", "--limit", "1", "--step", "1..2"])
    #expect(first.status == 0 && first.out.split(separator: "\n").count == 1, "\(first)")
    #expect(first.out.contains(" step 1 prompt:1: add "), "\(first)")
    let none = try Binary.run(["inspect", "grep", run, "no such text"])
    #expect(none.status == 1 && none.out.isEmpty && none.error.isEmpty, "\(none)")
    for arguments in [["-r", "(a"], ["a", "--step", "2..1"], ["a", "--in", "title"], [""]] {
      let wrong = try Binary.run(["inspect", "grep", run] + arguments)
      #expect(wrong.status == 2 && wrong.isOneLineError, "\(wrong)")
    }
  }

  @Test("diff lays the same questions of two runs side by side")
  func diff() throws {
    let runs = try runs()
    let facts = try Binary.run(["inspect", "diff", runs.first, runs.second, "--json"]).object()
    let outcomes = try #require(facts["outcomes"] as? [String: Int])
    #expect(outcomes.values.reduce(0, +) == 60)
    let text = try Binary.run(["inspect", "diff", runs.first, runs.second, "--only", "none"])
    #expect(text.status == 0 && text.out.contains("solved by neither"), "\(text)")
  }

  @Test("stats has histograms, distributions by step, and the sources of its numbers")
  func stats() throws {
    let text = try Binary.run(["inspect", "stats", try runs().first, "--explain"])
    for part in ["reward of 120 rollouts", "entropy of 120 rollouts", "length by step", "█"] {
      #expect(text.out.contains(part), "\(part): \(text)")
    }
    #expect(text.out.contains("— verifier, verdicts/"))
  }

  @Test("export writes each shape whole or not at all, and replaces nothing unasked")
  func export() throws {
    let runs = try runs()
    for format in ["jsonl", "csv", "verl", "trl"] {
      let file = "\(runs.scratch.path)/out.\(format)"
      let arguments = ["inspect", "export", runs.first, "--format", format, "--out", file]
      let written = try Binary.run(arguments)
      #expect(written.status == 0 && written.out.isEmpty, "\(written)")
      let again = try Binary.run(arguments)
      #expect(again.status == 2 && again.isOneLineError && again.error.contains("--force"))
      #expect(try Binary.run(arguments + ["--force", "--json"]).object()["rows"] as? Int == 120)
      let text = try String(contentsOfFile: file, encoding: .utf8)
      let out = try Binary.run(
        ["inspect", "export", runs.first, "--format", format, "--out", "-"])
      #expect(out.out == text)
      guard format != "csv" else { continue }
      let lines = text.split(separator: "\n")
      #expect(lines.count == 120)
      let row = try JSONSerialization.jsonObject(with: Data(lines[119].utf8)) as? [String: Any]
      #expect(format != "verl" || row?["step"] as? Int == 3, "\(lines[119])")
      #expect(format != "trl" || row?["step"] as? String == "2", "\(lines[119])")
    }
    let bad = try Binary.run(
      ["inspect", "export", runs.first, "--out", runs.scratch.path + "/none/out"])
    #expect(bad.status == 1 && bad.isOneLineError, "\(bad)")
    let left = try FileManager.default.contentsOfDirectory(atPath: runs.scratch.path)
    #expect(!left.contains { $0.hasSuffix(".tmp") })
  }

  @Test("show colours tokens by what is stored and by what an algorithm makes of it")
  func heat() throws {
    let run = try runs().first
    for heat in [
      ["log_probability"], ["entropy"], ["weight"], ["advantage", "--under", "grpo"],
    ] {
      let shown = try Binary.run(
        ["inspect", "show", run, "3", "--color", "always", "--heat"] + heat)
      #expect(shown.status == 0 && shown.out.contains("\u{1B}[48;5;"), "\(shown)")
      let plain = try Binary.run(["inspect", "show", run, "3", "--plain", "--heat"] + heat)
      #expect(plain.status == 0 && !plain.out.contains("\u{1B}"), "\(plain)")
      let facts = try Binary.run(["inspect", "show", run, "3", "--json", "--heat"] + heat).object()
      let stored = try #require(facts["heat"] as? [String: Any])
      #expect(stored["quantity"] as? String == heat[0] && stored["scale"] != nil)
    }
    let wrong = try Binary.run(["inspect", "show", run, "3", "--heat", "wieght"])
    #expect(wrong.status == 2 && wrong.isOneLineError && wrong.error.contains("weight, ") == false)
    #expect(wrong.error.contains("entropy"), "\(wrong)")
  }

  @Test("a directory that cannot be written is read like any other")
  func readOnly() throws {
    let runs = try runs()
    let copy = runs.scratch.path + "/read-only"
    try FileManager.default.copyItem(atPath: runs.first, toPath: copy)
    _ = try Binary.chmod("a-w", copy)
    defer { _ = try? Binary.chmod("u+w", copy) }
    for arguments in [
      ["status", copy], ["watch", copy], ["inspect", "stats", copy],
      ["inspect", "grep", copy, "add"], ["inspect", "diff", copy, copy],
      ["inspect", "show", copy, "0", "--heat", "weight"],
    ] {
      let result = try Binary.run(arguments)
      #expect(result.status == 0, "\(arguments): \(result)")
    }
  }
}

extension Binary {
  fileprivate static func chmod(_ mode: String, _ folder: String) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/chmod")
    process.arguments = ["-R", mode, folder]
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }
}
