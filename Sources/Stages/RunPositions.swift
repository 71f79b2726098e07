import Estimator
import Queue
public import Records

/// Where every stage stands between two steps: all that belongs to the steps before `step` is done, and
/// nothing of what comes after has begun.
///
/// Worked out from the logs, so that a run can be set to any step that it still holds.
public struct RunPositions: Sendable, Equatable {
  public let step: UInt64
  /// Groups of the steps before: the first group of `step`.
  public let groups: GroupID
  let reader: ReaderState
  let memory: StageMemory

  /// - Throws: `.badRun` for a step before the run's base or after its last loss batch.
  init(at step: UInt64, _ settings: RunSettings, _ ledger: Ledger) throws {
    let base = try ledger.base
    let assembled = try ledger.head(.batches)
    guard step >= base.step, step <= assembled else {
      throw StageError(
        .badRun, at: "step \(step)",
        "the run holds the steps \(base.step) to \(assembled)",
        remedy: "Name one of them.")
    }
    let fold = try StageFold(settings)
    var memory = base.start.memory
    if fold.carriesMemory {
      for before in base.step..<step {
        let batch = try ledger.existing(LossBatchRecord.self, .batches, before)
        try fold.pass(before, batch.firstGroup..<batch.endGroup, ledger, &memory)
      }
    }
    self.memory = memory
    self.step = step
    guard step > base.step else {
      groups = base.group
      reader = Self.reader(before: step, waves: base.start.waves, position: base.group)
      return
    }
    groups = try ledger.existing(LossBatchRecord.self, .batches, step - 1).endGroup
    let last = try ledger.existing(PromptRecord.self, .prompts, groups - 1)
    reader = Self.reader(before: step, waves: last.wave + 1, position: groups)
  }

  /// The reader stands at the end of the step before; in a new run it has no state.
  private static func reader(before step: UInt64, waves: UInt32, position: UInt64) -> ReaderState {
    step == 0
      ? ReaderState(step: 0, wave: 0, position: 0)
      : ReaderState(step: step - 1, wave: waves, position: position)
  }

  /// What a stage has consumed; of the reader its step.
  public func cursor(_ stage: StageName) -> UInt64 {
    switch stage {
    case .reader: reader.step
    case .rollout, .verifier, .gate, .loss: groups
    case .optimizer: step
    }
  }

  /// A stage's state as it would be stored; nil for one that has none.
  func state(_ stage: StageName) -> [UInt8]? {
    switch stage {
    case .reader: step == 0 ? nil : reader.stored()
    case .gate: memory.gate.isEmpty ? nil : PartMemory.bytes(memory.gate)
    case .loss: step == 0 ? nil : AssemblerState(waves: 1, memory: memory.assembler).stored()
    case .rollout, .verifier, .optimizer: nil
    }
  }

  /// The key from which on a log holds what belongs to `step` and later ones.
  func end(of log: Log) -> RecordKey {
    switch log {
    case .prompts, .rollouts, .verdicts, .decisions: RecordKey(groups)
    case .batches, .updates, .demands: RecordKey(step)
    }
  }
}

extension WriteTransaction {
  /// Sets a run at rest to `positions`: records after them go, cursors and states follow.
  func rewind(to positions: RunPositions) throws {
    for log in Log.allCases { try removeRecords(log, from: positions.end(of: log)) }
    for stage in StageName.allCases {
      try setCursorBack(stage.rawValue, to: positions.cursor(stage))
      if let state = positions.state(stage) {
        try setState(StageState.key(stage), to: state)
      } else {
        try removeState(StageState.key(stage))
      }
    }
  }
}

/// Where the queue keeps a stage's own state.
enum StageState {
  static func key(_ stage: StageName) -> String { "stage.\(stage.rawValue)" }
}
