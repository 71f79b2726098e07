public import Definition
import Queue
public import Records
public import Verifiers

/// Gives every rollout of a group a verdict. A verifier's error is a verdict of its own, never a
/// reward of 0, and never stops the run. Demonstrations are judged too where the algorithm lets them
/// join their group: they take part in its statistics then, and may be wrong.
public struct VerifierStage: Stage {
  public static let name = StageName.verifier

  private let verifiers: VerifierTable
  private let renderer: PromptRenderer
  private let judgesDemonstrations: Bool
  private let share: WorkShare
  /// Groups worked off at once: bounds what one transaction holds.
  private let portion: UInt64 = 512
  /// Groups that one of several workers takes at once.
  private let block: UInt64 = 32
  private let clock = ContinuousClock()

  public init(
    verifiers: VerifierTable, renderer: PromptRenderer, judgesDemonstrations: Bool = false,
    share: WorkShare = .whole
  ) {
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
    let block = share == .whole ? portion : self.block
    guard
      let start = try share.firstPending(in: head..<end, block: block, .verdicts, ledger)
    else { return .waiting("no rollouts for \(share)") }
    var outcome = Outcome()
    for group in try share.pending(from: start, to: end, block: block, .verdicts, ledger) {
      let prompt = try ledger.existing(PromptRecord.self, .prompts, group)
      let record = try ledger.existing(RolloutRecord.self, .rollouts, group)
      try record.requireAnswer(to: prompt, of: group, vocabulary: renderer.vocabulary)
      outcome.add(verify(record, of: prompt.prompt), to: .verdicts, at: RecordKey(group))
    }
    return .made(outcome)
  }

  /// A group's verdicts. Judged demonstrations are members of the group: what compares responses
  /// compares them too.
  public func verify(_ rollouts: RolloutRecord, of prompt: Prompt) -> VerdictRecord {
    let verifier = verifiers.verifier(for: prompt.source)
    var record = VerdictRecord(verdicts: [], seconds: [])
    let trajectories = rollouts.rollouts + (judgesDemonstrations ? rollouts.demonstrations : [])
    let responses = trajectories.map { trajectory in
      Response(
        text: renderer.text(of: trajectory), tokens: trajectory.tokens, finish: trajectory.finish)
    }
    var verdicts: [Verdict] = []
    for response in responses {
      let began = clock.now
      verdicts.append(verifier.verify(response, of: prompt))
      record.seconds.append(began.duration(to: clock.now).seconds)
    }
    verdicts = verifier.complete(verdicts, of: responses).map(\.checked)
    record.verdicts = Array(verdicts.prefix(rollouts.rollouts.count))
    record.demonstrations = Array(verdicts.dropFirst(rollouts.rollouts.count))
    return record
  }
}

extension Verdict {
  /// The verdict, or an error where its numbers are none: no record holds them.
  fileprivate var checked: Verdict {
    guard case .scored(let reward, let components) = outcome,
      let bad = ([reward] + components.map(\.value)).first(where: { !$0.isFinite })
    else { return self }
    return Verdict(outcome: .error("its verifier gave \(bad)"), rule: "error")
  }
}

/// Which verifier judges which source.
public struct VerifierTable: Sendable, CustomStringConvertible {
  private let standard: any Verifier
  private let bySource: [String: any Verifier]

  public init(standard: any Verifier, bySource: [String: any Verifier]) {
    self.standard = standard
    self.bySource = bySource
  }

  /// Those of a definition, of which nothing else is read but rollout.maximum_tokens.
  /// - Throws: for what no verifier is, with its place.
  public init(_ definition: Definition) throws(DefinitionError) {
    self = try VerifierSettings(definition).makeTable(
      maximumTokens: definition.integer("rollout.maximum_tokens"))
  }

  public func verifier(for source: String) -> any Verifier { bySource[source] ?? standard }

  /// Who judges, each with its version: `gsm8k 1, countdown: countdown 2`.
  public var description: String {
    ([standard.signature]
      + bySource.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.signature)" })
      .joined(separator: ", ")
  }
}

extension Verifier {
  fileprivate var signature: String { "\(name) \(version)" }
}
