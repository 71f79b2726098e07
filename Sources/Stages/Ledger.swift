public import Queue
public import Records

/// The run's records as this process sees them: what is committed, and on top of it what its own
/// stages have made but not yet committed. Stages of one process thus share a transaction, and
/// nobody computes inside one.
///
/// Used by one thread.
public final class Ledger {
  private struct Place: Hashable {
    var log: Log
    var key: RecordKey
  }

  public let queue: Queue
  private var claims: [StageName: StageClaim] = [:]
  /// What was posted, being encoded and compressed while the next stage works.
  private var pending: [Preparation] = []
  private var pendingLogs: Set<Log> = []
  public private(set) var pendingCount = 0
  private var pendingHeads: [Log: UInt64] = [:]
  private var pendingCursors: [StageName: UInt64] = [:]
  private var pendingStates: [String: [UInt8]] = [:]
  private var attached: ((WriteTransaction) throws -> Void)?
  /// Records of the last two commits, decoded: the next stage reads what the last one made.
  private var recent: [Place: any StoredRecord] = [:]
  private var older: [Place: any StoredRecord] = [:]
  /// Shown as if they were stored, and never written: see `assume`.
  private var assumed: [Place: any StoredRecord] = [:]
  public private(set) var hasDear = false

  public init(queue: Queue) { self.queue = queue }

  /// Takes the lock of a stage's worker and raises its epoch; from now on outcomes of `stage` can be
  /// posted.
  public func claim(_ stage: StageName, worker: Int = 1) throws {
    claims[stage] = try queue.claim(stage: stage.rawValue, worker: worker)
  }

  public func releaseClaims() { claims = [:] }

  /// A transaction of its own, beside what is posted: for tools that hold the stages they change.
  func write<Result>(_ body: (WriteTransaction) throws -> Result) throws -> Result {
    try queue.write(claims: Array(claims.values), body)
  }

  /// Every commit asks this again, inside its transaction. Asked before work, it spares a process that
  /// slept through its successor's start from working on what has gone on without it.
  ///
  /// - Throws: `QueueError.superseded`.
  public func requireClaims() throws {
    try queue.read { try $0.require(Array(claims.values)) }
  }

  /// Why this process may write no more; nil while its claims hold, or where they cannot be asked for.
  var supersession: QueueError? {
    do { try requireClaims() } catch let error as QueueError where error.code == .superseded {
      return error
    } catch { return nil }
    return nil
  }

  // MARK: Reading

  public func record<R: StoredRecord>(_: R.Type, _ log: Log, _ key: RecordKey) throws -> R? {
    let place = Place(log: log, key: key)
    if let known = (recent[place] ?? older[place] ?? assumed[place]) as? R { return known }
    return try queue.read { try $0.record(R.self, log, key) }
  }

  /// Whether there is a record under `key`; its bytes are not read.
  public func holds(_ log: Log, _ key: RecordKey) throws -> Bool {
    let place = Place(log: log, key: key)
    if recent[place] != nil || older[place] != nil { return true }
    return try queue.read { try $0.contains(log, key) }
  }

  /// A record that must be there, since the head of its log is above it.
  public func existing<R: StoredRecord>(_: R.Type, _ log: Log, _ id: UInt64) throws -> R {
    guard let record = try record(R.self, log, RecordKey(id)) else {
      throw StageError(
        .damaged, at: "\(log.rawValue)/\(id)", "the record is missing below the log's head",
        remedy: "Run `pipeline queue repair \(queue.runFolder)`.")
    }
    return record
  }

  /// The first gap of a log.
  public func head(_ log: Log) throws -> UInt64 {
    if let head = pendingHeads[log] { return head }
    return try queue.read { try $0.head(log) }
  }

  /// The first record that `stage` has not consumed.
  public func cursor(_ stage: StageName) throws -> UInt64 {
    if let log = stage.annotated { return try head(log) }
    if let cursor = pendingCursors[stage] { return cursor }
    return try queue.read { try $0.cursor(stage.rawValue) }
  }

  public func state(_ stage: StageName) throws -> [UInt8]? {
    try value(StageState.key(stage))
  }

  /// A named value of the run: fingerprints, checkpoint pointers.
  public func value(_ name: String) throws -> [UInt8]? {
    if let value = pendingStates[name] { return value }
    return try queue.read { try $0.state(name) }
  }

  /// Shows a record in the place of what is stored under its key, damaged or missing, to whoever makes
  /// what is downstream of it again. It is not written by a commit.
  func assume(_ record: some StoredRecord, _ log: Log, at key: RecordKey) {
    assumed[Place(log: log, key: key)] = record
  }

  // MARK: Writing

  public func post(_ outcome: Outcome, by stage: StageName) throws {
    if !outcome.records.isEmpty { pending.append(queue.prepare(outcome.records)) }
    pendingCount += outcome.records.count
    for (log, key, record) in outcome.records {
      pendingLogs.insert(log)
      recent[Place(log: log, key: key)] = record
    }
    for (log, key, _) in outcome.records where log != .demands {
      // Beyond a gap that another worker has yet to fill, the head stays where it is.
      if try key.id == head(log) { pendingHeads[log] = key.id + 1 }
    }
    if let cursor = outcome.cursor { pendingCursors[stage] = cursor }
    if let state = outcome.state { setValue(StageState.key(stage), state) }
    hasDear = hasDear || outcome.isDear
  }

  /// Work on the queue itself that goes with the next commit of new records, after them. It may be
  /// called more than once, like every body of a write.
  func attach(_ work: @escaping (WriteTransaction) throws -> Void) { attached = work }

  public func setValue(_ name: String, _ value: [UInt8]) { pendingStates[name] = value }

  public var isDirty: Bool {
    !pending.isEmpty || !pendingCursors.isEmpty || !pendingStates.isEmpty
  }

  /// Stages with something to commit whose cursor is the head of the log they write.
  private var annotating: [(StageName, Log)] {
    StageName.allCases.compactMap { stage in
      stage.annotated.flatMap { pendingLogs.contains($0) ? (stage, $0) : nil }
    }
  }

  /// One durable transaction for everything posted: records, cursors and states move together.
  public func commit() throws {
    guard isDirty else { return }
    let records = try pending.flatMap { try $0.records() }
    try queue.write(claims: Array(claims.values)) { transaction in
      for record in records { try transaction.put(record) }
      for (stage, cursor) in pendingCursors.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        try transaction.setCursor(stage.rawValue, to: cursor)
      }
      for (stage, log) in annotating {
        try transaction.setCursor(stage.rawValue, to: transaction.head(log))
      }
      for (name, value) in pendingStates.sorted(by: { $0.key < $1.key }) {
        try transaction.setState(name, to: value)
      }
      try attached?(transaction)
    }
    forget()
    older = recent
    recent = [:]
  }

  /// Drops what was posted and not committed: the work of an interrupted step.
  public func discard() {
    forget()
    recent = [:]
    older = [:]
  }

  private func forget() {
    pending = []
    pendingLogs = []
    pendingCount = 0
    pendingHeads = [:]
    pendingCursors = [:]
    pendingStates = [:]
    attached = nil
    hasDear = false
  }
}
