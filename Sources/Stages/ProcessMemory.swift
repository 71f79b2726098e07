import Glibc

/// What this process has used of the machine's memory.
enum ProcessMemory {
  /// Largest resident set so far, in bytes.
  static var peakBytes: UInt64 {
    var usage = rusage()
    guard unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 else { return 0 }
    // Linux counts in kibibytes.
    return UInt64(usage.ru_maxrss) * 1024
  }
}
