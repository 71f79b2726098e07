import Foundation

/// Too little memory, too few descriptors: the command comes to its end or says why not (of memory, as
/// far as it can), does not hang, and goes on to the same bits without the limit.
public struct LimitsCampaign: Campaign {
  public let name = "limits"

  public init() {}

  public func trials(_ subject: Subject, count _: Int?, in _: Laboratory) throws -> [Trial] {
    let memory = [32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048]
      .map { ("memory-\($0)", "--as=\($0 << 20)") }
    let files = [8, 16, 20, 24, 32, 48, 64].map { ("files-\($0)", "--nofile=\($0)") }
    return (memory + files).flatMap { limit, option in
      ["new", "resumed"].map { start in
        Trial(id: "\(name)/\(subject.name)/\(limit)/\(start)", subject: subject) { trial in
          try Self.run(trial, option, isNew: start == "new")
        }
      }
    }
  }

  private static func run(_ trial: TrialRun, _ option: String, isNew: Bool) throws {
    let run = try trial.makeRun()
    if !isNew {
      let command = try RunningCommand(run.command(), logs: trial.folder)
      _ = command.waits { run.steps >= trial.subject.steps / 2 }
      command.send(SIGKILL)
      try command.wait()
    }
    let ended = try RunningCommand(
      run.command(), environment: ["SWIFT_BACKTRACE": "enable=no"],
      under: ["/usr/bin/prlimit", option], logs: trial.folder
    ).wait()
    trial.isDisturbed = ended.status != 0
    if ended.status != 0 {
      // Where an allocation of its own fails, Swift's runtime aborts, often without the memory to say so.
      let mayAbort = option.hasPrefix("--as")
      trial.expect(
        mayAbort || ended.status > 0,
        "\(option): killed by signal \(-ended.status): \(ended.errors)")
      trial.expect(mayAbort || !ended.errors.isEmpty, "\(option): nothing is said")
    }
    try trial.expectIdentical(.whole, run, kills: 2, "after \(option)")
  }
}
