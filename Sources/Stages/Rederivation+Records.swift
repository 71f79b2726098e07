import Queue
import Records
import Verifiers

/// Records that no weights are needed for.
extension Rederivation {
  func prompts(of step: StepLayout.Step) {
    let range = groups(of: step, in: .prompts)
    for group in comparesAll ? Array(range) : faulted(.prompts, range) {
      attempt(.prompts, RecordKey(group)) {
        guard let place = layout.place(of: group) else { throw unknown("its step") }
        try settle(
          try reader.record(of: group, step: place.step, wave: place.wave), .prompts,
          RecordKey(group))
      }
    }
  }

  func verdicts(of step: StepLayout.Step) {
    let lost = faulted(.verdicts, step.groups)
    for group in comparesAll ? Array(groups(of: step, in: .verdicts)) : lost {
      attempt(.verdicts, RecordKey(group)) {
        let prompt = try ledger.existing(PromptRecord.self, .prompts, group).prompt
        guard run.verifiers.verifier(for: prompt.source).isRepeatable else {
          // There is nothing to compare it with.
          guard lost.contains(group) else { return }
          throw unknown("the verdict, which its verifier would not repeat")
        }
        let rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group)
        try settle(verifier.verify(rollouts, of: prompt), .verdicts, RecordKey(group))
      }
    }
  }

  func decisions(of step: StepLayout.Step) {
    let range = groups(of: step, in: .decisions)
    let wanted = faulted(.decisions, range)
    guard comparesAll || fold.gateCarriesMemory else {
      // Each by itself: what is lost upstream of one keeps none of the others.
      for group in wanted {
        attempt(.decisions, RecordKey(group)) {
          var nothing = StageMemory()
          for record in try fold.decisions(group..<group + 1, ledger, &nothing) {
            try settle(record, .decisions, RecordKey(group))
          }
        }
      }
      return
    }
    follow(.decisions, wanted.map { RecordKey($0) }) { memory in
      let records = try fold.decisions(range, ledger, &memory)
      for (group, record) in zip(range, records) {
        try settle(record, .decisions, RecordKey(group))
      }
    }
  }

  func demands(of step: StepLayout.Step) {
    for wave in 1..<max(1, askedWaves(of: step)) {
      let key = RecordKey(step.step, part: wave)
      let isMissing = survey.demands[key] == nil
      if isMissing { faults.insert(Place(log: .demands, key: key)) }
      guard comparesAll || isMissing else { continue }
      attempt(.demands, key) {
        let end = step.groups.lowerBound + UInt64(wave) * UInt64(run.settings.reader.promptsPerStep)
        let members = try (step.groups.lowerBound..<end).map { try StepMember($0, ledger) }
        guard case .demand(let missing) = try assembler.choose(members, waves: wave, step.step)
        else { throw unknown("why wave \(wave) was asked for") }
        try settle(
          DemandRecord(step: step.step, wave: wave, missing: missing), .demands, key)
      }
    }
  }

  /// Waves of a step, the one among them that the assembler has asked for and nobody emitted yet.
  private func askedWaves(of step: StepLayout.Step) -> UInt32 {
    let next = RecordKey(step.step, part: step.waves)
    let isAsked =
      step.step == heads[.batches] ?? base.step && assembledWaves > step.waves
      || faults.contains(Place(log: .demands, key: next))
    return isAsked ? step.waves + 1 : step.waves
  }

  func batch(of step: StepLayout.Step) {
    guard step.step < heads[.batches] ?? base.step else { return }
    let wanted = faulted(.batches, step.step..<step.step + 1)
    guard comparesAll || fold.carriesMemory || !wanted.isEmpty else { return }
    follow(.batches, wanted.map { RecordKey($0) }) { memory in
      try settle(
        try fold.batch(step.step, step.groups, ledger, &memory), .batches, RecordKey(step.step))
    }
  }
}
