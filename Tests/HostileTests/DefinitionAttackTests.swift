import Foundation
import Testing

extension Hostile {
  @Suite struct DefinitionAttackTests {
    /// YAML that costs more to read than to write, or says what no definition may say.
    @Test func texts() throws {
      let levels = (1..<12).map { level in
        "a\(level): &a\(level) ["
          + Array(repeating: "*a\(level - 1)", count: 10)
          .joined(separator: ",") + "]\n"
      }
      let texts: [(String, String)] = [
        ("billion laughs", "a0: &a0 [x,x,x,x]\n" + levels.joined()),
        ("deep lists", String(repeating: "[", count: 100_000)),
        ("deep closed lists", nested(100_000, "[", "]")),
        ("deep maps", nested(100_000, "{a: ", "}")),
        ("deep blocks", String(repeating: "- ", count: 100_000)),
        ("deep keys", String(repeating: "? ", count: 100_000)),
        ("nested keys", String(repeating: "? ", count: 900) + "a"),
        ("lists to the limit", "x: " + nested(990, "[", "]")),
        ("many keys", (0..<60_000).map { "k\($0): 1\n" }.joined()),
        ("keys that are maps", (0..<60_000).map { "? {a: \($0)}\n: 1\n" }.joined()),
        ("one key often", String(repeating: "steps: 1\n", count: 90_000)),
        ("anchors", (0..<50_000).map { "&a\($0) k\($0): 1\n" }.joined()),
        ("a long scalar", "a: " + String(repeating: "x", count: 100_000_000)),
        ("colons", String(repeating: ":", count: 500_000)),
        ("an open quote", "\"" + String(repeating: "\\x41", count: 200_000)),
        ("line ends", "a: >" + String(repeating: "\n", count: 900_000)),
        ("NUL", "steps: 1\u{0}\n"), ("merge key", "<<: {steps: 3}\n"),
        ("a huge integer", "steps: 99999999999999999999999999\n"),
        ("infinity", "steps: 1\noptimizer: {learning_rate: 1e999}\n"),
        ("no number", "steps: 1\noptimizer: {learning_rate: .nan}\n"),
        ("a tag", "steps: !!python/object/apply:os.system [\"id\"]\n"),
        ("twice", "steps: 1\nsteps: 2\n"), ("two documents", "steps: 1\n---\nsteps: 2\n"),
        ("a cyclic anchor", "a: &a [*a]\n"), ("another version", "%YAML 9.9\n---\nsteps: 1\n"),
        ("a name with a path", "steps: 1\nname: ../../etc\n"),
        ("a name with controls", "steps: 1\nname: \"a\\n\\e[31m\"\n"),
        ("a key with controls", "\"\\e]0;title\\a\\u202e\\u0085\": 1\n"),
        ("a value with controls", "steps: \"\\e[31m\\u202ex\\r\\b\"\n"),
      ]
      let place = try Place()
      var faults = Faults()
      for (name, text) in texts {
        let file = try place.write(text, "x.yaml")
        try faults.expectRefused(name, ["config", "validate", file], [2], saying: [file])
      }
      for (name, bytes) in [
        ("not UTF-8", Array("steps: ".utf8) + [0xFF, 0xFE]), ("UTF-16", [0xFF, 0xFE, 0x61, 0]),
        ("a surrogate", [0x61, 0x3A, 0xED, 0xA0, 0x80]),
        ("zeros", [UInt8](repeating: 0, count: 99)),
      ] {
        let file = try place.write(bytes, "x.yaml")
        try faults.expectRefused(name, ["config", "validate", file], [2], saying: [file])
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    private func nested(_ depth: Int, _ open: String, _ close: String) -> String {
      String(repeating: open, count: depth) + String(repeating: close, count: depth)
    }

    /// A FIFO would be waited for, a device has no end: neither is a definition.
    @Test func placesThatAreNoFiles() throws {
      let place = try Place()
      let fifo = try place.makeFIFO("fifo")
      var faults = Faults()
      for target in [
        fifo, "/dev/zero", "/dev/urandom", "/dev/stdin", "/dev/tty", "/etc", "/proc/self/mem",
        "/proc/kmsg", place.path + "/\u{1B}]0;a\u{7}\n\u{202E}.yaml",
      ] {
        try faults.expectRefused(target, ["run", target], [2])
        try faults.expectRefused(target, ["config", "validate", target], [2])
        let file = try place.write("extends: \(target)\n", "x.yaml")
        if target.hasPrefix("/proc") || target.hasPrefix("/dev") || target == fifo {
          try faults.expectRefused("extends \(target)", ["config", "validate", file], [2])
        }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func circlesOfExtends() throws {
      let place = try Place()
      let own = try place.write("extends: own.yaml\n", "own.yaml")
      let first = try place.write("extends: second.yaml\n", "first.yaml")
      try place.write("extends: ./first.yaml\n", "second.yaml")
      for index in 0..<30 { try place.write("extends: c\(index + 1).yaml\n", "c\(index).yaml") }
      var faults = Faults()
      for file in [own, first, place.path + "/c0.yaml"] {
        try faults.expectRefused(file, ["config", "validate", file], [2], saying: ["extend"])
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func overrides() throws {
      let quick = "pipelines/quickstart.yaml"
      var faults = Faults()
      for value in [
        "steps=", "=3", "steps", "steps=1\nseed: 4", "steps=[1", "nope=1", "steps=\u{1B}]0;a\u{7}",
        "steps=" + String(repeating: "[", count: 10_000), "extends=/etc/passwd",
        "optimizer.learning_rate=1e999", "seed=-9999999999999999999", "algorithm=1",
        "rollout={count: 4}", "steps=" + String(repeating: "9", count: 100_000), "name=\u{1B}[31m",
        "name=a/b", String(repeating: "a", count: 100_000) + "=1", "\u{202E}=1",
      ] {
        try faults.expectRefused(
          String(value.prefix(20)), ["config", "show", quick, "--set", value], [2])
      }
      // Within each key's range, beyond any machine's memory.
      try faults.expectRefused(
        "a model beyond memory",
        [
          "run", quick, "-q", "--run", try Place().path + "/run", "--set", "model.layers=512",
          "--set",
          "model.hidden_size=65536", "--set", "model.intermediate_size=262144", "--set",
          "model.pretrain=null", "--set", "model.tokenizer=pipelines/tokenizers/ladder",
        ], [2], saying: ["memory"])
      #expect(faults.found.isEmpty, faults.text)
    }
  }
}
