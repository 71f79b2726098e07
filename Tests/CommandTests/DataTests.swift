import Foundation
import Records
import Shards
import Testing

@Suite("data", .needsBinary)
struct DataTests {
  private func ladder(_ folder: String, _ more: [String] = []) throws -> Binary.Result {
    try Binary.run(["data", "generate", "ladder", "--to", folder, "--rows", "40"] + more)
  }

  @Test("generate makes the same bytes from the same settings, and others from another seed")
  func generate() throws {
    let scratch = try Scratch()
    var manifests: [String] = []
    for (name, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
      let folder = "\(scratch.path)/\(name)"
      #expect(try ladder(folder, ["--seed", seed]).status == 0)
      manifests.append(try String(contentsOfFile: "\(folder)/manifest.json", encoding: .utf8))
    }
    #expect(manifests[0] == manifests[1])
    #expect(manifests[0] != manifests[2])
  }

  @Test("every setting of the ladder is reachable and stands in the manifest")
  func settings() throws {
    let scratch = try Scratch()
    let folder = "\(scratch.path)/l"
    let result = try ladder(
      folder,
      [
        "--side", "corpus", "--families", "addition,ood_sorting", "--family-levels",
        "addition=1,2", "--ood-levels", "3", "--wrong", "0,1", "--slips", "anywhere", "--json",
      ])
    #expect(try result.object()["rows"] as? Int == 40)
    let dataset = try Dataset(folder: folder)
    let rows = try (0..<40).map { try dataset.row($0) }
    #expect(Set(rows.map(\.source)) == ["addition", "ood_sorting"])
    let additions = rows.filter { $0.source == "addition" }
    #expect(Set(additions.compactMap { $0.tags["level"] }) == ["1", "2"])
    #expect(additions.allSatisfy { ($0.tags["slip"] == "yes") == ($0.tags["level"] == "2") })
    #expect(dataset.manifest.generator?.contains("--family-levels addition=1,2") == true)
  }

  @Test("an existing dataset is replaced only with --force")
  func overwrite() throws {
    let scratch = try Scratch()
    let folder = "\(scratch.path)/l"
    _ = try ladder(folder)
    let again = try ladder(folder, ["--seed", "9"])
    #expect(again.status == 2 && again.isOneLineError && again.error.contains("--force"))
    #expect(try ladder(folder, ["--seed", "9", "--force"]).status == 0)
  }

  @Test("countdown rows pass the check; show, check and stats work on them")
  func countdown() throws {
    let scratch = try Scratch()
    let folder = "\(scratch.path)/c"
    let made = try Binary.run(
      ["data", "generate", "countdown", "--to", folder, "--rows", "9", "--levels", "1,2"])
    #expect(made.status == 0, "\(made)")
    #expect(
      try Binary.run(["data", "check", folder, "--json"]).object()["passes"] as? Bool == true)
    #expect(try Binary.run(["data", "stats", folder, "--json"]).object()["rows"] as? Int == 9)
    let row = try Binary.run(["data", "show", folder, "--row", "4", "--json"]).object()
    #expect(row["id"] as? String == "train-4" || row["id"] != nil)
    #expect(try Binary.run(["data", "show", folder, "--limit", "2"]).out.contains("ground truth"))
    let past = try Binary.run(["data", "show", folder, "--row", "9"])
    #expect(past.status == 2 && past.isOneLineError)
  }

  @Test("hostile rows reach the terminal as text only")
  func hostile() throws {
    let scratch = try Scratch()
    let text = "\u{1B}[2J\u{202E}x\u{0}\u{9B}31m\u{7F}\u{2066}\r"
    _ = try DatasetWriter.write(count: 1, folder: "\(scratch.path)/h", name: "h") { _ in
      Prompt(
        id: text, content: .text(text), groundTruth: text, demonstrations: [text], source: text,
        tags: [text: text])
    }
    for arguments in [["show"], ["show", "--json"], ["check"], ["stats"], ["stats", "--json"]] {
      let result = try Binary.run(
        ["data", arguments[0], "\(scratch.path)/h"] + arguments.dropFirst())
      let bad = (result.out + result.error).unicodeScalars.filter {
        ($0.value < 0x20 && $0 != "\n") || (0x7F..<0xA0).contains($0.value) || $0 == "\u{202E}"
          || $0 == "\u{2066}"
      }
      #expect(bad.isEmpty, "\(arguments)")
    }
  }

  @Test("missing, damaged and unwritable places are named, with their exit codes")
  func bad() throws {
    let scratch = try Scratch()
    for command in ["show", "check", "stats"] {
      let result = try Binary.run(["data", command, "\(scratch.path)/none"])
      #expect(result.status == 2 && result.isOneLineError, "\(command): \(result)")
    }
    let folder = "\(scratch.path)/l"
    _ = try ladder(folder)
    try Scratch.damage("\(folder)/ladder-train-00000.jsonl.zst")
    let shown = try Binary.run(["data", "show", folder])
    #expect(shown.status == 3 && shown.isOneLineError && shown.error.contains("SHA-256"))
    let checked = try Binary.run(["data", "check", folder])
    #expect(checked.status == 3 && checked.out.contains("SHA-256"))
    let file = try scratch.write("", to: "file")
    let unwritable = try ladder("\(file)/below")
    #expect([1, 2].contains(unwritable.status) && unwritable.isOneLineError, "\(unwritable)")
  }
}
