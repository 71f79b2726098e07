import Estimator
import Randomness
package import Records
package import Stages

/// What of a run every replayed algorithm needs.
package struct ReplaySetting: Sendable {
  let seed: UInt64
  let promptsPerStep: Int
  let microBatchGroups: Int
  let selection: RandomStream

  package init(_ settings: RunSettings) {
    seed = settings.seed
    promptsPerStep = settings.reader.promptsPerStep
    microBatchGroups = settings.optimizer.microBatchGroups
    selection = RandomStream(seed: settings.seed, purpose: .selection)
  }
}

/// One algorithm on its way over the steps of a run, with what its gate and its assembler remember.
package struct AlgorithmReplay {
  package let subject: ReplayedAlgorithm
  private let setting: ReplaySetting
  private let shaper: RewardShaper
  private var gateMemory: [Double] = []
  private var assemblerMemory: [Double] = []
  /// Why there are no weights, or no decisions either, from some step on.
  package private(set) var failure: ReplayFailure?
  private var canDecide = true

  package init(_ subject: ReplayedAlgorithm, _ setting: ReplaySetting) throws {
    self.subject = subject
    self.setting = setting
    shaper = try RewardShaper(subject.algorithm.reward)
  }

  private var algorithm: Algorithm { subject.algorithm }

  mutating func fail(_ error: any DescribedError, _ step: UInt64) {
    if failure == nil { failure = ReplayFailure(error, step: step) }
  }

  /// Decides and assembles a step. What goes wrong is the algorithm's failure, never the replay's.
  ///
  /// - Parameters:
  ///   - recorded: the update whose log-probabilities stand for the current policy's; nil: the
  ///     rollouts' own.
  ///   - evaluates: whether the weights will be asked for.
  package mutating func prepare(
    _ step: StoredStep, recorded: RecordedUpdate? = nil, evaluates: Bool = true
  ) -> PreparedStep {
    var prepared = PreparedStep()
    guard canDecide else { return prepared }
    do {
      prepared.decisions = try decide(step)
    } catch {
      canDecide = false
      fail(described(error), step.step)
      return prepared
    }
    do {
      let assembled = try assemble(step, &prepared)
      guard evaluates, failure == nil, let assembled else { return prepared }
      prepared.batch = try PreparedBatch(
        assembled.groups, step, subject, setting, recorded: recorded)
    } catch {
      fail(described(error), step.step)
    }
    return prepared
  }

  private mutating func decide(_ step: StoredStep) throws -> [DecisionRecord] {
    var memory = gateMemory
    let decisions = try step.groups.map { group in
      try algorithm.gate.decide(
        group.group, step: group.prompt.step, group.rollouts, group.verdicts.verdicts,
        memory: &memory)
    }
    gateMemory = memory
    return decisions
  }

  /// The assembler's arithmetic over the groups that it would take; nil where what it reads is
  /// missing.
  private mutating func assemble(
    _ step: StoredStep, _ prepared: inout PreparedStep
  ) throws -> AssembledStep? {
    prepared.drops = prepared.decisions.map(\.drop)
    guard failure == nil else { return nil }
    let taken = take(step, &prepared)
    for index in taken {
      let group = step.groups[index]
      if let missing = algorithm.missing(
        toAssemble: group.rollouts, prepared.decisions[index])
      {
        throw missing.error(group.group)
      }
    }
    let assembled = try algorithm.assemble(
      taken.map { step.groups[$0].member(prepared.decisions[$0]) }, shaper, seed: setting.seed,
      step: step.step, memory: &assemblerMemory)
    let reasons = Dictionary(
      assembled.drops.map { ($0.group, $0.reason) }, uniquingKeysWith: { first, _ in first })
    for index in taken where prepared.drops[index] == nil {
      prepared.drops[index] = reasons[step.groups[index].group]
    }
    return assembled
  }

  /// Dynamic sampling on the waves that are stored: what is over the number is surplus; where the
  /// algorithm would have asked for one more wave, it trains on what there is.
  private func take(_ step: StoredStep, _ prepared: inout PreparedStep) -> [Int] {
    let kept = step.groups.indices.filter { prepared.decisions[$0].drop == nil }
    guard let spread = algorithm.gate.spread, spread.fill,
      step.step >= algorithm.gate.imitationSteps
    else { return kept }
    let size = setting.promptsPerStep
    let waves = (step.groups.count + size - 1) / size
    let fill = spread.fill(
      target: size, waves: (0..<waves).map { wave in kept.filter { $0 / size == wave } })
    if fill.outcome == .unfinished || fill.outcome == .failed {
      prepared.isShort = true
      return kept
    }
    // Also the groups of waves that this algorithm would not have asked for.
    let taken = Set(fill.taken)
    for index in kept where !taken.contains(index) { prepared.drops[index] = "surplus" }
    return fill.taken
  }

  private func described(_ error: any Error) -> any DescribedError {
    error as? any DescribedError
      ?? ReplayError(
        .badData, at: subject.label, "\(error)", remedy: "Report this with the command you ran.")
  }
}

/// Why an algorithm has no numbers; the others go on.
public struct ReplayFailure: Sendable, Equatable, Encodable {
  public var location: String
  public var problem: String
  public var remedy: String
  /// The first step that it shows in.
  public var step: UInt64
  /// What the command ends with.
  public var exitStatus: Int32

  init(_ error: any DescribedError, step: UInt64) {
    location = error.location
    problem = error.problem
    remedy = error.remedy
    exitStatus = error.exitStatus.rawValue
    self.step = step
  }
}

/// What an algorithm makes of a step before any token is looked at.
package struct PreparedStep {
  /// One for each group of the step; empty where the algorithm cannot decide.
  package var decisions: [DecisionRecord] = []
  /// Why a group does not train, the assembler's reasons included; nil: it does.
  package var drops: [String?] = []
  /// Dynamic sampling would have asked for another wave.
  var isShort = false
  /// Nil where there is nothing to evaluate.
  package var batch: PreparedBatch?

  func fate(_ index: Int) -> GroupFate {
    if drops[index] != nil { return .dropped }
    let decision = decisions[index]
    switch (decision.kept.isEmpty, decision.demonstration == .unused) {
    case (false, true): return .reinforced
    case (true, _): return .imitated
    case (false, false): return .mixed
    }
  }
}

/// What becomes of a group.
public enum GroupFate: String, Sendable, CaseIterable, Encodable {
  /// Trains on its demonstration alone.
  case imitated = "sft"
  /// Trains on its rollouts alone.
  case reinforced = "rl"
  /// On both.
  case mixed
  case dropped
}
