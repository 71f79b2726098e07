import ChatTemplate
import Digest
import Files
import Foundation
import Operators
public import Policy
import Records
public import Stages

/// Measures one model on suites: samples, judges, and keeps everything in a folder of each suite's own, by
/// which an interrupted evaluation goes on and a finished one is not done again.
public struct ModelEvaluation {
  /// What is the same for all suites.
  public struct Options: Sendable {
    /// Folder of the evaluations' folders.
    public var folder: String
    public var seed: UInt64
    public var numerics: Numerics
    /// What a chat template is told that asks for today.
    public var chatDate: String

    public init(folder: String, seed: UInt64, numerics: Numerics, chatDate: String) {
      self.folder = folder
      self.seed = seed
      self.numerics = numerics
      self.chatDate = chatDate
    }
  }

  /// How far a suite has come.
  public struct Progress: Sendable {
    public var suite: String
    public var done: Int
    public var questions: Int
    /// Sampled by this process.
    public var tokens: Int
    public var isFinished: Bool { done == questions }
  }

  /// As tables name the model.
  public let label: String
  private let options: Options
  private let interruption: Interruption?
  private let note: (String) -> Void
  private let progress: (Progress) -> Void

  /// - Parameters:
  ///   - note: told once for each suite what becomes of stored work.
  ///   - progress: told after every portion of a suite.
  public init(
    _ label: String, _ options: Options, interruption: Interruption?,
    note: @escaping (String) -> Void = { _ in },
    progress: @escaping (Progress) -> Void = { _ in }
  ) {
    self.label = label
    self.options = options
    self.interruption = interruption
    self.note = note
    self.progress = progress
  }

  /// Samples and judges what is missing of one suite.
  ///
  /// - Parameters:
  ///   - model: how it is asked.
  ///   - policy: its weights.
  /// - Returns: nil when interrupted; what was sampled by then is saved.
  public func evaluate(
    _ suite: EvaluationSuite, _ model: AskedModel, _ policy: Policy
  ) throws -> EvaluationResult? {
    let (questions, fingerprint) = try suite.questions()
    let verifiers = try suite.verifiers(maximumTokens: suite.maximumTokens)
    try verifiers.prepare()
    let file = EvaluationFile(
      model: label, suite: suite.name, title: suite.title, group: suite.group.rawValue,
      identity: try identity(suite, verifiers, model, policy, data: fingerprint))
    let folder = "\(options.folder)/\(file.folderName)"
    let known = try prepare(folder, file, tokenizer: "\(model.textFolder)/tokenizer.json")
    let run = try SuiteRun(
      SuiteRun.Plan(
        folder: folder, identity: file.identityText, questions: questions, step: 0,
        rollout: RolloutSettings(
          count: suite.samples, temperature: suite.temperature, topP: suite.topP,
          maximumTokens: suite.maximumTokens,
          chunkGroups: Self.questionsAtOnce(samples: suite.samples)),
        seed: options.seed, numerics: options.numerics,
        renderer: model.renderer(asking: suite.template),
        verifiers: try suite.verifiers(maximumTokens: suite.maximumTokens, folder: folder)),
      interruption: interruption)
    try sayWhatBecomes(of: folder, file, done: try run.done, of: questions.count)
    let earlier = SamplingPace.read(from: folder)
    let began = ContinuousClock.now
    do {
      repeat {
        progress(
          Progress(
            suite: suite.name, done: try run.done, questions: questions.count,
            tokens: run.generatedTokens))
        if run.generatedTokens > 0 {
          let seconds = began.duration(to: .now) / .seconds(1)
          try (earlier + SamplingPace(seconds: seconds, tokens: run.generatedTokens))
            .write(to: folder)
        }
        if interruption?.status != nil { return nil }
      } while try run.advance { policy }
    } catch is Interrupted { return nil }
    return EvaluationResult(folder: folder, file: known, questions: try run.samples(), label: label)
  }

  /// Sampled at once, and lost at most where the process is killed; some 256 responses.
  private static func questionsAtOnce(samples: Int) -> Int { max(1, min(64, 256 / samples)) }

  private func identity(
    _ suite: EvaluationSuite, _ verifiers: VerifierTable, _ model: AskedModel, _ policy: Policy,
    data: String
  ) throws -> [String: String] {
    var identity = suite.settings
    identity["suite"] = suite.name
    identity["data"] = data
    identity["grader"] = verifiers.description
    identity["seed"] = "\(options.seed)"
    identity["numerics"] = options.numerics.rawValue
    identity["product_kernel"] = policy.compute.productKernel
    identity["weights"] = hexadecimal(policy.weightsDigest())
    identity["tokenizer"] = try DurableFile.sha256(of: "\(model.textFolder)/tokenizer.json")
    identity["stop_ids"] = model.stopIDs.map(\.description).joined(separator: " ")
    identity["chat_template"] =
      try model.isChat
      ? ChatTemplate.load(directory: model.textFolder).map { Self.digest($0.source) } : "none"
    if model.isChat { identity["chat_date"] = options.chatDate }
    return identity
  }

  private static func digest(_ text: String) -> String {
    hexadecimal(SHA256.hash(Array(text.utf8)))
  }

  /// Makes the folder, with what readers need that do not have the model: its tokenizer.
  /// - Returns: the description that stands there; the first name of a model stays.
  private func prepare(
    _ folder: String, _ file: EvaluationFile, tokenizer: String
  ) throws -> EvaluationFile {
    if let known = try EvaluationFile.read(from: folder), known.identity == file.identity {
      return known
    }
    try DurableFile.createFolder(folder)
    try DurableFile.write(
      try DurableFile.read(tokenizer), to: RunDirectory(folder).tokenizer)
    try file.write(to: folder)
    return file
  }

  private func sayWhatBecomes(
    of folder: String, _ file: EvaluationFile, done: Int, of count: Int
  ) throws {
    if done == count {
      return note("\(file.suite): all \(count) questions are stored in \(folder)")
    }
    if done > 0 { return note("\(file.suite): going on after \(done) questions in \(folder)") }
    note("\(file.suite): \(count) questions, stored in \(folder)")
    guard let (place, other) = try nearest(to: file) else { return }
    note(
      "\(file.suite): \(place) is not reused: "
        + file.differences(from: other).joined(separator: "; "))
  }

  /// The stored evaluation of this suite that differs in the fewest settings, of this model or of these
  /// weights.
  private func nearest(to file: EvaluationFile) throws -> (place: String, EvaluationFile)? {
    let folders = try FileManager.default.contentsOfDirectory(atPath: options.folder).sorted()
    var best: (place: String, file: EvaluationFile)?
    for name in folders where name.hasPrefix(file.suite + "-") && name != file.folderName {
      let place = "\(options.folder)/\(name)"
      guard let other = try EvaluationFile.read(from: place), other.suite == file.suite,
        other.model == label || other.identity["weights"] == file.identity["weights"]
      else { continue }
      let fewest = best.map { file.differences(from: $0.file).count } ?? .max
      if file.differences(from: other).count < fewest { best = (place, other) }
    }
    return best
  }
}
