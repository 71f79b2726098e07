import Foundation
import Glibc
import Testing

/// A mounted place for a test; unmounted with the object.
final class Mount {
  let path: String

  /// - Parameter arguments: of `mount`, without the place.
  init(_ arguments: [String]) throws {
    path = NSTemporaryDirectory() + "/temper-mount-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    try #require(Self.call("/bin/mount", arguments + [path]) == 0)
  }

  deinit {
    _ = Self.call("/bin/umount", [path])
    unsafe _ = Glibc.rmdir(path)
  }

  static func call(_ tool: String, _ arguments: [String]) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    do { try process.run() } catch { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Whether this user may mount at all.
  static let isPermitted: Bool = {
    do {
      _ = try Mount(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
      return true
    } catch { return false }
  }()
}
