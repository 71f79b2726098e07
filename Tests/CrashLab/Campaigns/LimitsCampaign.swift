import Foundation

/// Too little address space, too few descriptors: the command comes to its end or says why not, does not
/// hang, and goes on to the same bits without the limit.
public struct LimitsCampaign: Campaign {
  public let name = "limits"

  public init() {}

  public func trials(_ subject: Subject, count _: Int?, in _: Laboratory) throws -> [Trial] {
    // A queue's map takes 16 GiB: 16,600 MiB hold it and not what a run takes beside it.
    let memory = [32, 64, 96, 128, 160, 192, 512, 2048, 16_600, 40_000].map {
      ("memory-\($0)", "--as=\($0 << 20)", $0 < Self.leastMemory)
    }
    let files = [8, 16, 20, 24, 32, 48, 64].map { ("files-\($0)", "--nofile=\($0)", false) }
    return (memory + files).flatMap { limit, option, mayAbort in
      ["new", "resumed"].map { start in
        Trial(id: "\(name)/\(subject.name)/\(limit)/\(start)", subject: subject) { trial in
          try Self.run(trial, option, isNew: start == "new", mayAbort: mayAbort)
        }
      }
    }
  }

  /// MiB of address space below which the process is ended before its own code begins, by the loader or
  /// by the BLAS library, which starts a thread with a stack of 8 MiB for every core.
  private static let leastMemory = 136 + 10 * ProcessInfo.processInfo.processorCount

  private static func run(
    _ trial: TrialRun, _ option: String, isNew: Bool, mayAbort: Bool
  ) throws {
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
      trial.expect(
        mayAbort || ended.status > 0,
        "\(option): killed by signal \(-ended.status): \(ended.errors)")
      trial.expect(mayAbort || !ended.errors.isEmpty, "\(option): nothing is said")
    }
    try trial.expectIdentical(.whole, run, kills: 2, "after \(option)")
  }
}
