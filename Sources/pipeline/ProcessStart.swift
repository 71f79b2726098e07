import Foundation

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
}
