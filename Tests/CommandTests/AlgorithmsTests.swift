import Foundation
import Testing

@Suite("algorithms", .needsBinary)
struct AlgorithmsTests {
  private static let root: String = {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }()

  @Test("the list names every algorithm, and --json gives the parts")
  func list() throws {
    let list = try Binary.run(["algorithms"])
    #expect(list.status == 0)
    for name in ["sft", "ppo", "dapo", "gspo_token", "gvpo", "riskpo", "srft", "hpt", "custom"] {
      #expect(list.out.contains("\n\(name) "), "\(name)")
    }
    let json = try Binary.run(["algorithms", "list", "--json"])
    let entries = try #require(
      try JSONSerialization.jsonObject(with: Data(json.out.utf8)) as? [[String: Any]])
    #expect(entries.count > 30)
    #expect(entries.allSatisfy { ($0["parts"] as? [[String: Any]])?.isEmpty == false })
    let equations = try Binary.run(["algorithms", "list", "--equations"])
    #expect(equations.out.contains("π_ref = π_old"))
  }

  @Test("show prints YAML that a definition takes")
  func show() throws {
    let scratch = try Scratch()
    let shown = try Binary.run(["algorithms", "show", "dapo", "--form", "paper"])
    #expect(shown.status == 0 && shown.out.contains("clip_high: 0.28"))
    let base = "steps: 1\nmodel: {tokenizer: t}\ndata: {prompts: d}\n"
    let file = try scratch.write(base + shown.out, to: "a.yaml")
    #expect(try Binary.run(["config", "validate", file]).status == 0)
  }

  @Test("an unknown name or form is refused with the known ones")
  func unknown() throws {
    let name = try Binary.run(["algorithms", "show", "grop"])
    #expect(name.status == 2 && name.error.contains("grpo"), "\(name)")
    let form = try Binary.run(["algorithms", "show", "grpo", "--form", "code"])
    #expect(form.status == 2 && form.error.contains("released"), "\(form)")
  }

  @Test("the tables of docs/algorithms.md are what the program prints")
  func documentation() throws {
    let table = try Binary.run(["algorithms", "table"]).out
    let page = try String(contentsOfFile: Self.root + "/docs/algorithms.md", encoding: .utf8)
    // Not in the macro: a page of text that differs is no message.
    let isTrue = page.contains(table)
    #expect(isTrue, "write the output of `pipeline algorithms table` into docs/algorithms.md")
  }

  @Test("the laboratory runs an experiment, and lists them when asked for an unknown one")
  func laboratory() throws {
    let objective = try Binary.run(["algorithms", "lab", "objective"])
    #expect(objective.status == 0 && objective.out.contains("μ"), "\(objective)")
    let unknown = try Binary.run(["algorithms", "lab", "alchemy"])
    #expect(unknown.status == 2 && unknown.error.contains("objective"), "\(unknown)")
  }

  @Test("compare names a directory without a finished run")
  func compare() throws {
    let scratch = try Scratch()
    let result = try Binary.run(["compare", scratch.path])
    #expect(result.status == 2 && result.error.contains("summary.json"), "\(result)")
  }
}
