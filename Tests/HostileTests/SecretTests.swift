import Foundation
import Testing

extension Hostile {
  /// Planted markers: no file that is written and no line that is printed holds one.
  @Suite struct SecretTests {
    private static let marker = "MARKER7f3a9c"

    private func leaks(_ ended: Ended) -> Bool {
      ended.out.contains(Self.marker) || ended.errors.contains(Self.marker)
    }

    @Test func definitionsThatHoldOne() throws {
      let marker = Self.marker
      let place = try Place()
      var faults = Faults()
      let texts: [(String, String)] = [
        ("an unknown key", "steps: 1\napi_key: \(marker)\n"),
        ("in a section", "steps: 1\nmodel: {token: \(marker)}\n"),
        ("in an unknown section", "steps: 1\nserver: {authorization: Bearer \(marker)}\n"),
        ("in a list", "steps: 1\ndata: {prompts: [{password: \(marker)}]}\n"),
        ("under a known key", "steps: {secret: \(marker)}\n"),
        ("as a value", "steps: sk-\(marker)\n"),
        ("as a value with its name", "steps: password=\(marker)\n"),
        ("as a key", "{sk-\(marker)}\n"), ("as a key with its name", "{password \(marker)}: 1\n"),
        ("as a key twice", "password \(marker): 1\npassword \(marker): 2\n"),
        ("without a colon", "api_key \(marker)\n"),
        ("in a URL", "steps: 1\nmodel: {path: \"https://user:\(marker)@host/x\"}\n"),
        ("in a list of URLs", "steps: 1\nevaluation: {datasets: [\"http://\(marker)@host/x\"]}\n"),
        ("in extends", "extends: https://user:\(marker)@host/x.yaml\n"),
        ("in an open quote", "steps: 1\napi_key: \"\(marker)\n"),
        ("in an open list", "api_key: [\(marker)\n"),
        ("behind a tab", "steps: 1\n\tapi_key: \(marker)\n"),
        ("as a tag", "token: !\(marker) x\n"), ("as an alias", "token: *\(marker)\n"),
        ("indented wrongly", "steps: 1\n  api_key: \(marker)\n"),
        ("in two documents", "steps: 1\n--- {token: \(marker)}\n"),
        ("in a directive", "%TOKEN \(marker)\nsteps: [\n"),
        ("in a name", "name: \"token \(marker)\"\nsteps: 1\n"),
      ]
      for (name, text) in texts {
        let file = try place.write(text, "x.yaml")
        for arguments in [
          ["config", "validate", file], ["run", file, "--run", place.path + "/run"],
        ] {
          let ended = try Command.run(arguments)
          if let fault = ended.fault(expecting: [2], saying: [place.path]) {
            faults.add("\(name): \(fault)")
          }
          if leaks(ended) { faults.add("\(name) leaks: \(ended)") }
        }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    @Test func argumentsThatHoldOne() throws {
      let marker = Self.marker
      let quick = "pipelines/quickstart.yaml"
      var faults = Faults()
      for arguments in [
        ["--set", "api_key=\(marker)"], ["--set", "api_key:\(marker)"], ["--set", "token", marker],
        ["--set", "model.path=https://a:\(marker)@h/"], ["--set", "steps=sk-\(marker)"],
        ["--api-key", marker], ["--api-key=\(marker)"], ["--set", "sk-\(marker)=1"],
        ["--set", "steps={password: \(marker)}"], ["--set", "steps=[token: \(marker)"],
      ] {
        let ended = try Command.run(["config", "show", quick] + arguments)
        if let fault = ended.fault(expecting: [2]) { faults.add("\(arguments): \(fault)") }
        if leaks(ended) { faults.add("\(arguments) leaks: \(ended)") }
      }
      #expect(faults.found.isEmpty, faults.text)
    }

    /// The environment and a definition's comments reach nothing that a run writes, compressed or not.
    @Test func nothingThatARunWritesHoldsOne() throws {
      let marker = Self.marker
      let environment = [
        "TEMPER_TOKEN": marker, "OPENAI_API_KEY": "sk-\(marker)", "HF_TOKEN": "hf_\(marker)",
        "AWS_SECRET_ACCESS_KEY": marker,
      ]
      let run = try HostileRun("# api_key: \(marker)", environment: environment)
      var faults = Faults()
      if leaks(run.ended) { faults.add("the run's output") }
      for arguments in [
        ["status", run.path], ["inspect", "list", run.path, "--json"],
        ["inspect", "show", run.path, "0", "--json"],
        ["inspect", "show", run.path, "1", "--tokens"],
        ["inspect", "stats", run.path, "--json"], ["config", "show", run.path, "--origins"],
        ["queue", "digest", run.path], ["doctor"], ["doctor", "--json"],
        ["resume", run.path, "--set", "steps=2"],
        ["resume", run.path, "--set", "api_key=\(marker)"],
      ] {
        let ended = try Command.run(arguments, environment: environment)
        if leaks(ended) { faults.add("\(arguments): \(ended)") }
      }
      let needle = Data(marker.utf8)
      var files = 0
      for name in try FileManager.default.subpathsOfDirectory(atPath: run.path) {
        let path = "\(run.path)/\(name)"
        guard let data = FileManager.default.contents(atPath: path) else { continue }
        files += 1
        if data.range(of: needle) != nil { faults.add("\(name) holds it") }
      }
      #expect(files > 8, "\(files) files were read")
      #expect(faults.found.isEmpty, faults.text)
    }
  }
}
