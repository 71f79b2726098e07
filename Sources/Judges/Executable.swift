import Foundation

/// Where programs are found.
enum Executable {
  /// The path of a program, looked for in PATH where it is a bare name; nil where there is none.
  static func path(of program: String) -> String? {
    let folders =
      program.contains("/")
      ? [""]
      : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map { $0 + "/" }
    return folders.map { $0 + program }.first {
      var isFolder: ObjCBool = false
      return unsafe FileManager.default.fileExists(atPath: $0, isDirectory: &isFolder)
        && !isFolder.boolValue && FileManager.default.isExecutableFile(atPath: $0)
    }
  }
}
