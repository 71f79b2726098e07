import Foundation
import Testing

/// The suites under `pipelines/suites`, with the data that are shared beside the repository.
@Suite("suites", .needsBinary)
struct ShippedSuitesTests {
  private static let shared = Binary.root + "/../shared/data"

  /// File of the collection, suite, questions.
  private static let files = [
    ("aime24", "aime24", 30), ("amc23", "amc23", 40), ("math500", "math500", 500),
    ("gsm8k-test", "gsm8k", 1319), ("arc-c-test", "arc-c", 1172),
  ]

  /// A small model with random weights, which reads any text.
  private func model(_ scratch: Scratch) throws -> String {
    let config = try scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 1024, \
      "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": true, "hidden_act": "silu", \
      "max_position_embeddings": 4096, "eos_token_id": null}
      """, to: "shape.json")
    let path = scratch.path + "/model"
    let made = try Binary.run([
      "model", "init", path, "--config", config, "--tokenizer",
      Binary.root + "/Tests/TokenizerTests/Fixtures/arith-1024",
    ])
    try #require(made.status == 0, "\(made)")
    return path
  }

  @Test("all of them are read, and say how to get data that are missing")
  func list() throws {
    let list = try Binary.run(["eval", "--list", "--json"])
    let lines = try #require(
      try JSONSerialization.jsonObject(with: Data(list.out.utf8)) as? [[String: Any]])
    #expect(lines.count == 11)
    for line in lines {
      #expect(line["problem"] == nil, "\(line)")
      #expect(line["questions"] is Int || line["import"] is String, "\(line)")
    }
  }

  @Test(
    "every suite at hand runs to a whole table, and again to the same",
    .enabled(
      if: FileManager.default.fileExists(atPath: Self.shared), "skipped: needs ../shared/data"))
  func all() throws {
    let scratch = try Scratch()
    let model = try model(scratch)
    var places: [String] = []
    for (file, suite, count) in Self.files {
      let folder = "\(scratch.path)/\(file)"
      let made = try Binary.run([
        "data", "import", "\(Self.shared)/\(file).jsonl.zst", "--to", folder, "--json",
      ])
      #expect(try made.object()["rows"] as? Int == count, "\(made)")
      places += ["--data", "\(suite)=\(folder)"]
    }
    let suites = Self.files.map { $0.1 } + ["ladder", "ladder-ood"]
    let arguments =
      [
        "eval", model, "--suite", suites.joined(separator: ","), "--out", scratch.path + "/out",
        "--samples", "2", "--max-tokens", "8",
      ] + places
    // Every question of the smaller suites.
    let report = try Binary.run(arguments + ["--json", "--quiet", "--limit", "500"]).object()
    let row = try #require((report["models"] as? [[String: Any]])?.first)
    let entries = try #require(row["suites"] as? [[String: Any]])
    #expect(entries.compactMap { $0["suite"] as? String } == suites)
    for entry in entries {
      let statistics = try #require(entry["statistics"] as? [String: Any])
      let average = try #require(statistics["average"] as? [String: Any], "\(entry)")
      let value = try #require(average["value"] as? Double)
      // Random weights know nothing; chance is a quarter of the choices that are made at all.
      #expect(value >= 0 && value < 0.3, "\(entry["suite"] ?? ""): \(value)")
      #expect(statistics["errors"] as? Int == 0, "\(entry)")
    }
    #expect(row["inside_average"] is [String: Any] && row["outside_average"] is [String: Any])

    let first = try Binary.run(arguments + ["--limit", "500", "--format", "markdown"])
    let second = try Binary.run(arguments + ["--limit", "500", "--format", "markdown"])
    #expect(first.status == 0 && first.out == second.out)
    #expect(!first.out.contains(" - |"), "\(first.out)")
  }
}
