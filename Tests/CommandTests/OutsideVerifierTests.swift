import Foundation
import JudgeServer
import Policy
import Testing

/// Small runs whose rewards come from outside, killed again and again: their verdicts are asked for once.
@Suite("verifiers that ask something outside", .needsBinary, .serialized)
struct OutsideVerifierTests {
  /// A folder with questions, a tokenizer, and definitions of them.
  private final class Place {
    let scratch: Scratch
    var root: String { scratch.path }

    init() throws {
      scratch = try Scratch()
      let data = try Binary.run([
        "data", "generate", "ladder", "--to", "\(root)/data", "--rows", "24", "--families",
        "addition", "--levels", "1",
      ])
      try #require(data.status == 0, "\(data)")
    }

    func definition(verifier: String) throws -> String {
      try scratch.write(
        """
        seed: 5
        steps: 3
        model: {tokenizer: \(Binary.root)/pipelines/tokenizers/ladder, hidden_size: 16, \
        intermediate_size: 32, layers: 1, heads: 2, key_value_heads: 1, head_dimension: 8, \
        maximum_positions: 128}
        data: {prompts: \(root)/data, prompts_per_step: 8}
        rollout: {count: 4, maximum_tokens: 8}
        algorithm: {name: hpt, aggregation: {constant: 8}}
        checkpoint: {every: 1}
        verifier: {default: [\(verifier)]}
        """, to: "outside.yaml")
    }

    /// A run to its end, disturbed by nobody: its weights and its records' digests.
    func calm(_ verifier: String) throws -> [String] {
      let ended = try Binary.run([
        "run", try definition(verifier: verifier), "--run", "\(root)/calm", "--quiet", "--json",
      ])
      try #require(ended.status == 0, "\(ended)")
      return try results("calm")
    }

    func results(_ run: String) throws -> [String] {
      let status = try Binary.run(["status", "\(root)/\(run)", "--json"]).object()
      let summary = try JSONSerialization.jsonObject(
        with: Data(contentsOf: URL(fileURLWithPath: "\(root)/\(run)/summary.json")))
      let weights = (summary as? [String: Any])?["weights_sha256"] as? String
      let digests = try Binary.run(["queue", "digest", "\(root)/\(run)"])
      try #require(digests.status == 0, "\(digests)")
      return ["\(status["step"] ?? "")", try #require(weights), digests.out]
    }

    /// The same, killed `kills` times on its way.
    ///
    /// - Parameter afterKill: told after each kill.
    func killed(_ verifier: String, kills: Int, afterKill: () throws -> Void = {}) throws
      -> [String]
    {
      let definition = try definition(verifier: verifier)
      let run = "\(root)/killed"
      var killed = 0
      for attempt in 0..<100 where killed < kills {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: Binary.path)
        process.arguments = command(run, definition)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        usleep(UInt32(60_000 + 37_000 * (attempt % 11)))
        let wasRunning = process.isRunning
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        guard wasRunning else { break }
        killed += 1
        try afterKill()
      }
      try #require(killed > 1, "it was too fast to be killed")
      let last = try Binary.run(command(run, definition))
      #expect(last.status == 0, "\(last)")
      return try results("killed")
    }

    /// Goes on with the run, or begins it where a kill has left none.
    private func command(_ run: String, _ definition: String) -> [String] {
      let exists = FileManager.default.fileExists(atPath: run + "/pipeline.yaml")
      return (exists ? ["resume", run] : ["run", definition, "--run", run]) + ["--quiet"]
    }

    /// Keys of stored replies.
    func storedKeys(_ folder: String) throws -> Set<String> {
      guard let text = try? String(contentsOfFile: folder + "/judgements.jsonl", encoding: .utf8)
      else { return [] }
      var keys: Set<String> = []
      // What stands behind the last line end is torn.
      for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        if value?["score"] is NSNumber, let key = value?["key"] as? String { keys.insert(key) }
      }
      return keys
    }
  }

  /// At first it fails in some way for every second question, then it scores.
  private static let fickle: @Sendable (String, Int) -> JudgeServer.Conduct = { mark, seed in
    let draw = JudgeServer.hash("\(mark) \(seed)")
    guard seed < 3, draw % 2 == 0 else { return .score }
    let failures: [JudgeServer.Conduct] = [
      .busy, .broken, .cut, .offScale, .otherSchema, .noJSON, .closed, .stalled,
    ]
    return failures[Int(draw >> 8) % failures.count]
  }

  private static func judge(_ server: JudgeServer) -> String {
    "{name: judge, url: '\(server.url)', model: j, rubric: Be right., pass: 6, retries: 5, "
      + "retry_seconds: 0.01, timeout_seconds: 0.4, parallel: 8, prompt_price: 1}"
  }

  @Test("a judge that fails, stalls and lies: the same weights, and no stored answer asked again")
  func judged() throws {
    let place = try Place()
    let quiet = try JudgeServer(Self.fickle)
    defer { quiet.close() }
    let calm = try place.calm(Self.judge(quiet))
    let server = try JudgeServer(Self.fickle)
    defer { server.close() }
    var stored: [(requests: Int, keys: Set<String>)] = []
    let killed = try place.killed(Self.judge(server), kills: 6) {
      stored.append((server.requests.count, try place.storedKeys("\(place.root)/killed")))
    }
    #expect(killed == calm)
    let requests = server.requests
    for (index, (count, keys)) in stored.enumerated() {
      let known = Set(keys.map { String($0.prefix(16)) })
      let again = requests.dropFirst(count).filter { known.contains($0.mark) }
      #expect(again.isEmpty, "after kill \(index): \(again.count) of \(known.count) asked again")
    }
    #expect(stored.contains { !$0.keys.isEmpty }, "no kill came while it was judged")
    let status = try Binary.run(["status", "\(place.root)/killed"])
    #expect(status.out.contains("judge       j: ") && status.out.contains("cost 0.0"), "\(status)")
    // The judge's address may change, its model may not.
    let moved = try Binary.run([
      "resume", "\(place.root)/killed", try place.definition(verifier: Self.judge(quiet)),
    ])
    #expect(moved.status == 0, "\(moved)")
    let other = try place.definition(
      verifier: Self.judge(quiet).replacingOccurrences(of: "model: j", with: "model: k"))
    let refused = try Binary.run(["resume", "\(place.root)/killed", other])
    #expect(
      refused.status == 2 && refused.error.contains("verifier.default[0].model"), "\(refused)")
    let rescored = try Binary.run(["verify", "rescore", "\(place.root)/calm", "--with", other])
    #expect(rescored.status == 0 && rescored.error.contains("asking judge anew"), "\(rescored)")
    #expect(rescored.out.contains("k: ") && rescored.out.contains("tokens sent"))
  }

  @Test("a program of one's own that dies now and then: the same weights after kills")
  func commanded() throws {
    let place = try Place()
    let program = try place.scratch.write(
      #"""
      n=0
      while IFS= read -r line; do
        id=$(printf '%s' "$line" | sed 's/.*"id":"\([0-9]*\)".*/\1/')
        sum=$(printf '%s' "$line" | sed 's/"id":"[0-9]*",//' | cksum | cut -d' ' -f1)
        n=$((n + 1)); [ $n = 9 ] && exit 3
        echo '{"id":"'$id'","reward":'$((sum % 2))',"reason":"'$sum'"}'
      done
      """#, to: "program.sh")
    let verifier = "{name: command, program: [sh, \(program)], workers: 2}, {name: tag_count}"
    let calm = try place.calm(verifier)
    #expect(try place.killed(verifier, kills: 5) == calm)
    let shown = try Binary.run(["verify", "explain", "\(place.root)/killed", "0", "--json"])
    #expect(try shown.object()["verifier"] as? String == "command+tag_count", "\(shown)")
    let deep = try Binary.run(["queue", "verify", "\(place.root)/killed", "--deep"])
    #expect(deep.status == 0, "verdicts that do not repeat are not asked again: \(deep)")
    let tried = try Binary.run([
      "verify", "explain", "--response", "x", "--gold", "y", "--verifier", "[\(verifier)]",
    ])
    #expect(tried.status == 0 && tried.out.contains("command"), "\(tried)")
  }

  @Test("a reward model: the same weights after kills, and refused when it has changed")
  func scored() throws {
    let place = try Place()
    let model = place.root + "/reward"
    try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
    var (configuration, parameters) = try ModelDirectory.read(
      Binary.root + "/Tests/PolicyTests/Fixtures/model/qwen2-critic")
    configuration.architecture = .qwen2ForSequenceClassification
    parameters.remove(at: parameters.count - configuration.hiddenSize - 1)
    try ModelDirectory.write(configuration, parameters: parameters, to: model)
    try FileManager.default.copyItem(
      atPath: Binary.root + "/pipelines/tokenizers/ladder/tokenizer.json",
      toPath: model + "/tokenizer.json")
    let verifier = "{name: reward-model, model: \(model), pass: 0.0}"
    let calm = try place.calm(verifier)
    #expect(try place.killed(verifier, kills: 5) == calm)
    let deep = try Binary.run(["queue", "verify", "\(place.root)/killed", "--deep"])
    #expect(deep.status == 0, "its verdicts repeat: \(deep)")
    parameters[0] += 1
    try FileManager.default.removeItem(atPath: model + "/config.json")
    try FileManager.default.removeItem(atPath: model + "/model.safetensors")
    try ModelDirectory.write(configuration, parameters: parameters, to: model)
    let changed = try Binary.run(["resume", "\(place.root)/killed", "--set", "steps=4"])
    #expect(changed.status == 3 && changed.error.contains("reward model"), "\(changed)")
    let none = try Binary.run([
      "run", try place.definition(verifier: "{name: reward-model, model: /none}"), "--run",
      "\(place.root)/none",
    ])
    #expect(none.status == 2 && none.error.contains("/none: no such model directory"), "\(none)")
    #expect(!FileManager.default.fileExists(atPath: "\(place.root)/none"))
  }

  @Test("a suite that a judge scores: killed, it asks nothing twice, and finished nothing at all")
  func suite() throws {
    let place = try Place()
    let server = try JudgeServer(Self.fickle)
    defer { server.close() }
    let model = place.root + "/model"
    let shape = try place.scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 1024, \
      "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", \
      "max_position_embeddings": 4096, "eos_token_id": null}
      """, to: "shape.json")
    let made = try Binary.run([
      "model", "init", model, "--config", shape, "--tokenizer",
      Binary.root + "/Tests/TokenizerTests/Fixtures/arith-1024",
    ])
    try #require(made.status == 0, "\(made)")
    let suite = try place.scratch.write(
      """
      data: \(place.root)/data
      samples: 4
      maximum_tokens: 8
      temperature: 1.0
      verifier: {default: [\(Self.judge(server))]}
      """, to: "judged.yaml")
    let arguments = ["eval", model, "--suite", suite, "--out", "\(place.root)/out"]
    var stored: Set<String> = []
    var count = 0
    for pause in [250_000, 400_000, 550_000] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: Binary.path)
      process.arguments = arguments
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      usleep(UInt32(pause))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let known = Set(stored.map { String($0.prefix(16)) })
      #expect(!server.requests.dropFirst(count).contains { known.contains($0.mark) })
      count = server.requests.count
      for name in try FileManager.default.contentsOfDirectory(atPath: "\(place.root)/out") {
        stored.formUnion(try place.storedKeys("\(place.root)/out/\(name)"))
      }
    }
    let whole = try Binary.run(arguments)
    try #require(whole.status == 0, "\(whole)")
    let asked = server.requests.count
    let again = try Binary.run(arguments)
    #expect(again.out == whole.out && server.requests.count == asked)
    #expect(!stored.isEmpty && whole.out.contains("judged"), "\(whole)")
  }

  @Test("code must be allowed, and is judged in a sandbox")
  func coded() throws {
    let gold = #"{"tests": [{"stdin": "2", "stdout": "4"}]}"#
    let arguments = [
      "verify", "explain", "--gold", gold, "--response", "```\nread x; echo $((x * x))\n```",
      "--verifier",
    ]
    let refused = try Binary.run(arguments + ["code"])
    #expect(refused.status == 2 && refused.error.contains("allow_code: true"), "\(refused)")
    let doctor = try Binary.run(["doctor", "--json"]).object()
    try #require(doctor["has_sandbox"] as? Bool == true, "\(doctor)")
    let judged = try Binary.run(
      arguments + ["[{name: code, allow_code: true, interpreter: [sh]}]", "--json"])
    let rollouts = try judged.object()["rollouts"] as? [[String: Any]]
    #expect(rollouts?.first?["right"] as? Bool == true, "\(judged)")
  }

  @Test(
    "who is no superuser has the sandbox too, and who may have none is refused",
    .enabled(if: getuid() == 0, "skipped: needs root, to become other users"))
  func users() throws {
    let scratch = try Scratch()
    // Where another user may read: not every folder above the build is open to all.
    let pipeline = scratch.path + "/pipeline"
    try FileManager.default.copyItem(atPath: Binary.path, toPath: pipeline)
    let script = try scratch.write(
      #"""
      cd /
      PIPELINE=$1
      shift
      trial() {
        "$@" "$PIPELINE" verify explain --gold '{"tests": [{"stdin": "", "stdout": "1000"}]}' \
          --response '```
      id -u
      ```' --verifier '[{name: code, allow_code: true, interpreter: [sh]}]'
        echo "status $?"
      }
      trial setpriv --reuid=61234 --regid=61234 --clear-groups
      trial unshare --user --map-root-user
      exec unshare --user --map-root-user sh -c \
        'echo 0 > /proc/sys/user/max_user_namespaces; exec "$0" doctor' "$PIPELINE"
      """#, to: "users.sh")
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = [script, pipeline]
    process.standardOutput = pipe
    process.standardError = pipe
    try process.run()
    let said = String(
      decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    let parts = said.split(separator: "status ")
    try #require(parts.count == 3, "\(said)")
    #expect(parts[0].contains("right") && parts[1].hasPrefix("0"), "\(said)")
    #expect(parts[1].contains("another user cannot be taken on"), "\(said)")
    #expect(parts[2].hasPrefix("2"), "\(said)")
    #expect(parts[2].contains("no sandbox: namespaces of its own are refused"), "\(said)")
  }
}
