import Files
import Foundation

/// Memory that this process may use.
public enum MachineMemory {
  /// Bytes of the machine, or of the control group that holds this process, if that allows fewer.
  public static var limit: Int {
    let machine = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    return min(machine, groupLimit ?? machine)
  }

  /// Bytes that the kernel could hand out now without swapping; nil where it does not say.
  public static var available: Int? {
    guard let text = text("/proc/meminfo") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
      let digits = line.drop { !$0.isNumber }.prefix { $0.isNumber }
      return Int(digits).map { $0 << 10 }
    }
    return nil
  }

  /// The least limit of this process's control group (version 2) and of those around it.
  private static var groupLimit: Int? {
    guard
      let line = text("/proc/self/cgroup")?.split(separator: "\n").first(where: {
        $0.hasPrefix("0::/")
      })
    else { return nil }
    var folder = "/sys/fs/cgroup" + line.dropFirst(3)
    var least: Int?
    while folder.hasPrefix("/sys/fs/cgroup") {
      // The group that is the root of what this process sees has no limit of its own.
      let stated = text(folder + "/memory.max").map { $0.filter { !$0.isWhitespace } }
      if let bytes = stated.flatMap({ Int($0) }) { least = min(least ?? bytes, bytes) }
      folder = PathParts.folder(of: folder)
    }
    return least
  }

  private static func text(_ path: String) -> String? {
    do {
      return String(decoding: try RegularFile.read(path, limit: 1 << 16), as: UTF8.self)
    } catch { return nil }
  }
}
