import Foundation
import Queue
import Records
import Stages

/// What has to be settled before anything else of the process begins.
enum ProcessStart {
  /// Files that a run and its evaluation have open at once, about 25, and some to spare.
  private static let files: rlim_t = 32

  /// Refuses to begin with fewer descriptors than a run needs, after raising the limit as far as it goes:
  /// the system's libraries trap, without a word, where they cannot open their own.
  static func requireDescriptors() throws {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
      limit.rlim_cur < files
    else { return }
    limit.rlim_cur = min(files, limit.rlim_max)
    if limit.rlim_cur == files,
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    {
      return
    }
    throw StageError(
      .file, at: "descriptors",
      "\(limit.rlim_max) files may be open at once, and \(files) are needed",
      remedy: "Raise the limit with `ulimit -n`.")
  }

  /// MiB of address space without which no command begins: measured, libraries and threads take 131,
  /// and up to there a failed allocation ends the process in Swift's runtime or BLAS's. Below 128 the
  /// loader says so itself, before anything here.
  private static let leastToStart: rlim_t = 136
  /// MiB that the smallest run takes beside its maps: measured on `Tests/CrashLab/Subjects/brief.yaml`,
  /// whose VmPeak is 17,113,492 KiB with one map. With less BLAS asks for its 128 MiB for ever, and
  /// the run neither ends nor goes on.
  private static let leastToRun: rlim_t = 328
  private static let map = rlim_t(QueueOptions().mapSize) >> 20

  /// Refuses to begin in an address space (`ulimit -v`) that is too small for any command: a process
  /// that runs out of it is ended without a word, or waits for ever.
  static func requireAddressSpace() throws {
    try requireAddressSpace(leastToStart, for: "a command takes \(leastToStart)")
  }

  /// The same for a run.
  ///
  /// - Parameter queues: how many it has open at once: its own, and an evaluation's.
  static func requireAddressSpace(forRunOf queues: Int) throws {
    let maps = rlim_t(queues) * map
    try requireAddressSpace(
      maps + leastToRun,
      for: "the smallest run takes \(maps + leastToRun), of which \(maps) are its queues' maps, "
        + "whatever they hold")
  }

  private static func requireAddressSpace(_ needed: rlim_t, for what: String) throws {
    var limit = rlimit()
    // RLIM_INFINITY, which C has as an expression, is the largest value.
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0,
      limit.rlim_cur >> 20 < needed
    else { return }
    throw StageError(
      .file, at: "address space", "\(limit.rlim_cur >> 20) MiB are allowed, and \(what)",
      remedy: "Raise the limit with `ulimit -v`; `ulimit -d` limits memory without counting maps.")
  }
}
