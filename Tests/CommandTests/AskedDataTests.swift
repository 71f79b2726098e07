import Foundation
import JudgeServer
import Records
import Shards
import Testing
import Tokenizer

/// A model with random weights over digits and signs, which guesses sums of one digit now and then, and
/// 40 such sums.
private final class GuessPlace: Sendable {
  static let shared = Result { try GuessPlace() }

  let scratch: Scratch
  let model: String
  let data: String

  private init() throws {
    scratch = try Scratch()
    let root = scratch.path
    (model, data) = (root + "/model", root + "/sums")
    try FileManager.default.createDirectory(
      atPath: root + "/tokenizer", withIntermediateDirectories: true)
    _ = try scratch.write(
      CharacterTokenizer.json(
        characters: Array("0123456789 +=?\n"), specials: ["<|endoftext|>"]),
      to: "tokenizer/tokenizer.json")
    let config = try scratch.write(
      """
      {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "vocab_size": 16, \
      "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, \
      "num_attention_heads": 2, "num_key_value_heads": 1, "rms_norm_eps": 1e-6, \
      "rope_theta": 10000.0, "tie_word_embeddings": false, "hidden_act": "silu", \
      "max_position_embeddings": 256, "eos_token_id": 15}
      """, to: "shape.json")
    let made = try Binary.run([
      "model", "init", model, "--config", config, "--tokenizer", root + "/tokenizer",
    ])
    try #require(made.status == 0, "\(made)")
    _ = try DatasetWriter.write(count: 40, folder: data, name: "sums") { index in
      Prompt(
        id: "q\(index)", content: .text("\(index % 7) + 1 = ?"), groundTruth: "\(index % 7 + 1)",
        demonstrations: [], source: "sums", tags: [:])
    }
  }

  /// How the model is asked, and where its answers are stored.
  var asking: [String] {
    [
      "--model", model, "--verifier", "final_number", "--samples", "8", "--max-tokens", "24",
      "--out",
      scratch.path + "/evaluations", "--quiet",
    ]
  }

  func rows(_ folder: String) throws -> [Prompt] {
    let dataset = try Dataset(folder: "\(scratch.path)/\(folder)")
    return try (0..<dataset.rows).map { try dataset.row($0) }
  }
}

@Suite("data score, label, export, and choosing a model", .needsBinary)
struct AskedDataTests {
  private func place() throws -> GuessPlace { try GuessPlace.shared.get() }

  @Test("score tags each row with the share that eval counts; export takes what was right")
  func score() throws {
    let place = try place()
    let scored = try Binary.run(
      ["data", "score", place.data, "--to", place.scratch.path + "/scored"] + place.asking)
    #expect(scored.status == 0 && scored.out.contains("█"), "\(scored)")
    let rows = try place.rows("scored")
    let rates = rows.compactMap { $0.tags["pass_rate"].flatMap(Double.init) }
    #expect(rates.count == 40 && Set(rates).count > 1, "\(rates)")
    #expect(rows.allSatisfy { $0.tags["pass_samples"] == "8" })

    let folders = try FileManager.default.contentsOfDirectory(
      atPath: place.scratch.path + "/evaluations"
    ).filter { $0.hasPrefix("sums-") }
    let evaluation = "\(place.scratch.path)/evaluations/\(try #require(folders.first))"
    let list = try Binary.run(["inspect", "list", evaluation, "--json", "--limit", "100"]).out
    let solved = try list.split(separator: "\n").map {
      try #require(
        (try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])?["solved"] as? Int
      )
    }
    #expect(rates == solved.map { Double($0) / 8 })

    let filtered = try Binary.run([
      "data", "filter", place.scratch.path + "/scored", "--where",
      "tag.pass_rate > 0 and tag.pass_rate < 1", "--to", place.scratch.path + "/mixed-groups",
    ])
    #expect(filtered.status == 0, "\(filtered)")
    #expect(try place.rows("mixed-groups").count == solved.count { $0 > 0 && $0 < 8 })

    for kind in ["demonstrations", "pairs"] {
      let exported = try Binary.run([
        "data", "export", evaluation, "--what", kind, "--to", "\(place.scratch.path)/\(kind)",
      ])
      #expect(exported.status == 0, "\(exported)")
    }
    let demonstrated = try place.rows("demonstrations")
    #expect(!demonstrated.isEmpty && demonstrated.count <= solved.count { $0 > 0 })
    let checked = try Binary.run([
      "data", "check", place.scratch.path + "/demonstrations", "--verifier", "final_number",
      "--json",
    ]).object()
    #expect(
      (checked["counts"] as? [String: Int])?["unaccepted_demonstration"] == nil, "\(checked)")
    #expect(try place.rows("pairs").allSatisfy { $0.rejected.count == 1 })
  }

  /// Answers are known by the places of their rows.
  @Test("score and label ask every row", arguments: ["limit=3", "draw=3", "sources=[sums]"])
  func parts(key: String) throws {
    let place = try place()
    for target in [["score", "--to"], ["label", "--review"]] {
      let result = try Binary.run(
        ["data", target[0], place.data, target[1], place.scratch.path + "/part", "--set", key]
          + place.asking)
      #expect(result.status == 2 && result.isOneLineError, "\(result)")
      #expect(result.error.contains("every row is asked"), "\(result)")
      #expect(!FileManager.default.fileExists(atPath: place.scratch.path + "/part"))
    }
  }

  @Test("label proposes by majority, and takes over what people corrected")
  func label() throws {
    let place = try place()
    let unlabelled = place.scratch.path + "/unlabelled"
    let rows = try place.rows("sums")
    _ = try DatasetWriter.write(count: 40, folder: unlabelled, name: "unlabelled") { index in
      var row = rows[index]
      row.groundTruth = ""
      return row
    }
    let review = place.scratch.path + "/review.jsonl"
    let arguments = ["data", "label", unlabelled, "--review", review] + place.asking
    let proposed = try Binary.run(arguments)
    #expect(
      proposed.status == 0 && proposed.out.contains("40 rows without ground truth"), "\(proposed)")
    #expect(try Binary.run(arguments).status == 2, "somebody's corrections stay")

    var lines = try String(contentsOfFile: review, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.count == 40 && lines.contains { ($0["agreement"] as? Double ?? 0) > 0 })
    for place in lines.indices { lines[place]["accept"] = place < 2 }
    lines[0]["answer"] = "1"
    lines[1]["answer"] = "999"
    let text = try lines.map {
      String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
    }
    try Data(text.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: review))
    let applied = try Binary.run([
      "data", "label", unlabelled, "--apply", review, "--to", place.scratch.path + "/labelled",
    ])
    #expect(applied.status == 0 && applied.out.contains("left out 38"), "\(applied)")
    #expect(try place.rows("labelled").map(\.groundTruth) == ["1", "999"])
    #expect(try place.rows("labelled")[1].tags["label"] == "corrected")

    let labelled = try Binary.run(
      ["data", "label", place.data, "--review", review + "2"] + place.asking)
    #expect(labelled.status == 2 && labelled.error.contains("40 of its rows have"), "\(labelled)")
  }

  /// Three of four answers are the sum, some requests fail at first, and one endpoint always does.
  @Test("label asks an endpoint too, and asks for nothing twice")
  func endpoint() throws {
    let place = try place()
    let unlabelled = place.scratch.path + "/unasked"
    let rows = try place.rows("sums")
    _ = try DatasetWriter.write(count: 40, folder: unlabelled, name: "unasked") { index in
      var row = rows[index]
      row.groundTruth = ""
      return row
    }
    let server = try JudgeServer(
      says: { question, seed in
        let first = Int(question.prefix(1)) ?? 0
        return "So the answer is \(seed % 4 == 0 ? 99 : first + 1)."
      }, { _, _ in Int.random(in: 0..<10) == 0 ? .busy : .score })
    defer { server.close() }
    let review = place.scratch.path + "/endpoint.jsonl"
    let arguments = [
      "data", "label", unlabelled, "--endpoint", server.url, "--endpoint-model", "m", "--verifier",
      "final_number", "--samples", "4", "--set", "template={prompt} Think.", "--review", review,
    ]
    let proposed = try Binary.run(arguments)
    #expect(proposed.status == 0 && proposed.out.contains("40 proposals accepted"), "\(proposed)")
    let lines = try String(contentsOfFile: review, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(lines.map { $0["answer"] as? String } == rows.map(\.groundTruth))
    #expect(lines.allSatisfy { $0["agreement"] as? Double == 0.75 })
    let asked = server.requests
    // 40 rows ask seven questions, four times each; equal requests have one answer.
    #expect(Set(asked.map { "\($0.mark) \($0.seed)" }).count == 28)
    #expect(asked.count { $0.conduct == .score } == 28)
    #expect(asked.allSatisfy { $0.mark.hasSuffix(" Think.") })
    let again = try Binary.run(arguments + ["--force"])
    #expect(again.status == 0 && server.requests.count == asked.count, "\(again)")

    let deaf = try JudgeServer(says: { _, _ in "" }, { _, _ in .refused })
    defer { deaf.close() }
    let refused = try Binary.run(
      ["data", "label", unlabelled, "--endpoint", deaf.url, "--endpoint-model", "m"]
        + ["--verifier", "final_number", "--review", review + "2"])
    #expect(refused.status == 75 && refused.isOneLineError, "\(refused)")
    #expect(refused.error.contains("HTTP status 401"), "\(refused)")
    #expect(!FileManager.default.fileExists(atPath: review + "2"))
  }

  @Test("eval shows what training would see of each model")
  func selection() throws {
    let place = try place()
    let other = place.scratch.path + "/other"
    let made = try Binary.run([
      "model", "init", other, "--config", place.scratch.path + "/shape.json", "--seed", "2",
      "--tokenizer", place.scratch.path + "/tokenizer",
    ])
    try #require(made.status == 0, "\(made)")
    let arguments = [
      "eval", place.model, other, "--training", place.data, "--training-rows", "30",
      "--training-samples", "4", "--training-set", "verifier.default=final_number",
      "--training-set",
      "maximum_tokens=16", "--price-per-hour", "3.6", "--out", place.scratch.path + "/selection",
      "--quiet",
    ]
    let text = try Binary.run(arguments)
    #expect(
      text.status == 0 && text.out.contains("30 × 4") && text.out.contains("mixed"), "\(text)")
    let report = try Binary.run(arguments + ["--json"]).object()
    let models = try #require(report["selection"] as? [[String: Any]])
    #expect(models.map { $0["model"] as? String } == [place.model, other])
    for model in models {
      func value(_ key: String) throws -> Double { try #require(model[key] as? Double, "\(key)") }
      #expect(try abs(value("all_wrong") + value("mixed") + value("all_right") - 1) < 1e-12)
      #expect(try value("tokens_per_answer") > 1 && value("tokens_per_answer") <= 16)
      let seconds = try value("seconds_per_thousand_answers")
      #expect(try abs(value("cost_per_thousand_answers") - seconds / 1000) < 1e-9 * seconds)
    }
    let alone = try Binary.run(["eval", place.model, "--price-per-hour", "1", "--suite", "ladder"])
    #expect(alone.status == 2 && alone.error.contains("--training"), "\(alone)")
  }
}
