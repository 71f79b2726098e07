import Foundation
import Queue
import Stages

/// A finished evaluation: one model on one suite.
public struct EvaluationResult: Sendable {
  /// The evaluation's directory.
  public let folder: String
  public let file: EvaluationFile
  public let questions: [QuestionSamples]
  public let statistics: SuiteStatistics
  /// What its samples took; nothing for evaluations inside of runs.
  public let pace: SamplingPace
  /// As tables name the model.
  public var model: String

  public var suite: String { file.suite }
  public var title: String { file.title }
  public var isOutside: Bool { file.group == EvaluationSuite.Group.outside.rawValue }

  init(folder: String, file: EvaluationFile, questions: [QuestionSamples], label: String) {
    self.folder = folder
    self.file = file
    self.questions = questions
    model = label
    pace = SamplingPace.read(from: folder)
    statistics = SuiteStatistics(questions, name: file.suite)
  }

  /// Reads an evaluation's directory: one that `pipeline eval` made, or one inside a run.
  ///
  /// - Throws: where there is none, and where it is not finished.
  public init(reading folder: String) throws {
    let directory = RunDirectory(folder)
    guard FileManager.default.fileExists(atPath: directory.queue) else {
      throw StageError(
        .badRun, at: folder, "there is no evaluation here",
        remedy: "Name a directory that `pipeline eval` made, or RUN/evaluations/STEP-SUITE.")
    }
    let ledger = Ledger(queue: try Queue.open(at: directory.queue, access: .readOnly))
    let (asked, judged) = (try ledger.head(.prompts), try ledger.head(.verdicts))
    guard asked > 0, judged == asked else {
      throw StageError(
        .notYet, at: folder, "\(judged) of its \(asked) questions are judged",
        remedy: "Finish it with the command that began it, `pipeline eval` or `pipeline resume`.")
    }
    let file = try EvaluationFile.read(from: directory.path) ?? Self.file(ofRunAt: directory)
    self.init(
      folder: directory.path, file: file, questions: try QuestionSamples.read(ledger),
      label: file.model)
  }

  /// Evaluations of a run's own datasets say what they are by their place, `RUN/evaluations/STEP-SUITE`.
  private static func file(ofRunAt directory: RunDirectory) -> EvaluationFile {
    let place = URL(fileURLWithPath: directory.path).standardizedFileURL
    let run = place.deletingLastPathComponent().deletingLastPathComponent().lastPathComponent
    let parts = place.lastPathComponent.split(separator: "-", maxSplits: 1).map(String.init)
    let suite = parts.count == 2 ? parts[1] : place.lastPathComponent
    let group: EvaluationSuite.Group = suite.hasPrefix("ood_") ? .outside : .inside
    return EvaluationFile(
      model: parts.count == 2 ? "\(run)@\(parts[0])" : run, suite: suite, title: suite,
      group: group.rawValue, identity: [:])
  }

  /// The evaluations' directories under `folder`, in the order of their names: the folder itself, those
  /// in it, or those of a run's last evaluated step.
  public static func folders(under folder: String) throws -> [String] {
    let manager = FileManager.default
    let run = RunDirectory(folder)
    guard !run.exists else { return try lastEvaluations(of: run) }
    if manager.fileExists(atPath: run.queue) { return [run.path] }
    guard manager.fileExists(atPath: run.path) else { return [] }
    return try manager.contentsOfDirectory(atPath: run.path).sorted()
      .map { "\(run.path)/\($0)" }
      .filter { manager.fileExists(atPath: "\($0)/queue/data.mdb") }
  }

  private static func lastEvaluations(of run: RunDirectory) throws -> [String] {
    let manager = FileManager.default
    guard manager.fileExists(atPath: run.evaluations) else { return [] }
    let steps = try manager.contentsOfDirectory(atPath: run.evaluations).sorted().compactMap {
      name in UInt64(name.prefix { $0 != "-" }).map { (step: $0, name: name) }
    }
    guard let last = steps.map(\.step).max() else { return [] }
    return steps.filter { $0.step == last }.map { "\(run.evaluations)/\($0.name)" }
  }
}
