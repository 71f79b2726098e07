import Foundation
import Testing

@Suite("Usage", .needsBinary)
struct UsageTests {
  @Test("help is no error, for every command")
  func help() throws {
    var failures: [String] = []
    for command in [
      [], ["run"], ["resume"], ["status"], ["watch"], ["inspect"], ["inspect", "list"],
      ["inspect", "show"],
      ["inspect", "stats"], ["inspect", "grep"], ["inspect", "diff"], ["inspect", "export"],
      ["inspect", "browse"], ["data"], ["data", "generate", "ladder"],
      ["data", "generate", "countdown"], ["data", "show"], ["data", "check"], ["data", "stats"],
      ["config", "show"], ["config", "explain"], ["config", "validate"], ["check", "estimator"],
      ["check", "model"], ["check", "safetensors"], ["check", "tokenizer"], ["model"],
      ["model", "init"], ["model", "inspect"], ["model", "convert"], ["model", "diff"],
      ["generate"],
      ["doctor"],
      ["queue", "digest"],
    ] {
      let result = try Binary.run(command + ["--help"])
      if result.status != 0 || !result.error.isEmpty || !result.out.contains("USAGE:") {
        failures.append(command.joined(separator: " "))
      }
    }
    #expect(failures.isEmpty)
  }

  @Test("wrong usage is one line and exit 2, with the nearest name")
  func mistakes() throws {
    let cases: [([String], String)] = [
      (["stauts"], "did you mean \"status\"?"),
      (["stauts", "runs/x"], "did you mean \"status\"?"),
      (["inspect", "lst", "runs/x"], "did you mean \"list\"?"),
      (["data", "show", "--lmit", "3", "x"], "Did you mean '--limit'?"),
      (["inspect", "show", "x"], "group"),
      (["data", "show", "x", "--limit", "-1"], "--limit"),
      (["model", "init", "x", "--shape", "qwen9"], "there are qwen2.5-0.5b, "),
      (["model", "init", "x"], "--shape"),
      (["model", "convert", "x", "y", "--shard-size", "4 parts"], "--shard-size"),
      (["model", "inspect", "/no/such/model"], "no such model directory"),
      (["data", "generate", "ladder", "--to", "x", "--side", "left"], "--side"),
      (
        ["run", "stage", "rollout", "--run", "x", "--workers", "3/2"],
        "'3/2' is invalid for '--workers <i/n>': write I/N for worker I of N, with N from 1 to 1024 "
          + "and I from 1 to N, such as 2/3"
      ),
    ]
    for (arguments, part) in cases {
      let result = try Binary.run(arguments)
      #expect(
        result.status == 2 && result.isOneLineError && result.error.contains(part), "\(result)")
    }
  }

  @Test("a reader that goes away ends the command in silence")
  func brokenPipe() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "exec 3>&1; \"$0\" doctor 2>&3 | true", Binary.path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let said = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(said.isEmpty)
  }

  @Test("colours stay off without a terminal, and NO_COLOR wins over nothing but --color always")
  func colours() throws {
    let arguments = ["doctor"]
    let plain = ["TERM": "xterm", "NO_COLOR": "", "CLICOLOR": ""]
    #expect(try !Binary.run(arguments, environment: plain).out.contains("\u{1B}["))
    let forced = plain.merging(["FORCE_COLOR": "1"]) { $1 }
    #expect(try Binary.run(arguments, environment: forced).out.contains("\u{1B}["))
    let both = ["FORCE_COLOR": "1", "NO_COLOR": "1"]
    #expect(try !Binary.run(arguments, environment: both).out.contains("\u{1B}["))
    #expect(
      try Binary.run(arguments + ["--color", "always"], environment: ["NO_COLOR": "1"]).out
        .contains("\u{1B}["))
  }

  @Test("doctor says what the machine promises")
  func doctor() throws {
    let text = try Binary.run(["doctor"])
    #expect(text.status == 0, "\(text)")
    for word in ["LMDB", "zstd", "fma in f32", "promise", "memory", "disk"] {
      #expect(text.out.contains(word))
    }
    let facts = try Binary.run(["doctor", "--json"]).object()
    #expect(facts["is_well"] as? Bool == true)
    let products = try #require(facts["products"] as? [String: Any])
    #expect(products["kernel"] as? String == "fma")
    #expect(products["promise"] as? String == "same_bits", "\(products)")
    let limited = try Binary.run(["doctor", "--json"], environment: ["TEMPER_ISA": "baseline"])
    let processor = try #require(try limited.object()["processor"] as? [String: Any])
    #expect(processor["instruction_set"] as? String == "baseline")
  }
}
