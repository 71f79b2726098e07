import Foundation
import Testing

@Suite("data import", .needsBinary)
struct ImportTests {
  private static let rows = """
    {"id": "a", "question": "1 + 1?", "answer": "2", "solution": "#### 2", "source": "s", "n": 1}
    {"id": "b", "question": "2 + 2?", "answer": "4", "source": "s", "kind": "sum"}

    """

  @Test("says what was read, and data show, check and stats read it")
  func imports() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.rows, to: "rows.jsonl")
    let folder = scratch.path + "/sums"
    let text = try Binary.run(["data", "import", file, "--to", folder])
    #expect(text.status == 0 && text.error.isEmpty, "\(text)")
    #expect(text.out.contains("rows.jsonl: 2 rows"), "\(text.out)")
    #expect(text.out.contains("read as questions: id, question, answer, solution, source, kind, n"))
    #expect(text.out.contains("passed over, being no texts: n\n"))
    let again = try Binary.run(["data", "import", file, "--to", folder])
    #expect(again.status == 2 && again.isOneLineError && again.error.contains("--force"))
    let forced = try Binary.run([
      "data", "import", file, "--to", folder, "--force", "--source", "t", "--name", "x", "--json",
    ]).object()
    #expect(forced["rows"] as? Int == 2 && forced["name"] as? String == "x")
    #expect((forced["files"] as? [[String: Any]])?.first?["rows"] as? Int == 2)
    #expect(try Binary.run(["data", "check", folder]).status == 0)
    let row = try Binary.run(["data", "show", folder, "--row", "0", "--json"]).object()
    #expect(row["ground_truth"] as? String == "2" && row["source"] as? String == "t")
    #expect(row["demonstrations"] as? [String] == ["#### 2"])
    #expect(try Binary.run(["data", "stats", folder]).out.contains("2 rows"))
  }

  @Test("bad rows stop with file and line, or are set aside and counted")
  func badRows() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.rows + "{}\n", to: "rows.jsonl")
    let folder = scratch.path + "/sums"
    let stopped = try Binary.run(["data", "import", file, "--to", folder])
    #expect(stopped.status == 3 && stopped.isOneLineError, "\(stopped)")
    #expect(stopped.error.contains("rows.jsonl:3") && stopped.error.contains("--max-bad"))
    let taken = try Binary.run(["data", "import", file, "--to", folder, "--max-bad", "1"])
    #expect(taken.status == 0 && taken.out.contains("bad rows set aside: 1"), "\(taken)")
    #expect(FileManager.default.fileExists(atPath: folder + "/bad-rows.jsonl"))
  }

  @Test("what cannot be imported is one line and the documented exit code")
  func refusals() throws {
    let scratch = try Scratch()
    let file = try scratch.write(Self.rows, to: "rows.jsonl")
    let target = ["--to", scratch.path + "/d"]
    let cases: [(arguments: [String], status: Int32, part: String)] = [
      (["/no/such"] + target, 2, "it is not there"),
      ([scratch.path] + target, 2, "it is a folder"),
      ([file, "--source", " "] + target, 2, "--source is empty"),
      ([file, "--name", "a/b"] + target, 2, "name is not plain"),
    ]
    for (arguments, status, part) in cases {
      let result = try Binary.run(["data", "import"] + arguments)
      #expect(
        result.status == status && result.isOneLineError && result.error.contains(part),
        "\(arguments): \(result)")
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path + "/d"))
  }

  /// Rows enough that an import takes a while, in a file with a bad one.
  private static func writeMany(_ scratch: Scratch) throws -> String {
    let rows = (0..<30_000).map { number in
      number == 777
        ? "{}"
        : "{\"id\": \"\(number)\", \"question\": \"\(number) + 1?\", \"answer\": \"\(number + 1)\"}"
    }
    return try scratch.write(rows.joined(separator: "\n"), to: "many.jsonl")
  }

  /// Kills an import once it has noted some shards.
  private static func killed(_ arguments: [String], _ folder: String) throws {
    let state = folder + "/import-state.jsonl"
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    while process.isRunning {
      let lines = (try? String(contentsOfFile: state, encoding: .utf8))?.split(separator: "\n")
      if lines?.count ?? 0 > 20 { kill(process.processIdentifier, SIGKILL) }
    }
    process.waitUntilExit()
    try #require(
      FileManager.default.fileExists(atPath: state), "it was done before it was killed")
  }

  @Test("killed, the same command goes on to the same bytes; another one starts anew")
  func killedAndContinued() throws {
    let scratch = try Scratch()
    let file = try Self.writeMany(scratch)
    let (whole, cut) = (scratch.path + "/whole", scratch.path + "/cut")
    func arguments(_ folder: String, _ rows: Int = 100) -> [String] {
      [
        "data", "import", file, "--to", folder, "--name", "n", "--max-bad", "1", "--shard-rows",
        "\(rows)",
      ]
    }
    #expect(try Binary.run(arguments(whole)).status == 0)
    try Self.killed(arguments(cut), cut)
    #expect(!FileManager.default.fileExists(atPath: cut + "/manifest.json"))
    let continued = try Binary.run(arguments(cut))
    #expect(continued.status == 0 && continued.error.contains("goes on behind the first"))
    #expect(try Self.files(cut) == Self.files(whole))
    try FileManager.default.removeItem(atPath: cut)
    try Self.killed(arguments(cut), cut)
    let other = try Binary.run(arguments(cut, 5000))
    #expect(other.status == 0 && other.error.contains("starts anew"), "\(other)")
    #expect(other.error.contains("other arguments"))
    // Six shards, the manifest and the bad row.
    #expect(try Self.files(cut).count == 8)
  }

  @Test("a file that has changed is imported anew, and no shard is kept that is damaged")
  func changed() throws {
    let scratch = try Scratch()
    let file = try Self.writeMany(scratch)
    let cut = scratch.path + "/cut"
    let arguments = [
      "data", "import", file, "--to", cut, "--max-bad", "1", "--shard-rows", "100",
    ]
    try Self.killed(arguments, cut)
    let shard = cut + "/cut-00003.jsonl.zst.partial"
    try Data([1, 2, 3]).write(to: URL(fileURLWithPath: shard))
    let repaired = try Binary.run(arguments)
    #expect(repaired.status == 0 && repaired.error.contains("goes on behind the first 300 rows"))
    #expect(try Binary.run(["data", "check", cut]).status == 0)
    try FileManager.default.removeItem(atPath: cut)
    try Self.killed(arguments, cut)
    try Data((try String(contentsOfFile: file, encoding: .utf8) + "\n").utf8)
      .write(to: URL(fileURLWithPath: file))
    let anew = try Binary.run(arguments)
    #expect(anew.status == 0 && anew.error.contains("other files"), "\(anew)")
  }

  /// Names and bytes of a folder's files.
  private static func files(_ folder: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      files[name] = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)"))
    }
    return files
  }

  @Test("shapes are named, and a mapping says what no shape does")
  func shapes() throws {
    let scratch = try Scratch()
    let file = try scratch.write(
      #"{"task": {"text": "1 + 1?"}, "final": 2, "why": "so"}"#, to: "rows.jsonl")
    let unknown = try Binary.run(["data", "import", file, "--to", scratch.path + "/d"])
    #expect(unknown.status == 3 && unknown.isOneLineError && unknown.error.contains("--map"))
    #expect(unknown.error.contains("task, final, why"))
    let mapped = try Binary.run([
      "data", "import", file, "--to", scratch.path + "/d", "--map", "prompt=task.text", "--map",
      "answer=final", "--map", "solution=why",
    ])
    #expect(mapped.status == 0 && mapped.out.contains("read as map: task, final, why"))
    for wrong in [
      ["--map", "x=y"], ["--map", "answer=a"], ["--shape", "map"], ["--shape", "x"],
    ] {
      let result = try Binary.run(["data", "import", file, "--to", scratch.path + "/e"] + wrong)
      #expect(result.status == 2 && result.isOneLineError, "\(wrong): \(result)")
    }
  }
}
