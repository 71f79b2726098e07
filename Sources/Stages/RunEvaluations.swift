import Foundation
import Queue
import Records

/// The evaluations inside a run, each of which has a queue of its own.
extension RunDirectory {
  /// Their directories by name, `0-countdown`; without those whose creation was interrupted.
  var storedEvaluations: [(name: String, directory: RunDirectory)] {
    get throws {
      let manager = FileManager.default
      guard manager.fileExists(atPath: evaluations) else { return [] }
      return try manager.contentsOfDirectory(atPath: evaluations).sorted().compactMap { name in
        let directory = RunDirectory("\(evaluations)/\(name)")
        return manager.fileExists(atPath: directory.queue + "/data.mdb") ? (name, directory) : nil
      }
    }
  }
}

extension RunVerification {
  /// Verifies the queues of a run's evaluations; what is wrong is named by the evaluation.
  static func verifyEvaluations(
    of directory: RunDirectory, into report: inout VerificationReport
  ) throws {
    for (name, evaluation) in try directory.storedEvaluations {
      guard let found = try verifyEvaluation(evaluation) else { continue }
      report.begin("evaluation \(name)")
      report.count(found.checks.reduce(0) { $0 + $1.checked })
      for problem in found.problems {
        report.find("evaluations/\(name)/\(problem.location)", problem.problem)
      }
    }
  }

  /// nil for one whose creation was interrupted: the run makes it anew.
  fileprivate static func verifyEvaluation(
    _ evaluation: RunDirectory
  ) throws -> VerificationReport? {
    do { return try verify(evaluation) } catch let error as QueueError
      where error.code == .unfinished
    { return nil }
  }
}

extension RunRepair {
  /// Puts the damaged queues of evaluations aside: the run makes them again when it is resumed, as it
  /// made them at first, from a checkpoint. Record by record they are not mended: all that they hold
  /// follows from the weights, and sampling again costs what the evaluation did.
  mutating func mendEvaluations(isDry: Bool) throws {
    for (name, evaluation) in try directory.storedEvaluations {
      guard let found = try RunVerification.verifyEvaluation(evaluation),
        let first = found.problems.first
      else { continue }
      let what =
        "\(found.problems.count) problems, the first: \(first.location): \(first.problem)"
      let place = "evaluations/\(name)"
      guard try isMadeAgain(name) else {
        report.remaining.append(
          .init(
            location: place,
            problem: "\(what); resuming does not evaluate its step again: remove the folder"))
        continue
      }
      let kept =
        isDry ? nil : try QueueReplacement.putAside(evaluation.queue, as: evaluation.queue)
      let remedy = "`pipeline resume \(directory.path)` makes it again"
      report.restored.append(
        .init(
          location: place,
          problem: kept.map { "\(what); put aside as \($0), \(remedy)" } ?? "\(what); \(remedy)"))
    }
  }

  /// A run that is resumed evaluates its first and its last step, where the definition asks for it.
  private func isMadeAgain(_ name: String) throws -> Bool {
    let settings = try RunSettings(FrozenDefinition.read(of: directory))
    guard let step = name.split(separator: "-").first.flatMap({ Int($0) }) else { return false }
    return step == 0 && settings.evaluation.before
      || step == settings.steps && settings.evaluation.after
  }
}
