import Foundation
import Glibc

/// All stages of a run, held so that none of them can start: for tools on a run at rest.
///
/// Epochs stay as they are. A stage that somebody took over and that wakes up now still finds its
/// number superseded.
public final class RunLocks: Sendable {
  private let locks: [FileLock]

  /// - Parameters:
  ///   - runFolder: the run's directory.
  ///   - stages: names whose first worker's lock is held even where none ever ran.
  /// - Throws: `.locked` with the pid when one is at work.
  public init(runFolder: String, stages: [String]) throws {
    let folder = "\(runFolder)/locks"
    if unsafe mkdir(folder, 0o755) != 0, errno != EEXIST {
      throw QueueError.system(errno, at: folder, doing: "mkdir")
    }
    let known = try FileManager.default.contentsOfDirectory(atPath: folder)
    let names = Set(known.filter { $0.hasSuffix(".lock") } + stages.map { "\($0)-1.lock" })
    locks = try names.sorted().map { try FileLock(at: "\(folder)/\($0)") }
  }

  /// Whether a stage of the run is at work in some process.
  public static func areAnyHeld(runFolder: String) throws -> Bool {
    try FileLock.isAnyHeld(in: "\(runFolder)/locks")
  }
}
