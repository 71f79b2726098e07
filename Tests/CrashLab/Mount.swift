import Foundation
import Glibc

/// A mounted place for a trial; unmounted with the object.
public final class Mount {
  public let path: String

  /// - Parameter arguments: of `mount`, without the place.
  public init(_ arguments: [String]) throws {
    path = NSTemporaryDirectory() + "/temper-mount-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    guard try Self.call("/bin/mount", arguments + [path]) == 0 else {
      throw LabError("mount \(arguments.joined(separator: " ")) \(path) is refused")
    }
  }

  deinit {
    do { _ = try Self.call("/bin/umount", [path]) } catch {
      print("Mount: \(path) stays: \(error)")
    }
    unsafe _ = Glibc.rmdir(path)
  }

  /// Runs a tool that prints nothing of interest; its exit status.
  public static func call(_ tool: String, _ arguments: [String]) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: tool)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  /// Whether this user may mount at all.
  public static let isPermitted: Bool = {
    do {
      _ = try Mount(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
      return true
    } catch { return false }
  }()
}
