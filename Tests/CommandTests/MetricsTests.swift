import Foundation
import Testing

/// A small run that was made by the command, for the tests of this file.
private final class MeasuredRun: Sendable {
  static let shared = Result { try MeasuredRun() }

  let scratch: Scratch
  let path: String

  private init() throws {
    scratch = try Scratch()
    path = scratch.path + "/run, \"1\""
    let root = scratch.path
    try scratch.makeQuestions(rows: 60)
    let definition = try scratch.write(
      """
      seed: 5
      steps: 3
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 4}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      """, to: "tiny.yaml")
    let made = try Binary.run(["run", definition, "--run", path, "--quiet"])
    try #require(made.status == 0, "\(made)")
  }

  func lines() throws -> [[String: Double]] {
    try String(contentsOfFile: path + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").map
    {
      try JSONDecoder().decode([String: Double].self, from: Data($0.utf8))
    }
  }
}

@Suite("metrics and trace", .needsBinary)
struct MetricsTests {
  @Test("docs/metrics.md is what the program prints")
  func documentation() throws {
    let page = try Binary.run(["metrics", "list", "--markdown"])
    let file = try String(contentsOfFile: Binary.root + "/docs/metrics.md", encoding: .utf8)
    // Not in the macro: a page of text that differs is no message.
    let isSame = page.status == 0 && page.out == file
    #expect(isSame, "write the output of `pipeline metrics list --markdown` into docs/metrics.md")
  }

  @Test("the list has every metric of a run, and --json what docs need")
  func list() throws {
    let run = try MeasuredRun.shared.get()
    let text = try Binary.run(["metrics"])
    #expect(text.status == 0 && text.out.contains("\nreward/mean "), "\(text)")
    let json = try Binary.run(["metrics", "list", "--json"])
    let all = try #require(
      try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [[String: Any]])
    let names = Set(all.compactMap { $0["name"] as? String })
    #expect(names.count == all.count)
    let own = try run.lines()[0].keys.filter { $0 != "step" && !$0.hasPrefix("accuracy/") }
    #expect(Set(own).isSubset(of: names))
    let reward = try #require(all.first { $0["name"] as? String == "reward/mean" })
    #expect(reward["prometheus"] as? String == "temper_reward_mean")
    #expect((reward["aliases"] as? [[String: Any]])?.count == 2)
  }

  @Test("CSV has a row a step and a column a metric")
  func table() throws {
    let run = try MeasuredRun.shared.get()
    let csv = try Binary.run(["metrics", "export", run.path, "--format", "csv"])
    #expect(csv.status == 0)
    let rows = csv.out.split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
    let lines = try run.lines()
    #expect(rows.count == 4 && rows.allSatisfy { $0.count == rows[0].count })
    #expect(Set(rows[0].map(String.init)) == Set(lines.flatMap(\.keys)))
    for (row, line) in zip(rows.dropFirst(), lines) {
      for (name, field) in zip(rows[0], row) {
        #expect(Double(field) == line[String(name)], "\(name)")
      }
    }
  }

  @Test("names of others are given where there are some")
  func names() throws {
    let run = try MeasuredRun.shared.get()
    let jsonl = try Binary.run([
      "metrics", "export", run.path, "--format", "jsonl", "--names", "trl",
    ])
    let last = try #require(jsonl.out.split(separator: "\n").last)
    let fields = try JSONDecoder().decode([String: Double].self, from: Data(last.utf8))
    let own = try run.lines()[2]
    #expect(fields["reward"] == own["reward/mean"])
    #expect(fields["reward/mean"] == nil && fields["gate/sft"] != nil)
    #expect(fields.count == own.count)
    let prometheus = try Binary.run(["metrics", "export", run.path, "--format", "prometheus"])
    #expect(
      prometheus.out.contains("\ntemper_reward_mean{run=\"run, \\\"1\\\"\"} "), "\(prometheus)")
  }

  @Test("what cannot be exported is said")
  func refusals() throws {
    let run = try MeasuredRun.shared.get()
    let folder = try Binary.run(["metrics", "export", run.path, "--format", "tensorboard"])
    #expect(folder.status == 2 && folder.isOneLineError && folder.error.contains("--out"))
    let none = try Binary.run(["metrics", "export", run.scratch.path, "--format", "csv"])
    #expect(none.status == 1 && none.isOneLineError && none.error.contains("metrics.jsonl"))
    let place = try Binary.run([
      "metrics", "export", run.path, "--format", "csv", "--out", run.scratch.path + "/no/such/file",
    ])
    #expect(place.status == 1 && place.isOneLineError, "\(place)")
    let trace = try Binary.run(["trace", run.scratch.path, "--out", run.scratch.path + "/t.json"])
    #expect(trace.status == 2 && trace.isOneLineError, "\(trace)")
    #expect(!FileManager.default.fileExists(atPath: run.scratch.path + "/t.json"))
  }

  @Test("an event file is exported for runs that have none")
  func events() throws {
    let run = try MeasuredRun.shared.get()
    let place = run.scratch.path + "/exported"
    let made = try Binary.run([
      "metrics", "export", run.path, "--format", "tensorboard", "--out", place,
    ])
    #expect(made.status == 0, "\(made)")
    // The run's own file holds the same steps, with wall times taken a moment later.
    let name = try #require(try FileManager.default.contentsOfDirectory(atPath: place).first)
    let exported = try Data(contentsOf: URL(fileURLWithPath: "\(place)/\(name)"))
    let own = try Data(contentsOf: URL(fileURLWithPath: "\(run.path)/tb/\(name)"))
    #expect(exported.count == own.count && exported.count > 1000)
  }

  @Test("a file that is there is not written over unless it is asked")
  func places() throws {
    let run = try MeasuredRun.shared.get()
    let file = try run.scratch.write("mine", to: "mine.txt")
    for command in [
      ["trace", run.path, "--out", file], ["report", run.path, "--out", file],
      ["metrics", "export", run.path, "--format", "csv", "--out", file],
      ["inspect", "export", run.path, "--out", file],
    ] {
      let refused = try Binary.run(command)
      #expect(refused.status == 2 && refused.isOneLineError, "\(command): \(refused)")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == "mine")
      let replaced = try Binary.run(command + ["--force"])
      #expect(replaced.status == 0, "\(command): \(replaced)")
      _ = try run.scratch.write("mine", to: "mine.txt")
    }
  }

  @Test("what goes to stdout stands there alone")
  func stdout() throws {
    let run = try MeasuredRun.shared.get()
    let trace = try Binary.run(["trace", run.path, "--out", "-"])
    #expect(trace.status == 0 && trace.error.contains("turns"), "\(trace)")
    let value = try JSONSerialization.jsonObject(with: Data(trace.out.utf8))
    #expect(((value as? [String: Any])?["traceEvents"] as? [Any])?.isEmpty == false)
    let report = try Binary.run(["report", run.path, "--out", "-"])
    // Not in the macro: a page is no message.
    let isPage = report.out.hasPrefix("<!") && report.out.hasSuffix("</html>\n")
    #expect(report.status == 0 && isPage)
    let both = try Binary.run(["trace", run.path, "--out", "-", "--json"])
    #expect(both.status == 2 && both.error.contains("--json"), "\(both)")
    let nowhere = try Binary.run(["trace", run.path, "--out", run.scratch.path + "/none/t.json"])
    #expect(
      nowhere.status != 0 && nowhere.error.contains("/none/t.json: ") && nowhere.isOneLineError)
  }

  @Test("a trace has the form of Chrome's, and every turn of the run")
  func trace() throws {
    let run = try MeasuredRun.shared.get()
    let file = run.scratch.path + "/trace.json"
    let made = try Binary.run(["trace", run.path, "--out", file, "--json"]).object()
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: file)))
    let trace = try #require(json as? [String: Any])
    #expect(Set(trace.keys) == ["displayTimeUnit", "otherData", "traceEvents"])
    let events = try #require(trace["traceEvents"] as? [[String: Any]])
    var named: Set<[Int]> = []
    var ends: [[Int]: Int] = [:]
    var turns = 0
    for event in events {
      let phase = try #require(event["ph"] as? String)
      let place = [try #require(event["pid"] as? Int), try #require(event["tid"] as? Int)]
      let arguments = try #require(event["args"] as? [String: Any])
      let name = try #require(event["name"] as? String)
      switch phase {
      case "M":
        #expect(["process_name", "thread_name", "thread_sort_index"].contains(name))
        if name == "thread_name" {
          named.insert(place)
          #expect(arguments["name"] is String)
        }
      case "X":
        turns += 1
        let (start, length) = (
          try #require(event["ts"] as? Int), try #require(event["dur"] as? Int)
        )
        // Named before, and one turn of a stage after the other.
        #expect(named.contains(place) && length >= 0 && start >= ends[place] ?? 0, "\(event)")
        ends[place] = start + length
        #expect(arguments["groups"] is Int && arguments["step"] is Int && event["cat"] is String)
      case "C":
        #expect(name.hasPrefix("waiting for ") && arguments["waiting"] is Int && event["ts"] is Int)
      default: Issue.record("phase \(phase)")
      }
    }
    #expect(named.count == 6 && turns == made["turns"] as? Int && turns >= 18)
    let last = events.last { $0["name"] as? String == "waiting for optimizer" }
    #expect((last?["args"] as? [String: Any])?["waiting"] as? Int == 0)
  }
}
