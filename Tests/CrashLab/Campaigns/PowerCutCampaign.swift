import DiskFaults
import Foundation
import Randomness

/// The power goes at a random call of a recorded run, its creation included: the disk as it may have
/// been left, and the run taken up again on it.
///
/// Nothing acknowledged may be gone, and the run comes to what the undisturbed one came to.
public struct PowerCutCampaign: Campaign {
  public let name = "power-cut"
  private let recordings: Recordings

  /// - Parameter text: syncs of paths that contain it are left out of the recording, as if the
  ///   program had none there: a campaign that then finds nothing is worth nothing.
  public init(omittingSyncsOf text: String? = nil) {
    recordings = Recordings(omittingSyncsOf: text)
  }

  /// By itself 126 cuts a subject and model: of four subjects 504.
  public func trials(_ subject: Subject, count: Int?, in laboratory: Laboratory) throws -> [Trial] {
    DiskModel.allCases.flatMap { model in
      Form.allCases.flatMap { form in
        // Most of what six processes do on the disk is what one does.
        (0..<(count ?? (form == .whole ? 90 : 36))).map { number in
          let id = "\(name)/\(subject.name)/\(model.rawValue)/\(form.rawValue)/\(number)"
          return Trial(id: id, subject: subject) { [recordings] trial in
            let recording = try recordings.recording(of: subject, form, in: trial.laboratory)
            try Self.cut(recording, model, form, trial)
          }
        }
      }
    }
  }

  private static func cut(
    _ recording: Recording, _ model: DiskModel, _ form: Form, _ trial: TrialRun
  ) throws {
    var choices = Choices(seed: trial.random.bits(0))
    let cut = PowerCut.draw(model, in: recording.log, &choices)
    let run = try trial.makeRun()
    let image = try restore(recording, cut, to: run.folder, &choices)
    let before = recording.log.prefix(cut.operations)
    try expectNothingLost(
      Acknowledged(by: before, root: recording.root), run, image, trial, "\(cut)")
    // Six processes leave the evaluations to whoever resumes the run as a whole.
    let forms = form == .stages ? [Form.stages, .whole] : [.whole]
    for form in forms {
      guard try trial.finish(form, run, "\(cut), \(form.rawValue)") else { return }
    }
    try trial.expectSameResults(.whole, run, "\(cut)")
    // Of six creators five clear away what they made; a cut may bring that back, for the next
    // creation or `pipeline queue gc` to remove.
    let beside = try FileManager.default.contentsOfDirectory(atPath: run.folder).sorted()
      .filter { !$0.hasPrefix("run.creating-") }
    trial.expect(
      beside == ["run", "\(trial.subject.name).yaml"].sorted(), "\(cut): beside the run: \(beside)")
  }

  private static func restore(
    _ recording: Recording, _ cut: PowerCut, to folder: String, _ choices: inout Choices
  ) throws -> DiskImage {
    var disk = try SimulatedDisk(cut.model, root: recording.root, initially: recording.initial)
    try disk.apply(recording.log.prefix(cut.operations))
    var image = disk.afterCut(cut, &choices)
    // Written through a mapping, which no recorder sees: after a cut it may hold anything.
    for path in image.files.keys.sorted() where path.hasSuffix("/lock.mdb") {
      let count = image.files[path]?.count ?? 0
      if choices.chance(0.5) { image.files[path] = choices.noise(count) }
    }
    try image.write(to: folder)
    return image
  }

  /// What was acknowledged before the cut is there.
  private static func expectNothingLost(
    _ acknowledged: Acknowledged, _ run: RunFolder, _ image: DiskImage, _ trial: TrialRun,
    _ what: String
  ) throws {
    guard run.exists else {
      return trial.expect(!acknowledged.isCreated, "\(what): the run was created, and is gone")
    }
    let shown = MetaPage.newestTransaction(of: image.files["run/queue/data.mdb"] ?? [])
    trial.expect(
      shown >= acknowledged.transaction,
      "\(what): commit \(acknowledged.transaction) had returned, the file shows \(shown)")
    let step = try trial.expectReadable(run, what)
    trial.expect(
      step >= acknowledged.steps,
      "\(what): \(acknowledged.steps) steps were reported, \(step) are left")
  }
}
