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
      let optimizer = try weights(at: step)
      try settle(try optimizer.work(off: step, ledger), .updates, RecordKey(step))
      // What was logged later must follow from it.
      if survey.updates[step + 1] != nil, survey.batches[step + 1] != nil {
        try optimizer.replay(ledger, to: step + 2) { _ in }
      }
    }
  }

  /// Where nothing else vouches for rollouts of a step, its logged update must follow from them: else
  /// nothing that was made for the step is believed.
  func prove(_ step: StepLayout.Step) {
    guard unproven.contains(step.step), survey.updates[step.step] != nil else { return }
    do {
      // From before the step: a checkpoint after it would tell nothing.
      try weights(at: step.step).replay(ledger, to: step.step + 1) { _ in }
    } catch {
      optimizer = nil
      let problem = (error as? any DescribedError)?.problem ?? "\(error)"
      disbelieve(step, problem)
    }
  }

  /// The weights after `version` steps.
  private func weights(at version: UInt64) throws -> Optimizer {
    if let optimizer, optimizer.version <= version {
      try optimizer.replay(ledger, to: version) { _ in }
      return optimizer
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
