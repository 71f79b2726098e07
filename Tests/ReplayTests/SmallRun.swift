import Definition
import Foundation
import Queue
import Records
import Replay
import Shards
import Stages

/// A folder of a test's own with a dataset and a run of a very small random model on it, removed with
/// the object.
final class SmallRun {
  static let root: String = {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }()

  let folder: String
  var directory: RunDirectory { RunDirectory(folder + "/run") }

  /// Trains two or three steps. A random model solves nothing, so rewards are lengths.
  ///
  /// - Parameter keys: lines `section.key: value` laid over the smallest definition.
  init(_ keys: [(String, String)], steps: Int = 3) throws {
    folder = NSTemporaryDirectory() + "/replay-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let prompts = (0..<24).map { index in
      Prompt(
        id: "q-\(index)", content: .text("\(index % 7) + \(index % 5) ="),
        groundTruth: "\(index % 7 + index % 5)", demonstrations: ["#### \(index % 7 + index % 5)"],
        source: "addition")
    }
    _ = try DatasetWriter.write(count: prompts.count, folder: "\(folder)/prompts", name: "prompts")
    { prompts[$0] }
    let definition = try RunKeys.schema.resolve(
      text: """
        steps: \(steps)
        model: {tokenizer: \(Self.root)/pipelines/tokenizers/ladder, hidden_size: 16,
          intermediate_size: 24, layers: 1, heads: 2, key_value_heads: 1, head_dimension: 8,
          maximum_positions: 64}
        data: {prompts: \(folder)/prompts, prompts_per_step: 6, prompt_limit: 20}
        rollout: {count: 3, maximum_tokens: 6, chunk_groups: 4}
        algorithm: {name: dr_grpo, aggregation: {constant: 16}}
        loss: {epochs: 2, mini_batches: 2}
        optimizer: {learning_rate: 0.05, micro_batch_groups: 2}
        compute: {threads: 1}
        """, name: folder + "/test.yaml", overrides: keys.map { (key: $0.0, value: $0.1) })
    try Run.create(definition, at: directory)
    let session = try RunSession(
      try Run(opening: directory), stages: StageName.allCases, publishes: false,
      interruption: Interruption())
    _ = try session.work()
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("SmallRun: \(folder) stays: \(error)")
    }
  }

  func definition() throws -> Definition {
    try RunKeys.schema.resolve(file: directory.definition)
  }

  /// A queue is open once in a process: let go of one before asking for the next.
  func queue() throws -> Queue { try Queue.open(at: directory.queue, access: .readOnly) }

  func algorithms(_ names: String...) throws -> [ReplayedAlgorithm] {
    let definition = try definition()
    return try names.map { try ReplayedAlgorithm($0, run: definition) }
  }

  /// Every file of the run with its bytes, but LMDB's table of readers.
  func bytes() throws -> [String: Data] {
    var files: [String: Data] = [:]
    let manager = FileManager.default
    for path in try manager.subpathsOfDirectory(atPath: directory.path)
    where !path.hasSuffix("lock.mdb") {
      var isFolder: ObjCBool = false
      let place = "\(directory.path)/\(path)"
      guard unsafe manager.fileExists(atPath: place, isDirectory: &isFolder) else { continue }
      files[path] = isFolder.boolValue ? Data() : try Data(contentsOf: URL(fileURLWithPath: place))
    }
    return files
  }
}

/// A made-up queue, small, removed with the object.
final class SyntheticFolder {
  let run: SyntheticRun

  init(
    groups: Int, rollouts: Int = 4, tokens: Int = 16, promptsPerStep: Int = 8, waves: Int = 1
  ) throws {
    var run = SyntheticRun(
      folder: NSTemporaryDirectory() + "/replay-synthetic-\(UUID().uuidString)", groups: groups)
    run.rollouts = rollouts
    run.tokens = tokens
    run.promptsPerStep = promptsPerStep
    run.waves = waves
    try run.write()
    self.run = run
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: run.folder) } catch {
      print("SyntheticFolder: \(run.folder) stays: \(error)")
    }
  }

  func definition() throws -> Definition {
    try RunKeys.schema.resolve(file: run.folder + "/pipeline.yaml")
  }

  func queue() throws -> Queue { try Queue.open(at: run.folder + "/queue", access: .readOnly) }

  func replay(_ names: [String], _ request: Replay.Request = .init()) throws -> Replay {
    let definition = try definition()
    return try Replay(
      queue(), definition: definition,
      under: names.map { try ReplayedAlgorithm($0, run: definition) }, request)
  }
}
