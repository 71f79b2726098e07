import Queue
import Records

/// What a step's groups say of data and gate.
struct StepMetrics {
  let measurements: [Measurement]

  /// - Parameter drops: groups that the gate let pass and the assembler did not.
  init(_ members: [StepMember], drops: Int) {
    let count = Double(max(members.count, 1))
    let dropped = members.filter { $0.decision.drop != nil }
    let trained = members.filter { $0.decision.drop == nil }
    let imitating = trained.filter { $0.decision.demonstrationWeight != 0 }
    let reinforcing = trained.filter { !$0.decision.kept.isEmpty }
    var all = [
      Measurement("gate/sft", Double(imitating.count) / count),
      Measurement("gate/rl", Double(reinforcing.count) / count),
      Measurement("gate/dropped", Double(dropped.count + drops) / count),
    ]
    // Every group beyond the first wave was asked for because an earlier one had been left out.
    if let waves = members.map(\.prompt.wave).max(), waves > 0 {
      all.append(Measurement("gate/waves", Double(waves) + 1))
    }
    let errors = members.reduce(0) { sum, member in
      sum + member.verdicts.verdicts.count { $0.reward == nil }
    }
    all.append(Measurement("verifier/errors", Double(errors)))
    let sampled = members.filter {
      !$0.verdicts.verdicts.isEmpty && $0.decision.rule != "drop"
    }
    if !sampled.isEmpty { all += Self.rolloutMetrics(sampled) }
    measurements = all
  }

  private static func rolloutMetrics(_ members: [StepMember]) -> [Measurement] {
    let lengths = members.flatMap { $0.rollouts.rollouts.map { Double($0.tokens.count) } }
    let cut = members.flatMap { $0.rollouts.rollouts.map { $0.finish == .length ? 1.0 : 0 } }
    let rewards = members.flatMap { $0.verdicts.verdicts.compactMap(\.reward) }
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
