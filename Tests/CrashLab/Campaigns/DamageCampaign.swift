import Digest
import DiskFaults
import Foundation
import Glibc
import Randomness

/// Files of a run at rest are truncated, overwritten, swapped, deleted: whatever a user does next
/// must name the damage and end, or come to the very result that it would have come to.
///
/// Never a changed answer, never a hang, never a crash of the user's command.
public struct DamageCampaign: Campaign {
  public let name = "damage"
  private let stopped = StoppedRuns()

  public init() {}

  /// By itself 84 damages of each of a subject's three stopped runs: of four subjects 1008.
  public func trials(_ subject: Subject, count: Int?, in laboratory: Laboratory) throws -> [Trial] {
    StoppedRun.Kind.allCases.flatMap { kind in
      (0..<(count ?? 84)).map { number in
        let id = "\(name)/\(subject.name)/\(kind.rawValue)/\(number)"
        return Trial(id: id, subject: subject) { [stopped] trial in
          let origin = try stopped.stopped(subject, kind, in: trial.laboratory)
          try Self.damage(origin, trial)
        }
      }
    }
  }

  private static func damage(_ origin: StoppedRun, _ trial: TrialRun) throws {
    var choices = Choices(seed: trial.random.bits(0))
    let run = try trial.makeRun()
    try FileManager.default.copyItem(atPath: origin.folder + "/run", toPath: run.path)
    var what: (file: String, damage: String)?
    while what == nil {
      let file = draw(origin.files, &choices)
      let damage = choices.pick(Damage.allCases)
      what = try damage.apply(to: "\(run.folder)/\(file)", &choices).map { (file, $0) }
    }
    guard let (file, damage) = what else { return }
    let text = "\(file): \(damage)"
    for reading in StoppedRun.Reading.allCases {
      let ended = try PipelineCommand.run(reading.arguments(run.path))
      if ended.status != 0 {
        expectRefused(ended, of: file, run, trial, "\(text): \(reading.rawValue)")
      } else if !(isShownAsItIs(file) && reading == .status) {
        trial.expect(
          reading.answer(ended, run.path) == origin.answers[reading],
          "\(text): \(reading.rawValue) gives another answer, and ends with 0")
      }
    }
    try resume(origin, run, file: file, trial, text)
  }

  /// Half of the damage goes into the queue's data file, where most of a run is.
  private static func draw(_ files: [String], _ choices: inout Choices) -> String {
    if choices.chance(0.4) { return "run/queue/data.mdb" }
    return choices.pick(files)
  }

  /// Files without a checksum, derived from the logs and written anew by every start of the run, or
  /// history of its processes; `status` shows what they say.
  private static func isShownAsItIs(_ file: String) -> Bool {
    ["run/metrics.jsonl", "run/summary.json", "run/logs/activity.jsonl"].contains(file)
      || file.hasPrefix("run/locks/")
  }

  /// One line that names the damage, and the status of a corrupt store, or of what else it can be.
  private static func expectRefused(
    _ ended: Ended, of file: String, _ run: RunFolder, _ trial: TrialRun, _ what: String
  ) {
    let said = ended.errors.trimmingCharacters(in: .newlines)
    var statuses: Set<Int32> = [4]
    // A definition that cannot be read is a matter of configuration; a summary is told to go.
    if file == "run/pipeline.yaml" { statuses = [2, 3, 4] }
    if file == "run/summary.json" { statuses = [2, 4] }
    trial.expect(statuses.contains(ended.status), "\(what) ends with \(ended.status): \(said)")
    let last = ended.lines.last ?? ""
    let place = (file as NSString).lastPathComponent
    let isNamed = last.contains(run.path) || last.contains(place) || last.contains("queue")
    trial.expect(
      last.hasPrefix("pipeline: ") && isNamed, "\(what) does not name \(file): \(said)")
  }

  /// Going on comes to the undisturbed result, or is refused; then the run as it was before the
  /// damage comes there. Not the file alone: what met the damage late has moved the others on.
  private static func resume(
    _ origin: StoppedRun, _ run: RunFolder, file: String, _ trial: TrialRun, _ what: String
  ) throws {
    // Six processes leave the evaluations to whoever resumes the run as a whole.
    let forms: [Form] = origin.kind.form == .stages ? [.stages, .whole] : [.whole]
    for form in forms {
      let commands = run.exists ? run.commands(form) : [["resume", run.path, "-q"]]
      let ended = try commands.map { try RunningCommand($0) }.endTogether()
      // Not those that were asked to end meanwhile: by themselves, or before they could listen.
      guard let refused = ended.first(where: { ![0, 143, -SIGTERM].contains($0.status) }) else {
        continue
      }
      expectRefused(refused, of: file, run, trial, "\(what): going on")
      try FileManager.default.removeItem(atPath: run.path)
      try FileManager.default.copyItem(atPath: origin.folder + "/run", toPath: run.path)
      for form in forms {
        guard try trial.finish(form, run, "\(what): given back") else { return }
      }
      break
    }
    let digest = try PipelineCommand.run(["queue", "digest", run.path, "--json"])
    guard digest.status != 0 else { return try trial.expectSameResults(.whole, run, what) }
    // A record that nobody had to read again: it is still named, and the weights are the same.
    expectRefused(digest, of: file, run, trial, "\(what): at the end")
    try expectSameWeights(run, trial, what)
  }

  private static func expectSameWeights(
    _ run: RunFolder, _ trial: TrialRun, _ what: String
  ) throws {
    for (name, digest) in trial.reference.results.files.sorted(by: { $0.key < $1.key }) {
      let path = "\(run.path)/checkpoints/\(trial.subject.steps)/\(name)"
      let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
      trial.expect(hexadecimal(SHA256.hash(bytes)) == digest, "\(what): another \(name)")
    }
  }
}
