import Foundation
import Queue
import Randomness
import Records

/// The queue as a queue: a batch is pushed and made durable, then batches are popped, each made durable.
///
/// The payload is what peers push: 7.7 KB that do not compress further. The next batch is prepared while
/// the one before is committed, as a run does.
public struct DurableQueueBench {
  private let batch: Int
  private let seconds: Double
  private let folder: TemporaryFolder
  private static let payloadBytes = 7700

  /// - Parameters:
  ///   - batch: items of one commit.
  ///   - seconds: of pushing, and at most of popping; at least four commits are done.
  ///   - place: folder on the disk to measure; nil: the system's for temporary files.
  public init(batch: Int, seconds: Double, in place: String?) throws {
    precondition(batch > 0, "a batch of \(batch)")
    self.batch = batch
    self.seconds = seconds
    folder = try TemporaryFolder(in: place)
  }

  public func run() throws -> BenchRecord {
    let queue = try Queue.create(at: folder.path + "/queue", identity: "bench")
    let claim = try queue.claim(stage: "bench")
    let stream = RandomStream(seed: 3, purpose: .dataset)
    let payload = RecordPayload(
      stable: (0..<Self.payloadBytes).map { UInt8(truncatingIfNeeded: stream.bits(UInt64($0))) })
    let payloads = Array(repeating: payload, count: batch)
    func prepared(_ push: Int) -> Preparation {
      queue.prepare(
        payloads, version: RolloutRecord.version, .rollouts, from: RecordKey(UInt64(push * batch)))
    }
    var record = BenchRecord(job: "queue", threads: 1, steps: 1)
    let pushing = Stopwatch()
    var pushes = 0
    var next = prepared(0)
    while pushing.elapsed < seconds || pushes < 4 {
      let items = try next.records()
      next = prepared(pushes + 1)
      try queue.write(claims: [claim]) { transaction in
        for item in items { try transaction.put(item) }
      }
      pushes += 1
    }
    let pushed = pushing.reading
    let popping = Stopwatch()
    var pops = 0
    while pops < pushes, popping.elapsed < seconds || pops < 4 {
      let start = UInt64(pops * batch)
      try queue.write(claims: [claim]) { transaction in
        let taken = try transaction.payloads(.rollouts, from: RecordKey(start), count: batch)
        precondition(taken.count == batch, "queue: \(taken.count) of \(batch) items came back")
        try transaction.setCursor("bench", to: start + UInt64(batch))
      }
      pops += 1
    }
    record.take(pushed)
    record.shape = "\(batch)"
    record.figures = [
      "push_items_per_second": Double(pushes * batch) / pushed.wall,
      "push_commits_per_second": Double(pushes) / pushed.wall,
      "pop_items_per_second": Double(pops * batch) / popping.elapsed,
      "fdatasync_4k_median_microseconds": try Self.syncMicroseconds(folder.path),
    ]
    return record
  }

  /// The median of writing 4 KiB and waiting for the disk, over half a second.
  private static func syncMicroseconds(_ folder: String) throws -> Double {
    let path = folder + "/sync"
    let file = unsafe open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw BenchError.file(
        path, "cannot be written: \(unsafe String(cString: strerror(errno)))",
        remedy: "Choose a folder that can be written with --work.")
    }
    defer { close(file) }
    let block = [UInt8](repeating: 0x5A, count: 4096)
    var times = Times()
    let all = Stopwatch()
    while all.elapsed < 0.5 {
      let one = Stopwatch()
      _ = unsafe pwrite(file, block, block.count, off_t(times.all.count % 4096 * block.count))
      fdatasync(file)
      times.add(one.elapsed)
    }
    return 1e6 * times.median
  }
}
