import Files
import Foundation
public import Policy
import Records
import Shards
public import Stages

/// Measures a run's policy on the suites and datasets of its definition by sampling. An evaluation is a run
/// of its own (reader, rollout, verifier) with its own queue, so that it can be interrupted, resumed and
/// inspected.
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

  /// What one suite of the definition needs beside the weights.
  private struct Task {
    var name: String
    var questions: [Prompt]
    var fingerprint: String
    /// Of a suite's file; a dataset's source is asked as the run's prompts are.
    var suite: EvaluationSuite?
  }

  /// Throws what will keep the run from being evaluated: a suite or dataset that is missing, or a name
  /// that stands twice. To be asked before training.
  public func requireQuestions() throws { _ = try tasks() }

  /// The figures of every suite for the weights after `step` steps; nil when interrupted.
  ///
  /// - Parameter policy: asked for only where responses are still to be sampled.
  public func evaluate(
    step: UInt64, policy: () throws -> Policy
  ) throws -> [String: Summary.Suite]? {
    var results: [String: Summary.Suite] = [:]
    var loaded: Policy?
    for task in try tasks() {
      let evaluation = try SuiteRun(try plan(task, step), interruption: interruption)
      do {
        while try evaluation.advance({ try Self.load(&loaded, policy) }) {
          if interruption?.status != nil { return nil }
        }
      } catch is Interrupted { return nil }
      let summary = Summary.Suite(
        SuiteStatistics(try evaluation.samples(), name: task.name), group: task.suite?.group)
      results[task.name] = summary
      report(task.name, summary)
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

  private func tasks() throws -> [Task] {
    var tasks: [Task] = []
    for name in run.settings.evaluation.suites {
      let suite = try EvaluationSuite(named: name)
      let (questions, fingerprint) = try suite.questions()
      tasks.append(
        Task(name: suite.name, questions: questions, fingerprint: fingerprint, suite: suite))
    }
    for folder in run.settings.evaluation.datasets {
      let dataset = try Dataset(folder: folder)
      for (source, questions) in try suites(of: dataset) {
        tasks.append(
          Task(name: source, questions: questions, fingerprint: dataset.fingerprint, suite: nil))
      }
    }
    let suites = tasks.filter { $0.suite != nil }.map(\.name)
    if let twice = suites.first(where: { name in tasks.count { $0.name == name } > 1 }) {
      throw StageError(
        .badRun, at: "evaluation.suites",
        "two suites, or a suite and a source, are called \(twice)",
        remedy: "Name it once, or give the suite's file another name.")
    }
    return tasks
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

  private func plan(_ task: Task, _ step: UInt64) throws -> SuiteRun.Plan {
    let settings = run.settings.evaluation
    var identity = [
      task.fingerprint, "\(step)", "\(settings.samples)", "\(settings.temperature)",
      "\(settings.topP)", "\(settings.maximumTokens)", "\(run.settings.seed)",
      run.settings.numerics.rawValue,
      try run.digestText(version: step),
    ].joined(separator: " ")
    let folder = run.directory.evaluation(step, task.name)
    let verifiers =
      try task.suite?.verifiers(maximumTokens: settings.maximumTokens, folder: folder)
      ?? run.verifiers
    try verifiers.prepare()
    if let suite = task.suite {
      let file = try describe(suite, verifiers, task.fingerprint, step)
      identity = file.identityText
      try DurableFile.createFolder(folder)
      try file.write(to: folder)
    }
    return SuiteRun.Plan(
      folder: folder, identity: identity, questions: task.questions, step: step,
      rollout: RolloutSettings(
        count: settings.samples, temperature: settings.temperature, topP: settings.topP,
        maximumTokens: settings.maximumTokens, chunkGroups: 64),
      seed: run.settings.seed, numerics: run.settings.numerics,
      renderer: try task.suite.map {
        try run.renderer(asking: $0.template, chat: $0.chat.isChat)
      } ?? run.renderer,
      verifiers: verifiers)
  }

  /// What a suite's evaluation depends on: its file, but for sampling, which is the definition's.
  private func describe(
    _ suite: EvaluationSuite, _ verifiers: VerifierTable, _ fingerprint: String, _ step: UInt64
  ) throws -> EvaluationFile {
    let settings = run.settings.evaluation
    var identity = suite.settings
    identity["samples"] = "\(settings.samples)"
    identity["temperature"] = "\(settings.temperature)"
    identity["top_p"] = "\(settings.topP)"
    identity["maximum_tokens"] = "\(settings.maximumTokens)"
    identity["suite"] = suite.name
    identity["data"] = fingerprint
    identity["grader"] = verifiers.description
    identity["seed"] = "\(run.settings.seed)"
    identity["numerics"] = run.settings.numerics.rawValue
    identity["weights"] = try run.digestText(version: step)
    return EvaluationFile(
      model: "\(PathParts.name(of: run.directory.path))@\(step)", suite: suite.name,
      title: suite.title, group: suite.group.rawValue, identity: identity)
  }
}
