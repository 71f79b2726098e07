import Queue
public import Records
import Verifiers

/// Gives every rollout of a group a verdict. A verifier's error is a verdict of its own, never a
/// reward of 0, and never stops the run. Demonstrations are judged too where the algorithm lets them
/// join their group: they take part in its statistics then, and may be wrong.
public struct VerifierStage: Stage {
  public static let name = StageName.verifier

  private let verifiers: VerifierTable
  private let renderer: PromptRenderer
  private let judgesDemonstrations: Bool
  private let share: WorkShare
  private let interruption: Interruption?
  /// Groups worked off at once: bounds what one transaction holds.
  private let largestPortion: UInt64 = 512
  /// Responses that are judged before the next commit: what waits for answers from outside loses few
  /// of them at a kill.
  private let portion: Int
  /// Groups that one of several workers takes at once.
  private let block: UInt64 = 32

  public init(
    verifiers: VerifierTable, renderer: PromptRenderer, judgesDemonstrations: Bool = false,
    share: WorkShare = .whole, interruption: Interruption? = nil
  ) {
    self.interruption = interruption
    portion = verifiers.atOnce.map { 4 * $0 } ?? .max
    self.share = share
    self.verifiers = verifiers
    self.judgesDemonstrations = judgesDemonstrations
    self.renderer = renderer
  }

  public mutating func advance(_ ledger: Ledger) throws -> Progress {
    let head = try ledger.cursor(.verifier)
    let end = try ledger.head(.rollouts)
    guard head < end else { return .waiting("no rollouts") }
    // One worker alone takes as much as there is.
    let block = share == .whole ? largestPortion : self.block
    guard
      let start = try share.firstPending(in: head..<end, block: block, .verdicts, ledger)
    else { return .waiting("no rollouts for \(share)") }
    let pending = try share.pending(from: start, to: end, block: block, .verdicts, ledger)
    var members: [(group: GroupID, record: RolloutRecord, asked: AskedGroup)] = []
    var responses = 0
    for group in pending where members.isEmpty || responses < portion {
      let prompt = try ledger.existing(PromptRecord.self, .prompts, group)
      let record = try ledger.existing(RolloutRecord.self, .rollouts, group)
      try record.requireAnswer(to: prompt, of: group, vocabulary: renderer.vocabulary)
      members.append((group, record, asked(record, of: prompt.prompt)))
      responses += members[members.count - 1].asked.responses.count
    }
    return .made(try outcome(of: members))
  }

  /// The verdicts of those groups that were not interrupted.
  private func outcome(
    of members: [(group: GroupID, record: RolloutRecord, asked: AskedGroup)]
  ) throws -> Outcome {
    var outcome = Outcome()
    let judged = verifiers.judge(members.map(\.asked), interruption: interruption)
    for (member, judged) in zip(members, judged) {
      guard let judged else { continue }
      outcome.add(verdicts(judged, of: member.record), to: .verdicts, at: RecordKey(member.group))
    }
    if outcome.records.isEmpty { throw Interrupted() }
    outcome.isIrreplaceable = verifiers.atOnce != nil
    return outcome
  }

  /// A group's verdicts. Judged demonstrations are members of the group: what compares responses
  /// compares them too.
  public func verify(_ rollouts: RolloutRecord, of prompt: Prompt) -> VerdictRecord {
    guard let judged = verifiers.judge([asked(rollouts, of: prompt)])[0] else {
      preconditionFailure("judging stopped without an interruption")
    }
    return verdicts(judged, of: rollouts)
  }

  private func asked(_ rollouts: RolloutRecord, of prompt: Prompt) -> AskedGroup {
    let trajectories = rollouts.rollouts + (judgesDemonstrations ? rollouts.demonstrations : [])
    return AskedGroup(
      prompt: prompt,
      responses: trajectories.map { trajectory in
        Response(
          text: renderer.text(of: trajectory), tokens: trajectory.tokens, finish: trajectory.finish)
      })
  }

  private func verdicts(_ judged: JudgedGroup, of rollouts: RolloutRecord) -> VerdictRecord {
    let count = rollouts.rollouts.count
    return VerdictRecord(
      verdicts: Array(judged.verdicts.prefix(count)),
      demonstrations: Array(judged.verdicts.dropFirst(count)), seconds: judged.seconds)
  }
}
