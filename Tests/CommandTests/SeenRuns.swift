import Foundation
import Testing
import Tokenizer

/// Small real runs that pages and terminal show, made once by the command itself.
final class SeenRuns: Sendable {
  static let shared = Result { try SeenRuns() }

  let scratch: Scratch
  /// Runs of the same eight questions at every step.
  let hpt: String
  let grpo: String
  /// What must appear as text wherever it is shown.
  let hostile: String

  static let hostilePrompt =
    "<script>window.hostile=1</script><img src=x onerror='window.hostile=2'>"
    + "\u{1B}[31mred\u{1B}]0;title\u{7}\u{202E}override\u{2066}\u{0}\"'&lt;</script><!--"

  private init() throws {
    scratch = try Scratch()
    hpt = scratch.path + "/runs/hpt"
    grpo = scratch.path + "/runs/grpo"
    hostile = scratch.path + "/runs/hostile <b>"
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/runs", withIntermediateDirectories: true)
    try scratch.makeQuestions(rows: 8)
    for (name, path) in [("hpt", hpt), ("grpo", grpo)] {
      try make(path, algorithm: name, data: "data", tokenizer: "tokenizer")
    }
    try makeHostileData()
    try make(hostile, algorithm: "hpt", data: "hostile", tokenizer: "hostile-tokenizer")
  }

  private func make(_ path: String, algorithm: String, data: String, tokenizer: String) throws {
    let root = scratch.path
    let definition = try scratch.write(
      """
      name: \(algorithm)-\(data)
      seed: 5
      steps: 4
      model: {tokenizer: \(root)/\(tokenizer), hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 2048}
      data: {prompts: \(root)/\(data), prompts_per_step: 8}
      rollout: {count: 4, maximum_tokens: 8, record: [entropy]}
      algorithm: {name: \(algorithm)\(algorithm == "hpt" ? ", aggregation: {constant: 8}" : "")}
      """, to: "\(algorithm)-\(data).yaml")
    let made = try Binary.run(["run", definition, "--run", path, "--quiet", "--json"])
    try #require(made.status == 0, "\(made)")
  }

  /// Prompts, ground truths, demonstrations and tokens made of what must never be obeyed.
  private func makeHostileData() throws {
    // A line of more than a megabyte.
    let long = String(repeating: "<b>A</b>", count: 150_000)
    let rows = (0..<8).map { index in
      [
        "id": "<i>\(index)\u{202E}</i>",
        "prompt": index == 7 ? long : "\(Self.hostilePrompt) \(index)",
        "ground_truth": "<script>window.hostile=3</script>",
        "demonstrations": ["</script><script>window.hostile=4</script>"],
        "source": "addition",
        "tags": ["level": "<u>1</u>"],
      ] as [String: Any]
    }
    let lines = try rows.map {
      String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self)
    }
    let file = try scratch.write(lines.joined(separator: "\n") + "\n", to: "hostile.jsonl")
    let made = try Binary.run(["data", "import", file, "--to", "\(scratch.path)/hostile"])
    try #require(made.status == 0, "\(made)")
    let texts = Self.hostilePrompt + long + "0123456789 \n"
    let characters = Set(texts.unicodeScalars.filter(\.isASCII).map { Character($0) }).sorted()
    try FileManager.default.createDirectory(
      atPath: "\(scratch.path)/hostile-tokenizer", withIntermediateDirectories: true)
    _ = try scratch.write(
      CharacterTokenizer.json(
        characters: characters,
        specials: ["<|endoftext|>", "\u{202E}", "<script>window.hostile=5</script>"]),
      to: "hostile-tokenizer/tokenizer.json")
  }
}
