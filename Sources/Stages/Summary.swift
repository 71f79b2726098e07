import Foundation
public import Judges
import Queue
import Records

/// `summary.json`: what a run came to. Fields may be added, none renamed.
public struct Summary: Codable, Sendable, Equatable {
  public struct Suite: Codable, Sendable, Equatable {
    /// avg@k: mean over questions of the share of right samples, 0...1.
    public var mean: Double
    /// Samples a question.
    public var k: Int
    public var questions: Int
    /// 95 % interval of the mean: bootstrap over questions.
    public var low: Double
    public var high: Double
    /// Mean by the questions' `level` tag.
    public var levels: [String: Double]
    /// `id` or `ood`, where a suite's file says so.
    public var group: String?
    /// Samples without a verdict, which are in no mean; nil in summaries that did not count them.
    public var errors: Int?

    public init(
      mean: Double, k: Int, questions: Int, low: Double, high: Double, levels: [String: Double],
      group: String? = nil, errors: Int? = nil
    ) {
      self.mean = mean
      self.k = k
      self.questions = questions
      self.low = low
      self.high = high
      self.levels = levels
      self.group = group
      self.errors = errors
    }
  }

  /// Whether a suite lies outside of what is trained: its file says so, or its name begins with `ood_`.
  public static func isOutside(_ name: String, _ suite: Suite) -> Bool {
    suite.group.map { $0 == "ood" } ?? name.hasPrefix("ood_")
  }

  /// Suites by name.
  public struct Evaluation: Sendable, Equatable {
    public var before: [String: Suite] = [:]
    public var after: [String: Suite] = [:]
    /// By the number of steps after which they were measured.
    public var during: [Int: [String: Suite]] = [:]

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
  public var productKernel: String
  public var weightsSHA256: String
  public var logprobMismatchMax: Double
  public var generatedTokens: UInt64
  public var evaluation: Evaluation
  public var gate: [String: Gate]
  public var rolloutAccuracy: [String: Double]
  public var storedBytes: UInt64
  public var rawBytes: UInt64
  public var errors: [String: UInt64]
  /// What judges were paid for; nil where none was asked.
  public var judges: [JudgeCost]?
  /// What stopped a run that failed: one line, as it stood on stderr.
  public var failure: String?

  private enum CodingKeys: String, CodingKey {
    case definition
    case seed
    case steps
    case stepsDone = "steps_done"
    case state
    case wallSeconds = "wall_seconds"
    case peakMemoryBytes = "peak_memory_bytes"
    case productKernel = "blas_core"
    case weightsSHA256 = "weights_sha256"
    case logprobMismatchMax = "logprob_mismatch_max"
    case generatedTokens = "generated_tokens"
    case evaluation
    case gate
    case rolloutAccuracy = "rollout_accuracy"
    case storedBytes = "stored_bytes"
    case rawBytes = "raw_bytes"
    case errors, judges, failure
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

extension Summary.Evaluation: Codable {
  private enum CodingKeys: String, CodingKey { case before, after, during }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    before = try fields.decode([String: Summary.Suite].self, forKey: .before)
    after = try fields.decode([String: Summary.Suite].self, forKey: .after)
    during = try fields.decodeIfPresent([Int: [String: Summary.Suite]].self, forKey: .during) ?? [:]
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    try fields.encode(before, forKey: .before)
    try fields.encode(after, forKey: .after)
    if !during.isEmpty { try fields.encode(during, forKey: .during) }
  }
}
