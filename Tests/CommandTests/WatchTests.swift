import Foundation
import Testing

@Suite("Watching a run", .needsBinary)
struct WatchTests {
  /// A definition of `steps` steps in a folder of its own.
  private func scratch(steps: Int) throws -> (scratch: Scratch, definition: String) {
    let scratch = try Scratch()
    try scratch.makeQuestions(rows: 60)
    let root = scratch.path
    let definition = try scratch.write(
      """
      seed: 5
      steps: \(steps)
      model: {tokenizer: \(root)/tokenizer, hidden_size: 16, intermediate_size: 32, layers: 1, \
      heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 128}
      data: {prompts: \(root)/data, prompts_per_step: 8}
      rollout: {count: 2, maximum_tokens: 8}
      algorithm: {name: hpt, aggregation: {constant: 8}}
      """, to: "watched.yaml")
    return (scratch, definition)
  }

  private func start(_ arguments: [String]) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = arguments
    process.standardOutput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    try process.run()
    return process
  }

  private func wait(for path: String) throws {
    let end = ContinuousClock.now + .seconds(30)
    while !FileManager.default.fileExists(atPath: path) {
      try #require(ContinuousClock.now < end, "\(path) did not appear")
      usleep(10_000)
    }
  }

  @Test("a run that is killed and resumed meanwhile is watched to its end, a line for each step")
  func killedAndResumed() throws {
    let (scratch, definition) = try scratch(steps: 300)
    let path = scratch.path + "/run"
    let first = try start(["run", definition, "--run", path, "--quiet"])
    try wait(for: path + "/metrics.jsonl")
    let watched = try start(
      [
        "-c", "\"$0\" watch \"$1\" > \"$2\"; echo $? >> \"$2\"", Binary.path, path,
        scratch.path + "/seen",
      ], executable: "/bin/sh")
    try wait(for: scratch.path + "/seen")
    kill(first.processIdentifier, SIGKILL)
    first.waitUntilExit()
    let resumed = try Binary.run(["resume", path, "--quiet"])
    #expect(resumed.status == 0, "\(resumed)")
    watched.waitUntilExit()
    let lines = try String(contentsOfFile: scratch.path + "/seen", encoding: .utf8)
      .split(separator: "\n")
    #expect(lines.suffix(2) == ["done: step 300 of 300", "0"])
    let steps = lines.compactMap { line in
      line.hasPrefix("step ") ? Int(line.dropFirst(5).prefix { $0 != "/" }) : nil
    }
    #expect(steps.last == 300 && steps == Array((steps.first ?? 0)...300), "\(steps)")
  }

  private func start(_ arguments: [String], executable: String) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: executable)
    process.arguments = arguments
    try process.run()
    return process
  }

  @Test("what nobody works at ends the watching after the time of grace")
  func stopped() throws {
    let (scratch, definition) = try scratch(steps: 3)
    let path = scratch.path + "/run"
    let begun = try Binary.run(
      ["run", "stage", "reader", definition, "--run", path, "--limit", "8", "--quiet"])
    #expect(begun.status == 0, "\(begun)")
    let watched = try Binary.run(["watch", path, "--grace", "0.2"])
    #expect(watched.status == 75 && watched.out == "stopped: step 0 of 3\n", "\(watched)")
    let missing = try Binary.run(["watch", path + "-none"])
    #expect(missing.status == 2 && missing.isOneLineError, "\(missing)")
    #expect(try Binary.run(["run", definition, "--run", path, "--quiet"]).status == 2)
    #expect(try Binary.run(["resume", path, "--quiet"]).status == 0)
    let json = try Binary.run(["watch", path, "--json"])
    #expect(json.status == 0)
    #expect(try json.object()["step"] as? Int == 2)
    let explained = try Binary.run(["status", path, "--explain"])
    #expect(explained.out.contains("— loss-assembler, batches/2, reward/mean"), "\(explained)")
    #expect(explained.out.contains("— optimizer, updates/2, policy/entropy"), "\(explained)")
  }
}
