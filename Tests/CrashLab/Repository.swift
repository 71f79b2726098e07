import Foundation

/// Where the laboratory finds what it drives.
public enum Repository {
  /// The repository's root: definitions name datasets relative to it.
  public static let root: String = {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }()

  /// The built `pipeline` command; nil where it has not been built. `TEMPER_PIPELINE` names another
  /// build: one with a planted bug.
  public static let pipeline: String? =
    ProcessInfo.processInfo.environment["TEMPER_PIPELINE"] ?? product("pipeline")

  /// The library that stands between a process and its disk calls (`Tests/DiskShim`).
  public static let shim: String? = product("libDiskShim.so")

  /// The path of a folder without links, `..` and doubled slashes: as the kernel spells the path of
  /// a descriptor, which the shim compares with its root. Itself where there is no such folder.
  public static func canonical(_ folder: String) -> String {
    guard let path = unsafe realpath(folder, nil) else { return folder }
    defer { unsafe free(path) }
    return unsafe String(cString: path)
  }

  /// Beside this program, which is built with it, or where `make build` puts it.
  private static func product(_ name: String) -> String? {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let places = [
      own.deletingLastPathComponent().path + "/\(name)", root + "/.build/release/\(name)",
    ]
    return places.first { FileManager.default.isReadableFile(atPath: $0) }
  }
}

/// Why the laboratory itself could not do its work, or a command hung.
public struct LabError: Error, CustomStringConvertible {
  public let description: String

  public init(_ description: String) { self.description = description }
}
