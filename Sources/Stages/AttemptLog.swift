import Files
import Foundation
public import Records

/// Notes which chunks of groups were started, so that tokens sampled twice (because a process died
/// before its commit) are counted, not hidden.
///
/// Outside the queue and outside every digest: it tells what happened to the processes, not what
/// the run is. A line that a kill tore is ignored; a chunk of which nothing was committed is done
/// again in full, so its repeats cost what its committed tokens cost.
public struct AttemptLog: Sendable {
  private let path: String

  public init(path: String) { self.path = path }

  func note(first: GroupID, count: Int) throws(StageError) {
    try DurableFile.append(Array("\(first) \(count)\n".utf8), to: path)
  }

  /// Drops the lines of chunks that begin below `group`, whose cost the run's base holds. For the only
  /// process that writes the file: what another one notes meanwhile would be lost.
  func forget(below group: GroupID) throws {
    guard group > 0, FileManager.default.fileExists(atPath: path) else { return }
    let lines = try DurableFile.read(path).split(separator: UInt8(ascii: "\n"))
    let kept = lines.filter { line in
      let first = line.prefix { $0 != UInt8(ascii: " ") }
      return GroupID(String(decoding: first, as: UTF8.self)).map { $0 >= group } ?? false
    }
    guard kept.count < lines.count else { return }
    try DurableFile.write(kept.flatMap { $0 + [UInt8(ascii: "\n")] }, to: path)
  }

  /// How often each chunk was started, by its first group.
  public func attempts() throws -> [GroupID: (groups: UInt64, times: Int)] {
    var tail = AttemptTail(self)
    try tail.read()
    return tail.attempts
  }

  /// Whole lines from `offset` on of the file whose number is `known`, and from the start of any other;
  /// nil where there is no file.
  fileprivate func tail(
    of known: ino_t?, from offset: Int
  ) throws -> (number: ino_t, bytes: [UInt8])? {
    switch RegularFile.obstacle(at: path) {
    case nil: break
    case .missing: return nil
    case let obstacle?:
      throw StageError(
        .file, at: path, "\(obstacle)", remedy: "Remove it: the run writes its own.")
    }
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    var status = stat()
    guard unsafe fstat(file.fileDescriptor, &status) == 0 else {
      throw DurableFile.failure("look at", path)
    }
    try file.seek(toOffset: status.st_ino == known ? UInt64(offset) : 0)
    let bytes = [UInt8](try file.readToEnd() ?? Data())
    let end = (bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1
    return (status.st_ino, Array(bytes[..<end]))
  }
}

/// An attempt log as it grows: reads what is new, forgets what is no longer asked for.
struct AttemptTail {
  private let log: AttemptLog
  /// The file that was read, and up to where: another one is written when its beginning is dropped.
  private var file: ino_t?
  private var offset = 0
  /// How often each chunk was started, by its first group.
  private(set) var attempts: [GroupID: (groups: UInt64, times: Int)] = [:]

  init(_ log: AttemptLog) { self.log = log }

  mutating func read() throws {
    guard let (number, bytes) = try log.tail(of: file, from: offset) else { return }
    if number != file {
      attempts = [:]
      offset = 0
    }
    file = number
    offset += bytes.count
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let fields = line.split(separator: " ").compactMap { UInt64($0) }
      guard fields.count == 2 else { continue }
      attempts[fields[0]] = (fields[1], (attempts[fields[0]]?.times ?? 0) + 1)
    }
  }

  mutating func forget(below group: GroupID) {
    attempts = attempts.filter { $0.key >= group }
  }
}
