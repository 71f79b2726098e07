import Estimator
import Queue
public import Records

/// Where every stage stands between two steps: all that belongs to the steps before `step` is done, and
/// nothing of what comes after has begun.
///
/// Worked out from the logs, so that a run can be set to any step that it still holds.
public struct RunPositions: Sendable, Equatable {
  let boundary: StepBoundary

  public var step: UInt64 { boundary.step }
  /// Groups of the steps before: the first group of `step`.
  public var groups: GroupID { boundary.group }

  /// - Throws: `.badRun` for a step before the run's floor or after its last loss batch.
  init(at step: UInt64, _ settings: RunSettings, _ ledger: Ledger) throws {
    let floor = try ledger.floor
    let assembled = try ledger.head(.batches)
    guard step >= floor.step, step <= assembled else {
      throw StageError(
        .badRun, at: "step \(step)",
        "the run can be set to the steps \(floor.step) to \(assembled)",
        remedy: "Name one of them.")
    }
    guard step > floor.step else {
      boundary = floor
      return
    }
    let fold = try StageFold(settings)
    var made = StepBoundary()
    made.memory = floor.memory
    if fold.carriesMemory {
      for before in floor.step..<step {
        let batch = try ledger.existing(LossBatchRecord.self, .batches, before)
        try fold.pass(before, batch.firstGroup..<batch.endGroup, ledger, &made.memory)
      }
    }
    made.step = step
    made.group = try ledger.existing(LossBatchRecord.self, .batches, step - 1).endGroup
    made.waves = try ledger.existing(PromptRecord.self, .prompts, made.group - 1).wave + 1
    if try ledger.head(.updates) >= step {
      let update = try ledger.existing(UpdateRecord.self, .updates, step - 1)
      made.digests = .init(policy: update.weightsDigest, critic: update.criticDigest)
    }
    boundary = made
  }

  /// The reader stands at the end of the step before; in a new run it has no state.
  var reader: ReaderState {
    step == 0
      ? ReaderState(step: 0, wave: 0, position: 0)
      : ReaderState(step: step - 1, wave: boundary.waves, position: groups)
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
  private func state(_ stage: StageName) -> [UInt8]? {
    switch stage {
    case .reader: step == 0 ? nil : reader.stored()
    case .gate: boundary.memory.gate.isEmpty ? nil : PartMemory.bytes(boundary.memory.gate)
    case .loss:
      step == 0 ? nil : AssemblerState(waves: 1, memory: boundary.memory.assembler).stored()
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

  /// What takes a run back to these positions.
  var cut: RunCut {
    var cut = RunCut()
    for log in Log.allCases { cut.ends[log] = end(of: log) }
    for stage in StageName.allCases {
      cut.cursors[stage] = cursor(stage)
      cut.states[stage] = .some(state(stage))
    }
    return cut
  }
}

/// What is taken from a run at rest, and where its stages stand afterwards. A log or a stage that is not
/// named stays as it is.
struct RunCut: Equatable {
  /// The first key that goes.
  var ends: [Log: RecordKey] = [:]
  /// Positions; never raised.
  var cursors: [StageName: UInt64] = [:]
  /// States; nil: the stage has none.
  var states: [StageName: [UInt8]?] = [:]

  /// The heads that the cut leaves at most, for the head record.
  var heads: [Log: UInt64] { ends.filter { $0.key != .demands }.mapValues(\.id) }
}

extension WriteTransaction {
  /// - Returns: how many records of each log went.
  @discardableResult
  func apply(_ cut: RunCut) throws -> [Log: Int] {
    var removed: [Log: Int] = [:]
    for log in Log.allCases {
      if let end = cut.ends[log] { removed[log] = try removeRecords(log, from: end) }
    }
    for stage in StageName.allCases {
      if let cursor = cut.cursors[stage] { try setCursorBack(stage.rawValue, to: cursor) }
      guard let state = cut.states[stage] else { continue }
      if let state {
        try setState(StageState.key(stage), to: state)
      } else {
        try removeState(StageState.key(stage))
      }
    }
    return removed
  }
}

/// Where the queue keeps a stage's own state.
enum StageState {
  static func key(_ stage: StageName) -> String { "stage.\(stage.rawValue)" }
}
