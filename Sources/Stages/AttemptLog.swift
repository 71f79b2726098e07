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

  /// How often each chunk was started, by its first group.
  public func attempts() throws -> [GroupID: (groups: UInt64, times: Int)] {
    var tail = AttemptTail(self)
    try tail.read()
    return tail.attempts
  }

  /// Whole lines from `offset` on; empty where there is no file.
  fileprivate func bytes(from offset: Int) throws -> [UInt8] {
    guard FileManager.default.fileExists(atPath: path) else { return [] }
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    try file.seek(toOffset: UInt64(offset))
    let bytes = [UInt8](try file.readToEnd() ?? Data())
    return Array(bytes[..<((bytes.lastIndex(of: UInt8(ascii: "\n")) ?? -1) + 1)])
  }
}

/// An attempt log as it grows: reads what is new, forgets what is no longer asked for.
struct AttemptTail {
  private let log: AttemptLog
  private var offset = 0
  /// How often each chunk was started, by its first group.
  private(set) var attempts: [GroupID: (groups: UInt64, times: Int)] = [:]

  init(_ log: AttemptLog) { self.log = log }

  mutating func read() throws {
    let bytes = try log.bytes(from: offset)
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
