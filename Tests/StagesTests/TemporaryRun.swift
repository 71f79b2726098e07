import Definition
import Foundation
import Policy
import Queue
import Records
import Shards
import Stages

/// A folder of a test's own with a dataset, and a run made from it; removed with the object.
final class TemporaryRun {
  /// The repository's root, whatever the working directory.
  static let root: String = {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }()

  static let tokenizer = root + "/pipelines/tokenizers/ladder"

  let folder: String
  var directory: RunDirectory { RunDirectory(folder + "/run") }

  /// - Parameters:
  ///   - prompts: rows of the dataset that `data.prompts` names.
  ///   - supervised: rows of the one that `data.supervised` names, if any.
  init(prompts: [Prompt], supervised: [Prompt] = []) throws {
    folder = NSTemporaryDirectory() + "/temper-stages-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, rows) in [("prompts", prompts), ("supervised", supervised)] where !rows.isEmpty {
      _ = try DatasetWriter.write(count: rows.count, folder: "\(folder)/\(name)", name: name) {
        rows[$0]
      }
    }
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: folder) } catch {
      print("TemporaryRun: \(folder) stays: \(error)")
    }
  }

  /// A definition for these datasets.
  ///
  /// - Parameter keys: lines `section.key: value` laid over the smallest definition.
  func definition(_ keys: [(String, String)] = []) throws -> Definition {
    try RunKeys.schema.resolve(
      text: """
        steps: 3
        model: {tokenizer: \(Self.tokenizer), hidden_size: 16, intermediate_size: 24, layers: 1,
          heads: 2, key_value_heads: 1, head_dimension: 8, maximum_positions: 64}
        data: {prompts: \(folder)/prompts, prompts_per_step: 6, prompt_limit: 20}
        rollout: {count: 3, maximum_tokens: 6, chunk_groups: 4}
        algorithm: {name: dr_grpo, aggregation: {constant: 16}}
        loss: {epochs: 2, mini_batches: 2}
        optimizer: {learning_rate: 0.01, micro_batch_groups: 2}
        compute: {threads: 1}
        """, name: folder + "/test.yaml", overrides: keys.map { (key: $0.0, value: $0.1) })
  }

  func settings(_ keys: [(String, String)] = []) throws -> RunSettings {
    try RunSettings(definition(keys))
  }

  /// Creates the run and opens it. A queue is open once in a process: let go of the last `Run` first.
  func create(_ keys: [(String, String)] = []) throws -> Run {
    try Run.create(try definition(keys), at: directory)
    return try Run(opening: directory)
  }

  /// A ledger on an empty queue of its own, for a stage alone.
  func ledger() throws -> Ledger {
    Ledger(queue: try Queue.create(at: folder + "/queue", identity: "stage test"))
  }
}

/// Prompts `a + b =` with their sums, in two levels.
func sums(_ count: Int, source: String = "addition", demonstrated: Bool = true) -> [Prompt] {
  (0..<count).map { index in
    let (a, b) = (index % 7, index % 5)
    return Prompt(
      id: "\(source)-\(index)", content: .text("\(a) + \(b) ="), groundTruth: "\(a + b)",
      demonstrations: demonstrated ? ["#### \(a + b)"] : [], source: source,
      tags: ["level": "\(1 + index % 2)"])
  }
}

extension Ledger {
  /// Commits what a stage made.
  func commit(_ outcome: Outcome, by stage: StageName) throws {
    try post(outcome, by: stage)
    try commit()
  }

  /// Records as another stage would have written them.
  func put<R: StoredRecord>(_ records: [R], _ log: Log, by stage: StageName) throws {
    var outcome = Outcome()
    let first = try head(log)
    for (index, record) in records.enumerated() {
      outcome.add(record, to: log, at: RecordKey(first + UInt64(index)))
    }
    try commit(outcome, by: stage)
  }

  func setCursor(_ stage: StageName, _ value: UInt64) throws {
    var outcome = Outcome()
    outcome.cursor = value
    try commit(outcome, by: stage)
  }
}

extension Stages.Progress {
  var outcome: Outcome? { if case .made(let outcome) = self { outcome } else { nil } }
  var reason: String? { if case .waiting(let reason) = self { reason } else { nil } }
}

extension Outcome {
  func all<R: StoredRecord>(_: R.Type, _ log: Log) -> [R] {
    records.filter { $0.log == log }.compactMap { $0.record as? R }
  }
}

/// The digests of all logs.
func digests(_ queue: Queue) throws -> [String] {
  try Log.allCases.map { "\($0.rawValue) \(try queue.digest($0))" }
}
