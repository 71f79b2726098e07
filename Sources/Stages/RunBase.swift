public import Queue
public import Records

/// Where a run's logs begin: at step and group 0, or higher where trimming has taken steps away.
///
/// Whoever walks a log from its start begins here. What the trimmed steps leave behind and later ones
/// need is kept with it: what gate and assembler remembered at this point, the digests of the weights
/// that the first kept step trains, and the sums that the run's summary is made of.
public struct RunBase: Sendable, Equatable {
  /// What the trimmed records came to.
  public struct Trimmed: Sendable, Equatable {
    /// Tokens sampled, those that a killed process lost included.
    public var generatedTokens: UInt64 = 0
    /// As in ``Summary/rawBytes`` and ``Summary/storedBytes``.
    public var rawBytes: UInt64 = 0
    public var storedBytes: UInt64 = 0
    public var verifierErrors: UInt64 = 0
    public var logprobMismatchMax = 0.0
    /// The lines of these steps in `metrics.jsonl`, the only place that keeps them.
    var lines = TrimmedLines()
  }

  static let key = "base"
  private static let version: UInt32 = 1

  var start = StepBoundary()
  public internal(set) var trimmed = Trimmed()

  /// The first step that is kept.
  public var step: UInt64 { start.step }
  /// The first group that is kept: the first of that step.
  public var group: GroupID { start.group }

  init() {}

  /// The base of the queue that `transaction` sees.
  public init(_ transaction: ReadTransaction) throws {
    self = try RunBase(stored: transaction.state(Self.key))
  }

  init(stored: [UInt8]?) throws(RecordError) {
    guard let stored else { return }
    var reader = ByteReader(stored)
    let version = try reader.uint32()
    guard version == Self.version else {
      throw RecordError(
        location: "state/\(Self.key)", problem: "version \(version), known is \(Self.version)")
    }
    start = try StepBoundary(&reader)
    trimmed.generatedTokens = try reader.uint64()
    trimmed.rawBytes = try reader.uint64()
    trimmed.storedBytes = try reader.uint64()
    trimmed.verifierErrors = try reader.uint64()
    trimmed.logprobMismatchMax = try reader.double()
    trimmed.lines.first = try reader.uint64()
    trimmed.lines.chain = try reader.raw()
    try reader.expectEnd()
  }

  func stored() -> [UInt8] {
    var writer = ByteWriter()
    writer.put(Self.version)
    start.put(into: &writer)
    writer.put(trimmed.generatedTokens)
    writer.put(trimmed.rawBytes)
    writer.put(trimmed.storedBytes)
    writer.put(trimmed.verifierErrors)
    writer.put(trimmed.logprobMismatchMax)
    writer.put(trimmed.lines.first)
    writer.put(trimmed.lines.chain)
    return writer.bytes
  }
}

/// The point between two steps, and what later steps need of earlier ones.
struct StepBoundary: Sendable, Equatable {
  /// The step that begins here, and its first group.
  var step: UInt64 = 0
  var group: GroupID = 0
  /// Waves that the reader emitted for the step before; 0 for none.
  var waves: UInt32 = 0
  var memory = StageMemory()
  /// Of policy and critic after `step` steps; empty at the start of a run.
  var digests = PublishedPolicies.Digests(policy: [])

  init() {}

  init(_ reader: inout ByteReader) throws(RecordError) {
    step = try reader.uint64()
    group = try reader.uint64()
    waves = try reader.uint32()
    memory.gate = try PartMemory.numbers(&reader)
    memory.assembler = try PartMemory.numbers(&reader)
    digests.policy = try reader.raw()
    digests.critic = try reader.raw()
  }

  func put(into writer: inout ByteWriter) {
    writer.put(step)
    writer.put(group)
    writer.put(waves)
    writer.put(array: memory.gate) { $0.put($1) }
    writer.put(array: memory.assembler) { $0.put($1) }
    writer.put(digests.policy)
    writer.put(digests.critic)
  }
}

extension Ledger {
  /// Where the run's logs begin.
  public var base: RunBase {
    get throws { try RunBase(stored: value(RunBase.key)) }
  }
}
