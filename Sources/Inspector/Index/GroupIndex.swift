import Foundation
public import Queue
import Records
import Stages
import Synchronization

/// The index of a run's groups: `RUN/index/BLOCK`, columns of what groups are chosen by.
///
/// It lies outside of the queue, so that nothing of it holds a stage up; it is derived from the logs, and
/// every block says how much of them it was made of. A block of which the logs have more by now, or
/// others, is made anew before it is used. Where nothing can be written it lives as long as the process.
public final class GroupIndex: Sendable {
  private let queue: Queue
  private let folder: String
  /// Blocks that could not be written.
  private let kept = Mutex<[GroupID: IndexBlock]>([:])

  /// - Parameter folder: `RUN/index`; made when the first block is written.
  public init(_ queue: Queue, folder: String) {
    self.queue = queue
    self.folder = folder
  }

  /// How far the logs have come.
  private struct Extent {
    var revision: UInt64
    var base: GroupID
    var heads: [UInt64]
    /// What logs hold behind a gap: entries of those that have one, which their heads do not tell of.
    var scattered: UInt32 = 0
    var end: GroupID { heads[0] }

    init(_ transaction: ReadTransaction) throws {
      revision = try transaction.revision()
      base = try RunBase(transaction).group
      heads = try [Log.prompts, .rollouts, .verdicts, .decisions].map { try transaction.head($0) }
      let batches = try transaction.head(.batches)
      var consumed = base
      if batches > 0 {
        let last = try transaction.record(LossBatchRecord.self, .batches, RecordKey(batches - 1))
        consumed = last?.endGroup ?? base
      }
      heads.append(consumed)
      for (log, head) in zip([Log.rollouts, .verdicts, .decisions], heads.dropFirst())
      where try !transaction.keys(log, from: RecordKey(head), count: 1).isEmpty {
        scattered &+= UInt32(truncatingIfNeeded: try transaction.entries(log))
      }
    }

    /// The groups of block `number` that are there.
    func range(_ number: GroupID) -> Range<GroupID> {
      let start = number * IndexBlock.size
      let first = max(start, base)
      return first..<max(first, min(start + IndexBlock.size, end))
    }

    func coverage(_ number: GroupID) -> IndexBlock.Coverage {
      let range = range(number)
      var counts = heads.map {
        UInt32(min(max($0, range.lowerBound), range.upperBound) - range.lowerBound)
      }
      if counts[1..<4].contains(where: { $0 < range.count }) { counts.append(scattered) }
      return IndexBlock.Coverage(revision: revision, first: range.lowerBound, counts: counts)
    }

    var blocks: Range<GroupID> {
      guard base < end else { return 0..<0 }
      return base / IndexBlock.size..<(end - 1) / IndexBlock.size + 1
    }
  }

  /// Makes every block that is missing or out of date, in threads.
  ///
  /// - Parameter progress: told how many groups are done of how many, now and then, when there is more
  ///   than a block to do; from any thread.
  public func update(progress: @Sendable (_ done: Int, _ total: Int) -> Void = { _, _ in }) throws {
    let extent = try queue.read { try Extent($0) }
    removeAbandoned(before: extent.blocks.lowerBound)
    let stale = extent.blocks.filter { !isCurrent($0, extent) }
    let total = stale.reduce(0) { $0 + extent.range($1).count }
    let done = Mutex(0)
    let failure = Mutex<(any Error)?>(nil)
    DispatchQueue.concurrentPerform(iterations: stale.count) { index in
      guard failure.withLock({ $0 == nil }) else { return }
      do {
        _ = try self.make(stale[index], extent)
        let count = done.withLock { sum in
          sum += extent.range(stale[index]).count
          return sum
        }
        if stale.count > 1 { progress(count, total) }
      } catch { failure.withLock { $0 = error } }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// Hands every block to `body` in order of its groups, until it says false; brings them up to date.
  ///
  /// - Parameter fields: whose columns are read.
  func forEachBlock(_ fields: Set<GroupField>, _ body: (IndexBlock) throws -> Bool) throws {
    let extent = try queue.read { try Extent($0) }
    for number in extent.blocks {
      let file = IndexBlockFile(path(number))
      var block: IndexBlock?
      if file?.coverage == extent.coverage(number) { block = file?.block(fields) }
      let known = kept.withLock { $0[number] }
      if block == nil, known?.coverage == extent.coverage(number) { block = known }
      guard try body(try block ?? make(number, extent)) else { return }
    }
  }

  /// Bytes of the index on disk.
  public var bytes: Int {
    let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return names.reduce(0) { sum, name in
      var status = stat()
      return unsafe stat("\(folder)/\(name)", &status) == 0 ? sum + Int(status.st_size) : sum
    }
  }

  private func isCurrent(_ number: GroupID, _ extent: Extent) -> Bool {
    let coverage = extent.coverage(number)
    return IndexBlockFile(path(number))?.coverage == coverage
      || kept.withLock { $0[number]?.coverage } == coverage
  }

  private func make(_ number: GroupID, _ extent: Extent) throws -> IndexBlock {
    var builder = IndexBlockBuilder()
    try queue.forEachGroup(in: extent.range(number)) { records in
      try builder.add(records)
      return true
    }
    let block = builder.block(extent.coverage(number))
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try IndexBlockFile.write(block, to: path(number))
    } catch {
      // A run on a disk that is full or cannot be written is looked at all the same.
      kept.withLock { $0[number] = block }
    }
    return block
  }

  /// Blocks of trimmed groups, and what killed processes were writing.
  private func removeAbandoned(before first: GroupID) {
    let names = (FileManager.default.enumerator(atPath: folder)?.allObjects ?? [])
      .compactMap { $0 as? String }
    for name in names {
      let parts = name.split(separator: ".").map { Int32($0) }
      let isTrimmed = parts.count == 1 && GroupID(name).map { $0 < first } ?? false
      let isLeft = parts.count == 2 && parts[1].map { kill($0, 0) != 0 && errno == ESRCH } ?? false
      if isTrimmed || isLeft { unsafe unlink("\(folder)/\(name)") }
    }
  }

  private func path(_ number: GroupID) -> String { "\(folder)/\(number)" }
}
