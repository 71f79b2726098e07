import DiskFaults
import Foundation
import Randomness

/// Commands that look after a stopped run are killed at a disk call, or the disk fails them: asked
/// again, each does what it is for, and the run comes to the undisturbed result.
public struct UpkeepCampaign: Campaign {
  public let name = "upkeep"
  public let subjects = [Subject.hpt, .ppo]
  private let runs = UpkeepRuns()

  public init() {}

  /// - Parameter count: calls of each command, spread evenly over it; 24 if nil.
  public func trials(_ subject: Subject, count: Int?, in laboratory: Laboratory) throws -> [Trial] {
    try Upkeep.allCases.flatMap { upkeep -> [Trial] in
      let origin = try runs.origin(subject, for: upkeep, in: laboratory)
      let strikes = min(count ?? 24, origin.calls)
      return (0..<strikes).flatMap { number -> [Trial] in
        let call = 1 + (number * origin.calls + origin.calls / 2) / strikes
        let faults: [DiskFault] = [
          .killBefore,
          number % 2 == 0 ? .inputOutput(isLasting: number % 4 == 0) : .noSpace(isLasting: true),
        ]
        return faults.map { fault in
          let id = "\(name)/\(subject.name)/\(upkeep)/call-\(call)/\(fault.action)"
          return Trial(id: id, subject: subject) { trial in
            try Self.run(trial, origin.folder, upkeep, fault, call)
          }
        }
      }
    }
  }

  private static func run(
    _ trial: TrialRun, _ origin: String, _ upkeep: Upkeep, _ fault: DiskFault, _ number: Int
  ) throws {
    let run = try trial.makeRun()
    try FileManager.default.copyItem(atPath: origin + "/run", toPath: run.path)
    let file = "\(trial.folder)/struck"
    let shim = try Shim(root: run.folder).striking(fault, at: .call(number), telling: file)
    let ended = try PipelineCommand.run(
      upkeep.arguments(run), environment: shim.environment)
    let call = try StruckCall(file)
    trial.isDisturbed = call != nil
    let struck = call.map { "\(fault) at call \($0.number), \($0.name) \($0.path)" }
    let what = "\(upkeep): \(struck ?? "no call struck")"
    switch (fault, call) {
    case (_, nil):
      trial.expect(ended.status == 0, "\(what): ends with \(ended.status): \(ended.errors)")
    case (.killBefore, _):
      trial.expect(
        ended.status == -SIGKILL, "\(what): ends with \(ended.status): \(ended.errors)")
    case (_, let call?):
      DiskErrorCampaign.expectSaid(trial, ended, fault, isShared: false, call, what)
    }
    // A copy that is there is whole, and is not made anew.
    if upkeep != .backup || !FileManager.default.fileExists(atPath: Upkeep.copy(of: run)) {
      let again = try PipelineCommand.run(upkeep.arguments(run))
      trial.expect(again.status == 0, "\(what): again ends with \(again.status): \(again.errors)")
    }
    if upkeep == .backup {
      try FileManager.default.removeItem(atPath: run.path)
      try FileManager.default.moveItem(atPath: Upkeep.copy(of: run), toPath: run.path)
    }
    guard try trial.finish(.whole, run, what) else { return }
    try trial.expectSameResults(.whole, run, what)
    let verified = try PipelineCommand.run(["queue", "verify", run.path])
    trial.expect(
      verified.status == 0, "\(what): verify ends with \(verified.status): \(verified.output)")
    let rubbish = try PipelineCommand.run(["queue", "gc", run.path, "--dry-run", "--json"])
    trial.expect(rubbish.status == 0, "\(what): gc ends with \(rubbish.status): \(rubbish.errors)")
  }
}

/// A command that looks after a run at rest.
enum Upkeep: String, CaseIterable, Sendable {
  case compact, gc, backup, rewind, prune, restore, repair

  static func copy(of run: RunFolder) -> String { run.folder + "/copy" }

  func arguments(_ run: RunFolder) -> [String] {
    switch self {
    case .compact: ["queue", "compact", run.path]
    case .gc: ["queue", "gc", run.path]
    case .backup: ["queue", "backup", run.path, "--to", Self.copy(of: run)]
    case .rewind: ["rewind", run.path, "--to", "7"]
    case .prune: ["checkpoint", "prune", run.path, "--keep", "1"]
    // Not one of the steps that a run of these subjects keeps.
    case .restore: ["checkpoint", "restore", run.path, "7"]
    case .repair: ["queue", "repair", run.path]
    }
  }
}

/// Runs at rest for ``UpkeepCampaign``, and how many disk calls a command makes on them.
private final class UpkeepRuns: Sendable {
  private let stopped = StoppedRuns()

  func origin(
    _ subject: Subject, for upkeep: Upkeep, in laboratory: Laboratory
  ) throws -> (folder: String, calls: Int) {
    let sound = try stopped.stopped(subject, .killed, in: laboratory).folder
    let folder = upkeep == .repair ? try damaged(sound, subject, laboratory) : sound
    return (folder, try calls(of: upkeep, on: folder, subject, laboratory))
  }

  /// A copy in which one record is damaged that can be made again; made once for a build.
  private func damaged(
    _ sound: String, _ subject: Subject, _ laboratory: Laboratory
  ) throws -> String {
    let folder = sound + "-damaged"
    guard !FileManager.default.fileExists(atPath: folder) else { return folder }
    var choices = Choices(seed: 3)
    for _ in 0..<200 {
      let copy = try copied(sound, subject)
      _ = try Damage.flippedBit.apply(to: copy.path + "/queue/data.mdb", &choices)
      let before = try Data(contentsOf: URL(fileURLWithPath: copy.path + "/queue/data.mdb"))
      guard try PipelineCommand.run(["queue", "verify", copy.path]).status == 4,
        try PipelineCommand.run(Upkeep.repair.arguments(copy)).status == 0,
        try PipelineCommand.run(["queue", "verify", copy.path]).status == 0
      else { continue }
      try FileManager.default.copyItem(atPath: sound, toPath: folder)
      try before.write(to: URL(fileURLWithPath: folder + "/run/queue/data.mdb"))
      return folder
    }
    throw LabError("\(sound): none of 200 damages is one that repair mends")
  }

  private func calls(
    of upkeep: Upkeep, on folder: String, _ subject: Subject, _ laboratory: Laboratory
  ) throws -> Int {
    let copy = try copied(folder, subject)
    let shim = try Shim(root: copy.folder).counting(to: copy.folder + "/calls")
    let ended = try PipelineCommand.run(
      upkeep.arguments(copy), environment: shim.environment)
    guard ended.status == 0 else { throw LabError("\(upkeep): \(ended.errors)") }
    return try DiskCall.read(copy.folder + "/calls").count
  }

  private func copied(_ folder: String, _ subject: Subject) throws -> RunFolder {
    let copy = try RunFolder(subject)
    try FileManager.default.copyItem(atPath: folder + "/run", toPath: copy.path)
    return copy
  }
}
