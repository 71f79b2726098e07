import Files
import Foundation
import Records

/// `logs/activity.jsonl`: a line for every turn in which a stage made something that was committed.
///
/// Outside the queue and outside every digest: history of processes, not of the run. What was taken back
/// later stays in it, a line that a kill tore is ignored. Two files of 8 MiB at most are kept, about
/// 130,000 turns, so that it never grows without end.
public struct ActivityLog: Sendable {
  private let path: String
  /// Bytes at which the file is set aside, in the place of the one before.
  private let longest: Int

  public init(path: String, longest: Int = 8 << 20) {
    self.path = path
    self.longest = longest
  }

  private var earlier: String { path + ".1" }

  /// Appends lines, in one write: several processes share the file. Not synced.
  package func note(_ activities: [StageActivity]) throws {
    guard !activities.isEmpty else { return }
    try DurableFile.append(try activities.flatMap { try JSONLine.encode($0) }, to: path)
    try setAsideIfLong()
  }

  /// Only one process at a time may do it, and only to the file that it has looked at.
  private func setAsideIfLong() throws {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw DurableFile.failure("open", path) }
    defer { close(descriptor) }
    var own = stat()
    guard unsafe fstat(descriptor, &own) == 0 else { throw DurableFile.failure("look at", path) }
    guard own.st_size > longest, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { return }
    var there = stat()
    guard unsafe stat(path, &there) == 0, there.st_ino == own.st_ino else { return }
    guard unsafe Glibc.rename(path, earlier) == 0 else {
      throw DurableFile.failure("rename to", earlier)
    }
  }

  /// Shows `body` what is kept, oldest first but for the order of processes.
  ///
  /// - Parameter bytes: how much of the end of the newest file is looked at; nil: all that is kept.
  /// - Throws: what reading the files throws; none need be there.
  public func forEachTurn(
    newest bytes: Int? = nil, _ body: (StageActivity) throws -> Void
  ) throws {
    for file in bytes == nil ? [earlier, path] : [path] {
      guard RegularFile.obstacle(at: file) != .missing else { continue }
      // A line that is cut at its beginning is no activity, as one that is torn at its end.
      let end = try DurableFile.read(file, newest: bytes ?? 8 * longest)
      for line in end.split(separator: UInt8(ascii: "\n")) {
        if let activity = Self.activity(line, file) { try body(activity) }
      }
    }
  }

  /// What a line says; nil for a torn one.
  private static func activity(_ line: ArraySlice<UInt8>, _ file: String) -> StageActivity? {
    let value: JSONValue
    do { value = try JSONValue(parsing: Array(line), location: file) } catch { return nil }
    guard let stage = value["stage"]?.string, StageName(rawValue: stage) != nil,
      let process = value["process"]?.integer.flatMap(Int32.init(exactly:)),
      let start = value["start"]?.double, let end = value["end"]?.double,
      start.isFinite, end.isFinite, end >= start,
      let groups = value["groups"]?.integer.flatMap(UInt64.init(exactly:)),
      let queued = value["queued"]?.integer.flatMap(UInt64.init(exactly:))
    else { return nil }
    return StageActivity(
      stage: stage, process: process, start: start, end: end, groups: groups,
      step: value["step"]?.integer.flatMap(UInt64.init(exactly:)), queued: queued)
  }

  /// When each step that is still noted was trained, in unix seconds.
  public func stepTimes() throws -> [UInt64: Double] {
    var times: [UInt64: Double] = [:]
    try forEachTurn { activity in
      guard activity.stage == StageName.optimizer.rawValue, let step = activity.step else { return }
      times[step] = activity.end
    }
    return times
  }
}
