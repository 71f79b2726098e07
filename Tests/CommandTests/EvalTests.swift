import Foundation
import Testing

/// Two small models with random weights, questions of this file's own, and two suites of them.
private final class EvalPlace: Sendable {
  static let shared = Result { try EvalPlace() }

  let scratch: Scratch
  let models: [String]

  private init() throws {
    scratch = try Scratch()
    let root = scratch.path
    let config = try scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 1024, \
      "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", \
      "max_position_embeddings": 4096, "eos_token_id": null}
      """, to: "shape.json")
    models = ["a", "b"].map { "\(root)/\($0)" }
    for (seed, model) in models.enumerated() {
      let made = try Binary.run([
        "model", "init", model, "--config", config, "--seed", "\(seed)", "--tokenizer",
        Binary.root + "/Tests/TokenizerTests/Fixtures/arith-1024",
      ])
      try #require(made.status == 0, "\(made)")
    }
    let rows = (0..<90).map {
      #"{"id": "q\#($0)", "question": "\#($0) + 1 = ?", "answer": "\#($0 % 10)", "source": "sums"}"#
    }
    let file = try scratch.write(rows.joined(separator: "\n"), to: "rows.jsonl")
    let imported = try Binary.run(["data", "import", file, "--to", "\(root)/data"])
    try #require(imported.status == 0, "\(imported)")
    try FileManager.default.createDirectory(
      atPath: root + "/suites", withIntermediateDirectories: true)
    // Random digits answer such a question now and then.
    _ = try scratch.write(
      """
      title: Sums
      data: \(root)/data
      template: "{prompt} The last number counts."
      samples: 4
      temperature: 1.0
      maximum_tokens: 24
      verifier: {default: final_number}
      """, to: "suites/sums.yaml")
    _ = try scratch.write(
      """
      title: Far | sums
      group: ood
      data: \(root)/data
      limit: 20
      samples: 2
      maximum_tokens: 8
      verifier: {default: exact}
      """, to: "suites/far.yaml")
    _ = try scratch.write(
      """
      data: \(root)/none
      import: pipeline data import x.jsonl --to none
      """, to: "suites/missing.yaml")
  }

  func eval(_ arguments: [String], out: String = "out") throws -> Binary.Result {
    try Binary.run(["eval"] + arguments + options(out: out))
  }

  func options(out: String) -> [String] {
    ["--suite-folder", scratch.path + "/suites", "--out", "\(scratch.path)/\(out)"]
  }

  func folder(_ suite: String, in out: String) throws -> String {
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(scratch.path)/\(out)")
    return "\(scratch.path)/\(out)/" + (try #require(names.first { $0.hasPrefix(suite + "-") }))
  }
}

@Suite("eval", .needsBinary)
struct EvalTests {
  private func place() throws -> EvalPlace { try EvalPlace.shared.get() }

  @Test("the table in every format, and the same bytes from what is stored")
  func table() throws {
    let place = try place()
    let (a, b) = (place.models[0], place.models[1])
    let arguments = [a, b, "--suite", "sums,far"]
    let first = try place.eval(arguments, out: "table")
    try #require(first.status == 0, "\(first)")
    let lines = first.out.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[0].hasPrefix("accuracy in %") && lines[0].hasSuffix("OOD avg"), "\(lines[0])")
    #expect(lines[0].contains("Sums @4") && lines[0].contains("ID avg"))
    #expect(lines[1].hasPrefix(a) && lines[2].hasPrefix(b))
    #expect(first.out.contains("beside \(a)") && first.out.contains("majority@k"))
    #expect(first.error.contains("sums: 90 questions, stored in "), "\(first.error)")

    let again = try place.eval(arguments, out: "table")
    #expect(again.out == first.out)
    #expect(again.error.contains("sums: all 90 questions are stored in "), "\(again.error)")

    let markdown = try place.eval(arguments + ["--format", "markdown"], out: "table")
    #expect(
      markdown.out.hasPrefix("| accuracy in % | Sums @4 | ID avg | Far \\| sums @2 | OOD avg |"))
    let csv = try place.eval(arguments + ["--format", "csv", "--quiet"], out: "table")
    #expect(csv.error.isEmpty)
    #expect(csv.out.hasPrefix("model,sums,id_average,far,ood_average,sums_low,sums_high"))
    #expect(csv.out.split(separator: "\n").count == 3)

    let report = try place.eval(arguments + ["--json"], out: "table").object()
    let models = try #require(report["models"] as? [[String: Any]])
    let entries = try #require(models[0]["suites"] as? [[String: Any]])
    let statistics = try #require(entries[0]["statistics"] as? [String: Any])
    #expect((statistics["pass_at_k"] as? [Any])?.count == 4)
    #expect(statistics["questions"] as? Int == 90 && statistics["samples"] as? Int == 360)
    let settings = try #require(entries[0]["settings"] as? [String: String])
    #expect(settings["grader"]?.hasPrefix("final_number ") == true)
    #expect(settings["template"]?.contains("{prompt}") == true && settings["temperature"] == "1.0")
    #expect((report["comparisons"] as? [Any])?.count == 2)
  }

  @Test("inspect, queue verify and compare read what is stored")
  func reading() throws {
    let place = try place()
    let made = try place.eval(place.models + ["--suite", "sums", "--limit", "20"], out: "reading")
    try #require(made.status == 0, "\(made)")
    let folder = try place.folder("sums", in: "reading")
    let list = try Binary.run(["inspect", "list", folder, "--json"])
    #expect(list.out.split(separator: "\n").count == 20, "\(list)")
    let shown = try Binary.run(["inspect", "show", folder, "3", "--tokens"])
    #expect(shown.status == 0 && shown.out.contains("rollout 3"), "\(shown)")
    #expect(try Binary.run(["inspect", "stats", folder]).status == 0)
    #expect(try Binary.run(["queue", "verify", folder]).status == 0)

    let compared = try Binary.run(["compare", place.scratch.path + "/reading"])
    #expect(compared.status == 0 && compared.out.contains("beside "), "\(compared)")
    let same = try Binary.run(["compare", folder, folder, "--json"]).object()
    let comparison = try #require((same["comparisons"] as? [[String: Any]])?.first)
    let paired = try #require(comparison["paired"] as? [String: Any])
    #expect(paired["p"] as? Double == 1 && paired["questions"] as? Int == 20)
    #expect((paired["solved_by_first_only"] as? [Any])?.isEmpty == true)
    let nothing = try Binary.run(["compare", place.scratch.path + "/suites"])
    #expect(nothing.status == 2 && nothing.isOneLineError, "\(nothing)")
  }

  @Test("another setting begins another evaluation, and says what differs")
  func identity() throws {
    let place = try place()
    let arguments = [place.models[0], "--suite", "far"]
    _ = try place.eval(arguments, out: "identity")
    let other = try place.eval(arguments + ["--temperature", "0.5"], out: "identity")
    #expect(other.status == 0, "\(other)")
    #expect(other.error.contains("is not reused: temperature was 0.6, is 0.5"), "\(other.error)")
    let third = try place.eval(
      arguments + ["--set", "verifier.default=final_number"], out: "identity")
    #expect(third.error.contains("grader was exact 1, is final_number 1"), "\(third.error)")
    // The same weights in another place are the same model.
    let copy = place.scratch.path + "/copy"
    try FileManager.default.copyItem(atPath: place.models[0], toPath: copy)
    let moved = try place.eval([copy, "--suite", "far"], out: "identity")
    #expect(moved.error.contains("far: all 20 questions are stored"), "\(moved.error)")
    #expect(moved.out.contains(copy))
  }

  @Test("killed again and again, it comes to the table of one that nobody disturbed")
  func killed() throws {
    let place = try place()
    let arguments = [
      place.models[0], "--suite", "sums", "--samples", "16", "--set", "maximum_tokens=96",
    ]
    let calm = try place.eval(arguments, out: "calm")
    try #require(calm.status == 0, "\(calm)")
    var kills = 0
    for attempt in 0..<200 {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Binary.path)
      process.arguments = ["eval"] + arguments + place.options(out: "killed")
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      usleep(UInt32(20_000 + 17_000 * (attempt % 24)))
      let wasRunning = process.isRunning
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      guard wasRunning, kills < 12 else { break }
      kills += 1
    }
    let last = try place.eval(arguments, out: "killed")
    #expect(kills > 0 && last.status == 0 && last.out == calm.out, "\(kills) kills: \(last)")
  }

  @Test("SIGINT saves and says how to go on")
  func interrupted() throws {
    let place = try place()
    let arguments = [place.models[0], "--suite", "sums", "--samples", "64", "--max-tokens", "1000"]
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = ["eval"] + arguments + place.options(out: "interrupted")
    let error = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = error
    try process.run()
    var said = ""
    while !said.contains("90 questions"), process.isRunning {
      said += String(decoding: error.fileHandleForReading.availableData, as: UTF8.self)
    }
    process.interrupt()
    said += String(decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130, "\(said)")
    #expect(said.hasSuffix("saved; the same command goes on from here\n"), "\(said)")
  }

  @Test("a run's checkpoints are models, and suites stand in its definition")
  func runs() throws {
    let place = try place()
    let run = place.scratch.path + "/run"
    let suite = place.scratch.path + "/suites/far.yaml"
    let made = try Binary.run([
      "run", "Tests/CrashLab/Subjects/brief.yaml", "--run", run, "--quiet", "--json", "--set",
      "evaluation.suites=[\(suite)]", "--set", "evaluation.samples=2", "--set",
      "evaluation.maximum_tokens=4",
    ])
    try #require(made.status == 0, "\(made)")
    let evaluation = try #require(try made.object()["evaluation"] as? [String: Any])
    for part in ["before", "after"] {
      let far = try #require((evaluation[part] as? [String: Any])?["far"] as? [String: Any])
      #expect(far["questions"] as? Int == 20 && far["k"] as? Int == 2)
      #expect(far["group"] as? String == "ood")
    }
    let paired = try Binary.run(["compare", "--paired", run, run + "/evaluations/0-far"])
    #expect(paired.status == 0 && paired.out.contains("@0"), "\(paired)")
    let arguments = ["--suite", "far", "--set", "chat=never"]
    let both = try place.eval([run, run + "@0"] + arguments, out: "runs")
    #expect(both.status == 0 && both.out.contains(run + "@0"), "\(both)")
    let none = try place.eval([run + "@77"] + arguments, out: "runs")
    #expect(none.status == 2 && none.error.contains("no checkpoint of step 77"), "\(none)")
  }

  /// The weights are those of a run that never evaluates; what was killed goes on where it was.
  @Test("evaluations on the way change no weights, and are made again after a kill")
  func onTheWay() throws {
    let place = try place()
    let suite = place.scratch.path + "/suites/sums.yaml"
    let runs = try Scratch()
    func arguments(_ name: String, _ keys: [String]) -> [String] {
      let keys = ["steps=5", "evaluation.suites=[\(suite)]", "evaluation.samples=16"] + keys
      let run = "\(runs.path)/\(name)"
      return ["run", "Tests/CrashLab/Subjects/brief.yaml", "--run", run]
        + keys.flatMap { ["--set", $0] }
    }
    let asked = ["evaluation.every=2", "evaluation.before=false", "evaluation.after=false"]
    let whole = try Binary.run(arguments("whole", asked))
    try #require(whole.status == 0, "\(whole)")
    #expect(whole.out.contains("avg@k in % after steps  sums"), "\(whole.out)")
    let plain = try Binary.run(
      arguments("plain", ["evaluation.before=false", "evaluation.after=false"]) + ["--json"])
    try #require(plain.status == 0, "\(plain)")

    let killed = Process()
    killed.executableURL = URL(fileURLWithPath: Binary.path)
    killed.arguments = arguments("killed", asked)
    killed.currentDirectoryURL = URL(fileURLWithPath: Binary.root)
    let error = Pipe()
    killed.standardOutput = FileHandle.nullDevice
    killed.standardError = error
    try killed.run()
    var said = ""
    while !said.contains("evaluation after 2 steps"), killed.isRunning {
      said += String(decoding: error.fileHandleForReading.availableData, as: UTF8.self)
    }
    try #require(killed.isRunning, "\(said)")
    kill(killed.processIdentifier, SIGKILL)
    killed.waitUntilExit()
    let resumed = try Binary.run(["resume", runs.path + "/killed"])
    #expect(resumed.status == 0 && resumed.error.contains("evaluation after 2 steps"), "\(resumed)")

    func summary(_ name: String) throws -> [String: Any] {
      let file = URL(fileURLWithPath: "\(runs.path)/\(name)/summary.json")
      let value = try JSONSerialization.jsonObject(with: try Data(contentsOf: file))
      return try #require(value as? [String: Any])
    }
    func during(_ name: String) throws -> NSDictionary {
      let evaluation = try #require(try summary(name)["evaluation"] as? [String: Any])
      return try #require(evaluation["during"] as? NSDictionary)
    }
    #expect(try Set(during("whole").allKeys.compactMap { $0 as? String }) == ["2", "4"])
    #expect(try during("whole") == during("killed"))
    let weights = try ["whole", "plain", "killed"].map {
      try summary($0)["weights_sha256"] as? String
    }
    #expect(weights[0] != nil && Set(weights).count == 1, "\(weights)")
  }

  @Test("what cannot be evaluated is one line and the documented exit code")
  func refusals() throws {
    let place = try place()
    let model = place.models[0]
    let cases: [(arguments: [String], part: String)] = [
      ([model], "--suite"), (["--suite", "sums"], "name a model"),
      ([model, "--suite", "sums,sums"], "twice"),
      ([model, "--suite", "nothing"], "Use one of far, missing, sums"),
      ([model, "--suite", "missing"], "`pipeline data import x.jsonl --to none`"),
      ([model, "--suite", "sums", "--data", "far=x"], "--data far"),
      ([model, "--suite", "sums", "--samples", "0"], "samples"),
      ([model, "--suite", "sums", "--top-p", "0"], "top_p"),
      ([model, "--suite", "sums", "--set", "template=none"], "{prompt}"),
      ([model, "--suite", "sums", "--set", "verifier.default=none"], "no verifier none"),
      ([place.scratch.path + "/none", "--suite", "sums"], "no such model directory"),
    ]
    for (arguments, part) in cases {
      let result = try place.eval(arguments + ["--quiet"], out: "refused")
      #expect(
        result.status == 2 && result.isOneLineError && result.error.contains(part),
        "\(arguments.dropFirst()): \(result)")
    }
    let list = try Binary.run(["eval", "--list"] + place.options(out: "x"))
    #expect(list.status == 0 && list.out.contains("missing is to be imported: "), "\(list)")
    let shipped = try Binary.run(["eval", "--list"])
    #expect(shipped.status == 0 && shipped.out.contains("olympiadbench"), "\(shipped)")
  }
}
