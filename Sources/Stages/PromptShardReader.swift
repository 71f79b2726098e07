import Queue
import Records

/// Emits the prompts of each step, wave by wave, in the datasets' seeded order.
///
/// The first wave of step t + 1 is emitted only when loss batch t is complete and the policy version
/// that must answer it is committed; a further wave only when the loss assembler demands it. So what
/// is read depends on the logs alone, never on who was faster. A reader that works ahead emits the
/// same prompts under the same GroupIDs, only earlier: that is for algorithms without demands.
public struct PromptShardReader: Stage {
  public static let name = StageName.reader

  private let source: PromptStream
  private let settings: ReaderSettings
  private let steps: UInt64
  private let lag: UInt64
  private let rollouts: UInt32
  /// Steps before it are imitated by schedule and are asked for no rollouts.
  private let firstRolloutStep: UInt64
  /// Steps whose prompts may be emitted before the loss batch of the first of them is there.
  private let ahead: UInt64

  public init(
    source: PromptStream, settings: ReaderSettings, steps: Int, lag: Int, rollouts: Int,
    firstRolloutStep: UInt64 = 0, ahead: Int = 0
  ) {
    self.ahead = UInt64(ahead)
    self.source = source
    self.settings = settings
    self.steps = UInt64(steps)
    self.lag = UInt64(lag)
    self.rollouts = UInt32(rollouts)
    self.firstRolloutStep = firstRolloutStep
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    var state = try ReaderState(stored: ledger.state(.reader))
    let batches = try ledger.head(.batches)
    if batches > state.step || state.wave == 0 || state.step + 1 < batches + ahead {
      // The step's batch is complete, or need not be (or nothing was ever emitted): the next step.
      if state.wave > 0 {
        state = ReaderState(step: state.step + 1, wave: 0, position: state.position)
      }
      guard state.step < steps else { return .waiting("all \(steps) steps are emitted") }
      let version = state.step > lag ? state.step - lag : 0
      guard try state.step < batches + ahead || ledger.cursor(.optimizer) >= version else {
        return .waiting("step \(state.step) needs policy version \(version)")
      }
    } else {
      let demand = try ledger.record(
        DemandRecord.self, .demands, RecordKey(state.step, part: state.wave))
      guard demand != nil else { return .waiting("step \(state.step) is being worked off") }
    }
    return .made(try emit(from: state, ledger))
  }

  private func emit(from state: ReaderState, _ ledger: Ledger) throws -> Outcome {
    var outcome = Outcome()
    let first = try ledger.head(.prompts)
    for index in 0..<UInt64(settings.promptsPerStep) {
      outcome.add(
        try record(of: state.position + index, step: state.step, wave: state.wave),
        to: .prompts, at: RecordKey(first + index))
    }
    outcome.cursor = state.step
    outcome.state =
      ReaderState(
        step: state.step, wave: state.wave + 1,
        position: state.position + UInt64(settings.promptsPerStep)
      ).stored()
    return outcome
  }
}

extension PromptShardReader {
  /// The record of the prompt at a place of the stream, which is its GroupID.
  func record(of position: UInt64, step: UInt64, wave: UInt32) throws -> PromptRecord {
    let pick = try source.prompt(at: position)
    return PromptRecord(
      step: step, wave: wave, epoch: pick.epoch, position: pick.position, dataset: pick.dataset,
      rollouts: asksRollouts(pick, step) ? rollouts : 0, prompt: pick.prompt)
  }

  /// Plain SFT data, and steps before the schedule's end, have demonstrations only.
  private func asksRollouts(_ pick: PromptStream.Pick, _ step: UInt64) -> Bool {
    pick.dataset == 0 && step >= firstRolloutStep
  }
}

/// Where the reader stands: the step it serves, the waves it has emitted for it, and how many
/// prompts it has emitted in all (which fixes epoch and index in every dataset).
struct ReaderState: Equatable {
  var step: UInt64 = 0
  var wave: UInt32 = 0
  var position: UInt64 = 0

  init(step: UInt64, wave: UInt32, position: UInt64) {
    self.step = step
    self.wave = wave
    self.position = position
  }

  init(stored: [UInt8]?) throws(RecordError) {
    guard let stored else { return }
    var reader = ByteReader(stored)
    step = try reader.ordinal("the reader's step")
    wave = try reader.smallCount("the reader's wave")
    position = try reader.ordinal("the reader's position")
    try reader.expectEnd()
  }

  func stored() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(step)
    writer.put(wave)
    writer.put(position)
    return writer.bytes
  }
}
