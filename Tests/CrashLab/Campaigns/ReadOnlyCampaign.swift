import Foundation

/// A run on a read-only file system, or in a folder that another user owns, can be read and says
/// why it cannot go on.
public struct ReadOnlyCampaign: Campaign {
  public let name = "read-only"

  public init() {}

  public func trials(_ subject: Subject, count _: Int?, in _: Laboratory) throws -> [Trial] {
    guard Mount.isPermitted else { return [] }
    return ["mount", "user"].map { place in
      Trial(id: "\(name)/\(subject.name)/\(place)", subject: subject) { trial in
        let run = try trial.makeRun()
        let command = try RunningCommand(run.command(), logs: trial.folder)
        _ = command.waits { run.steps >= trial.subject.steps / 3 }
        command.send(SIGKILL)
        try command.wait()
        let before = try PipelineCommand.run(["queue", "digest", run.path, "--json"])
        if place == "mount" {
          let mount = try Mount(["--bind", run.path])
          guard try Mount.call("/bin/mount", ["-o", "remount,ro,bind", mount.path]) == 0 else {
            throw LabError("\(mount.path) cannot be made read-only")
          }
          try Self.expectOnlyReadable(trial, mount.path, before, under: [])
        } else {
          // Number 65534 is nobody; what lies above the run must let it pass.
          try Self.expectOnlyReadable(
            trial, run.path, before,
            under: ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"])
        }
        try trial.expectIdentical(.whole, run, kills: 1, "writable again")
      }
    }
  }

  private static func expectOnlyReadable(
    _ trial: TrialRun, _ path: String, _ before: Ended, under tool: [String]
  ) throws {
    let resumed = try PipelineCommand.run(["resume", path, "-q"], under: tool)
    trial.expect(
      resumed.status == 1 && resumed.lines.count == 1 && resumed.errors.contains(path),
      "resume ends with \(resumed.status): \(resumed.errors)")
    trial.expect(
      ["ead-only", "ermission"].contains { resumed.errors.contains($0) },
      "resume does not say why: \(resumed.errors)")
    let digest = try PipelineCommand.run(["queue", "digest", path, "--json"], under: tool)
    trial.expect(
      digest.status == 0 && digest.output == before.output,
      "queue digest ends with \(digest.status): \(digest.errors)")
    let status = try PipelineCommand.run(["status", path], under: tool)
    trial.expect(status.status == 0, "status ends with \(status.status): \(status.errors)")
  }
}
