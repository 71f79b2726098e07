import Foundation

/// The processes that hold the stages of a run.
///
/// Read from `/proc/locks`, which lists locks without touching them: to try a lock would keep a
/// stage from starting at that instant.
struct StageHolders: Sendable {
  /// `rollout-1` → pid.
  private(set) var pids: [String: Int] = [:]

  /// - Parameter folder: `RUN/locks`; absent before the first stage has started.
  init(folder: String) throws(InspectorError) {
    let manager = FileManager.default
    guard manager.fileExists(atPath: folder) else { return }
    let names: [String]
    let held: [UInt64: Int]
    do {
      names = try manager.contentsOfDirectory(atPath: folder)
      held = Self.locks(in: try String(contentsOfFile: "/proc/locks", encoding: .utf8))
    } catch {
      throw InspectorError(
        .file, at: folder, "the stages' locks cannot be read: \(error.localizedDescription)",
        remedy: "Check the permissions of the folder and of /proc/locks.")
    }
    for name in names.sorted() where name.hasSuffix(".lock") {
      var status = stat()
      guard unsafe stat("\(folder)/\(name)", &status) == 0 else { continue }
      if let pid = held[UInt64(status.st_ino)] { pids[String(name.dropLast(5))] = pid }
    }
  }

  /// Inode → pid of every `flock`. A line: `2: FLOCK ADVISORY WRITE 17 fe:00:162 0 EOF`.
  private static func locks(in table: String) -> [UInt64: Int] {
    var locks: [UInt64: Int] = [:]
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 6, fields[1] == "FLOCK", let pid = Int(fields[4]),
        let inode = fields[5].split(separator: ":").last.flatMap({ UInt64($0) })
      else { continue }
      locks[inode] = pid
    }
    return locks
  }
}
