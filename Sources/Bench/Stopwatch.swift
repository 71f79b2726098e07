import Glibc

/// Time by the monotonic clock, and what the processor did meanwhile.
struct Stopwatch {
  private let wall: Double
  private let own: Double
  private let machine: Double?

  /// Starts now.
  init() {
    machine = Self.machineSeconds()
    own = Self.seconds(CLOCK_PROCESS_CPUTIME_ID)
    wall = Self.seconds(CLOCK_MONOTONIC)
  }

  /// Seconds since the start.
  var elapsed: Double { Self.seconds(CLOCK_MONOTONIC) - wall }

  /// What passed since the start.
  var reading: Reading {
    let elapsed = elapsed
    let used = Self.seconds(CLOCK_PROCESS_CPUTIME_ID) - own
    var others: Double?
    if let machine, let now = Self.machineSeconds() { others = max(0, now - machine - used) }
    return Reading(wall: elapsed, processor: used, others: others)
  }

  struct Reading {
    /// Seconds by the clock.
    var wall: Double
    /// Seconds of the processor, summed over this process's threads.
    var processor: Double
    /// Seconds of the processor that other programs had; nil where the system does not say.
    var others: Double?
  }

  private static func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    unsafe clock_gettime(clock, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }

  /// Seconds of the processors' time that any program had since the machine was started, from the
  /// first line of /proc/stat: user, nice and system, in ticks.
  private static func machineSeconds() -> Double? {
    guard let line = SystemFile.lines("/proc/stat").first else { return nil }
    let numbers = line.split(separator: " ").dropFirst().prefix(3).compactMap { Double($0) }
    guard numbers.count == 3 else { return nil }
    return numbers.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}

/// Times of equal repetitions, in seconds.
struct Times {
  private(set) var all: [Double] = []

  mutating func add(_ seconds: Double) { all.append(seconds) }

  var best: Double { all.min() ?? 0 }

  /// The upper of the two in the middle of an even number.
  var median: Double { all.isEmpty ? 0 : all.sorted()[all.count / 2] }
}
