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
}
