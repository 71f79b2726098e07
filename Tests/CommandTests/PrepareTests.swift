import Foundation
import Records
import Shards
import Testing

@Suite("data filter, sample, split, mix, decontaminate", .needsBinary)
struct PrepareTests {
  /// 60 rows of the ladder, levels 1 and 2.
  private func ladder(_ scratch: Scratch) throws -> String {
    let folder = scratch.path + "/ladder"
    let made = try Binary.run([
      "data", "generate", "ladder", "--to", folder, "--rows", "60", "--families",
      "addition,subtraction", "--levels", "1,2",
    ])
    try #require(made.status == 0, "\(made)")
    return folder
  }

  private func rows(_ folder: String) throws -> [Prompt] {
    let dataset = try Dataset(folder: folder)
    return try (0..<dataset.rows).map { try dataset.row($0) }
  }

  @Test("filter keeps the rows of a condition, names its origin, and repeats to the byte")
  func filter() throws {
    let scratch = try Scratch()
    let folder = try ladder(scratch)
    let condition = "tag.level >= 2 and source = addition"
    for name in ["a", "b"] {
      let made = try Binary.run([
        "data", "filter", folder, "--where", condition, "--to", "\(scratch.path)/\(name)", "--name",
        "kept",
      ])
      #expect(made.status == 0 && made.out.contains("left out, where: "), "\(made)")
    }
    let kept = try rows(scratch.path + "/a")
    let expected = try rows(folder).filter { $0.source == "addition" && $0.tags["level"] == "2" }
    #expect(kept == expected && !kept.isEmpty && kept.count < 60)
    let manifest = try Dataset(folder: scratch.path + "/a").manifest
    #expect(manifest.origin?.map(\.sha256) == [try Dataset(folder: folder).fingerprint])
    #expect(manifest.generator == "pipeline data filter ladder --where '\(condition)'")
    #expect(manifest == (try Dataset(folder: scratch.path + "/b").manifest))
  }

  @Test("what check finds, filter leaves out")
  func findings() throws {
    let scratch = try Scratch()
    let file = try scratch.write(
      """
      {"id": "a", "question": "What is two and two?", "answer": "4", "solution": "#### 4"}
      {"id": "b", "question": "What is TWO and two", "answer": "4", "solution": "#### 4"}
      {"id": "c", "question": "What is two and three?", "answer": "5", "solution": "#### 6"}
      {"id": "d", "question": "Why is that so?", "answer": "because", "solution": "#### 4"}
      {"id": "e", "question": "Count to three, at length.", "answer": "3", "solution": "#### 3"}
      """, to: "rows.jsonl")
    let folder = scratch.path + "/rows"
    let imported = try Binary.run(["data", "import", file, "--to", folder, "--source", "sums"])
    try #require(imported.status == 0, "\(imported)")
    let examiners = [
      "--verifier", "gsm8k", "--near", "--tokenizer", "pipelines/tokenizers/ladder",
      "--max-prompt-tokens", "24",
    ]
    let check = try Binary.run(["data", "check", folder, "--json"] + examiners).object()
    let counts = try #require(check["counts"] as? [String: Int])
    #expect(
      counts == [
        "near_duplicate": 1, "unaccepted_demonstration": 1, "unverifiable": 1, "long_prompt": 1,
      ])
    #expect(check["passes"] as? Bool == true)
    #expect(try Binary.run(["data", "check", folder, "--strict"] + examiners).status == 3)
    let filtered = try Binary.run(
      ["data", "filter", folder, "--to", scratch.path + "/clean", "--without"]
        + [counts.keys.sorted().joined(separator: ",")] + examiners)
    #expect(filtered.status == 0, "\(filtered)")
    #expect(try rows(scratch.path + "/clean").map(\.id) == ["a"])
  }

  /// Of two rows that ask the same the one with a wrong demonstration goes, not the question.
  @Test("a row that goes takes no later one with it")
  func twins() throws {
    let scratch = try Scratch()
    let file = try scratch.write(
      """
      {"id": "a", "question": "What is two and two?", "answer": "4", "solution": "#### 5"}
      {"id": "b", "question": "What is two and two?", "answer": "4", "solution": "#### 4"}
      {"id": "c", "question": "What is two and two?", "answer": "4", "solution": "#### 4"}
      """, to: "rows.jsonl")
    let folder = scratch.path + "/rows"
    let imported = try Binary.run(["data", "import", file, "--to", folder, "--source", "sums"])
    try #require(imported.status == 0, "\(imported)")
    for near in [[], ["--near"]] {
      let filtered = try Binary.run(
        [
          "data", "filter", folder, "--to", scratch.path + "/clean", "--force", "--verifier",
          "gsm8k",
        ]
          + ["--without", "unaccepted_demonstration,duplicate_prompt,near_duplicate"] + near)
      #expect(filtered.status == 0, "\(filtered)")
      #expect(try rows(scratch.path + "/clean").map(\.id) == ["b"])
    }
  }

  @Test("split and mix lose no row; sample draws of each value")
  func parts() throws {
    let scratch = try Scratch()
    let folder = try ladder(scratch)
    let parts = scratch.path + "/parts"
    let split = try Binary.run([
      "data", "split", folder, "--parts", "train=0.7,test=0.3", "--to", parts,
    ])
    #expect(split.status == 0, "\(split)")
    let (train, test) = (try rows(parts + "/train"), try rows(parts + "/test"))
    #expect(Set((train + test).map(\.id)) == Set(try rows(folder).map(\.id)))
    #expect(train.count + test.count == 60 && test.count > 5 && train.count > test.count)

    let mixed = scratch.path + "/mixed"
    let mix = try Binary.run([
      "data", "mix", parts + "/train=1", parts + "/test=1", "--to", mixed, "--rows",
      "\(2 * test.count - 2)",
    ])
    #expect(mix.status == 0, "\(mix)")
    #expect(try rows(mixed).count { $0.id.hasPrefix("test/") } == test.count - 1)

    let sample = scratch.path + "/sample"
    let drawn = try Binary.run([
      "data", "sample", folder, "--rows-of-each", "source=4", "--to", sample,
    ])
    #expect(drawn.status == 0, "\(drawn)")
    let sources = Dictionary(grouping: try rows(sample), by: \.source).mapValues(\.count)
    #expect(sources == ["addition": 4, "subtraction": 4])
  }

  @Test("wrong settings are one line and leave nothing behind")
  func refusals() throws {
    let scratch = try Scratch()
    let folder = try ladder(scratch)
    let new = scratch.path + "/new"
    let cases: [(arguments: [String], part: String)] = [
      (["filter", folder, "--where", "levl=1"], "character 1: there is no field levl"),
      (["filter", folder, "--where", "tag.levl=1"], "no row of"),
      (["filter", folder], "--where"), (["filter", folder, "--without", "schema"], "schema"),
      (["filter", folder, "--without", "long_prompt", "--max-tokens", "3"], "--tokenizer"),
      (["sample", folder], "--rows"), (["sample", folder, "--rows", "61"], "61 of 60 rows"),
      (["sample", folder, "--rows-of-each", "levl=1"], "no field"),
      (["split", folder, "--parts", "a=1"], "two parts"),
      (["split", folder, "--parts", "a=1,b=0"], "above 0"),
      (["mix", folder + "=1"], "two datasets"),
      (["mix", folder + "=1", folder + "=1"], "the same name"),
      (["decontaminate", folder, "--against", "nothing"], "no such suite"),
      (["decontaminate", folder, "--against", folder, "--window", "3"], "--window"),
    ]
    for (arguments, part) in cases {
      let result = try Binary.run(["data"] + arguments + ["--to", new])
      #expect(
        result.status == 2 && result.isOneLineError && result.error.contains(part),
        "\(arguments): \(result)")
      #expect(!FileManager.default.fileExists(atPath: new), "\(arguments)")
    }
    let onto = try Binary.run([
      "data", "filter", folder, "--where", "id", "--to", folder, "--force",
    ])
    #expect(onto.status == 2 && onto.error.contains("of which rows are read"), "\(onto)")
    #expect(try rows(folder).count == 60)
  }

  private static let data = Binary.root + "/../shared/data"

  /// Every test question of GSM8K among its training questions, each in one of five guises.
  // skipped: needs ../shared/data
  @Test(
    "decontaminate finds every planted question of GSM8K, and hardly any other",
    .enabled(
      if: FileManager.default.fileExists(atPath: data), "skipped: needs ../shared/data"))
  func decontaminate() throws {
    let scratch = try Scratch()
    for side in ["train", "test"] {
      let imported = try Binary.run([
        "data", "import", "\(Self.data)/gsm8k-\(side).jsonl.zst", "--to",
        "\(scratch.path)/\(side)",
      ])
      try #require(imported.status == 0, "\(imported)")
    }
    let guises: [(String) -> String] = [
      { $0 }, { $0.replacing(" ", with: "\n \t") }, { $0.uppercased() },
      { $0.filter { $0.isLetter || $0.isNumber || $0 == " " } },
      { "Answer this: " + $0.replacing(".", with: " …").replacing(" ", with: "") + "?!" },
    ]
    let (train, test) = (try rows(scratch.path + "/train"), try rows(scratch.path + "/test"))
    var planted = train
    for (place, question) in test.enumerated() {
      var row = question
      row.id = "planted-\(place)"
      guard case .text(let text) = question.content else { continue }
      row.content = .text(guises[place % guises.count](text))
      planted.append(row)
    }
    _ = try DatasetWriter.write(
      count: planted.count, folder: scratch.path + "/planted", name: "planted"
    ) { planted[$0] }
    let report = try Binary.run([
      "data", "decontaminate", scratch.path + "/planted", "--against", scratch.path + "/test",
      "--to", scratch.path + "/clean", "--json",
    ]).object()
    #expect((report["found"] as? [String: Int])?.values.first == test.count)
    let found = try #require(report["contaminated_rows"] as? [[String: Any]])
      .compactMap { $0["id"] as? String }
    #expect(found.count { $0.hasPrefix("planted-") } == test.count)
    let alarms = found.count - test.count
    print("decontaminate: \(alarms) false alarms of \(train.count) rows of GSM8K train")
    #expect(Double(alarms) < 0.002 * Double(train.count))
    #expect(try rows(scratch.path + "/clean").count == train.count - alarms)
  }
}
