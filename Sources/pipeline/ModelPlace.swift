import Foundation
import Inspector
import Records
import Stages

/// The model that an argument names: a model or adapter directory, a run's newest checkpoint (`RUN`), or
/// that of a step (`RUN@STEP`).
struct ModelPlace {
  let directory: String
  /// As it was named, with the step of a run.
  let label: String
  /// Whether it is a checkpoint, found in a run.
  let isOfRun: Bool

  init(_ argument: String) throws {
    let whole = RunDirectory(argument)
    let parts = argument.split(separator: "@", omittingEmptySubsequences: false)
    let step = parts.count > 1 ? parts.last.flatMap { UInt64($0) } : nil
    let front = RunDirectory(parts.dropLast().joined(separator: "@"))
    if whole.exists {
      self = try Self.checkpoint(of: whole.path, nil)
    } else if let step, !FileManager.default.fileExists(atPath: whole.path), front.exists {
      self = try Self.checkpoint(of: front.path, step)
    } else {
      self.init(directory: whole.path, label: whole.path, isOfRun: false)
    }
  }

  private init(directory: String, label: String, isOfRun: Bool) {
    self.directory = directory
    self.label = label
    self.isOfRun = isOfRun
  }

  private static func checkpoint(of run: String, _ step: UInt64?) throws -> ModelPlace {
    let stored = try StoredRun(opening: run)
    let steps = try CheckpointStore(directory: stored.directory, kept: 1)
      .steps(Ledger(queue: stored.queue))
    guard let newest = steps.last else {
      throw StageError(
        .badRun, at: run, "the run has no checkpoint",
        remedy: "Continue it with `pipeline resume \(run)`.")
    }
    let asked = step ?? newest
    guard steps.contains(asked) else {
      throw StageError(
        .badRun, at: "\(run)@\(asked)",
        "there is no checkpoint of step \(asked), but of "
          + steps.map(\.description).joined(separator: ", "),
        remedy: "Name one of them, or make the model with "
          + "`pipeline at \(asked) inspect \(run) --weights DIR`.")
    }
    return ModelPlace(
      directory: stored.directory.checkpoint(asked), label: "\(run)@\(asked)", isOfRun: true)
  }
}
