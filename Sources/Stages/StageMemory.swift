import Estimator
import Queue
import Records

/// What gate and loss assembler carry from group to group and from step to step: plain numbers, empty
/// at the start of a run and in algorithms that carry nothing.
struct StageMemory: Sendable, Equatable {
  var gate: [Double] = []
  var assembler: [Double] = []
}

/// Works decisions and loss batches out again from stored records: what the two pure stages remember
/// at a point in the past, and the records themselves, to the bits that were written the first time.
struct StageFold {
  private let gate: Gate
  private let assembler: LossAssembler
  private let promptsPerStep: UInt64
  /// Whether any group changes what the gate remembers.
  let gateCarriesMemory: Bool
  /// Whether any step changes the memory: elsewhere there is nothing to work out.
  let carriesMemory: Bool

  init(_ settings: RunSettings) throws {
    let algorithm = settings.algorithm.algorithm
    gate = algorithm.gate
    assembler = try LossAssembler(
      algorithm: algorithm, settings: settings.loss,
      promptsPerStep: settings.reader.promptsPerStep, steps: settings.steps, seed: settings.seed)
    promptsPerStep = UInt64(settings.reader.promptsPerStep)
    gateCarriesMemory = gate.filter?.adaptive.isEmpty == false
    carriesMemory = gateCarriesMemory || algorithm.advantage.kind == .riskBundle
  }

  /// The gate's decisions about a step's groups.
  func decisions(
    _ groups: Range<GroupID>, _ ledger: Ledger, _ memory: inout StageMemory
  ) throws -> [DecisionRecord] {
    try groups.map { group in
      try gate.decide(
        group, step: try ledger.existing(PromptRecord.self, .prompts, group).step,
        try ledger.existing(RolloutRecord.self, .rollouts, group),
        try ledger.existing(VerdictRecord.self, .verdicts, group).verdicts, memory: &memory.gate)
    }
  }

  /// The loss batch of a step from its stored decisions.
  ///
  /// - Throws: `.badData` when the groups are too few to make one.
  func batch(
    _ step: UInt64, _ groups: Range<GroupID>, _ ledger: Ledger, _ memory: inout StageMemory
  ) throws -> LossBatchRecord {
    let members = try groups.map { try StepMember($0, ledger) }
    let waves = UInt32(UInt64(groups.count) / promptsPerStep)
    guard
      case .train(let taken, let surplus) = try assembler.choose(members, waves: waves, step)
    else {
      throw StageError(
        .badData, at: "batches/\(step)",
        "its \(groups.count) groups make no batch, and one is stored",
        remedy: StageError.contradictionRemedy)
    }
    return try assembler.batch(step, groups, members, taken, surplus, &memory.assembler)
  }

  /// Moves the memory over a step whose batch is stored.
  func pass(
    _ step: UInt64, _ groups: Range<GroupID>, _ ledger: Ledger, _ memory: inout StageMemory
  ) throws {
    guard carriesMemory else { return }
    _ = try decisions(groups, ledger, &memory)
    _ = try batch(step, groups, ledger, &memory)
  }
}
