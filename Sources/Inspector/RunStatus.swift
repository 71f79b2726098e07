public import Judges
public import Stages

/// Where a run stands.
public struct RunStatus: Sendable, Equatable, Encodable {
  public enum State: String, Sendable, Equatable, Encodable {
    /// A process holds at least one of its stages.
    case running
    case done
    case interrupted
    case failed
    /// No process, and no word about the end: killed, or never started.
    case stopped
  }

  public struct StageStatus: Sendable, Equatable, Encodable {
    public var name: String
    /// `groups`, or `steps` for the optimizer.
    public var unit: String
    /// Its cursor: how much of its input it has consumed. Of the reader: groups emitted.
    public var done: UInt64
    /// The head of its input; nil for the reader.
    public var head: UInt64?
    /// What it comes to by the definition; nil where a gate may ask for more prompts.
    public var total: UInt64?
    /// What waits for it.
    public var queued: UInt64
    /// How long the first of them has waited; nil where nothing waits.
    public var oldestSeconds: Double?
    /// `oldestSeconds` is the time since the queue's last commit, which nothing that waits is younger than.
    public var oldestIsBound: Bool
    /// Items a second of its own time, over its last records; nil where none says how long it took.
    public var rate: Double?
    /// Until `total`, at the pace of the run.
    public var etaSeconds: Double?
    /// The process that holds it.
    public var pid: Int?
  }

  public struct Curve: Sendable, Equatable, Encodable {
    public var metric: String
    public var values: [Double]
    /// Its first and last value that is a number.
    public var first: Double? { values.first { !$0.isNaN } }
    public var last: Double? { values.last { !$0.isNaN } }
  }

  public var run: String
  public var definition: String
  public var state: State
  /// Steps that are committed, and how many the definition asks.
  public var step: UInt64
  public var steps: UInt64
  /// From one step to the next, and until the last one; nil where it is not known.
  public var secondsPerStep: Double?
  public var etaSeconds: Double?
  /// Since any stage committed anything: the age of the queue's file.
  public var lastCommitSeconds: Double?
  public var stages: [StageStatus]
  public var newestCheckpoint: UInt64?
  /// Of the last step in `metrics.jsonl`.
  public var reward: Double?
  public var rolloutAccuracy: Double?
  public var sftShare: Double?
  /// The last steps in `metrics.jsonl`, oldest first.
  public var curves: [Curve]
  /// Rollouts of the last steps in `metrics.jsonl` that their verifier had no verdict on: never counted
  /// as wrong.
  public var verifierErrors: UInt64
  public var quarantined: Int
  /// What went wrong last.
  public var lastError: RunTrouble?
  /// What judges were paid for, by model.
  public var judges: [JudgeCost]
  /// The first step and group that are kept; above 0 where retention has trimmed others.
  public var firstStep: UInt64
  public var firstGroup: UInt64
  /// Where a forked run comes from.
  public var origin: RunOrigin?
  /// product kernels after the one that the run began with.
  public var kernels: [KernelUse]
  public var notice: String?
  /// Where each number comes from, in the order of the screen, if that was asked for.
  public var explain: [NumberSource]?
}
