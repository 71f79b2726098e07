import Foundation
import Testing

@Suite("generate", .needsBinary)
struct GenerateTests {
  private static let tokenizer = Binary.root + "/Tests/TokenizerTests/Fixtures/arith-1024"

  /// A small Qwen2 with random weights, and the tokenizer of arith-1024, which has a chat template.
  private static func model(
    _ scratch: Scratch, named name: String = "model", vocabulary: Int = 1024, positions: Int = 4096,
    tokenizer: String? = Self.tokenizer
  ) throws -> String {
    let config = try scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": \(vocabulary), \
      "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", \
      "max_position_embeddings": \(positions), "eos_token_id": null}
      """, to: "shape.json")
    let path = "\(scratch.path)/\(name)"
    let made = try Binary.run(
      ["model", "init", path, "--config", config]
        + (tokenizer.map { ["--tokenizer", $0] } ?? []))
    try #require(made.status == 0, "\(made)")
    return path
  }

  private func ask(
    _ model: String, _ arguments: [String], input: String? = nil
  ) throws -> [String: Any] {
    let result = try Binary.run(
      ["generate", model, "--json", "--quiet"] + arguments, input: input)
    try #require(result.status == 0 && result.error.isEmpty, "\(result)")
    return try result.object()
  }

  private func tokens(_ model: String, _ arguments: [String]) throws -> [Int] {
    try #require(try ask(model, arguments)["tokens"] as? [Int])
  }

  @Test("the same answer as text and as JSON, on any number of threads; speed and end on stderr")
  func answers() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch)
    let arguments = ["--prompt", "12 + 7 = ?", "--max-tokens", "40", "--seed", "5"]
    let report = try ask(model, arguments + ["--threads", "2"])
    let drawn = try #require(report["tokens"] as? [Int])
    #expect(drawn.count == 40 && report["finish"] as? String == "length")
    let text = try #require(report["text"] as? String)
    // Random ids cut characters: what is never finished shows as U+FFFD.
    #expect(text.contains("\u{FFFD}"))

    let shown = try Binary.run(["generate", model, "--threads", "1"] + arguments)
    let escaped = text.unicodeScalars.map {
      $0 != "\n" && $0.value < 32 || (127..<160).contains($0.value)
        ? "\\u{\(String($0.value, radix: 16))}" : String($0)
    }
    #expect(shown.status == 0 && shown.out.utf8.elementsEqual((escaped.joined() + "\n").utf8))
    #expect(shown.error.contains("answer 40, the first after "), "\(shown.error)")
    #expect(shown.error.hasSuffix(" tokens/s; ended by --max-tokens 40\n"), "\(shown.error)")

    #expect(try tokens(model, arguments) == drawn)
    #expect(try tokens(model, arguments.dropLast() + ["6"]) != drawn)
    let likeliest = ["--prompt", "1", "--max-tokens", "9", "--temperature"]
    let greedy = try tokens(model, likeliest + ["0"])
    #expect(try tokens(model, likeliest + ["0", "--seed", "2"]) == greedy)
    for filter in [["--top-k", "1"], ["--top-p", "0.0001"], ["--min-p", "1"]] {
      #expect(try tokens(model, likeliest + ["0.7"] + filter) == greedy, "\(filter)")
    }
  }

  @Test("every end of sequence of generation_config.json ends the answer, and so do the positions")
  func ends() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch, positions: 64)
    let arguments = ["--prompt", "1 + 1", "--no-chat", "--max-tokens", "200"]
    let whole = try ask(model, arguments)
    let free = try #require(whole["tokens"] as? [Int])
    let prompt = try #require(whole["prompt_tokens"] as? Int)
    #expect(free.count == 64 - prompt && whole["finish"] as? String == "positions")
    for ids in [[free[11], free[4]], [free[11]]] {
      _ = try scratch.write("{\"eos_token_id\": \(ids)}", to: "model/generation_config.json")
      let end = try #require(free.firstIndex { ids.contains($0) })
      let cut = try ask(model, arguments)
      #expect(cut["tokens"] as? [Int] == Array(free[...end]) && cut["finish"] as? String == "stop")
    }
  }

  @Test("where the prompt comes from, and what is put around it")
  func prompts() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch)
    let file = try scratch.write("12 + 7\n", to: "prompt.txt")
    func count(_ arguments: [String], input: String? = nil) throws -> Int {
      let report = try ask(model, ["--max-tokens", "1"] + arguments, input: input)
      return try #require(report["prompt_tokens"] as? Int)
    }
    let message = try count(["--prompt", "12 + 7"])
    #expect(try count(["--prompt", "12 + 7", "--chat"]) == message)
    #expect(try count(["--prompt-file", file]) == message)
    #expect(try count(["--prompt-file", "-"], input: file) == message)
    #expect(try count([], input: file) == message)
    #expect(try count(["--prompt", "12 + 7", "--system", "-1"]) > message)
    let plain = try count(["--prompt", "12 + 7", "--no-chat"])
    #expect(plain >= 1 && plain + 4 < message)
    // A special token where the prompt is all there is, text in a message.
    #expect(try count(["--prompt", "<|im_end|>", "--no-chat"]) == 1)
    #expect(try count(["--prompt", "<|im_end|>"]) >= message - plain + 5)

    // Without a template the prompt is continued.
    for name in ["chat_template.jinja", "tokenizer_config.json"] {
      try FileManager.default.removeItem(atPath: "\(model)/\(name)")
    }
    #expect(try count(["--prompt", "12 + 7"]) == plain)
  }

  @Test("of a run, its newest checkpoint answers")
  func runs() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/run"
    let made = try Binary.run([
      "run", "Tests/CrashLab/Subjects/brief.yaml", "--run", path, "--quiet",
    ])
    try #require(made.status == 0, "\(made)")
    let arguments = ["generate", "--prompt", "1 + 1 =", "--max-tokens", "5", "--json"]
    let result = try Binary.run(arguments + [path])
    let newest = "\(path)/checkpoints/3"
    #expect(result.status == 0 && result.error.contains("asking \(newest)\n"), "\(result)")
    #expect(try result.object()["model"] as? String == newest)
    #expect(try result.object()["chat"] as? Bool == false)
    let direct = try Binary.run(arguments + [newest]).object()
    #expect(try result.object()["text"] as? String == direct["text"] as? String)
  }

  @Test("an adapter answers on its base, wherever that lies")
  func adapters() throws {
    let scratch = try Scratch()
    let whole = scratch.path + "/whole"
    let path = scratch.path + "/run"
    let (base, moved) = (whole + "/checkpoints/3", scratch.path + "/moved")
    let first = try Binary.run([
      "run", "Tests/CrashLab/Subjects/brief.yaml", "--run", whole, "--quiet",
    ])
    let definition = try scratch.write(
      """
      seed: 5
      steps: 1
      model: {path: \(base)}
      adapter: {rank: 2}
      data: {prompts: \(Binary.root)/Tests/CrashLab/Data/small, prompts_per_step: 2}
      rollout: {count: 2, maximum_tokens: 12}
      algorithm: {name: sft}
      optimizer: {mismatch_bound: 1.0e-4, learning_rate: 1.0}
      """, to: "adapter.yaml")
    let second = try Binary.run(["run", definition, "--run", path, "--quiet"])
    try #require(first.status == 0 && second.status == 0, "\(second)")
    func text(_ model: String, _ more: [String] = []) throws -> Any? {
      try ask(model, ["--prompt", "1 + 1 =", "--max-tokens", "60"] + more)["tokens"]
    }
    let adapted = try #require(try text(path) as? [Int])
    #expect(try text(path + "/checkpoints/1") as? [Int] == adapted)
    #expect(try text(base) as? [Int] != adapted)
    try FileManager.default.moveItem(atPath: base, toPath: moved)
    let asked = ["generate", path, "--prompt", "1", "--quiet"]
    let missing = try Binary.run(asked)
    #expect(
      missing.status == 2 && missing.isOneLineError && missing.error.contains("--base DIR"),
      "\(missing)")
    #expect(try text(path, ["--base", moved]) as? [Int] == adapted)
    let other = try Binary.run(asked + ["--base", whole + "/checkpoints/2"])
    #expect(other.status != 0 && other.isOneLineError, "\(other)")
    let useless = try Binary.run(["generate", moved, "--prompt", "1", "--base", moved])
    #expect(useless.status == 2 && useless.error.contains("it holds no adapter"), "\(useless)")
  }

  @Test("text comes as it is sampled, and SIGINT ends the answer with what it has")
  func interrupted() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch, positions: 100_000)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = ["generate", model, "--prompt", "1", "--max-tokens", "90000"]
    let (out, error) = (Pipe(), Pipe())
    process.standardOutput = out
    process.standardError = error
    try process.run()
    let begin = out.fileHandleForReading.availableData
    #expect(!begin.isEmpty && process.isRunning)
    process.interrupt()
    _ = try out.fileHandleForReading.readToEnd()
    let said = String(decoding: try error.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 130 && said.hasSuffix("; interrupted\n"), "\(said)")
  }

  @Test("what cannot be asked is one line and the documented exit code")
  func refusals() throws {
    let scratch = try Scratch()
    let model = try Self.model(scratch, positions: 64)
    let bare = try Self.model(scratch, named: "bare", tokenizer: nil)
    // `model init` refuses this pair.
    let narrow = try Self.model(scratch, named: "narrow", vocabulary: 1000, tokenizer: nil)
    try FileManager.default.copyItem(
      atPath: Self.tokenizer + "/tokenizer.json", toPath: narrow + "/tokenizer.json")
    let plain = try Self.model(
      scratch, named: "plain", tokenizer: Binary.root + "/pipelines/tokenizers/ladder")
    let empty = try scratch.write("\n", to: "empty.txt")
    let broken = scratch.path + "/broken.txt"
    try Data([0xFF, 0x41]).write(to: URL(fileURLWithPath: broken))
    let asked = ["--prompt", "1"]
    let cases: [(arguments: [String], part: String)] = [
      ([scratch.path + "/none"] + asked, "no such model directory"),
      ([scratch.path] + asked, "config.json"),
      ([bare] + asked, "bare/tokenizer.json: cannot be read (there is no such file)"),
      ([narrow] + asked, "it has 1024 tokens, the model has 1000 embeddings"),
      ([model], "stdin: the prompt is empty"),
      ([model, "--prompt", ""], "--prompt: the prompt is empty"),
      ([model, "--prompt-file", empty], "empty.txt: the prompt is empty"),
      ([model, "--prompt-file", broken], "broken.txt: the prompt cannot be read: it is not UTF-8"),
      ([model, "--prompt-file", scratch.path], "it is a folder"),
      ([model, "--prompt-file", "/no/such"], "it is not there"),
      ([model, "--prompt-file", empty] + asked, "not both"),
      ([model, "--prompt", String(repeating: "1 ", count: 100)], "the model's 64 positions"),
      ([plain, "--prompt", "\u{4E2D}"], "the tokenizer has no token for anything in it"),
      ([plain, "--chat"] + asked, "there is no chat template"),
      ([plain, "--system", "x"] + asked, "--system needs a chat template"),
      ([model, "--no-chat", "--system", "x"] + asked, "--no-chat leaves out"),
      ([model, "--chat-date", "2024-02-30"] + asked, "--chat-date"),
      ([model, "--temperature", "nan"] + asked, "--temperature is nan"),
      ([model, "--temperature", "-1"] + asked, "--temperature"),
      ([model, "--top-p", "nan"] + asked, "--top-p is nan"),
      ([model, "--top-p", "0"] + asked, "--top-p is 0"),
      ([model, "--min-p", "nan"] + asked, "--min-p is nan"),
      ([model, "--min-p", "1.5"] + asked, "--min-p is 1.5"),
      ([model, "--top-k", "-1"] + asked, "--top-k"),
      ([model, "--max-tokens", "0"] + asked, "--max-tokens is 0"),
      ([model, "--seed", "-1"] + asked, "--seed"),
      ([model, "--threads", "0"] + asked, "--threads is 0"),
    ]
    for (arguments, part) in cases {
      let result = try Binary.run(["generate"] + arguments)
      #expect(
        result.status == 2 && result.isOneLineError && result.out.isEmpty
          && result.error.contains(part), "\(arguments.dropFirst()): \(result)")
    }
  }
}
