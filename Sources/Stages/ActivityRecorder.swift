import Foundation
import Queue
import Records

/// Notes the turns of a runner's stages; they go to the log when what they made is committed.
final class ActivityRecorder {
  private let log: ActivityLog
  private let process = getpid()
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  /// The time of day when it began: later ones are counted from it, whatever is done to the clock.
  private let dayTime = Date().timeIntervalSince1970
  private var made: [StageActivity] = []

  init(_ log: ActivityLog) {
    self.log = log
    began = clock.now
  }

  /// Unix seconds.
  var now: Double { dayTime + began.duration(to: clock.now).seconds }

  /// Notes a turn that began at `start`, after its outcome was posted.
  func add(
    _ stage: StageName, since start: Double, _ outcome: Outcome, groups: UInt64, _ ledger: Ledger
  ) throws {
    let queued = try stage.input.map { log in
      let (head, cursor) = (try ledger.head(log), try ledger.cursor(stage))
      return head > cursor ? head - cursor : 0
    }
    made.append(
      StageActivity(
        stage: stage.rawValue, process: process, start: start, end: now, groups: groups,
        step: try Self.step(stage, outcome, ledger), queued: queued ?? 0))
  }

  private static func step(
    _ stage: StageName, _ outcome: Outcome, _ ledger: Ledger
  ) throws -> UInt64? {
    guard let first = outcome.records.first else { return nil }
    switch stage {
    case .loss, .optimizer: return first.key.id
    case .reader, .rollout, .verifier, .gate:
      return try ledger.record(PromptRecord.self, .prompts, first.key)?.step
    }
  }

  func flush() throws {
    try log.note(made)
    made = []
  }

  /// Forgets what was dropped without a commit.
  func discard() { made = [] }
}
