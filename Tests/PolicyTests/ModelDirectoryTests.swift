import Foundation
import Policy
import Records
import Testing

@Suite struct ModelDirectoryTests {
  static let tied = PolicyFixtures.directory + "/model/qwen2-tied"
  static let sharded = PolicyFixtures.directory + "/model/qwen2-untied-bf16"

  /// A copy of `source`, to be broken.
  static func copy(_ source: String) throws -> TemporaryDirectory {
    let folder = try TemporaryDirectory()
    for name in try FileManager.default.contentsOfDirectory(atPath: source) {
      try FileManager.default.copyItem(
        atPath: source + "/" + name, toPath: folder.path + "/" + name)
    }
    return folder
  }

  /// Replaces a text in a file of the copy; the text must be there.
  static func edit(_ folder: TemporaryDirectory, _ name: String, _ old: String, _ new: String)
    throws
  {
    let url = URL(fileURLWithPath: folder.path + "/" + name)
    let text = try String(contentsOf: url, encoding: .utf8)
    try #require(text.contains(old))
    try Data(text.replacingOccurrences(of: old, with: new).utf8).write(to: url)
  }

  /// The error of reading `folder`, as text; empty if it was read.
  static func failure(_ folder: TemporaryDirectory) -> String {
    do {
      _ = try ModelDirectory.read(folder.path)
      return ""
    } catch { return error.description }
  }

  @Test func parametersStandInTheOrderOfTheConfiguration() throws {
    let (configuration, parameters) = try ModelDirectory.read(Self.tied)
    #expect(parameters.count == configuration.parameterCount)
    let file = try SafetensorsFile(path: Self.tied + "/model.safetensors")
    var start = 0
    var wrong: [String] = []
    for wanted in configuration.parameters {
      let values = try file.floats(of: #require(file.tensor(named: wanted.name)))
      if !values.elementsEqual(parameters[start..<start + wanted.count]) {
        wrong.append(wanted.name)
      }
      start += wanted.count
    }
    #expect(wrong == [])
    #expect(configuration.stopIDs == [254])
  }

  @Test func shardsAreJoinedAndWidened() throws {
    let (configuration, parameters) = try ModelDirectory.read(Self.sharded)
    #expect(parameters.count == 113_152)
    #expect(!configuration.tieEmbeddings)
    // Widened BF16 has an empty low half.
    #expect(parameters.allSatisfy { $0.bitPattern & 0xFFFF == 0 })
    #expect(parameters.contains { $0 != 0 })
  }

  @Test func whatIsWrittenIsReadBackBitForBit() throws {
    for source in [Self.tied, Self.sharded] {
      let (configuration, parameters) = try ModelDirectory.read(source)
      let folder = try TemporaryDirectory()
      try ModelDirectory.write(configuration, parameters: parameters, to: folder.path)
      let again = try ModelDirectory.read(folder.path)
      #expect(again.configuration == configuration)
      #expect(again.parameters.map(\.bitPattern) == parameters.map(\.bitPattern))
    }
  }

  @Test func tokenizerFilesAreCopiedAndNothingElse() throws {
    let source = try TemporaryDirectory()
    for name in ["tokenizer.json", "merges.txt", "private.txt"] {
      try Data(name.utf8).write(to: URL(fileURLWithPath: source.path + "/" + name))
    }
    let (configuration, parameters) = try ModelDirectory.read(Self.tied)
    let folder = try TemporaryDirectory()
    try ModelDirectory.write(
      configuration, parameters: parameters, to: folder.path, tokenizerFrom: source.path)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() == [
        "config.json", "generation_config.json", "merges.txt", "model.safetensors",
        "tokenizer.json",
      ])
    #expect(throws: ModelDirectoryError.self) {
      try ModelDirectory.write(configuration, parameters: parameters, to: folder.path)
    }
  }

  @Test func aTiedModelMayHoldItsHeadIfItIsTheEmbedding() throws {
    let (configuration, parameters) = try ModelDirectory.read(Self.tied)
    var untied = configuration
    untied.tieEmbeddings = false
    let embedding = Array(parameters.prefix(256 * 64))
    // `lm_head.weight` sorts first, then the embedding.
    for (head, accepted) in [(embedding, true), (embedding.map { $0 + 1 }, false)] {
      let folder = try Self.copy(Self.tied)
      try FileManager.default.removeItem(atPath: folder.path + "/model.safetensors")
      try SafetensorsWriter.write(
        untied.parameters, values: head + parameters, to: folder.path + "/model.safetensors")
      let failure = Self.failure(folder)
      #expect(failure.isEmpty == accepted)
      #expect(accepted || failure.contains("lm_head.weight differs"))
    }
  }

  @Test func directoriesThatContradictThemselvesAreRefusedWithTheTensorsName() throws {
    let index = "model.safetensors.index.json"
    let norm = #""model.norm.weight": "model-00002-of-00002.safetensors""#
    let edits: [(file: String, old: String, new: String, named: String)] = [
      (
        "config.json", #""hidden_size": 64"#, #""hidden_size": 32"#,
        "is [240, 64], config.json says [240, 32]"
      ),
      ("config.json", #""tie_word_embeddings": false"#, #""tie_word_embeddings": true"#, "lm_head"),
      (
        "config.json", #""num_hidden_layers": 2"#, #""num_hidden_layers": 3"#, "layer_types"
      ),
      ("config.legacy.json", "{", "{", ""),
      (index, norm, norm.replacing("00002-of", with: "00003-of"), "00003-of"),
      (index, norm, norm.replacing("00002-of", with: "00001-of"), "model.norm.weight"),
      (index, norm, norm.replacing("model-0", with: "../model-0"), "model.norm.weight"),
      (index, norm, norm + #","model.extra": "model-00001-of-00002.safetensors""#, "model.extra"),
      (index, norm, norm + "," + norm, "stands twice"),
      (index, #""total_size": 226304"#, #""total_size": 226306"#, "total_size"),
      (index, norm, #""model.norm.weight": 3"#, "model.norm.weight"),
      (
        index, norm, norm.replacing("model-0", with: String(repeating: "m", count: 5000)),
        "index.json: model.norm.weight is mapped to"
      ),
    ]
    var wrong: [String] = []
    for (file, old, new, named) in edits {
      let folder = try Self.copy(Self.sharded)
      try Self.edit(folder, file, old, new)
      let failure = Self.failure(folder)
      if named.isEmpty ? !failure.isEmpty : !failure.contains(named) {
        wrong.append("\(new): \(failure)")
      }
      if failure.contains("\n") { wrong.append("more than one line: \(failure)") }
    }
    #expect(wrong == [])
  }

  @Test func missingAndUnexpectedTensorsAreNamed() throws {
    let (configuration, parameters) = try ModelDirectory.read(Self.tied)
    let tensors = configuration.parameters
    let folder = try Self.copy(Self.tied)
    let path = folder.path + "/model.safetensors"
    try FileManager.default.removeItem(atPath: path)
    try SafetensorsWriter.write(
      Array(tensors.dropLast()), values: Array(parameters.dropLast(tensors.last!.count)), to: path)
    #expect(Self.failure(folder).contains("model.norm.weight: missing"))
    try FileManager.default.removeItem(atPath: path)
    try SafetensorsWriter.write(
      tensors + [TensorShape(name: "zzz", shape: [1])], values: parameters + [1], to: path)
    #expect(Self.failure(folder).contains("zzz: not part"))
  }

  @Test func aMissingDirectoryOrFileSaysWhatToDo() throws {
    let folder = try TemporaryDirectory()
    #expect(Self.failure(folder).contains("config.json"))
    let config = try Self.copy(Self.tied)
    try FileManager.default.removeItem(atPath: config.path + "/model.safetensors")
    #expect(Self.failure(config).contains("neither model.safetensors nor"))
    let nowhere = ModelDirectoryTests.error("/no/such/model")
    #expect(
      nowhere == "/no/such/model: no such model directory. Name a directory with "
        + "config.json, model.safetensors and tokenizer.json.")
  }

  static func error(_ path: String) -> String {
    do {
      _ = try ModelDirectory.read(path)
      return ""
    } catch { return error.description }
  }

  @Test func ofASingleFileAndAnIndexTheSingleFileIsTaken() throws {
    let folder = try Self.copy(Self.tied)
    try Data("not even JSON".utf8).write(
      to: URL(fileURLWithPath: folder.path + "/model.safetensors.index.json"))
    #expect(Self.failure(folder).isEmpty)
  }
}
