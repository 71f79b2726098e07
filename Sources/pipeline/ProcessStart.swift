import Foundation
import Records
import Stages

/// What has to be settled before anything else of the process begins.
enum ProcessStart {
  private static let threads = "OPENBLAS_NUM_THREADS"

  /// Starts the command anew with OpenBLAS told to have no threads of its own, unless it was told so.
  ///
  /// The library starts one for every further core when it is loaded, with 128 MiB each. No product
  /// here uses them, since every call has one thread; yet where memory is limited (`ulimit -v`, 250 MB)
  /// they ask for theirs for ever, and a process that has done its work waits for them at its end. The
  /// library reads the variable before `main`, so that only a new start takes it into account: the same
  /// process, some milliseconds later.
  static func withoutLibraryThreads() {
    guard ProcessInfo.processInfo.environment[threads] != "1" else { return }
    unsafe setenv(threads, "1", 1)
    // Where the system does not allow it, all goes on as it was.
    unsafe _ = execv("/proc/self/exe", CommandLine.unsafeArgv)
  }

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
}
