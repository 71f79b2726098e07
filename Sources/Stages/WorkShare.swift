import Queue
import Records

/// Which groups one of several workers of a stage works off: blocks of GroupIDs, dealt out in turn.
///
/// Blocks depend on GroupIDs alone, so that any number of workers makes the records of one. A group that
/// is there already is passed over: two workers with overlapping shares repeat work, and differ in
/// nothing.
public struct WorkShare: Sendable, Equatable {
  /// All of the work.
  public static let whole = WorkShare(worker: 1, of: 1)
  /// How many may share a stage.
  public static let mostWorkers = 1024

  /// Which worker, counted from 1.
  public let worker: Int
  /// How many share the stage.
  public let workers: Int

  /// - Precondition: `worker` is one of 1...`workers`.
  public init(worker: Int, of workers: Int) {
    precondition(worker >= 1 && worker <= workers, "worker \(worker) of \(workers)")
    self.worker = worker
    self.workers = workers
  }

  /// `2/3`: worker 2 of 3. nil for anything else.
  public init?(text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let worker = Int(parts[0]), let workers = Int(parts[1]),
      workers <= Self.mostWorkers, worker >= 1, worker <= workers
    else { return nil }
    self.init(worker: worker, of: workers)
  }

  func owns(_ group: GroupID, block: UInt64) -> Bool {
    (group / block) % UInt64(workers) == UInt64(worker - 1)
  }

  /// The first group in `range` that is this worker's and has no record in `log`.
  func firstPending(
    in range: Range<GroupID>, block: UInt64, _ log: Log, _ ledger: Ledger
  ) throws -> GroupID? {
    var group = range.lowerBound
    while group < range.upperBound {
      if !owns(group, block: block) {
        group = (group / block + 1) * block
      } else if try ledger.holds(log, RecordKey(group)) {
        group += 1
      } else {
        return group
      }
    }
    return nil
  }

  /// The groups from `start` on, of the same block, that have no record in `log` either.
  func pending(
    from start: GroupID, to end: GroupID, block: UInt64, _ log: Log, _ ledger: Ledger
  ) throws -> Range<GroupID> {
    let last = min(end, (start / block + 1) * block)
    var next = start + 1
    while next < last, try !ledger.holds(log, RecordKey(next)) { next += 1 }
    return start..<next
  }
}

extension WorkShare: CustomStringConvertible {
  public var description: String { "worker \(worker) of \(workers)" }
}
