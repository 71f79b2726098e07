import Foundation
import Testing

/// A small run made once by the command itself.
private final class ShownRun: Sendable {
  static let shared = Result { try ShownRun() }

  let scratch: Scratch
  var path: String { scratch.path + "/run" }

  private init() throws {
    scratch = try Scratch()
    try scratch.makeQuestions(rows: 60)
    let root = scratch.path
    let definition = try scratch.write(
      """
      seed: 5
      steps: 2
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 4}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      """, to: "shown.yaml")
    let made = try Binary.run(["run", definition, "--run", path, "--quiet"])
    try #require(made.status == 0, "\(made)")
  }
}

@Suite("Screens at a terminal", .needsBinary, .serialized)
struct TerminalScreenTests {
  private func path() throws -> String { try ShownRun.shared.get().path }

  @Test("browse draws in place, follows keys and size, and gives the terminal back")
  func browse() throws {
    let terminal = try PseudoTerminal(["inspect", "browse", try path(), "--step", "0"])
    try terminal.await("rollout 0 of 2")
    #expect(!terminal.isCooked)
    terminal.send("j")
    try terminal.await("rollout 1 of 2")
    terminal.send("n")
    try terminal.await("step 1 of 0–1")
    terminal.resize(columns: 100, rows: 30)
    try terminal.await("\u{1B}[30;1H")
    terminal.send("/#### \r")
    try terminal.await("\u{1B}[7m#### \u{1B}[0m")
    terminal.send("q")
    #expect(try terminal.end() == 0)
    #expect(terminal.isCooked && terminal.text.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
  }

  @Test(
    "however it is ended, the terminal is as it was",
    arguments: [
      ("\u{3}", nil, 130), (nil, SIGTERM, 143), (nil, SIGINT, 130),
    ] as [(String?, Int32?, Int32)])
  func ended(key: String?, signal: Int32?, status: Int32) throws {
    let terminal = try PseudoTerminal(["inspect", "browse", try path()])
    try terminal.await("rollout 0 of 2")
    if let key { terminal.send(key) }
    if let signal { kill(terminal.process.processIdentifier, signal) }
    #expect(try terminal.end() == status)
    #expect(terminal.isCooked && terminal.text.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
  }

  @Test("without a terminal browse says what to use, and --json what it would show")
  func noTerminal() throws {
    let refused = try Binary.run(["inspect", "browse", try path()])
    #expect(refused.status == 2 && refused.isOneLineError, "\(refused)")
    let facts = try Binary.run(["inspect", "browse", try path(), "--json"]).object()
    #expect((facts["groups"] as? [Any])?.count == 4 && facts["step"] as? Int == 1)
    let step = try Binary.run(["inspect", "browse", try path(), "--json", "--step", "9"])
    #expect(step.status == 2 && step.error.contains("0 to 1"), "\(step)")
  }

  @Test("watch shows the page, and the cursor again at the end")
  func watch() throws {
    let terminal = try PseudoTerminal(["watch", try path()])
    #expect(try terminal.end() == 0)
    #expect(terminal.text.hasPrefix("\u{1B}[?25l") && terminal.text.hasSuffix("\u{1B}[?25h"))
    #expect(terminal.text.contains("step 2 of 2"))
  }

  @Test("a page longer than the screen goes through the pager, others and --no-pager do not")
  func pager() throws {
    let show = ["inspect", "show", try path(), "0"]
    let pager = ["PAGER": "sed 's/^/paged:/'"]
    let long = try PseudoTerminal(show, rows: 8, environment: pager)
    #expect(try long.end() == 0 && long.text.contains("paged:"))
    for (arguments, rows, environment) in [
      (show, 200, pager), (show + ["--no-pager"], 8, pager), (show + ["--plain"], 8, pager),
      (show, 8, ["PAGER": "cat"]), (show, 8, ["PAGER": "no-such-pager"]),
    ] as [([String], UInt16, [String: String])] {
      let terminal = try PseudoTerminal(arguments, rows: rows, environment: environment)
      #expect(try terminal.end() == 0)
      #expect(!terminal.text.contains("paged:") && terminal.text.contains("ground truth"))
      #expect(terminal.text.contains("\u{1B}[1m") == !arguments.contains("--plain"))
    }
  }
}
