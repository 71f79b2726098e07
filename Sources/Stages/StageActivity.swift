/// What a stage did in one turn that made something, and when.
public struct StageActivity: Sendable, Equatable, Codable {
  public var stage: String
  /// Number of the process.
  public var process: Int32
  /// Unix time, in seconds; the two differ by what a clock that cannot be set has measured.
  public var start: Double
  public var end: Double
  /// Groups that it worked off; of the reader: emitted; of the optimizer: steps.
  public var groups: UInt64
  public var step: UInt64?
  /// What waited for the stage when it was done: groups, or batches of the optimizer.
  public var queued: UInt64

  package init(
    stage: String, process: Int32, start: Double, end: Double, groups: UInt64, step: UInt64?,
    queued: UInt64
  ) {
    self.stage = stage
    self.process = process
    self.start = start
    self.end = end
    self.groups = groups
    self.step = step
    self.queued = queued
  }
}
