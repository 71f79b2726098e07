import Digest
import Dispatch
import Foundation
import Synchronization

/// Compresses shards and writes them to their partial files, beside whoever makes their rows.
///
/// Each shard is one frame of one thread, so its bytes do not depend on how many are made at once: two, for
/// memory, and because one thread that makes rows keeps about two busy (500 MB/s beside 370 each at level 1).
final class ShardPress: Sendable {
  private typealias Outcome = Result<DatasetManifest.Shard, ShardError>

  private let level: Int
  private let queue = DispatchQueue(label: "shards", attributes: .concurrent)
  private let slots = DispatchSemaphore(
    value: min(2, ProcessInfo.processInfo.activeProcessorCount))
  private let work = DispatchGroup()
  private let outcomes = Mutex<[Outcome?]>([])
  /// Of shards that are done: fresh memory costs the kernel a quarter of what parsing costs.
  private let buffers = Mutex<[[UInt8]]>([])

  init(level: Int) { self.level = level }

  /// Waits until there is room, and begins with a shard.
  /// - Throws: what went wrong with an earlier one.
  func add(
    _ lines: [UInt8], rows: Int, file: String, in folder: String
  ) throws(ShardError) {
    slots.wait()
    let number = outcomes.withLock { outcomes in
      outcomes.append(nil)
      return outcomes.count - 1
    }
    queue.async(group: work) { [self] in
      let outcome = Result { () throws(ShardError) in
        try press(lines, rows: rows, file: file, in: folder)
      }
      outcomes.withLock { $0[number] = outcome }
      buffers.withLock { $0.append(lines) }
      slots.signal()
    }
    _ = try written()
  }

  /// Memory for the rows of a further shard.
  func spareBuffer() -> [UInt8] { buffers.withLock { $0.popLast() } ?? [] }

  private func press(
    _ lines: [UInt8], rows: Int, file: String, in folder: String
  ) throws(ShardError) -> DatasetManifest.Shard {
    let frame = try ShardFile.compress(lines, level: level)
    try StoredFile.writePartial(frame, for: "\(folder)/\(file)")
    return DatasetManifest.Shard(
      file: file, rows: rows, bytes: frame.count, sha256: hexadecimal(SHA256.hash(frame)))
  }

  /// The first shards, as far as they are done.
  func written() throws(ShardError) -> [DatasetManifest.Shard] {
    var shards: [DatasetManifest.Shard] = []
    for outcome in outcomes.withLock({ $0 }) {
      guard let outcome else { break }
      shards.append(try outcome.get())
    }
    return shards
  }

  func wait() { work.wait() }

  /// All shards, when they are done.
  func finish() throws(ShardError) -> [DatasetManifest.Shard] {
    work.wait()
    return try written()
  }
}
