import Foundation
import Queue
import Records

/// `summary.json`: what a run came to. Fields may be added, none renamed.
public struct Summary: Codable, Sendable, Equatable {
  public struct Suite: Codable, Sendable, Equatable {
    /// Mean reward over all samples, 0...1.
    public var mean: Double
    /// Samples a question.
    public var k: Int
    public var questions: Int
    /// 95 % interval of the mean, clustered by question.
    public var low: Double
    public var high: Double
    /// Mean by the questions' `level` tag.
    public var levels: [String: Double]

    public init(
      mean: Double, k: Int, questions: Int, low: Double, high: Double, levels: [String: Double]
    ) {
      self.mean = mean
      self.k = k
      self.questions = questions
      self.low = low
      self.high = high
      self.levels = levels
    }
  }

  public struct Evaluation: Codable, Sendable, Equatable {
    public var before: [String: Suite] = [:]
    public var after: [String: Suite] = [:]

    public init() {}
  }

  /// Shares of a step's groups.
  public struct Gate: Codable, Sendable, Equatable {
    public var sft: Double
    public var rl: Double
    public var dropped: Double
  }

  public enum State: String, Codable, Sendable {
    case running
    case interrupted
    case failed
    case done
  }

  public var definition: String
  public var seed: UInt64
  public var steps: Int
  /// Committed steps.
  public var stepsDone: Int
  public var state: State
  public var wallSeconds: Double
  public var peakMemoryBytes: UInt64
  public var blasCore: String
  public var weightsSHA256: String
  public var logprobMismatchMax: Double
  public var generatedTokens: UInt64
  public var evaluation: Evaluation
  public var gate: [String: Gate]
  public var rolloutAccuracy: [String: Double]
  public var storedBytes: UInt64
  public var rawBytes: UInt64
  public var errors: [String: UInt64]

  private enum CodingKeys: String, CodingKey {
    case definition
    case seed
    case steps
    case stepsDone = "steps_done"
    case state
    case wallSeconds = "wall_seconds"
    case peakMemoryBytes = "peak_memory_bytes"
    case blasCore = "blas_core"
    case weightsSHA256 = "weights_sha256"
    case logprobMismatchMax = "logprob_mismatch_max"
    case generatedTokens = "generated_tokens"
    case evaluation
    case gate
    case rolloutAccuracy = "rollout_accuracy"
    case storedBytes = "stored_bytes"
    case rawBytes = "raw_bytes"
    case errors
  }

  public static func read(from directory: RunDirectory) throws -> Summary? {
    guard FileManager.default.fileExists(atPath: directory.summary) else { return nil }
    let bytes = try DurableFile.read(directory.summary)
    do { return try JSONDecoder().decode(Summary.self, from: Data(bytes)) } catch {
      throw StageError(
        .badRun, at: directory.summary, "the summary cannot be read: \(error)",
        remedy: "Delete it; `pipeline resume` writes it anew.")
    }
  }

  public func write(to directory: RunDirectory) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    try DurableFile.write([UInt8](try encoder.encode(self)) + [10], to: directory.summary)
  }
}

/// What the logs of a run say of it: the part of the summary that no clock or process decides.
struct RunTally {
  var gate: [String: Summary.Gate] = [:]
  var rolloutAccuracy: [String: Double] = [:]
  var logprobMismatchMax = 0.0
  var generatedTokens: UInt64 = 0
  var rawBytes: UInt64 = 0
  var verifierErrors: UInt64 = 0

  init(_ ledger: Ledger, attempts: AttemptLog) throws {
    for step in 0..<(try ledger.cursor(.optimizer)) {
      let batch = try ledger.existing(LossBatchRecord.self, .batches, step)
      let update = try ledger.existing(UpdateRecord.self, .updates, step)
      let data = Dictionary(batch.metrics.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
      gate["\(step)"] = Summary.Gate(
        sft: data["gate/sft"] ?? 0, rl: data["gate/rl"] ?? 0, dropped: data["gate/dropped"] ?? 0)
      if let accuracy = data["rollout/accuracy"] { rolloutAccuracy["\(step)"] = accuracy }
      verifierErrors += UInt64(data["verifier/errors"] ?? 0)
      if let mismatch = update.metrics.first(where: { $0.name == "mismatch/max" }) {
        logprobMismatchMax = max(logprobMismatchMax, mismatch.value)
      }
    }
    let taken = try ledger.value(ForkOrigin.key).map { try ForkOrigin(stored: $0).groups } ?? 0
    let started = try attempts.attempts()
    var repeats = 0
    var chunkEnd: GroupID = 0
    for group in 0..<(try ledger.head(.rollouts)) {
      if let chunk = started[group] {
        repeats = chunk.times - 1
        chunkEnd = group + chunk.groups
      } else if group >= chunkEnd {
        repeats = 0
      }
      let record = try ledger.existing(RolloutRecord.self, .rollouts, group)
      let sampled = record.rollouts.reduce(0) { $0 + $1.tokens.count }
      // What a fork took over, another run has sampled.
      if group >= taken { generatedTokens += UInt64(sampled * (1 + repeats)) }
      let imitated = record.demonstrations.reduce(0) { $0 + $1.tokens.count }
      let text = try ledger.existing(PromptRecord.self, .prompts, group).prompt.textBytes
      rawBytes += UInt64(4 * (record.promptTokens.count + imitated + sampled) + 4 * sampled + text)
    }
  }
}

extension Prompt {
  /// Bytes of its text as UTF-8.
  fileprivate var textBytes: Int {
    switch content {
    case .text(let text): text.utf8.count
    case .messages(let messages): messages.reduce(0) { $0 + $1.content.utf8.count }
    }
  }
}
