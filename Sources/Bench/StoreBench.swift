import Foundation
import Queue
import Randomness
import Records

/// How much of a group is read.
enum StoreReading {
  /// What the rollout generator stored.
  case rollouts
  /// The prompt's text and the verdicts as well.
  case groups
  /// All of it, and whether it is what was written.
  case comparing
}

/// The queue as a store of groups: bytes on disk, speed of durable writes, speed of random reads, the
/// page cache warm, as the peers are measured. Records are prepared as a run prepares them: on all
/// threads, while the ones before are committed. One thread reads: what the rollout generator stores,
/// the prompt's tokens and the rollouts with their arrays, and then whole groups, with the prompt's text
/// and the verdicts.
public struct StoreBench {
  /// What a stored group is.
  public enum Content: Sendable, Equatable {
    /// Prompt, rollouts and verdicts of about 10 KB.
    case trajectories
    /// One record of so many bytes, half of which repeat.
    case simulated(bytes: Int)
  }

  private let content: Content
  private let count: Int
  private let folder: TemporaryFolder
  /// Groups of one transaction, as the peers have it.
  private static let transactionGroups = 1000
  /// Made before the clock starts, and reused in turn.
  private static let differentGroups = 2000
  private static let reads = 5000

  /// - Parameter place: folder on the disk to measure; nil: the system's for temporary files.
  public init(_ content: Content, count: Int, in place: String?) throws {
    precondition(count > 0, "a store of \(count) groups")
    self.content = content
    self.count = count
    folder = try TemporaryFolder(in: place)
  }

  public func run() throws -> BenchRecord {
    var record = BenchRecord(
      job: "store", threads: ProcessInfo.processInfo.activeProcessorCount, steps: 1)
    let queue = try Queue.create(at: folder.path + "/queue", identity: "bench")
    let claim = try queue.claim(stage: "bench")
    let figures =
      switch content {
      case .trajectories: try trajectories(queue, claim, &record)
      case .simulated(let bytes): try simulated(bytes, queue, claim, &record)
      }
    record.shape = "\(count)"
    record.figures = figures
    return record
  }

  private func trajectories(
    _ queue: Queue, _ claim: StageClaim, _ record: inout BenchRecord
  ) throws -> [String: Double] {
    let source = SyntheticTrajectories()
    let groups = (0..<min(count, Self.differentGroups)).map(source.group)
    let raw = (0..<count).reduce(0) { $0 + groups[$1 % groups.count].rawBytes }
    return try measure(queue, claim, rawBytes: raw, &record) { range in
      queue.prepare(
        range.flatMap { groups[$0 % groups.count].records(under: RecordKey(UInt64($0))) })
    } read: { transaction, index, what in
      try groups[index % groups.count].stands(in: transaction, RecordKey(UInt64(index)), what)
    }
  }

  private func simulated(
    _ bytes: Int, _ queue: Queue, _ claim: StageClaim, _ record: inout BenchRecord
  ) throws -> [String: Double] {
    let stream = RandomStream(seed: 2, purpose: .dataset)
    let payloads = (0..<min(count, Self.differentGroups)).map { index in
      RecordPayload(
        stable: (0..<bytes).map {
          $0 % 2 == 0 ? UInt8(truncatingIfNeeded: stream.bits(UInt64(index), UInt32($0))) : 0
        })
    }
    return try measure(queue, claim, rawBytes: bytes * count, &record) { range in
      queue.prepare(
        range.map { payloads[$0 % payloads.count] }, version: RolloutRecord.version, .rollouts,
        from: RecordKey(UInt64(range.lowerBound)))
    } read: { transaction, index, what in
      guard let found = try transaction.payload(.rollouts, RecordKey(UInt64(index))) else {
        return false
      }
      return what != .comparing || found == payloads[index % payloads.count]
    }
  }

  /// Writes and reads; of some that are read, what comes back is compared with what went in.
  /// - Parameters:
  ///   - prepare: the records of some groups.
  ///   - read: whether a group is there and, where it is to compare, the same.
  private func measure(
    _ queue: Queue, _ claim: StageClaim, rawBytes: Int, _ record: inout BenchRecord,
    prepare: (Range<Int>) -> Preparation,
    read: (ReadTransaction, Int, StoreReading) throws -> Bool
  ) throws -> [String: Double] {
    let writing = Stopwatch()
    var next = prepare(0..<min(Self.transactionGroups, count))
    for start in stride(from: Self.transactionGroups, to: count, by: Self.transactionGroups) {
      let current = next
      next = prepare(start..<min(start + Self.transactionGroups, count))
      try Self.commit(current, to: queue, claim)
    }
    try Self.commit(next, to: queue, claim)
    let written = writing.reading
    let disk = Self.diskBytes(folder.path)
    let stream = RandomStream(seed: 7, purpose: .dataset)
    let keys = (0..<Self.reads).map { Int(stream.integer(below: UInt64(count), UInt64($0))) }
    func require(_ keys: some Sequence<Int>, _ what: StoreReading) throws -> Stopwatch.Reading {
      let watch = Stopwatch()
      for key in keys {
        let isThere = try queue.read { try read($0, key, what) }
        precondition(isThere, "store: group \(key) does not come back as it was written")
      }
      return watch.reading
    }
    _ = try require(keys.prefix(20), .comparing)
    let rollouts = try require(keys, .rollouts)
    let whole = try require(keys, .groups)
    record.take(written)
    record.secondsMedian = written.wall
    record.secondsBest = written.wall
    return [
      // The queue is a mapped file: most of the peak is its pages, which are the system's to take back.
      "anonymous_mb": Double(BenchMachine.anonymousBytes ?? 0) / 1e6,
      "raw_mb": Double(rawBytes) / 1e6, "disk_mb": Double(disk) / 1e6,
      "disk_share_of_raw": Double(disk) / Double(rawBytes),
      "write_mb_per_second": Double(rawBytes) / 1e6 / written.wall,
      "write_mb_per_cpu_second": Double(rawBytes) / 1e6 / written.processor,
      "write_groups_per_second": Double(count) / written.wall,
      "random_reads_per_second": Double(keys.count) / rollouts.wall,
      "random_reads_per_cpu_second": Double(keys.count) / max(rollouts.processor, 1e-9),
      "random_group_reads_per_second": Double(keys.count) / whole.wall,
    ]
  }

  private static func commit(_ records: Preparation, to queue: Queue, _ claim: StageClaim) throws {
    let records = try records.records()
    try queue.write(claims: [claim]) { transaction in
      for record in records { try transaction.put(record) }
    }
  }

  /// What the files of a folder take of the disk.
  private static func diskBytes(_ folder: String) -> Int {
    let paths = FileManager.default.subpaths(atPath: folder) ?? []
    return paths.reduce(0) { sum, path in
      var status = stat()
      guard unsafe lstat("\(folder)/\(path)", &status) == 0,
        status.st_mode & S_IFMT == S_IFREG
      else { return sum }
      return sum + 512 * Int(status.st_blocks)
    }
  }
}
