import Queue
import Records

/// Joins between the logs, and that nothing happened twice or not at all.
extension RunVerification {
  /// Every record of a group says as many rollouts as the one before it.
  mutating func checkJoins(_ survey: RecordSurvey) {
    report.begin("joins")
    for (group, rollout) in survey.rollouts.sorted(by: { $0.key < $1.key }) {
      if let prompt = survey.prompts[group] {
        let isAnswered = rollout.isRefused || rollout.rollouts == Int(prompt.rollouts)
        report.require(
          isAnswered, "rollouts/\(group)",
          "holds \(rollout.rollouts) rollouts, and its prompt asks for \(prompt.rollouts)")
      } else if heads[.prompts].map({ group >= $0 }) ?? false {
        report.find("rollouts/\(group)", "has no prompt")
      }
      if let verdicts = survey.verdicts[group] {
        report.require(
          verdicts.rollouts == rollout.rollouts, "verdicts/\(group)",
          "judges \(verdicts.rollouts) rollouts of \(rollout.rollouts)")
        report.require(
          verdicts.demonstrations == 0 || verdicts.demonstrations == rollout.demonstrations,
          "verdicts/\(group)",
          "judges \(verdicts.demonstrations) demonstrations of \(rollout.demonstrations)")
      }
      if let decision = survey.decisions[group] {
        report.require(
          decision.total == rollout.rollouts && decision.named <= rollout.rollouts,
          "decisions/\(group)",
          "counts \(decision.total) rollouts and names \(decision.named), of \(rollout.rollouts)")
      }
    }
    checkSamplers(survey)
    for (step, batch) in survey.batches.sorted(by: { $0.key < $1.key }) {
      for group in batch.groups {
        guard let rollout = survey.rollouts[group.group] else { continue }
        report.require(
          group.rows.allSatisfy { $0.source.exists(in: rollout) }, "batches/\(step)",
          "trains on a trajectory that group \(group.group) does not hold")
      }
    }
  }

  /// Rollouts name the weights that the run logged for their version, but for those that a fork took
  /// over.
  private mutating func checkSamplers(_ survey: RecordSurvey) {
    for (group, rollout) in survey.rollouts.sorted(by: { $0.key < $1.key })
    where rollout.rollouts > 0 && group >= foreignGroups {
      guard rollout.version > base.step, let update = survey.updates[rollout.version - 1] else {
        continue
      }
      report.require(
        survey.digests[rollout.digest] == update.weightsDigest, "rollouts/\(group)",
        "was sampled by other weights than the run logged for version \(rollout.version)")
    }
  }

  /// Groups that a fork's source sampled; damage of what says so was found with the tables.
  private var foreignGroups: GroupID {
    do { return try Ledger(queue: queue).foreignGroups } catch { return 0 }
  }

  /// Each position of a dataset's order once.
  mutating func checkPositions(_ survey: RecordSurvey) {
    struct Place: Hashable {
      var dataset: UInt32
      var epoch: UInt64
      var position: UInt64
    }
    report.begin("each prompt once")
    var consumers: [Place: GroupID] = [:]
    var last: RecordSurvey.PromptFact?
    for (group, fact) in survey.prompts.sorted(by: { $0.key < $1.key }) {
      let place = Place(dataset: fact.dataset, epoch: fact.epoch, position: fact.position)
      let other = consumers.updateValue(group, forKey: place)
      report.require(
        other == nil, "prompts/\(group)",
        "position \(fact.position) of epoch \(fact.epoch) in dataset \(fact.dataset) was consumed "
          + "by group \(other ?? 0) too")
      if let last, (fact.step, fact.wave) < (last.step, last.wave) {
        report.find(
          "prompts/\(group)",
          "belongs to step \(fact.step), after a prompt of step \(last.step)")
      }
      last = fact
    }
  }

  /// Loss batches tile the groups; each group of one trains, or is dropped once with a reason.
  mutating func checkFates(_ survey: RecordSurvey) {
    report.begin("each group one fate")
    var end = base.group
    let waves = WaveFacts(survey)
    let head = heads[.batches] ?? survey.ends[.batches] ?? base.step
    for step in base.step..<max(base.step, head) {
      guard let batch = survey.batches[step] else {
        // Its own fault is reported; where the next begins cannot be judged.
        end = survey.batches[step + 1]?.firstGroup ?? end
        continue
      }
      report.require(batch.step == step, "batches/\(step)", "says it is of step \(batch.step)")
      report.require(
        batch.firstGroup == end && batch.endGroup > batch.firstGroup, "batches/\(step)",
        "takes the groups \(batch.firstGroup) to \(batch.endGroup), and the one before ends at \(end)"
      )
      end = batch.endGroup
      checkFates(of: batch, survey)
      checkWaves(of: batch, survey, waves)
    }
    for (step, update) in survey.updates.sorted(by: { $0.key < $1.key }) {
      report.require(
        update.step == step && !update.weightsDigest.isEmpty, "updates/\(step)",
        "says it is of step \(update.step), with a digest of \(update.weightsDigest.count) bytes")
    }
  }

  private mutating func checkFates(of batch: LossBatchRecord, _ survey: RecordSurvey) {
    let trained = Dictionary(batch.groups.map { ($0.group, 1) }, uniquingKeysWith: +)
    let dropped = Dictionary(batch.drops.map { ($0.group, 1) }, uniquingKeysWith: +)
    for group in survey.groups(of: batch) {
      guard let decision = survey.decisions[group] else { continue }
      let fates =
        (trained[group] ?? 0) + (dropped[group] ?? 0) + (decision.isDropped ? 1 : 0)
      report.require(
        fates == 1, "groups/\(group)",
        "has \(fates) fates in step \(batch.step): trained \(trained[group] ?? 0) times, dropped by "
          + "the gate \(decision.isDropped ? 1 : 0), in the batch \(dropped[group] ?? 0) times")
    }
    let end = heads[.prompts] ?? survey.ends[.prompts] ?? base.group
    report.require(
      batch.endGroup <= end, "batches/\(batch.step)",
      "takes groups up to \(batch.endGroup), and the prompts end at \(end)")
    let outside = (trained.keys.sorted() + dropped.keys.sorted())
      .filter { $0 < batch.firstGroup || $0 >= batch.endGroup }
    report.require(
      outside.isEmpty, "batches/\(batch.step)", "uses the groups \(outside) of other batches")
    // Every epoch works each group off once.
    var times = [Int](repeating: 0, count: batch.groups.count)
    for member in batch.updates.joined() where Int(member) < times.count { times[Int(member)] += 1 }
    let known = batch.updates.joined().allSatisfy { Int($0) < times.count }
    report.require(
      known && Set(times).count <= 1 && (times.first ?? 1) > 0, "batches/\(batch.step)",
      "its updates work its groups off between \(times.min() ?? 0) and \(times.max() ?? 0) times")
  }

  /// Demands by step, and whether those or prompts that answer them may be unreadable.
  private struct WaveFacts {
    let demands: [UInt64: [RecordKey]]
    let missesDemands: Bool
    let missesPrompts: Bool

    init(_ survey: RecordSurvey) {
      demands = Dictionary(grouping: survey.demands.keys.sorted(), by: \.id)
      missesDemands = survey.faults.contains { $0.log == .demands }
      missesPrompts = survey.faults.contains { $0.log == .prompts }
    }
  }

  /// Prompts of a batch belong to its step; every wave after the first was demanded.
  private mutating func checkWaves(
    of batch: LossBatchRecord, _ survey: RecordSurvey, _ waves: WaveFacts
  ) {
    for group in survey.groups(of: batch) {
      guard let fact = survey.prompts[group] else { continue }
      let isDemanded =
        fact.wave == 0 || survey.demands[RecordKey(batch.step, part: fact.wave)] != nil
        || waves.missesDemands
      report.require(
        fact.step == batch.step && isDemanded, "prompts/\(group)",
        fact.step == batch.step
          ? "is of wave \(fact.wave) of its step, which nobody demanded"
          : "is of step \(fact.step) and trains in step \(batch.step)")
    }
    for key in waves.demands[batch.step] ?? [] {
      let isAnswered = survey.groups(of: batch).contains {
        survey.prompts[$0]?.wave == key.part
      }
      report.require(
        isAnswered || waves.missesPrompts, "demands/\(key)",
        "was never answered by a wave of prompts")
    }
  }
}

extension RecordSurvey {
  /// The groups that a batch took, as far as there are such.
  fileprivate func groups(of batch: LossBatchRecord) -> Range<GroupID> {
    batch.firstGroup..<max(batch.firstGroup, min(batch.endGroup, ends[.prompts] ?? 0))
  }
}

extension LossRow.Source {
  /// Whether a group holds the trajectory that is named.
  fileprivate func exists(in rollout: RecordSurvey.RolloutFact) -> Bool {
    switch self {
    case .rollout(let index): Int(index) < rollout.rollouts
    case .demonstration(let index): Int(index) < rollout.demonstrations
    case .rejected(let index): Int(index) < rollout.rejected
    }
  }
}
