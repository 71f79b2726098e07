import Files
import Foundation

/// Files and folders that are made under a name with their process's number, and renamed when whole: what
/// a killed process, or a power cut, left of them.
enum AbandonedFiles {
  /// `NAME.tmp-PID`, a file; `RUN.creating-PID`, a run.
  static let temporaryMark = ".tmp-"
  static let creationMark = ".creating-"

  /// Creations of the run in `directory` whose processes are gone: paths beside it.
  static func creations(of directory: RunDirectory) throws -> [String] {
    let name = PathParts.name(of: directory.path)
    return try paths(in: PathParts.folder(of: directory.path), begin: name + creationMark)
  }

  /// Whether a process died that was making the run; no where the folder cannot be looked into.
  static func isCreationCut(of directory: RunDirectory) -> Bool {
    do { return try !creations(of: directory).isEmpty } catch { return false }
  }

  /// Temporary files in the run's directory and its folder of logs, whose processes are gone.
  static func temporaries(of directory: RunDirectory) throws -> [String] {
    try [directory.path, directory.logs].flatMap { folder in
      try names(in: folder).filter { name in
        guard let mark = name.range(of: temporaryMark, options: .backwards) else { return false }
        return isOfGoneProcess(name[mark.upperBound...])
      }.map { "\(folder)/\($0)" }
    }
  }

  /// Removes both, as far as that can be done: a run begins and goes on beside what stays.
  static func removeAll(of directory: RunDirectory) {
    let left: [String]
    do { left = try creations(of: directory) + temporaries(of: directory) } catch { return }
    for path in left {
      // Another process may remove it at the same time, or the folder may not be written: then
      // `pipeline queue gc` says why.
      do { try FileManager.default.removeItem(atPath: path) } catch { continue }
    }
  }

  private static func paths(in folder: String, begin: String) throws -> [String] {
    try names(in: folder).filter {
      $0.hasPrefix(begin) && isOfGoneProcess($0.dropFirst(begin.count))
    }
    .map { "\(folder)/\($0)" }
  }

  private static func names(in folder: String) throws -> [String] {
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }

  private static func isOfGoneProcess(_ number: Substring) -> Bool {
    guard let process = Int32(number), process > 0 else { return false }
    return kill(process, 0) != 0 && errno == ESRCH
  }
}
