import Foundation
import Policy
import Queue
import Randomness
import Records
public import Stages

/// One suite's questions on their way through reader, rollout generator and verifier, in a queue of its
/// own: killed at any time it goes on where it was.
final class SuiteRun {
  struct Plan {
    /// The evaluation's directory.
    var folder: String
    /// Whatever differs here makes the queue anew.
    var identity: String
    var questions: [Prompt]
    /// Of the run whose weights are measured; 0 for any other model.
    var step: UInt64
    var rollout: RolloutSettings
    var seed: UInt64
    var numerics: Numerics
    var renderer: PromptRenderer
    var verifiers: VerifierTable
  }

  private let plan: Plan
  private let ledger: Ledger
  private let interruption: Interruption?
  private var rollout: (stage: RolloutGenerator, policy: Policy)?
  private var verifier: VerifierStage

  /// Questions whose samples are judged.
  var done: Int { get throws { Int(try ledger.cursor(.verifier)) } }
  /// Tokens that this process has sampled.
  var generatedTokens: Int { rollout?.stage.generatedTokens ?? 0 }

  init(_ plan: Plan, interruption: Interruption?) throws {
    self.plan = plan
    self.interruption = interruption
    ledger = Ledger(queue: try Self.open(plan.folder, plan.identity))
    verifier = VerifierStage(
      verifiers: plan.verifiers, renderer: plan.renderer, interruption: interruption)
    for stage in [StageName.reader, .rollout, .verifier] { try ledger.claim(stage) }
    if try ledger.head(.prompts) == 0 { try emit() }
  }

  /// Opens the folder's queue; one that was made under other settings is made anew.
  private static func open(_ folder: String, _ identity: String) throws -> Queue {
    let manager = FileManager.default
    if manager.fileExists(atPath: folder + "/queue") {
      do {
        let queue = try Queue.open(at: folder + "/queue")
        if queue.identity == identity { return queue }
      } catch let error as QueueError where error.code == .unfinished {
        // Its creation was interrupted: nothing was stored in it.
      }
      try manager.removeItem(atPath: folder + "/queue")
    }
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return try Queue.create(at: folder + "/queue", identity: identity)
  }

  private func emit() throws {
    var outcome = Outcome()
    for (index, question) in plan.questions.enumerated() {
      outcome.add(
        PromptRecord(
          step: plan.step, wave: 0, epoch: 0, position: UInt64(index), dataset: 0,
          rollouts: UInt32(plan.rollout.count), prompt: question),
        to: .prompts, at: RecordKey(UInt64(index)))
    }
    try ledger.post(outcome, by: .reader)
    try ledger.commit()
  }

  /// Samples and verifies the next portion; false when all is done.
  ///
  /// - Parameter policy: asked for only where responses are still to be sampled.
  /// - Throws: `Interrupted` when asked to end in the middle of sampling.
  func advance(_ policy: () throws -> Policy) throws -> Bool {
    var moved = false
    if try ledger.cursor(.rollout) < UInt64(plan.questions.count) {
      var (stage, policy) = try rollout ?? generator(try policy())
      let progress = try policy.with(plan.numerics) { try stage.advance(ledger) }
      rollout = (stage, policy)
      if case .made(let outcome) = progress {
        try ledger.post(outcome, by: .rollout)
        // Verdicts that are waited for may be interrupted.
        if !plan.verifiers.asking.isEmpty { try ledger.commit() }
        moved = true
      }
    }
    if case .made(let outcome) = try verifier.advance(ledger) {
      try ledger.post(outcome, by: .verifier)
      moved = true
    }
    try ledger.commit()
    return moved
  }

  private func generator(_ policy: Policy) -> (stage: RolloutGenerator, policy: Policy) {
    let stage = RolloutGenerator(
      settings: plan.rollout, renderer: plan.renderer, policies: FixedPolicy(policy),
      stream: RandomStream(seed: plan.seed, purpose: .evaluation), attempts: nil,
      interruption: interruption)
    return (stage, policy)
  }

  /// The samples of all questions; to be asked for when all is done.
  func samples() throws -> [QuestionSamples] { try QuestionSamples.read(ledger) }
}

extension QuestionSamples {
  /// What an evaluation's queue holds, question by question.
  public static func read(_ ledger: Ledger) throws -> [QuestionSamples] {
    try (0..<ledger.head(.verdicts)).map { group in
      QuestionSamples(
        try ledger.existing(PromptRecord.self, .prompts, group).prompt,
        try ledger.existing(RolloutRecord.self, .rollouts, group),
        try ledger.existing(VerdictRecord.self, .verdicts, group).verdicts)
    }
  }

  private init(_ prompt: Prompt, _ record: RolloutRecord, _ verdicts: [Records.Verdict]) {
    self.init(
      id: prompt.id, source: prompt.source, level: prompt.tags["level"],
      samples: zip(record.rollouts, verdicts).map(Sample.init), refusal: record.refusal)
  }
}

extension QuestionSamples.Sample {
  /// Right is what the verdict says is right, however the reward is shaped. An answer is in format where
  /// the component `format` says so, or without one where the verifier found an answer.
  fileprivate init(_ rollout: Trajectory, _ verdict: Records.Verdict) {
    let isCut = rollout.finish == .length
    guard case .scored(let reward, let components) = verdict.outcome else {
      self.init(.error, isInFormat: false, isCut: isCut, tokens: rollout.tokens.count)
      return
    }
    func component(_ name: String) -> Double? { components.first { $0.name == name }?.value }
    self.init(
      verdict.isRight ? .right : .wrong, reward: reward,
      answer: verdict.extracted,
      isInFormat: component("format").map { $0 > 0 } ?? (verdict.extracted != nil),
      isCut: isCut, tokens: rollout.tokens.count)
  }
}
