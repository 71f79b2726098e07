import Foundation
import Testing

extension Hostile {
  /// Text of models, datasets and files is text: no command lets a terminal obey it.
  @Suite struct TerminalTests {
    /// A title, a colour, a bell, a return, C1, an override, a separator and a tag.
    private static let text =
      #"\u001b]0;owned\u0007\u001b[31m\r\b\u0085\u009b2J\u202e\u2066\u2028\udb40\udc41"#

    private func dataset() throws -> HostileDataset {
      let text = Self.text
      let row = { (index: Int) in
        """
        {"id":"\(index)\(text)","prompt":"1 + \(index) = ?\(text)","ground_truth":"2\(text)",\
        "demonstrations":["#### 2\(text)"],"source":"s\(text)","tags":{"t\(text)":"v\(text)"}}
        """
      }
      let rows = (0..<4).map { row($0) + "\n" }.joined()
      return try HostileDataset(shard: ZstdFrame.stored(Array(rows.utf8)), rows: 4)
    }

    @Test func everyCommandEscapesWhatItPrints() throws {
      let data = try dataset()
      // The verifiers are chosen by source; the default takes what it does not know.
      let run = try HostileRun("evaluation: {datasets: [\(data.folder)]}", data: data.folder)
      var faults = Faults()
      func examine(_ arguments: [String], _ ended: Ended) {
        if Terminal.isHarmed(by: ended.out) || Terminal.isHarmed(by: ended.errors) {
          faults.add("\(arguments): raw text")
        }
        if ended.status < 0 || ended.seconds > 10 { faults.add("\(arguments): \(ended)") }
      }
      examine(["run"], run.ended)
      for arguments in [
        ["data", "show", data.folder], ["data", "check", data.folder],
        ["data", "stats", data.folder],
        ["status", run.path], ["inspect", "list", run.path], ["inspect", "show", run.path, "0"],
        ["inspect", "show", run.path, "0", "--tokens"], ["inspect", "stats", run.path],
        ["inspect", "stats", run.path, "--by", "source"],
        ["status", run.path, "--explain"], ["inspect", "stats", run.path, "--explain"],
        ["inspect", "show", run.path, "0", "--heat", "log_probability", "--explain"],
        ["inspect", "show", run.path, "0", "--heat", "weight", "--plain"],
        ["inspect", "grep", run.path, "1"], ["inspect", "grep", run.path, "--regex", "."],
        ["inspect", "diff", run.path, run.path, "--only", "none"],
        ["inspect", "export", run.path, "--out", "-", "--format", "verl"],
        ["watch", run.path], ["compare", run.path, run.path],
        ["replay", run.path, "--under", "dr-grpo"], ["resume", run.path],
        ["queue", "digest", run.path],
        ["config", "show", run.path],
      ] {
        examine(arguments, try Command.run(arguments))
        // JSON is exact for a parser and harmless for a terminal: escapes say the same.
        let json = try Command.run(arguments + ["--json"])
        examine(arguments + ["--json"], json)
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    /// A line of a megabyte, NULs in it, is shown, searched and exported.
    @Test func longLines() throws {
      let line = String(repeating: "a", count: 1 << 20) + #"\u0000needle"#
      let rows = (0..<2).map {
        #"{"id":"\#($0)","prompt":"\#(line)","ground_truth":"2","source":"s"}"# + "\n"
      }
      let data = try HostileDataset(shard: ZstdFrame.stored(Array(rows.joined().utf8)), rows: 2)
      let run = try HostileRun(data: data.folder)
      var faults = Faults()
      for arguments in [
        ["inspect", "show", run.path, "0"], ["inspect", "grep", run.path, "needle"],
        ["inspect", "grep", run.path, "--regex", "a+.needle$"],
        ["inspect", "stats", run.path], ["inspect", "list", run.path], ["status", run.path],
      ] {
        let ended = try Command.run(arguments)
        if ended.status != 0 || ended.seconds > 10 || Terminal.isHarmed(by: ended.out) {
          faults.add("\(arguments): \(ended)")
        }
        if arguments.contains("needle"), !ended.out.hasPrefix("0 step 0 prompt:1: …aaa") {
          faults.add("\(arguments): \(ended.out.prefix(200))")
        }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func jsonStaysExact() throws {
      let data = try dataset()
      let shown = try Command.run(["data", "show", data.folder, "--json", "--row", "1"])
      let row = try JSONSerialization.jsonObject(with: Data(shown.out.utf8)) as? [String: Any]
      let expected =
        try JSONSerialization.jsonObject(
          with: Data("[\"1\(Self.text)\"]".utf8)) as? [String]
      #expect(row?["id"] as? String == expected?.first)
    }
  }
}
