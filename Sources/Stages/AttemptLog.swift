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
    guard FileManager.default.fileExists(atPath: path) else { return [:] }
    let text = String(decoding: try DurableFile.read(path), as: UTF8.self)
    var attempts: [GroupID: (groups: UInt64, times: Int)] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ").compactMap { UInt64($0) }
      guard fields.count == 2 else { continue }
      attempts[fields[0]] = (fields[1], (attempts[fields[0]]?.times ?? 0) + 1)
    }
    return attempts
  }
}
