import Foundation
public import Policy
import Queue
import Randomness
import Records
import Shards
public import Stages

/// Measures a policy on held-out suites by sampling. An evaluation is a run of its own (reader,
/// rollout, verifier) with its own queue, so that it can be interrupted, resumed and inspected.
public struct Evaluator {
  private let run: Run
  private let interruption: Interruption?
  /// Told of each suite as it is done.
  private let report: (String, Summary.Suite) -> Void

  public init(
    _ run: Run, interruption: Interruption? = nil,
    report: @escaping (String, Summary.Suite) -> Void = { _, _ in }
  ) {
    self.run = run
    self.interruption = interruption
    self.report = report
  }

  /// The figures of every suite for the weights after `step` steps; nil when interrupted.
  ///
  /// - Parameter policy: asked for only where responses are still to be sampled.
  public func evaluate(
    step: UInt64, policy: () throws -> Policy
  ) throws -> [String: Summary.Suite]? {
    var results: [String: Summary.Suite] = [:]
    var loaded: Policy?
    for folder in run.settings.evaluation.datasets {
      let dataset = try Dataset(folder: folder)
      for (suite, questions) in try suites(of: dataset) {
        let evaluation = try SuiteRun(
          run, step: step, suite: suite, questions: questions, fingerprint: dataset.fingerprint,
          interruption: interruption)
        do {
          while try evaluation.advance({ try Self.load(&loaded, policy) }) {
            if interruption?.status != nil { return nil }
          }
        } catch is Interrupted { return nil }
        let summary = try evaluation.result().summary
        results[suite] = summary
        report(suite, summary)
      }
    }
    return results
  }

  private static func load(_ loaded: inout Policy?, _ policy: () throws -> Policy) throws -> Policy
  {
    if let loaded { return loaded }
    let made = try policy()
    loaded = made
    return made
  }

  /// The dataset's prompts by source, in stored order.
  private func suites(of dataset: Dataset) throws -> [(String, [Prompt])] {
    var suites: [String: [Prompt]] = [:]
    for index in 0..<dataset.rows {
      let prompt = try dataset.row(index)
      suites[prompt.source, default: []].append(prompt)
    }
    return suites.sorted { $0.key < $1.key }
  }
}

/// One suite of one evaluation, in its own folder and queue.
private final class SuiteRun {
  private let ledger: Ledger
  private let questions: [Prompt]
  private let run: Run
  private let step: UInt64
  private let interruption: Interruption?
  private var rollout: (stage: RolloutGenerator, policy: Policy)?
  private var verifier: VerifierStage

  init(
    _ run: Run, step: UInt64, suite: String, questions: [Prompt], fingerprint: String,
    interruption: Interruption?
  ) throws {
    self.interruption = interruption
    self.run = run
    self.step = step
    self.questions = questions
    let settings = run.settings.evaluation
    let identity = [
      fingerprint, "\(step)", "\(settings.samples)", "\(settings.temperature)",
      "\(settings.topP)", "\(settings.maximumTokens)", "\(run.settings.seed)",
      run.settings.numerics.rawValue,
      try run.digestText(version: step),
    ].joined(separator: " ")
    let folder = run.directory.evaluation(step, suite)
    ledger = Ledger(queue: try Self.open(folder, identity))
    verifier = VerifierStage(verifiers: run.verifiers, renderer: run.renderer)
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
      try manager.removeItem(atPath: folder)
    }
    try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return try Queue.create(at: folder + "/queue", identity: identity)
  }

  private func emit() throws {
    var outcome = Outcome()
    for (index, question) in questions.enumerated() {
      outcome.add(
        PromptRecord(
          step: step, wave: 0, epoch: 0, position: UInt64(index), dataset: 0,
          rollouts: UInt32(run.settings.evaluation.samples), prompt: question),
        to: .prompts, at: RecordKey(UInt64(index)))
    }
    try ledger.post(outcome, by: .reader)
    try ledger.commit()
  }

  /// Samples and verifies the next portion; false when all is done.
  func advance(_ policy: () throws -> Policy) throws -> Bool {
    var moved = false
    if try ledger.cursor(.rollout) < UInt64(questions.count) {
      var (stage, policy) = try rollout ?? generator(try policy())
      let progress = try policy.with(run.settings.numerics) { try stage.advance(ledger) }
      rollout = (stage, policy)
      if case .made(let outcome) = progress {
        try ledger.post(outcome, by: .rollout)
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
    let settings = run.settings.evaluation
    let stage = RolloutGenerator(
      settings: RolloutSettings(
        count: settings.samples, temperature: settings.temperature, topP: settings.topP,
        maximumTokens: settings.maximumTokens, chunkGroups: 64),
      renderer: run.renderer, policies: FixedPolicy(policy),
      stream: RandomStream(seed: run.settings.seed, purpose: .evaluation), attempts: nil,
      interruption: interruption)
    return (stage, policy)
  }

  func result() throws -> SuiteResult {
    SuiteResult(
      try questions.enumerated().map { index, question in
        let verdicts = try ledger.existing(VerdictRecord.self, .verdicts, UInt64(index)).verdicts
        return SuiteResult.Question(
          rewards: verdicts.compactMap(\.reward), level: question.tags["level"])
      })
  }
}
