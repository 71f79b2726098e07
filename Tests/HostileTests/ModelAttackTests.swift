import Foundation
import Testing
import Tokenizer

extension Hostile {
  @Suite struct ModelAttackTests {
    private let configuration: [String: String] = [
      "architectures": "[\"Qwen2ForCausalLM\"]", "model_type": "\"qwen2\"", "hidden_size": "16",
      "intermediate_size": "32", "num_hidden_layers": "1", "num_attention_heads": "2",
      "num_key_value_heads": "1", "vocab_size": "64", "max_position_embeddings": "128",
      "tie_word_embeddings": "true",
    ]

    private func text(_ changes: [String: String] = [:]) -> String {
      let fields = configuration.merging(changes) { $1 }.sorted { $0.key < $1.key }
      return "{" + fields.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
    }

    /// Starts a run from the model in `place`: it must be refused before anything is written.
    private func expectRefused(
      _ name: String, _ place: Place, key: String = "path", chat: String = "messages",
      _ statuses: Set<Int32>, _ faults: inout Faults, saying words: [String] = []
    ) throws {
      let home = try Place()
      let file = try home.write(
        """
        steps: 1
        model: {\(key): \(place.path)}
        data: {prompts: shards/ladder-test, prompts_per_step: 2, chat: \(chat)}
        rollout: {count: 2, maximum_tokens: 4}
        algorithm: {name: hpt, aggregation: {constant: 4}}
        """, "x.yaml")
      try faults.expectRefused(
        name, ["run", file, "--run", home.path + "/run", "-q"], statuses, saying: words)
      if FileManager.default.fileExists(atPath: home.path + "/run") { faults.add("\(name): a run") }
    }

    private func header(_ text: String, claiming length: UInt64? = nil, data: Int = 0) -> [UInt8] {
      let length = length ?? UInt64(text.utf8.count)
      return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + Array(text.utf8)
        + [UInt8](repeating: 0, count: data)
    }

    @Test func configurations() throws {
      var faults = Faults()
      var texts: [(String, String)] = [
        ("empty", ""), ("a list", "[]"), ("deep", String(repeating: "[", count: 1_000_000)),
        ("twice", text().replacing("{", with: "{\"hidden_size\": 8, ")),
        ("many values", "{\"x\":[" + String(repeating: "0,", count: 5_000_000) + "0]}"),
      ]
      for (field, values) in [
        "hidden_size": ["1000000000", "-1", "0", "1e99", "\"16\"", "99999999999999999999", "null"],
        "num_hidden_layers": ["1000000000", "4096", "0"], "vocab_size": ["2147483648", "1e9", "0"],
        "num_attention_heads": ["65536", "0", "3"], "num_key_value_heads": ["0", "5"],
        "head_dim": ["65536", "7", "0"], "rms_norm_eps": ["0", "-1", "\"x\""],
        "rope_theta": ["0", "1e999", "[]"], "eos_token_id": ["64", "-1", "[1, 1e30]"],
        "max_position_embeddings": ["0", "-5", "99999999999999999999"],
        "architectures": ["[]", "[\"\\u001b[31m\\u202e\"]"],
      ] {
        for value in values { texts.append(("\(field) \(value)", text([field: value]))) }
      }
      for (name, text) in texts {
        let place = try Place()
        try place.write(text, "config.json")
        try place.write(header("{}"), "model.safetensors")
        try expectRefused(name, place, [2, 3], &faults)
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func weights() throws {
      var faults = Faults()
      let entry = { (name: String, offsets: String) in
        "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":\(offsets)}"
      }
      let cases: [(String, [UInt8])] = [
        ("empty", []), ("seven bytes", [1, 0, 0, 0, 0, 0, 0]), ("no header", header("")),
        ("a header of 2^63", header("{}", claiming: 1 << 63)),
        ("a header of 2^64 - 1", header("{}", claiming: .max)),
        ("a header beyond the file", header("{}", claiming: 100)),
        ("overlap", header("{\(entry("a", "[0,16]")),\(entry("b", "[8,24]"))}", data: 24)),
        ("a gap", header("{\(entry("a", "[0,16]")),\(entry("b", "[20,36]"))}", data: 36)),
        ("beyond the end", header("{\(entry("a", "[0,16]"))}", data: 8)),
        (
          "a huge shape",
          header(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}")
        ),
        (
          "a negative shape",
          header(
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", data: 4)
        ),
        ("a name with controls", header("{\(entry("\\u001b]0;x\\u0007", "[0,16]"))}", data: 16)),
        (
          "100 MB of names",
          header(
            "{" + (0..<1_400_000).map { entry("\($0)", "[0,0]") }.joined(separator: ",") + "}")
        ),
        ("90 MB of one name", header("{\"" + String(repeating: "x", count: 90_000_000) + "\":1}")),
        (
          "90 MB of lists",
          header("{\"a\":[" + String(repeating: "[],", count: 30_000_000) + "[]]}")
        ),
      ]
      for (name, bytes) in cases {
        let place = try Place()
        try place.write(text(), "config.json")
        try place.write(bytes, "model.safetensors")
        try expectRefused(name, place, [3], &faults, saying: [place.path])
      }
      for file in ["config.json", "model.safetensors", "generation_config.json"] {
        let place = try Place()
        try place.write(text(), "config.json")
        try place.write(header("{}"), "model.safetensors")
        if file != "generation_config.json" {
          try FileManager.default.removeItem(atPath: "\(place.path)/\(file)")
        }
        _ = try place.makeFIFO(file)
        try expectRefused("FIFO \(file)", place, [2], &faults, saying: [file])
      }
      for map in ["../x", "/etc/passwd", "a\\u0000.safetensors", "..safetensors"] {
        let place = try Place()
        try place.write(text(), "config.json")
        try place.write(
          "{\"weight_map\": {\"a\": \"\(map)\"}}", "model.safetensors.index.json")
        try expectRefused("shard \(map)", place, [2, 3], &faults)
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func tokenizers() throws {
      let sound = CharacterTokenizer.json(
        characters: Array("0123456789+-*/= "), specials: ["<|endoftext|>"])
      func changed(_ old: String, _ new: String) -> String {
        let text = sound.replacing(old, with: new)
        precondition(text != sound, "\(old) does not stand there")
        return text
      }
      let vocabulary = "\"0\": 0"
      let texts: [(String, String)] = [
        ("empty", ""), ("a list", "[]"), ("deep", String(repeating: "[", count: 1_000_000)),
        ("an id out of range", changed(vocabulary, "\"0\": 2147483647")),
        ("an id at the old limit", changed(vocabulary, "\"0\": 16777215")),
        ("a negative id", changed(vocabulary, "\"0\": -1")),
        ("an id twice", changed(vocabulary, "\"0\": 1")),
        ("a token twice", changed(vocabulary, "\"0\": 0, \"0\": 99")),
        ("a merge of no tokens", changed("\"merges\": []", "\"merges\": [\"x y\"]")),
        ("a merge of three", changed("\"merges\": []", "\"merges\": [\"0 1 2\"]")),
        (
          "10^7 merges",
          changed(
            "\"merges\": []",
            "\"merges\": ["
              + String(repeating: "\"0 1\",", count: 9_000_000) + "\"0 1\"]")
        ),
        (
          "10^7 entries",
          changed(
            vocabulary, (0..<3_000_000).map { "\"a\($0)\":\($0)," }.joined() + vocabulary)
        ),
        (
          "600,000 entries",
          changed(
            vocabulary, (0..<600_000).map { "\"a\($0)\":\($0 + 100)," }.joined() + vocabulary)
        ),
        (
          "a long added token",
          changed(
            "<|endoftext|>", String(repeating: "x", count: 40_000_000))
        ),
        ("70 MB", sound + String(repeating: " ", count: 70_000_000)),
        (
          "a template of 10^6 pieces",
          changed(
            "\"post_processor\": null",
            """
            "post_processor": {"type": "TemplateProcessing", "single": [\
            \(String(repeating: "{\"SpecialToken\": {\"id\": \"x\"}},", count: 300_000))\
            {"Sequence": {}}], "special_tokens": {"x": {"ids": [3]}}}
            """)
        ),
      ]
      var faults = Faults()
      for (name, text) in texts {
        let place = try Place()
        try place.write(text, "tokenizer.json")
        try expectRefused(
          name, place, key: "tokenizer", [2, 3], &faults, saying: ["tokenizer.json"])
      }
      for target in ["/dev/zero", "/proc/kmsg", "FIFO"] {
        let place = try Place()
        if target == "FIFO" {
          _ = try place.makeFIFO("tokenizer.json")
        } else {
          try FileManager.default.createSymbolicLink(
            atPath: place.path + "/tokenizer.json", withDestinationPath: target)
        }
        try expectRefused(
          target, place, key: "tokenizer", [2], &faults, saying: ["tokenizer.json"])
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func chatTemplates() throws {
      let sound = CharacterTokenizer.json(
        characters: Array("0123456789+-*/= "), specials: ["<|endoftext|>"])
      func times(_ text: String) -> String { String(repeating: text, count: 30_000) }
      let (file, configuration) = ("chat_template.jinja", "tokenizer_config.json")
      let cases: [(name: String, file: String, text: String)] = [
        ("no template", configuration, "{}"), ("an unknown tag", file, "\n{% \u{1B}[31m %}"),
        ("a right-to-left tag", file, "{{ '\u{202E}' | x }}{% \u{202E} %}"),
        ("brackets", file, "{{ " + times("(") + "1" + times(")") + " }}"),
        ("not", file, "{{ " + times("not ") + "1 }}"),
        ("blocks", file, times("{% if 1 %}") + times("{% endif %}")),
        ("sums", file, "{{ " + times("1+") + "1 }}"),
        ("comments without an end", file, times("{# ")),
        ("raw without an end", file, times("{% raw %}")),
        ("tokens", file, "{{ " + times("a,a,a,a,a,") + " }}"),
        ("90 MB", file, String(repeating: "x", count: 90_000_000)),
        ("90 MB of configuration", configuration, String(repeating: " ", count: 90_000_000)),
        ("a deep configuration", configuration, times("[")),
        ("a number", configuration, "{\"chat_template\": 1}"),
        ("no default", configuration, "{\"chat_template\": [" + times("{},") + "{}]}"),
        (
          "a long name", configuration,
          "{\"chat_template\": [{\"name\": \"\(times("\u{202E}x"))\", \"template\": \"\"}]}"
        ),
      ]
      var faults = Faults()
      for (name, file, text) in cases {
        let place = try Place()
        try place.write(sound, "tokenizer.json")
        try place.write(text, file)
        try expectRefused(
          name, place, key: "tokenizer", chat: "always", [2, 3], &faults, saying: [place.path])
      }
      let place = try Place()
      try place.write(sound, "tokenizer.json")
      _ = try place.makeFIFO(file)
      try expectRefused("FIFO", place, key: "tokenizer", chat: "always", [2], &faults)
      #expect(faults.found.isEmpty, faults.text)
    }
  }
}
