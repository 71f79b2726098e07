import Digest
import Foundation
import Records
import Shards
import Testing

@Suite struct ImportTests {
  private func options(maximumBad: Int = 0, source: String? = nil) -> DatasetImport.Options {
    var options = DatasetImport.Options()
    options.maximumBad = maximumBad
    options.source = source
    return options
  }

  /// A question with its number, as a line; `extra` is put before the closing brace.
  private func line(_ number: Int, _ extra: String = "") -> String {
    """
    {"id": "q\(number)", "question": "What is \(number) + 1?", "answer": "\\\\boxed{\(number + 1)}", \
    "source": "sums"\(extra)}
    """
  }

  private func make(
    _ text: String, _ options: DatasetImport.Options = .init(), in folder: TemporaryFolder
  ) throws -> (DatasetImport, Dataset) {
    try folder.write(Array(text.utf8), "rows.jsonl")
    let made = try DatasetImport(
      ["\(folder.path)/rows.jsonl"], to: "\(folder.path)/d", name: "d", options: options)
    return (made, try Dataset(folder: "\(folder.path)/d"))
  }

  @Test func aRowBecomesAPromptWithItsAnswerAsItStands() throws {
    let folder = try TemporaryFolder()
    let text =
      line(1, #", "solution": "one more\n#### 2", "level": "3", "n": 7, "parts": ["a"]"#) + "\r\n\n"
      + line(2, #", "solution": null"#)
    let (made, dataset) = try make(text, in: folder)
    let row = try dataset.row(0)
    #expect(
      row
        == Prompt(
          id: "q1", content: .text("What is 1 + 1?"), groundTruth: "\\boxed{2}",
          demonstrations: ["one more\n#### 2"], source: "sums", tags: ["level": "3"]))
    #expect(try dataset.row(1).demonstrations.isEmpty && dataset.rows == 2)
    #expect(
      made.fields == ["id", "question", "answer", "solution", "source", "level", "n", "parts"])
    #expect(made.passedOver == ["n", "parts"] && made.bad == 0)
    #expect(try DatasetCheck(folder: dataset.folder).passes)
  }

  @Test func theManifestKnowsTheTextItCameFrom() throws {
    let folder = try TemporaryFolder()
    let text = (0..<50).map { line($0) + "\n" }.joined()
    let (made, dataset) = try make(text, in: folder)
    let sha256 = hexadecimal(SHA256.hash(Array(text.utf8)))
    let origin = try #require(dataset.manifest.origin)
    #expect(origin == [.init(file: "rows.jsonl", rows: 50, bytes: text.utf8.count, sha256: sha256)])
    #expect(made.files.map(\.sha256) == [sha256])
  }

  @Test func compressedAndPlainTextsInAnyNumberOfFramesGiveTheSameRows() throws {
    let folder = try TemporaryFolder()
    let text = (0..<400).map { line($0) + "\n" }.joined()
    let (_, plain) = try make(text, in: folder)
    // A dataset's shard is a frame of rows of another shape: its bytes serve to hold ours.
    let frames = try ["a", "b"].enumerated().map { index, name in
      try Self.compressed(
        (index * 200..<index * 200 + 200).map { line($0) + "\n" }.joined(), name, folder)
    }
    try folder.write(frames[0] + frames[1], "two.zst")
    let made = try DatasetImport(
      ["\(folder.path)/two.zst"], to: "\(folder.path)/z", name: "d")
    #expect(made.manifest.shards == plain.manifest.shards)
    #expect(made.files[0].sha256 == hexadecimal(SHA256.hash(Array(text.utf8))))
    try folder.write(Array((frames[0] + frames[1]).dropLast(9)), "cut.zst")
    #expect(throws: ShardError.self) {
      try DatasetImport(["\(folder.path)/cut.zst"], to: "\(folder.path)/c", name: "c")
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/c"))
  }

  /// One frame of zstd, by its own command.
  private static func compressed(
    _ text: String, _ name: String, _ folder: TemporaryFolder
  ) throws -> [UInt8] {
    try folder.write(Array(text.utf8), name)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["zstd", "-q", "-f", "\(folder.path)/\(name)"]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "needs the command zstd")
    return try folder.bytes("\(name).zst")
  }

  @Test func badRowsStopOrAreSetAsideWithPlaceAndReason() throws {
    let folder = try TemporaryFolder()
    let rows = [
      line(0), "no JSON", line(0), #"{"id": "a", "question": " ", "answer": "1", "source": "s"}"#,
      #"{"id": "b", "question": "q", "answer": [1], "source": "s"}"#,
      #"{"id": "c", "question": "q", "answer": "1", "source": 1}"#, line(5),
    ]
    let text = rows.joined(separator: "\n")
    do {
      _ = try make(text, in: folder)
      Issue.record("a bad row was taken")
    } catch let error as ShardError {
      #expect(error.code == .row && error.location.hasSuffix("rows.jsonl:2"), "\(error)")
    }
    #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/d"))
    #expect(throws: ShardError.self) { try make(text, options(maximumBad: 4), in: folder) }
    let (made, dataset) = try make(text, options(maximumBad: 5), in: folder)
    #expect(made.bad == 5 && dataset.rows == 2 && made.files[0].bad == 5)
    let list = String(decoding: try folder.bytes("d/bad-rows.jsonl"), as: UTF8.self)
    let lines = try list.split(separator: "\n").map {
      try JSONDecoder().decode([String: String].self, from: Data($0.utf8))
    }
    #expect(lines.map { $0["line"] } == ["2", "3", "4", "5", "6"])
    #expect(lines.map { $0["row"] } == rows[1...5].map(Optional.some))
    let reasons = lines.compactMap { $0["reason"] }
    #expect(reasons[0].contains("not JSON") && reasons[1].contains("earlier row"))
    #expect(reasons[2].contains("\"question\" is empty") && reasons[3].contains("\"answer\""))
    #expect(reasons[4].contains("\"source\" has another type"))
  }

  @Test func aSourceForAllRowsReplacesTheirOwnAndTheDatasetsNameFillsTheMissing() throws {
    let text = line(1) + "\n" + #"{"id": "c", "question": "q", "answer": 1.50}"#
    for (source, expected) in [("mine", ["mine", "mine"]), (nil, ["sums", "d"])] {
      let folder = try TemporaryFolder()
      let (_, dataset) = try make(text, options(source: source), in: folder)
      #expect(try (0..<2).map { try dataset.row($0).source } == expected)
      // A number is a ground truth as it is written.
      #expect(try dataset.row(1).groundTruth == "1.50")
    }
  }

  @Test func anImportThatFailsLeavesTheOldDatasetAlone() throws {
    let folder = try TemporaryFolder()
    let (_, first) = try make(line(1), in: folder)
    #expect(throws: ShardError.self) { try make(line(2), in: folder) }
    var replacing = options()
    replacing.writer.replaces = true
    #expect(throws: ShardError.self) { try make("no JSON", replacing, in: folder) }
    #expect(try Dataset(folder: first.folder).row(0).id == "q1")
    let files = try FileManager.default.contentsOfDirectory(atPath: first.folder)
    #expect(!files.contains { $0.hasSuffix(".partial") }, "\(files)")
    let (_, second) = try make(line(2), replacing, in: folder)
    #expect(try second.row(0).id == "q2")
  }

  private static let shared = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared/data").path

  /// The collection's own counts and digests of content.
  @Test(
    .enabled(
      if: FileManager.default.fileExists(atPath: Self.shared), "skipped: needs ../shared/data"),
    arguments: [
      ("gsm8k-train", 7473, "e816df2c631f85d5"), ("gsm8k-test", 1319, "d337c491892c602b"),
      ("math500", 500, "6cf73eed83696c4c"), ("aime24", 30, "bc5c909a7ebce138"),
      ("amc23", 40, "35ed7fe42e73bb40"), ("arc-c-test", 1172, "f93a1e44a57cc40d"),
    ])
  func theSharedFilesAreReadWhole(name: String, rows: Int, digest: String) throws {
    let folder = try TemporaryFolder()
    let made = try DatasetImport(
      ["\(Self.shared)/\(name).jsonl.zst"], to: "\(folder.path)/d", name: name)
    #expect(made.manifest.rows == rows && made.bad == 0)
    #expect(made.files[0].sha256.hasPrefix(digest), "\(made.files)")
    let check = try DatasetCheck(folder: "\(folder.path)/d")
    #expect(check.passes && check.rows == rows, "\(check.counts)")
  }
}
