import Estimator
import Queue
import Records

/// How far a run is taken back so that one stage works off again what it has consumed, from a group on.
///
/// What stands before the stage stays; its own records and all that was made of them go from the group
/// on: batches and updates from the step that holds it. Where the gate demands further waves, the
/// prompts after the group's wave go too, since other verdicts may ask for fewer.
struct StageCut {
  let cut: RunCut
  /// The first group that the stage works off: the one asked for, or the first of its wave (reader),
  /// chunk (rollout), step (loss, optimizer).
  let start: GroupID
  /// Where the weights stand.
  let boundary: StepBoundary
  /// Groups whose rollouts stay.
  let taken: GroupID

  init(
    _ stage: StageName, from group: GroupID, _ settings: RunSettings, _ ledger: Ledger
  ) throws {
    let place = try Place(stage, group, settings, ledger)
    start = place.start
    let assembled = try ledger.head(.batches)
    let positions = try RunPositions(at: min(place.step, assembled), settings, ledger)
    let committed = try ledger.cursor(.optimizer)
    boundary =
      committed < positions.step
      ? try RunPositions(at: committed, settings, ledger).boundary : positions.boundary
    var cut = RunCut()
    let logs: [StageName: Log] = [
      .reader: .prompts, .rollout: .rollouts, .verifier: .verdicts, .gate: .decisions,
    ]
    for name in StageName.allCases {
      guard let log = logs[name] else { continue }
      if name >= stage {
        cut.ends[log] = RecordKey(place.start)
        if name != .reader { cut.cursors[name] = place.start }
      } else if let end = place.waveEnd {
        cut.ends[log] = RecordKey(end)
        if name != .reader { cut.cursors[name] = end }
      }
    }
    cut.ends[.updates] = RecordKey(place.step)
    cut.cursors[.optimizer] = place.step
    if stage <= .loss {
      cut.ends[.batches] = RecordKey(place.step)
      cut.ends[.demands] = RecordKey(
        place.step, part: place.waveEnd == nil ? 0 : place.wave + 1)
      cut.cursors[.loss] = place.first
      cut.states[.loss] = AssemblerState(
        waves: place.waveEnd == nil ? 1 : place.wave + 1,
        memory: positions.boundary.memory.assembler
      ).stored()
      try Self.setGate(&cut, stage, place, positions, settings, ledger)
      Self.setReader(&cut, stage, place, positions)
    }
    taken = min(cut.ends[.rollouts]?.id ?? .max, try ledger.head(.rollouts))
    self.cut = cut
  }

  /// The gate's memory is that of the last decision that stays.
  private static func setGate(
    _ cut: inout RunCut, _ stage: StageName, _ place: Place, _ positions: RunPositions,
    _ settings: RunSettings, _ ledger: Ledger
  ) throws {
    guard let end = cut.ends[.decisions]?.id else { return }
    var memory = positions.boundary.memory
    if end > positions.groups {
      _ = try StageFold(settings).decisions(positions.groups..<end, ledger, &memory)
    }
    cut.states[.gate] = .some(memory.gate.isEmpty ? nil : PartMemory.bytes(memory.gate))
  }

  private static func setReader(
    _ cut: inout RunCut, _ stage: StageName, _ place: Place, _ positions: RunPositions
  ) {
    if let end = place.waveEnd, stage > .reader {
      cut.states[.reader] = ReaderState(
        step: place.step, wave: place.wave + 1, position: end
      ).stored()
      cut.cursors[.reader] = place.step
    } else if stage == .reader {
      let state =
        place.wave > 0
        ? ReaderState(step: place.step, wave: place.wave, position: place.start)
        : place.step == positions.step
          ? positions.reader
          : ReaderState(step: place.step - 1, wave: 1, position: place.start)
      cut.states[.reader] = .some(state.wave == 0 ? nil : state.stored())
      cut.cursors[.reader] = state.step
    }
  }
}

/// Where a group stands among steps and waves.
private struct Place {
  let step: UInt64
  let wave: UInt32
  /// The first group of the step.
  let first: GroupID
  let start: GroupID
  /// The end of the group's wave, where what comes after it may not stay.
  let waveEnd: GroupID?

  init(_ stage: StageName, _ group: GroupID, _ settings: RunSettings, _ ledger: Ledger) throws {
    let floor = try ledger.floor
    let end = try Self.consumed(stage, ledger)
    guard group >= floor.group, group < end else {
      throw StageError(
        .badRun, at: "group \(group)",
        end > floor.group
          ? "the \(stage.longName) has worked off the groups \(floor.group) to \(end - 1)"
          : "the \(stage.longName) has worked off no group that the run still holds",
        remedy: "Name one of them; `pipeline inspect list` shows them.")
    }
    let record = try ledger.existing(PromptRecord.self, .prompts, group)
    step = record.step
    let size = UInt64(settings.reader.promptsPerStep)
    var first = group
    while first > floor.group,
      try ledger.existing(PromptRecord.self, .prompts, first - 1).step == record.step
    { first -= 1 }
    self.first = first
    wave = stage >= .loss ? 0 : record.wave
    let waveStart = first + size * UInt64(wave)
    switch stage {
    case .reader: start = waveStart
    case .rollout:
      let chunk = UInt64(settings.rollout.chunkGroups)
      start = max(group / chunk * chunk, waveStart)
    case .verifier, .gate: start = group
    case .loss, .optimizer: start = first
    }
    let demands = settings.algorithm.algorithm.gate.spread?.fill == true
    waveEnd = demands && stage <= .loss ? waveStart + size : nil
  }

  /// The first group that the stage has not worked off.
  private static func consumed(_ stage: StageName, _ ledger: Ledger) throws -> GroupID {
    switch stage {
    case .reader: return try ledger.head(.prompts)
    case .optimizer:
      let steps = try ledger.cursor(.optimizer)
      guard steps > (try ledger.floor.step) else { return 0 }
      return try ledger.existing(LossBatchRecord.self, .batches, steps - 1).endGroup
    default: return try ledger.cursor(stage)
    }
  }
}

extension StageName: Comparable {
  /// In the order in which a trajectory passes them.
  public static func < (left: StageName, right: StageName) -> Bool {
    guard let mine = allCases.firstIndex(of: left), let other = allCases.firstIndex(of: right)
    else { return false }
    return mine < other
  }
}
