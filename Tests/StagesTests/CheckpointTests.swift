import Digest
import Foundation
import Policy
import Queue
import Records
import Stages
import Testing

@Suite struct CheckpointTests {
  private static let keys = [
    statedBound, ("steps", "5"), ("checkpoint.every", "2"), ("checkpoint.keep", "3"),
  ]

  private func made(_ keys: [(String, String)] = []) throws -> TemporaryRun {
    let folder = try TemporaryRun(prompts: sums(18))
    try Run.create(try folder.definition(Self.keys + keys), at: folder.directory)
    _ = try finish(folder.directory)
    return folder
  }

  private func files(_ folder: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
      found[name] = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
    }
    return found
  }

  private static let damages: [(String, @Sendable (String) throws -> Void)] = [
    ("folder gone", { try FileManager.default.removeItem(atPath: $0) }),
    ("manifest gone", { try FileManager.default.removeItem(atPath: $0 + "/MANIFEST.json") }),
    ("state gone", { try FileManager.default.removeItem(atPath: $0 + "/state.json") }),
    (
      "weights cut",
      { folder in
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: folder + "/model.safetensors"))
        try file.truncate(atOffset: 999)
      }
    ),
    (
      "a bit of the moments",
      { folder in
        let url = URL(fileURLWithPath: folder + "/optimizer.safetensors")
        var bytes = try Data(contentsOf: url)
        bytes[bytes.count / 2] ^= 4
        try bytes.write(to: url)
      }
    ),
    ("manifest empty", { try Data().write(to: URL(fileURLWithPath: $0 + "/MANIFEST.json")) }),
  ]

  private func open(_ directory: RunDirectory) throws {
    _ = try RunSession(
      try Run(opening: directory), stages: StageName.allCases, publishes: false,
      interruption: Interruption())
  }

  /// Resuming names the file and the command, and the command brings back the very files.
  @Test(arguments: [Kind.plain, .critic]) func aDamagedCheckpointIsWorkedOutAgain(
    kind: Kind
  ) throws {
    let folder = try made(kind.keys)
    let place = folder.directory.checkpoint(5)
    let before = try files(place)
    for (what, damage) in Self.damages {
      try damage(place)
      let error = #expect(throws: StageError.self) { try open(folder.directory) }
      #expect(error?.exitStatus == .corrupt && error?.location.hasPrefix(place) == true, "\(what)")
      #expect(
        error?.remedy.contains("checkpoint restore \(folder.directory.path) 5") == true, "\(what)")
      do {
        let run = try Run(opening: folder.directory)
        let reports = try CheckpointStore(directory: folder.directory, kept: 1).reports(run.queue)
        #expect(reports.map(\.isWhole) == [true, true, true, false], "\(what)")
        #expect(try run.restoreCheckpoint(5) == .replayed(from: 4), "\(what)")
        #expect(try run.restoreCheckpoint(5) == .wasWhole)
      }
      #expect(try files(place) == before, "\(what)")
      try open(folder.directory)
    }
  }

  @Test func withoutAnOlderOneACopyHelpsAndNothingElse() throws {
    let folder = try made([("checkpoint.keep", "1")])
    let place = folder.directory.checkpoint(5)
    let copy = folder.folder + "/copy"
    try FileManager.default.copyItem(atPath: place, toPath: copy)
    let before = try files(place)
    try Data("x".utf8).write(to: URL(fileURLWithPath: place + "/config.json"))
    let initial = folder.directory.checkpoint(0) + "/model.safetensors"
    let weights = try Data(contentsOf: URL(fileURLWithPath: initial))
    try Data("x".utf8).write(to: URL(fileURLWithPath: initial))
    do {
      let run = try Run(opening: folder.directory)
      #expect(throws: StageError.self) { try run.restoreCheckpoint(5) }
      let other = #expect(throws: StageError.self) {
        try run.restoreCheckpoint(5, from: folder.directory.checkpoint(0))
      }
      #expect(other?.exitStatus == .mismatch)
      #expect(try run.restoreCheckpoint(5, from: copy) == .copied)
    }
    #expect(try files(place) == before)
    #expect(try Run.restoreInitialCheckpoint(of: folder.directory) == .initial)
    #expect(try Data(contentsOf: URL(fileURLWithPath: initial)) == weights)
  }

  /// Whatever a run reads of its initial checkpoint at every start is compared first.
  @Test(arguments: ["tokenizer.json", "config.json", "generation_config.json"])
  func aChangedInitialFileIsNamedAndComesBack(name: String) throws {
    let folder = try made()
    let path = folder.directory.checkpoint(0) + "/" + name
    let before = try Data(contentsOf: URL(fileURLWithPath: path))
    try Data("{}".utf8).write(to: URL(fileURLWithPath: path))
    let error = #expect(throws: StageError.self) { try Run(opening: folder.directory) }
    #expect(error?.location == path && error?.remedy.contains("restore") == true)
    #expect(try Run.restoreInitialCheckpoint(of: folder.directory) == .initial)
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
    _ = try Run(opening: folder.directory)
  }

  @Test func anyCommittedStepCanBecomeACheckpoint() throws {
    let folder = try made()
    let run = try Run(opening: folder.directory)
    #expect(try run.restoreCheckpoint(3) == .replayed(from: 2))
    #expect(try run.checkpointPolicy(3).parameters == run.policy(at: 3).parameters)
    #expect(throws: StageError.self) { try run.restoreCheckpoint(6) }
    #expect(try run.pruneCheckpoints(keeping: 1) == [2, 3, 4])
    let left = try FileManager.default.contentsOfDirectory(
      atPath: folder.directory.checkpoints)
    #expect(left.sorted() == ["0", "5"])
  }

  @Test func aStepIsReopenedWithItsWeightsAndPositions() throws {
    let folder = try made([("checkpoint.keep", "1")])
    let run = try Run(opening: folder.directory)
    for step: UInt64 in 0...5 {
      let at = try run.at(step)
      #expect(at.groups == 6 * step && at.cursors["gate"] == 6 * step)
      #expect(at.weights == (try run.digestText(version: step)))
      #expect(hexadecimal(try run.policy(at: step).weightsDigest()) == at.weights)
      #expect(at.logs["prompts"]?.records == Int(6 * step))
      #expect(at.metrics.isEmpty == (step == 0))
    }
    #expect(throws: StageError.self) { try run.at(6) }
  }
}
