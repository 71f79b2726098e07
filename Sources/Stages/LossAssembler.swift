public import Estimator
import Queue
import Randomness
import Records

/// Turns the decisions of a step's groups into a loss batch: advantages, weights, and the order and
/// membership of its updates. Pure: records in, a record out.
public struct LossAssembler: Stage {
  public static let name = StageName.loss

  private let algorithm: Algorithm
  private let settings: LossSettings
  private let promptsPerStep: UInt64
  private let steps: UInt64
  private let seed: UInt64

  public init(
    algorithm: Algorithm, settings: LossSettings, promptsPerStep: Int, steps: Int, seed: UInt64
  ) {
    self.algorithm = algorithm
    self.settings = settings
    self.promptsPerStep = UInt64(promptsPerStep)
    self.steps = UInt64(steps)
    self.seed = seed
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let step = try ledger.head(.batches)
    let first = try ledger.cursor(.loss)
    let end = first + promptsPerStep
    guard try ledger.head(.decisions) >= end else {
      return .waiting(step < steps ? "step \(step) is not decided yet" : "all steps are assembled")
    }
    let members = try (first..<end).map { try StepMember($0, ledger) }
    var outcome = Outcome()
    outcome.add(try batch(step, first..<end, members), to: .batches, at: RecordKey(step))
    outcome.cursor = end
    return .made(outcome)
  }

  private func batch(
    _ step: UInt64, _ range: Range<GroupID>, _ members: [StepMember]
  ) throws -> LossBatchRecord {
    let training = members.filter { $0.decision.drop == nil }
    let advantages = try algorithm.advantages(training.map(\.rewards))
    let groups = zip(training, advantages).map { $0.lossGroup($1) }
    return LossBatchRecord(
      step: step, firstGroup: range.lowerBound, endGroup: range.upperBound, groups: groups,
      updates: updates(of: groups.count, step), metrics: StepMetrics(members).measurements)
  }

  /// Epochs × mini-batches; a step without trained groups has no update.
  private func updates(of count: Int, _ step: UInt64) -> [[UInt32]] {
    guard count > 0 else { return [] }
    let parts = min(settings.miniBatches, count)
    return (0..<settings.epochs).flatMap { epoch in
      let order = order(of: count, step, epoch: epoch)
      return (0..<parts).map { part in
        Array(order[part * count / parts..<(part + 1) * count / parts])
      }
    }
  }

  private func order(of count: Int, _ step: UInt64, epoch: Int) -> [UInt32] {
    guard settings.shuffles, settings.miniBatches > 1 else { return (0..<count).map(UInt32.init) }
    let permutation = Permutation(
      count: UInt64(count), seed: seed, epoch: step << 16 | UInt64(epoch), purpose: .updates)
    return (0..<UInt64(count)).map { UInt32(permutation[$0]) }
  }
}

/// A group of the step with everything that its loss needs.
struct StepMember {
  var group: GroupID
  var prompt: PromptRecord
  var rollouts: RolloutRecord
  var verdicts: [Verdict]
  var decision: DecisionRecord

  init(_ group: GroupID, _ ledger: Ledger) throws {
    self.group = group
    prompt = try ledger.existing(PromptRecord.self, .prompts, group)
    rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group)
    verdicts = try ledger.existing(VerdictRecord.self, .verdicts, group).verdicts
    decision = try ledger.existing(DecisionRecord.self, .decisions, group)
  }

  private var imitated: Int {
    decision.demonstration == .unused ? 0 : rollouts.demonstrations.count
  }

  var rewards: GroupRewards {
    GroupRewards(
      rollouts: decision.kept.map { verdicts[Int($0)].reward ?? 0 }, imitated: imitated)
  }

  func lossGroup(_ advantages: GroupAdvantages) -> LossGroup {
    let rows = zip(decision.kept, advantages.rollouts).map { index, advantage in
      LossRow(
        source: .rollout(index), advantages: [advantage],
        reward: verdicts[Int(index)].reward ?? .nan)
    }
    let imitations = advantages.demonstrations.enumerated().map { index, advantage in
      LossRow(source: .demonstration(UInt32(index)), advantages: [advantage], reward: .nan)
    }
    return LossGroup(
      group: group, rolloutWeight: decision.rolloutWeight,
      demonstrationWeight: decision.demonstrationWeight, rows: rows + imitations)
  }
}

/// What a step's groups say of data and gate.
struct StepMetrics {
  let measurements: [Measurement]

  init(_ members: [StepMember]) {
    let count = Double(max(members.count, 1))
    let dropped = members.filter { $0.decision.drop != nil }
    let imitating = members.filter { $0.decision.demonstration == .imitated }
    let reinforcing = members.filter { !$0.decision.kept.isEmpty }
    var all = [
      Measurement("gate/sft", Double(imitating.count) / count),
      Measurement("gate/rl", Double(reinforcing.count) / count),
      Measurement("gate/dropped", Double(dropped.count) / count),
    ]
    let errors = members.reduce(0) { sum, member in
      sum + member.verdicts.count { $0.reward == nil }
    }
    all.append(Measurement("verifier/errors", Double(errors)))
    let sampled = members.filter { !$0.verdicts.isEmpty && $0.decision.rule != "drop" }
    if !sampled.isEmpty { all += Self.rolloutMetrics(sampled) }
    measurements = all
  }

  private static func rolloutMetrics(_ members: [StepMember]) -> [Measurement] {
    let lengths = members.flatMap { $0.rollouts.rollouts.map { Double($0.tokens.count) } }
    let cut = members.flatMap { $0.rollouts.rollouts.map { $0.finish == .length ? 1.0 : 0 } }
    let rewards = members.flatMap { $0.verdicts.compactMap(\.reward) }
    var all = [
      Measurement("rollout/accuracy", accuracy(members)),
      Measurement("rollout/all_wrong", share(members) { $0.decision.solved == 0 }),
      Measurement("rollout/all_right", share(members) { $0.decision.solved == $0.decision.total }),
      Measurement("reward/mean", mean(rewards)),
      Measurement("response/length_mean", mean(lengths)),
      Measurement("response/cut_share", mean(cut)),
      Measurement("tokens/sampled", lengths.reduce(0, +)),
    ]
    let bySource = Dictionary(grouping: members) { $0.prompt.prompt.source }
    for (source, part) in bySource.sorted(by: { $0.key < $1.key }) {
      all.append(Measurement("accuracy/source/\(source)", accuracy(part)))
    }
    let byLevel = Dictionary(grouping: members.filter { $0.prompt.prompt.tags["level"] != nil }) {
      $0.prompt.prompt.tags["level"] ?? ""
    }
    for (level, part) in byLevel.sorted(by: { $0.key < $1.key }) {
      all.append(Measurement("accuracy/level/\(level)", accuracy(part)))
    }
    return all
  }

  private static func accuracy(_ members: [StepMember]) -> Double {
    let solved = members.reduce(0) { $0 + Double($1.decision.solved) }
    return solved / max(members.reduce(0) { $0 + Double($1.decision.total) }, 1)
  }

  private static func share(_ members: [StepMember], _ test: (StepMember) -> Bool) -> Double {
    Double(members.count { test($0) }) / Double(max(members.count, 1))
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(max(values.count, 1))
  }
}
