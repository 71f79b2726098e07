public import Queue
public import Records

/// A stage is a function (state, records) → (state, records): it looks at the ledger, computes, and
/// says what should be written. It opens no transaction and knows neither clock nor neighbours, so
/// the same stage runs beside the others in one process or alone in its own.
public protocol Stage {
  static var name: StageName { get }

  /// Works off the next portion of what is pending, or says why there is none. Must be repeatable:
  /// until the outcome is committed, a killed process does the same again.
  mutating func advance(_ ledger: Ledger) throws -> Progress
}

public enum Progress {
  case made(Outcome)
  /// Nothing to do until another stage has worked; the text is for people.
  case waiting(String)
}

/// A stage's outputs, the move of its cursor and its own state: committed together or not at all.
public struct Outcome {
  public var records: [(log: Log, key: RecordKey, record: any StoredRecord)] = []
  /// For stages whose cursor is not the head of the log they write (see ``StageName/annotated``).
  public var cursor: UInt64?
  public var state: [UInt8]?
  /// Whether making it again after a crash would be dear (generated tokens, an update).
  public var isDear = false
  /// Whether making it again may come to something else (verdicts from outside): it is committed before
  /// anybody reads it.
  public var isIrreplaceable = false

  public init() {}

  public mutating func add(_ record: some StoredRecord, to log: Log, at key: RecordKey) {
    records.append((log, key, record))
  }
}
