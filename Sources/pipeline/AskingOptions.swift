import ArgumentParser
import ChatTemplate
import Evaluation
import Foundation
import Operators
import Policy
import Records
import Stages

/// How models are asked the questions of suites, and where what they answer is stored.
struct AskingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Folder of the stored evaluations.", valueName: "dir"))
  var out = "evaluations"
  @Option(
    help: ArgumentHelp(
      "Base of adapters' directories; without it the one that an adapter names.", valueName: "dir"))
  var base: String?
  @Option(help: "Another seed draws other samples.") var seed: UInt64 = 17
  @Option(
    help: ArgumentHelp(
      "exact computes in f32, fast in bf16 where the processor has it.", valueName: "exact|fast"))
  var numerics = Numerics.exact
  @Option(
    help: ArgumentHelp(
      "The day that a template is told when it asks for today's.", valueName: "date"))
  var chatDate = "2024-07-26"
  @Option(help: ArgumentHelp("Threads; results do not depend on it.", valueName: "n"))
  var threads = ProcessInfo.processInfo.activeProcessorCount
  @Flag(name: .shortAndLong, help: "No progress.") var quiet = false

  func validate() throws {
    guard (1...1024).contains(threads) else {
      throw ValidationError("--threads is \(threads); use 1 to 1024.")
    }
    guard TemplateDate(chatDate) != nil else {
      throw ValidationError("--chat-date is \(chatDate), which is no day; write YYYY-MM-DD.")
    }
  }

  /// Samples and judges what is missing: of each model the results of the suites.
  ///
  /// - Throws: `ExitCode` when interrupted; what was sampled by then is saved.
  func evaluate(
    _ models: [ModelPlace], _ suites: [EvaluationSuite]
  ) throws -> [[EvaluationResult]] {
    guard base == nil || models.contains(where: { StoredAdapter.stands(at: $0.directory) }) else {
      throw ValidationError("--base is below adapters, and no model is one.")
    }
    try ProcessStart.requireAddressSpace(forRunOf: 1)
    let interruption = Interruption()
    return try models.map { try evaluate($0, suites, interruption) }
  }

  private func evaluate(
    _ place: ModelPlace, _ suites: [EvaluationSuite], _ interruption: Interruption
  ) throws -> [EvaluationResult] {
    let progress = ProgressDisplay(isQuiet: quiet)
    progress.heading(place.label)
    guard let date = TemplateDate(chatDate) else { preconditionFailure("validate() refuses that") }
    let compute = Compute(threads: threads)
    var asked: [EvaluationSuite.ChatUse: AskedModel] = [:]
    var policy: Policy?
    let evaluation = ModelEvaluation(
      place.label,
      .init(folder: out, seed: seed, numerics: numerics, chatDate: chatDate),
      interruption: interruption, note: progress.note, progress: progress.evaluating)
    return try suites.map { suite in
      let model =
        try asked[suite.chat]
        ?? AskedModel(
          directory: place.directory,
          base: StoredAdapter.stands(at: place.directory) ? base : nil, chat: suite.chat.isChat,
          date: date)
      asked[suite.chat] = model
      let weights = try policy ?? model.policy(compute)
      policy = weights
      guard let result = try evaluation.evaluate(suite, model, weights) else {
        Output.note("saved; the same command goes on from here")
        throw ExitCode((interruption.status ?? .interrupted).rawValue)
      }
      return result
    }
  }
}
