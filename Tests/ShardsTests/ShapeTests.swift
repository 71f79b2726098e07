import Foundation
import Records
import Shards
import Testing

/// Files of each shape, by the writers of their ecosystems (Fixtures/make-files.py), and what becomes of them.
@Suite struct ShapeTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  private func make(
    _ file: String, _ change: (inout DatasetImport.Options) throws -> Void = { _ in }
  ) throws -> (DatasetImport, [Prompt]) {
    let folder = try TemporaryFolder()
    var options = DatasetImport.Options()
    try change(&options)
    let made = try DatasetImport(
      ["\(Self.fixtures)/\(file)"], to: "\(folder.path)/d", name: "name", options: options)
    let dataset = try Dataset(folder: "\(folder.path)/d")
    #expect(try DatasetCheck(folder: dataset.folder).counts["duplicate_id"] == nil)
    return (made, try (0..<dataset.rows).map { try dataset.row($0) })
  }

  private func question(_ n: Int) -> String { "What is \(n) + 1?\nSay “é” before it." }
  private let system = Message(role: "system", content: "Think first, then answer in \\boxed{}.")

  @Test func verl() throws {
    let (made, rows) = try make("verl.parquet")
    #expect(made.files[0].shape == .verl && rows.count == 6 && made.passedOver.isEmpty)
    for (n, row) in rows.enumerated() {
      let expected = Prompt(
        id: "verl-\(n)", content: .messages([Message(role: "user", content: question(n))]),
        groundTruth: "\(n + 1)", source: "sums",
        tags: ["ability": "math", "reward_model.style": "rule", "extra_info.split": "train"])
      #expect(row == expected)
    }
  }

  @Test(arguments: [false, true]) func hptWithAndWithoutSystemMessage(drops: Bool) throws {
    let (made, rows) = try make("hpt.parquet") { $0.dropsSystem = drops }
    #expect(made.files[0].shape == .hpt && rows.count == 6)
    for (place, row) in rows.enumerated() {
      let n = 2 * place
      let user = Message(role: "user", content: question(n))
      #expect(row.content == .messages(drops ? [user] : [system, user]))
      #expect(
        row.demonstrations == (n % 3 == 2 ? [] : ["<think>\n\(n) + 1</think>\n\\boxed{\(n + 1)}"]))
      #expect(row.id == "hpt-\(n)" && row.groundTruth == "\(n + 1)")
      // The file's own source is an empty text.
      #expect(row.source == "name")
    }
  }

  @Test func trlConversations() throws {
    let (made, rows) = try make("trl-messages.jsonl")
    #expect(made.files[0].shape == .trl && made.passedOver == ["num_turns"])
    for (n, row) in rows.enumerated() {
      let user = Message(role: "user", content: question(n))
      #expect(row.content == .messages(n % 2 == 1 ? [system, user] : [user]))
      #expect(row.demonstrations == (n % 2 == 1 ? ["\(n + 1)"] : []))
      #expect(row.id == "trl-messages:\(n + 1)" && row.groundTruth.isEmpty)
    }
  }

  @Test func trlCompletions() throws {
    let (made, rows) = try make("trl-completion.parquet") { $0.source = "mine" }
    #expect(made.files[0].shape == .trl)
    for (n, row) in rows.enumerated() {
      let expected = Prompt(
        id: "trl-completion:\(n + 1)", content: .text(question(n)), groundTruth: "",
        demonstrations: [" \(n + 1)"], source: "mine")
      #expect(row == expected)
    }
  }

  @Test func preferencePairs() throws {
    let (made, rows) = try make("preference.parquet")
    #expect(made.files[0].shape == .preference && made.passedOver == ["score_chosen"])
    for (n, row) in rows.enumerated() {
      #expect(row.content == .messages([Message(role: "user", content: question(n))]))
      #expect(row.demonstrations == ["\(n + 1)"] && row.rejected == ["\(n)"])
    }
  }

  @Test func gsm8k() throws {
    let (made, rows) = try make("gsm8k.jsonl.gz")
    #expect(made.files[0].shape == .gsm8k)
    for (n, row) in rows.enumerated() {
      #expect(row.content == .text(question(n)) && row.groundTruth == "\(n + 1)")
      #expect(row.demonstrations == ["\(n) + 1 = <<\(n)+1=\(n + 1)>>\(n + 1)\n#### \(n + 1)"])
    }
  }

  @Test func math() throws {
    let (made, rows) = try make("math.parquet")
    #expect(made.files[0].shape == .math)
    for (n, row) in rows.enumerated() {
      #expect(row.groundTruth == "\\frac{\(n + 1)}{1}" && row.demonstrations.count == 1)
      #expect(row.tags == ["level": "Level 1", "type": "Algebra"])
    }
  }

  @Test func anyOtherByAMapping() throws {
    let (made, rows) = try make("other.parquet") {
      $0.mapping = try RowMapping([.prompt: "task.text", .answer: "final"])
    }
    #expect(made.files[0].shape == .map && made.passedOver == ["made (INT96)"])
    for (n, row) in rows.enumerated() {
      #expect(row.content == .text(question(n)) && row.groundTruth == "\(n + 1)")
    }
    #expect(throws: ShardError.self) { try make("other.parquet") }
    #expect {
      try make("other.parquet") { $0.mapping = try RowMapping([.prompt: "made"]) }
    } throws: { "\($0)".contains("INT96") && "\($0)".contains("made") }
    #expect(throws: ShardError.self) { try RowMapping([.answer: "final"]) }
  }

  /// Rows of a dataset of ours come out as they went in, tags and all.
  @Test func ourOwnRows() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<5).map { n in
      Prompt(
        id: "\(n)", content: n % 2 == 0 ? .text("q\(n)\u{1}/\u{7F}") : .messages([system]),
        groundTruth: "", demonstrations: n == 3 ? ["a", "b"] : [],
        rejected: n == 3 ? ["c", "d"] : [],
        source: "s", tags: ["b": "2", "a": "1"])
    }
    let first = try DatasetWriter.write(
      count: 5, folder: "\(folder.path)/a", name: "a", row: { rows[$0] })
    let made = try DatasetImport(
      ["\(folder.path)/a/\(first.shards[0].file)"], to: "\(folder.path)/b", name: "a")
    #expect(made.files[0].shape == .temper && made.bad == 0)
    let again = try Dataset(folder: "\(folder.path)/b")
    #expect(try (0..<5).map { try again.row($0) } == rows)
  }

  /// What the composer copies is what `RowCoding` would write: escapes of others are ours afterwards.
  @Test func foreignEscapesAreWrittenAsOurs() throws {
    let folder = try TemporaryFolder()
    let line =
      #"{"id": "\u0061", "question": "\ud83e\uddee \/ \b\f\u001F \t\"\\", "answer": "\u00e9", "z": "\u20ac", "\u0079": "1"}"#
    try folder.write(Array(line.utf8), "rows.jsonl")
    _ = try DatasetImport(["\(folder.path)/rows.jsonl"], to: "\(folder.path)/d", name: "d")
    let dataset = try Dataset(folder: "\(folder.path)/d")
    let row = try dataset.row(0)
    #expect(row.id == "a" && row.content == .text("🧮 / \u{8}\u{C}\u{1F} \t\"\\"))
    #expect(row.groundTruth == "é" && row.tags == ["y": "1", "z": "€"])
    let manifest = try DatasetWriter.write(
      count: 1, folder: "\(folder.path)/e", name: "e", row: { _ in row })
    #expect(manifest.rows == 1)
    #expect(try Dataset(folder: "\(folder.path)/e").json(0) == dataset.json(0))
  }

  @Test(arguments: [
    (
      RowShape.verl, #"{"prompt": [], "reward_model": {"ground_truth": "1"}}"#,
      "\"prompt\" is empty"
    ),
    (.verl, #"{"prompt": "a", "reward_model": null}"#, "\"reward_model.ground_truth\" is missing"),
    (.verl, #"{"prompt": "a", "reward_model": {"ground_truth": ["1"]}}"#, "has another type"),
    (
      .verl,
      #"{"prompt": [{"role": "user", "content": ["a"]}], "reward_model": {"ground_truth": 1}}"#,
      "\"prompt\" is no list of messages"
    ),
    (
      .hpt,
      #"{"prompt": "a", "reward_model": {"ground_truth": "1"}, "target": [{"role": "user", "content": "b"}]}"#,
      "\"target\" is not one message of an assistant"
    ),
    (.trl, #"{"prompt": "a", "completion": 1}"#, "\"completion\" has another type"),
    (.trl, #"{"prompt": "a", "completion": "b", "label": false}"#, "labelled false"),
    (.trl, #"{"messages": [{"role": "assistant", "content": "b"}]}"#, "has no question"),
    (.preference, #"{"prompt": "a", "chosen": "b", "rejected": null}"#, "lacks chosen or rejected"),
    (.preference, #"{"chosen": "b", "rejected": "c"}"#, "\"prompt\" is missing"),
    (
      .preference,
      #"{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "x"}, {"role": "assistant", "content": "c"}]}"#,
      "do not begin with the same"
    ),
    (.gsm8k, #"{"question": "a", "answer": "b ####  "}"#, "nothing behind ####"),
    (.math, #"{"question": "a", "solution": "so 3"}"#, "has no \\boxed{}"),
    (.math, #"{"question": "a", "solution": "\\boxed{3"}"#, "not closed"),
    (.questions, #"{"question": "a", "answer": true}"#, "\"answer\" has another type"),
    (.questions, #"{"question": "a", "answer": "1", "id": ["x"]}"#, "\"id\" has another type"),
    (.questions, #"["question", "answer"]"#, "not a JSON object"),
    (.questions, "{\"question\": \"a\u{1}\", \"answer\": \"1\"}", "a control character"),
    (.questions, #"{"question": "a", "answer": "1", "answer": "2"}"#, "stands twice"),
  ])
  func badRowsAreRefusedWithTheirReason(shape: RowShape, row: String, reason: String) throws {
    let folder = try TemporaryFolder()
    let good =
      #"{"id": "g", "prompt": "a", "question": "a", "problem": "a", "answer": "so ####1", "solution": "\\boxed{1}", "chosen": "b", "rejected": "c", "completion": "d", "reward_model": {"ground_truth": "1"}}"#
    // A good row shows the fields; but one of messages shows its own.
    let isAlone = row.hasPrefix("{\"messages")
    let rows = (isAlone ? "" : good + "\n\n") + row
    try folder.write(Array(rows.utf8), "rows.jsonl")
    var options = DatasetImport.Options()
    options.shape = shape
    #expect {
      try DatasetImport(
        ["\(folder.path)/rows.jsonl"], to: "\(folder.path)/d", name: "d", options: options)
    } throws: { error in
      let error = error as? ShardError
      let isThere = error?.problem.contains(reason) == true
      return isThere && error?.location.hasSuffix("rows.jsonl:\(isAlone ? 1 : 3)") == true
        && error?.code == .row
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/d"))
  }

  @Test func textsThatAreNotUTF8AreBad() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Array(#"{"question": "a"#.utf8) + [0xC3] + Array(#"", "answer": "1"}"#.utf8), "rows.jsonl")
    #expect {
      try DatasetImport(["\(folder.path)/rows.jsonl"], to: "\(folder.path)/d", name: "d")
    } throws: { "\($0)".contains("rows.jsonl:1") && "\($0)".contains("UTF-8") }
  }

  @Test func gzipThatIsCutOrFlippedIsRefused() throws {
    let folder = try TemporaryFolder()
    let whole = Array(
      try Data(contentsOf: URL(fileURLWithPath: "\(Self.fixtures)/gsm8k.jsonl.gz")))
    var flipped = whole
    flipped[whole.count / 2] ^= 4
    for (bytes, reason) in [(Array(whole.dropLast(3)), "inside a gzip member"), (flipped, "zlib")] {
      try folder.write(bytes, "rows.gz")
      #expect {
        try DatasetImport(["\(folder.path)/rows.gz"], to: "\(folder.path)/d", name: "d")
      } throws: { ($0 as? ShardError)?.code == .damaged && "\($0)".contains(reason) }
    }
    try folder.write(whole + whole, "two.gz")
    var options = DatasetImport.Options()
    options.source = "s"
    let made = try DatasetImport(
      ["\(folder.path)/two.gz"], to: "\(folder.path)/d", name: "d", options: options)
    #expect(made.manifest.rows == 12)
  }
}
