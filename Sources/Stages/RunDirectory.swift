import Digest
import Files
import Foundation
import Judges
import Records

/// The places of a run on disk.
public struct RunDirectory: Sendable, Equatable {
  public let path: String

  public init(_ path: String) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  public var definition: String { path + "/pipeline.yaml" }
  public var queue: String { path + "/queue" }
  public var checkpoints: String { path + "/checkpoints" }
  public var policies: String { path + "/policy" }
  public var evaluations: String { path + "/evaluations" }
  public var summary: String { path + "/summary.json" }
  public var metrics: String { path + "/metrics.jsonl" }
  public var logs: String { path + "/logs" }
  /// What groups are chosen by; derived from the queue.
  public var index: String { path + "/index" }
  /// What judges have replied.
  var judgements: String { "\(path)/\(JudgementStore.fileName)" }
  public var attempts: String { path + "/logs/generation.attempts" }
  /// Event files of TensorBoard.
  public var tensorBoard: String { path + "/tb" }
  /// When which stage did what.
  public var activity: ActivityLog { ActivityLog(path: logs + "/activity.jsonl") }

  /// Of an evaluation outside of any run, which its records were made with.
  public var tokenizer: String { path + "/tokenizer.json" }

  /// Where the critic stands beside a policy, in a checkpoint or a published version.
  static func critic(in folder: String) -> String { folder + "/critic" }

  public func checkpoint(_ step: UInt64) -> String { "\(checkpoints)/\(step)" }
  public func policy(_ version: UInt64) -> String { "\(policies)/\(version)" }
  public func evaluation(_ step: UInt64, _ suite: String) -> String {
    "\(evaluations)/\(step)-\(suite)"
  }

  /// Where this process makes the run, beside its place.
  var creation: RunDirectory { RunDirectory("\(path)\(AbandonedFiles.creationMark)\(getpid())") }

  /// Whether a run stands here (its definition is the last thing that creation writes).
  public var exists: Bool { FileManager.default.fileExists(atPath: definition) }
}

/// File operations that survive a power cut: everything is synced, and names appear by rename.
package enum DurableFile {
  /// Writes a whole file under a temporary name, syncs it, renames it, and syncs the folder.
  package static func write(_ bytes: [UInt8], to path: String) throws(StageError) {
    // Two processes may write the same file, a summary for instance.
    let temporary = "\(path)\(AbandonedFiles.temporaryMark)\(getpid())"
    try writeAndSync(bytes, to: temporary)
    try rename(temporary, to: path)
  }

  static func writeAndSync(_ bytes: [UInt8], to path: String) throws(StageError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path)
    guard fsync(descriptor) == 0 else { throw failure("sync", path) }
  }

  /// Makes a file's bytes durable.
  static func syncFile(_ path: String) throws(StageError) {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync", path) }
  }

  /// Appends without syncing: for files that the logs can tell again.
  static func append(_ bytes: [UInt8], to path: String) throws(StageError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw failure("open", path) }
    defer { close(descriptor) }
    try writeAll(bytes, to: descriptor, path)
  }

  /// A full disk shows as a short write first; only the next one says why.
  private static func writeAll(
    _ bytes: [UInt8], to descriptor: Int32, _ path: String
  ) throws(StageError) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress! + written, bytes.count - written)
      }
      guard count > 0 || errno == EINTR else { throw failure("write", path) }
      written += max(count, 0)
    }
  }

  /// - Throws: `.madeElsewhere` where a folder that is not empty stands already.
  static func rename(_ source: String, to target: String) throws(StageError) {
    guard unsafe Glibc.rename(source, target) == 0 else {
      guard errno == ENOTEMPTY || errno == EEXIST else { throw failure("rename to", target) }
      throw StageError(
        .madeElsewhere, at: target, "another process has made it meanwhile",
        remedy: "Go on with that one, or choose another directory.")
    }
    try syncFolder(of: target)
  }

  static func syncFolder(of path: String) throws(StageError) {
    try syncFolder(PathParts.folder(of: path))
  }

  static func syncFolder(_ folder: String) throws(StageError) {
    let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("open", folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("sync", folder) }
  }

  package static func createFolder(_ path: String) throws(StageError) {
    do {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
      let cause = (error as? CocoaError).flatMap(SystemCause.init(of:))
      throw failure("create", path, cause?.code ?? 0)
    }
  }

  /// - Parameter limit: most bytes; a longer file is refused before they are read.
  package static func read(_ path: String, limit: Int = .max) throws(StageError) -> [UInt8] {
    try reading(path, limit) { (limit) throws(RegularFileError) in
      try RegularFile.read(path, limit: limit)
    }
  }

  /// The last bytes of a file, at most so many.
  package static func read(_ path: String, newest bytes: Int) throws(StageError) -> [UInt8] {
    try reading(path, bytes) { (bytes) throws(RegularFileError) in
      let file = try RegularFileReader(path)
      let count = min(bytes, file.size)
      return try file.read(at: file.size - count, count: count)
    }
  }

  private static func reading<Result>(
    _ path: String, _ limit: Int, _ body: (Int) throws(RegularFileError) -> Result
  ) throws(StageError) -> Result {
    do {
      return try body(limit)
    } catch {
      let reason =
        switch error {
        case .notRegular(let kind): "it is \(kind)"
        case .system(let reason): reason
        case .tooLong(let bytes): "it has \(bytes) bytes, more than the \(limit) it may have"
        case .missing, .outside: "it is not there or not readable"
        }
      throw StageError(
        .file, at: path, "cannot read it: \(reason)", remedy: "Check the path and its permissions.")
    }
  }

  /// Length of a file and hexadecimal digits of its SHA-256. Memory: a piece of it.
  /// - Parameter limit: most bytes; a longer file is refused before they are read.
  static func digest(
    of path: String, limit: Int = .max
  ) throws(StageError) -> (bytes: Int, sha256: String) {
    var hash = SHA256()
    let bytes = try reading(path, limit) { (limit) throws(RegularFileError) in
      try unsafe RegularFile.forEachPiece(path, limit: limit) { unsafe hash.update($0) }
    }
    return (bytes, hexadecimal(hash.finalize()))
  }

  /// Hexadecimal digits of a file's SHA-256.
  package static func sha256(of path: String) throws(StageError) -> String {
    try digest(of: path).sha256
  }

  /// - Parameter code: `errno`, or 0 where no call said why.
  static func failure(_ verb: String, _ path: String, _ code: Int32 = errno) -> StageError {
    let cause = SystemCause(code)
    let reason = code == 0 ? "it is not there or not readable" : cause.reason
    return StageError(
      .file, at: path, "cannot \(verb) it: \(reason)",
      remedy: cause.remedy.map { "\($0), then run `pipeline resume`." }
        ?? "Check the path and its permissions.")
  }
}
