import Queue
import Records
public import Verifiers

/// Gives every rollout of a group a verdict. A verifier's error is a verdict of its own, never a
/// reward of 0, and never stops the run.
public struct VerifierStage: Stage {
  public static let name = StageName.verifier

  private let verifiers: VerifierTable
  private let renderer: PromptRenderer
  /// Groups worked off at once: bounds what one transaction holds.
  private let portion: UInt64 = 512
  private let clock = ContinuousClock()

  public init(verifiers: VerifierTable, renderer: PromptRenderer) {
    self.verifiers = verifiers
    self.renderer = renderer
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let start = try ledger.cursor(.verifier)
    let end = min(try ledger.head(.rollouts), start + portion)
    guard start < end else { return .waiting("no rollouts") }
    var outcome = Outcome()
    for group in start..<end {
      let prompt = try ledger.existing(PromptRecord.self, .prompts, group).prompt
      let rollouts = try ledger.existing(RolloutRecord.self, .rollouts, group).rollouts
      outcome.add(verify(rollouts, of: prompt), to: .verdicts, at: RecordKey(group))
    }
    outcome.cursor = end
    return .made(outcome)
  }

  private func verify(_ rollouts: [Trajectory], of prompt: Prompt) -> VerdictRecord {
    let verifier = verifiers.verifier(for: prompt.source)
    var record = VerdictRecord(verdicts: [], seconds: [])
    for rollout in rollouts {
      let began = clock.now
      record.verdicts.append(
        verifier.verify(
          response: renderer.text(of: rollout), prompt: prompt, finish: rollout.finish))
      record.seconds.append(began.duration(to: clock.now).seconds)
    }
    return record
  }
}

/// Which verifier judges which source.
public struct VerifierTable: Sendable {
  private let standard: any Verifier
  private let bySource: [String: any Verifier]

  public init(standard: any Verifier, bySource: [String: any Verifier]) {
    self.standard = standard
    self.bySource = bySource
  }

  public func verifier(for source: String) -> any Verifier { bySource[source] ?? standard }
}
