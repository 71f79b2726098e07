public import Estimator
import Queue
import Randomness
package import Records

/// Turns the decisions of a step's groups into a loss batch: advantages, weights, and the order and
/// membership of its updates. Pure: records and its own state in, a record out.
///
/// Where the gate leaves a batch short and the algorithm fills it (dynamic sampling), the assembler
/// demands one more wave of prompts for its step instead.
public struct LossAssembler: Stage {
  public static let name = StageName.loss

  private let algorithm: Algorithm
  private let shaper: RewardShaper
  private let settings: LossSettings
  private let promptsPerStep: UInt64
  private let steps: UInt64
  private let seed: UInt64

  /// - Throws: for a reward expression that cannot be read.
  public init(
    algorithm: Algorithm, settings: LossSettings, promptsPerStep: Int, steps: Int, seed: UInt64
  ) throws {
    self.algorithm = algorithm
    shaper = try RewardShaper(algorithm.reward)
    self.settings = settings
    self.promptsPerStep = UInt64(promptsPerStep)
    self.steps = UInt64(steps)
    self.seed = seed
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let step = try ledger.head(.batches)
    let first = try ledger.cursor(.loss)
    var state = try AssemblerState(stored: ledger.state(.loss))
    let end = first + promptsPerStep * UInt64(state.waves)
    guard try ledger.head(.decisions) >= end else {
      return .waiting(step < steps ? "step \(step) is not decided yet" : "all steps are assembled")
    }
    let members = try (first..<end).map { try StepMember($0, ledger) }
    if let other = members.first(where: { $0.prompt.step != step }) {
      throw StageError.disagreement(
        "prompts/\(other.group)", "is of step \(other.prompt.step), and stands in step \(step)")
    }
    let choice = try choose(members, waves: state.waves, step)
    var outcome = Outcome()
    switch choice {
    case .demand(let missing):
      outcome.add(
        DemandRecord(step: step, wave: state.waves, missing: missing), to: .demands,
        at: RecordKey(step, part: state.waves))
      outcome.cursor = first
      state.waves += 1
    case .train(let taken, let surplus):
      outcome.add(
        try batch(step, first..<end, members, taken, surplus, &state.memory), to: .batches,
        at: RecordKey(step))
      outcome.cursor = end
      state.waves = 1
    }
    outcome.state = state.stored()
    return .made(outcome)
  }

  // MARK: Which groups

  enum Choice {
    case demand(missing: UInt32)
    /// Indices of members, and of those over the number.
    case train([Int], surplus: [Int])
  }

  func choose(_ members: [StepMember], waves: UInt32, _ step: UInt64) throws -> Choice {
    let kept = members.indices.filter { members[$0].decision.drop == nil }
    guard let spread = algorithm.gate.spread, spread.fill,
      step >= algorithm.gate.imitationSteps
    else { return .train(kept, surplus: []) }
    let size = Int(promptsPerStep)
    let byWave = (0..<Int(waves)).map { wave in
      kept.filter { $0 / size == wave }
    }
    let fill = spread.fill(target: size, waves: byWave)
    switch fill.outcome {
    case .full, .short: return .train(fill.taken, surplus: fill.surplus)
    case .unfinished: return .demand(missing: UInt32(size - kept.count))
    case .failed:
      throw StageError(
        .badRun, at: "step \(step)",
        "after \(waves) waves \(kept.count) of \(size) groups have rollouts that differ",
        remedy: "Raise algorithm.gate.spread.maximum_waves, or set "
          + "algorithm.gate.spread.when_short to train.")
    }
  }

  // MARK: What they come to

  func batch(
    _ step: UInt64, _ range: Range<GroupID>, _ members: [StepMember], _ taken: [Int],
    _ surplus: [Int], _ memory: inout [Double]
  ) throws -> LossBatchRecord {
    let assembled = try algorithm.assemble(
      taken.map { members[$0] }, shaper, seed: seed, step: step, memory: &memory)
    let drops = surplus.map { LossDrop(group: members[$0].group, reason: "surplus") }
    return LossBatchRecord(
      step: step, firstGroup: range.lowerBound, endGroup: range.upperBound,
      groups: assembled.groups,
      drops: (drops + assembled.drops).sorted { $0.group < $1.group },
      updates: updates(of: assembled.units, step),
      metrics: StepMetrics(members, drops: drops.count + assembled.drops.count).measurements)
  }

  /// Epochs × mini-batches; a step without trained groups has no update. Units (a group, or the groups
  /// of a bundle) are dealt out evenly and never split.
  private func updates(of units: [[UInt32]], _ step: UInt64) -> [[UInt32]] {
    guard !units.isEmpty else { return [] }
    let parts = min(settings.miniBatches, units.count)
    return (0..<settings.epochs).flatMap { epoch in
      let order = order(of: units.count, step, epoch: epoch)
      return (0..<parts).map { part -> [UInt32] in
        let dealt = part * units.count / parts..<(part + 1) * units.count / parts
        return order[dealt].flatMap { units[$0] }
      }
    }
  }

  private func order(of count: Int, _ step: UInt64, epoch: Int) -> [Int] {
    guard settings.shuffles, settings.miniBatches > 1 else { return Array(0..<count) }
    let permutation = Permutation(
      count: UInt64(count), seed: seed, epoch: step << 16 | UInt64(epoch), purpose: .updates)
    return (0..<UInt64(count)).map { Int(permutation[$0]) }
  }
}

/// The groups of a step with their numbers, those that cannot train, and what must stay together.
package struct AssembledStep {
  package var groups: [LossGroup] = []
  package var drops: [LossDrop] = []
  /// Indices into `groups`.
  package var units: [[UInt32]] = []
}

extension Algorithm {
  /// Advantages of a step's groups: the assembler's arithmetic, and replay's.
  ///
  /// - Parameters:
  ///   - members: those that the gate let pass, in GroupID order.
  ///   - memory: the estimate's state between steps.
  package func assemble(
    _ members: [StepMember], _ shaper: RewardShaper, seed: UInt64, step: UInt64,
    memory: inout [Double]
  ) throws -> AssembledStep {
    var result = AssembledStep()
    var drafts: [(draft: Draft, decision: DecisionRecord)] = []
    for member in members {
      let draft = try member.draft(self, shaper)
      if let reason = draft.drop {
        result.drops.append(LossDrop(group: member.group, reason: reason))
      } else {
        drafts.append((draft, member.decision))
      }
    }
    let assembled = try assemble(
      drafts.map(\.draft.assembly), seed: seed, step: step, memory: &memory)
    var bundle = -1
    for ((draft, decision), made) in zip(drafts, assembled) {
      if let reason = made.drop {
        result.drops.append(LossDrop(group: draft.assembly.id, reason: reason))
        continue
      }
      let index = UInt32(result.groups.count)
      result.groups.append(draft.lossGroup(made, decision))
      if made.bundle >= 0, made.bundle == bundle {
        result.units[result.units.count - 1].append(index)
      } else {
        result.units.append([index])
      }
      bundle = made.bundle
    }
    return result
  }
}

/// Where the assembler stands: the waves that its step has asked for, and what the advantage estimate
/// carries from step to step.
struct AssemblerState: Equatable {
  var waves: UInt32 = 1
  var memory: [Double] = []

  init(waves: UInt32, memory: [Double]) {
    self.waves = waves
    self.memory = memory
  }

  init(stored: [UInt8]?) throws(RecordError) {
    guard let stored else { return }
    var reader = ByteReader(stored)
    waves = try reader.smallCount("the number of waves")
    guard waves > 0 else { throw RecordError(problem: "the assembler's step has no wave") }
    memory = try reader.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.double()
    }
    try reader.expectEnd()
  }

  func stored() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(waves)
    writer.put(array: memory) { $0.put($1) }
    return writer.bytes
  }
}
