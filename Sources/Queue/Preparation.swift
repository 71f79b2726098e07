import Dispatch
public import Records
import Synchronization

/// Records that are being prepared on other threads, while whoever asked for them goes on: with the
/// next records, or with the commit of the ones before.
public final class Preparation: Sendable {
  /// Fewer records are not worth a thread.
  private static let smallestShare = 16

  private let group = DispatchGroup()
  private let parts: Mutex<[Result<[PreparedRecord], any Error>?]>
  /// Records in it, ready or not.
  public let count: Int

  /// - Parameter record: makes the record at a place, on any thread.
  init(
    _ count: Int, threads: Int, _ record: @escaping @Sendable (Int) throws -> PreparedRecord
  ) {
    self.count = count
    let most = (count + Self.smallestShare - 1) / Self.smallestShare
    // Shares differ in work: four for each thread make the last ones end together.
    let shares = max(1, min(4 * threads, most))
    parts = Mutex(Array(repeating: nil, count: shares))
    for share in 0..<shares {
      let range = count * share / shares..<count * (share + 1) / shares
      DispatchQueue.global().async(group: group) { [self] in
        let part = Result { try range.map(record) }
        parts.withLock { $0[share] = part }
      }
    }
  }

  /// The prepared records in their order, once all are ready.
  ///
  /// - Throws: what the first record that cannot be stored throws: `QueueError.tooLarge`.
  public func records() throws -> [PreparedRecord] {
    group.wait()
    return try parts.withLock { parts in
      try parts.flatMap { part in
        guard let part else { preconditionFailure("a share was not prepared") }
        return try part.get()
      }
    }
  }
}

extension Queue {
  /// Begins to encode and compress records for ``WriteTransaction/put(_:)-(PreparedRecord)``, on as
  /// many threads as there are processors.
  public func prepare(
    _ records: [(log: Log, key: RecordKey, record: any StoredRecord)]
  ) -> Preparation {
    Preparation(records.count, threads: Self.processors) { [codec, shelf] index in
      let (log, key, record) = records[index]
      return try PreparedRecord.make(record, log, key, codec, shelf)
    }
  }

  /// The same of encoded bytes, under keys that follow each other; `version` is that of their record
  /// type.
  public func prepare(
    _ payloads: [RecordPayload], version: UInt16, _ log: Log, from first: RecordKey
  ) -> Preparation {
    Preparation(payloads.count, threads: Self.processors) { [self] index in
      try prepare(
        payloads[index], version: version, log,
        RecordKey(first.id + UInt64(index), part: first.part))
    }
  }
}
