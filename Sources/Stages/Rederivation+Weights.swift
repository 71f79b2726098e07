import Policy
import Queue
import Records

/// Rollouts and updates: what asks for the weights of a version.
extension Rederivation {
  func rollouts(of step: StepLayout.Step) {
    let size = UInt64(run.settings.rollout.chunkGroups)
    var done: Set<GroupID> = []
    for group in faulted(.rollouts, step.groups) where !done.contains(group) {
      let chunk = step.groups.filter { other in
        other / size == group / size
          && layout.place(of: other)?.wave == layout.place(of: group)?.wave
      }
      done.formUnion(chunk)
      let damaged = chunk.filter(isFault)
      var isMade = false
      attempt(.rollouts, RecordKey(damaged[0])) {
        try sample(chunk, step.step)
        isMade = true
      }
      guard !isMade, let why = failures.last?.problem else { continue }
      for other in damaged.dropFirst() { fail(.rollouts, RecordKey(other), why) }
    }
  }

  private func sample(_ chunk: [GroupID], _ step: UInt64) throws {
    let known = chunk.compactMap { survey.rollouts[$0] }.first
    let version = try known?.version ?? assumedVersion(of: chunk, step)
    if chunk[0] < foreignGroups, version > 0, version != boundary.step {
      throw unknown("the weights that sampled it, which are those of the run it was forked from")
    }
    let prompts = try chunk.map { try ledger.existing(PromptRecord.self, .prompts, $0) }
    var source = SourcedPolicy(weightsDigest: [], policy: nil)
    if generator.needsWeights(for: prompts) {
      let optimizer = try weights(at: version)
      if let known, survey.digests[known.digest] != optimizer.weightsDigest {
        throw unknown("the weights that sampled it: version \(version) of this run has others")
      }
      source = SourcedPolicy(
        weightsDigest: optimizer.weightsDigest, policy: optimizer.policy,
        critic: optimizer.critic?.model)
    }
    let records = try generator.answer(prompts, from: chunk[0], version: version, with: source)
    // Sound members first: where one of them comes out otherwise, nothing of the chunk is believed.
    let order = zip(chunk, records).sorted { !isFault($0.0) && isFault($1.0) }
    for (group, record) in order where isFault(group) || survey.rollouts[group] != nil {
      try settle(record, .rollouts, RecordKey(group), always: true)
    }
  }

  /// The version that sampled a chunk of which nothing is left to say it.
  private func assumedVersion(of chunk: [GroupID], _ step: UInt64) throws -> UInt64 {
    guard chunk[0] >= foreignGroups else {
      throw unknown(
        "which weights sampled it: nothing of its chunk is left, and another run made it")
    }
    let isAhead = survey.rollouts.contains { group, fact in
      guard group >= foreignGroups, let step = survey.prompts[group]?.step else { return false }
      return fact.version != run.settings.rollout.version(answering: step)
    }
    guard !isAhead else {
      throw unknown(
        "which policy version sampled it: nothing of its chunk is left, and the run worked ahead")
    }
    unproven.insert(step)
    return run.settings.rollout.version(answering: step)
  }

  private func isFault(_ group: GroupID) -> Bool {
    faults.contains(Place(log: .rollouts, key: RecordKey(group)))
  }

  func update(of step: UInt64) {
    guard !faulted(.updates, step..<step + 1).isEmpty else { return }
    attempt(.updates, RecordKey(step)) {
      let held = try weights(at: step)
      // In the middle of a step that is given up the weights are nobody's.
      optimizer = nil
      try settle(try held.work(off: step, ledger), .updates, RecordKey(step))
      optimizer = held
    }
  }

  /// Where nothing else vouches for rollouts of a step, its logged update must follow from them; so it must
  /// from an update of the step before that was made again. Else neither is believed.
  func prove(_ step: StepLayout.Step) {
    let isUnproven = unproven.contains(step.step)
    let followsMade =
      step.step > 0
      && made.contains { $0.log == .updates && $0.key == RecordKey(step.step - 1) }
    guard isUnproven || followsMade, survey.updates[step.step] != nil else { return }
    do {
      // From before the step: a checkpoint after it would tell nothing.
      let held = try weights(at: step.step)
      optimizer = nil
      try held.replay(ledger, to: step.step + 1) { _ in }
      optimizer = held
    } catch {
      let isDenied = (error as? StageError)?.code == .mismatch
      // Where the rest of the step is lost, nobody can ask it about the update before.
      guard isUnproven || isDenied else { return }
      disbelieve(step, (error as? any DescribedError)?.problem ?? "\(error)", before: followsMade)
    }
  }

  /// The weights after `version` steps.
  private func weights(at version: UInt64) throws -> Optimizer {
    if let held = optimizer, held.version <= version {
      optimizer = nil
      try held.replay(ledger, to: version) { _ in }
      optimizer = held
      return held
    }
    let loaded = try run.optimizer(at: version)
    optimizer = loaded
    return loaded
  }
}

/// The repair hands weights over itself; the generator never asks.
struct GivenPolicies: PolicySource {
  func policy(version: UInt64, loaded: Bool) -> SourcedPolicy? { nil }
}
