import Queue
import Records

/// Which groups belong to which step and wave, told from whatever of a run's records can be read.
///
/// The reader emits whole waves of `promptsPerStep` prompts, so a block of as many GroupIDs is one wave:
/// any prompt of it says which, or the loss batch that consumed it, or its place after the block before.
struct StepLayout {
  struct Step {
    var step: UInt64
    var groups: Range<GroupID>
    var waves: UInt32
  }

  private(set) var steps: [Step] = []
  private let promptsPerStep: UInt64

  /// - Parameters:
  ///   - start: where the logs begin, or where the run was forked: before that a wave may have had
  ///     another size.
  ///   - end: one past the last prompt.
  init(_ survey: RecordSurvey, from start: StepBoundary, end: GroupID, promptsPerStep: Int) {
    self.promptsPerStep = UInt64(promptsPerStep)
    var (step, wave) = (start.step, UInt32(0))
    for first in stride(from: start.group, to: end, by: promptsPerStep) {
      let block = first..<first + self.promptsPerStep
      if let known = Self.known(block, survey, size: self.promptsPerStep) {
        (step, wave) = known
      } else if first > start.group {
        // A demand asked for one more wave of the same step; without one a new step begins.
        let isDemanded =
          survey.demands[RecordKey(step, part: wave + 1)] != nil
          || survey.faults.contains {
            $0.log == .demands && $0.key == RecordKey(step, part: wave + 1)
          }
        (step, wave) = isDemanded ? (step, wave + 1) : (step + 1, 0)
      }
      if let last = steps.last, last.step == step {
        steps[steps.count - 1].groups = last.groups.lowerBound..<block.upperBound
        steps[steps.count - 1].waves = wave + 1
      } else {
        steps.append(Step(step: step, groups: block, waves: wave + 1))
      }
    }
  }

  private static func known(
    _ block: Range<GroupID>, _ survey: RecordSurvey, size: UInt64
  ) -> (UInt64, UInt32)? {
    for group in block {
      if let fact = survey.prompts[group] { return (fact.step, fact.wave) }
    }
    for batch in survey.batches.values
    where (batch.firstGroup..<max(batch.firstGroup, batch.endGroup)).contains(block.lowerBound) {
      return (batch.step, UInt32((block.lowerBound - batch.firstGroup) / size))
    }
    return nil
  }

  /// Step and wave of a group.
  func place(of group: GroupID) -> (step: UInt64, wave: UInt32)? {
    var (low, high) = (0, steps.count)
    while low < high {
      let middle = (low + high) / 2
      if steps[middle].groups.upperBound <= group { low = middle + 1 } else { high = middle }
    }
    guard low < steps.count, steps[low].groups.contains(group) else { return nil }
    let step = steps[low]
    return (step.step, UInt32((group - step.groups.lowerBound) / promptsPerStep))
  }
}
