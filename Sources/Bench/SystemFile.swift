import Files

/// Small text files in which the system says how it is.
enum SystemFile {
  /// None where the file cannot be read: not every system has it.
  static func lines(_ path: String) -> [Substring] {
    do {
      let text = String(decoding: try RegularFile.read(path, limit: 1 << 20), as: UTF8.self)
      return text.split(separator: "\n")
    } catch { return [] }
  }
}

/// The machine that is measured, and how busy it is.
public enum BenchMachine {
  /// As /proc/cpuinfo names the processor.
  public static var processor: String {
    let line = SystemFile.lines("/proc/cpuinfo").first { $0.hasPrefix("model name") }
    guard let name = line?.split(separator: ":").last else { return "unknown" }
    return String(name.drop { $0 == " " })
  }

  /// Programs that ran or wanted to, a mean over a minute.
  public static var loadAverage: Double? {
    SystemFile.lines("/proc/loadavg").first?.split(separator: " ").first.flatMap { Double($0) }
  }

  /// Most bytes of memory that this process has had at once.
  ///
  /// Not `getrusage`: through it a process inherits the peak of the one that started it.
  static var peakMemoryBytes: Int? { status("VmHWM:") }

  /// Bytes of memory that are this process's own now: files that are mapped, which the system takes
  /// back when it needs room, are not.
  static var anonymousBytes: Int? { status("RssAnon:") }

  private static func status(_ name: String) -> Int? {
    let line = SystemFile.lines("/proc/self/status").first { $0.hasPrefix(name) }
    let digits = line?.drop { !$0.isNumber }.prefix { $0.isNumber }
    return digits.flatMap { Int($0) }.map { $0 << 10 }
  }
}
