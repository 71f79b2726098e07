/// A number under a name, as metrics carry it.
public struct Measurement: Sendable, Equatable {
  public var name: String
  public var value: Double

  public init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// The optimizer's record, log `updates`, keyed by step: what the step did, and the weights after it.
public struct UpdateRecord: StoredRecord {
  public static let kind: UInt16 = 6
  public static let version: UInt16 = 2

  public var step: UInt64
  /// SHA-256 over the f32 tensors in name order, after the step.
  public var weightsDigest: [UInt8]
  /// As above for the critic; empty where none is trained.
  public var criticDigest: [UInt8]
  /// Adam's count of updates after the step.
  public var adamUpdates: UInt64
  /// Metrics of the step, in a fixed order.
  public var metrics: [Measurement]
  /// For each update of the step: loss, norm before clipping, and so on, in a fixed order.
  public var updates: [[Measurement]]
  /// For each update the policy's log-probabilities that it was computed from, where the definition
  /// asks for them: flat over the tokens of the update's rows, in the order of the loss batch.
  public var logProbabilities: [[Float]]
  /// Volatile: seconds, rates, memory.
  public var timings: [Measurement]

  public init(
    step: UInt64, weightsDigest: [UInt8], criticDigest: [UInt8] = [], adamUpdates: UInt64,
    metrics: [Measurement], updates: [[Measurement]], logProbabilities: [[Float]] = [],
    timings: [Measurement]
  ) {
    self.step = step
    self.weightsDigest = weightsDigest
    self.criticDigest = criticDigest
    self.adamUpdates = adamUpdates
    self.metrics = metrics
    self.updates = updates
    self.logProbabilities = logProbabilities
    self.timings = timings
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(step)
    encoder.stable.put(weightsDigest)
    encoder.stable.put(criticDigest)
    encoder.stable.put(adamUpdates)
    encoder.stable.put(array: metrics) { $1.encode(to: &$0) }
    encoder.stable.put(array: updates) { writer, metrics in
      writer.put(array: metrics) { $1.encode(to: &$0) }
    }
    encoder.stable.put(array: logProbabilities) { $0.put(floats: $1) }
    encoder.volatile.put(array: timings) { $1.encode(to: &$0) }
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    step = try decoder.stable.ordinal("its step")
    weightsDigest = try decoder.stable.digest("the digest of the weights")
    criticDigest = try decoder.stable.digest("the digest of the critic")
    adamUpdates = try decoder.stable.uint64()
    metrics = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try Measurement(from: &reader)
    }
    updates = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.array { (reader: inout ByteReader) throws(RecordError) in
        try Measurement(from: &reader)
      }
    }
    logProbabilities = try decoder.stable.array { (reader: inout ByteReader) throws(RecordError) in
      try reader.floats()
    }
    timings = try decoder.volatile.array { (reader: inout ByteReader) throws(RecordError) in
      try Measurement(from: &reader)
    }
    try RecordError.require(
      logProbabilities.isEmpty || logProbabilities.count == updates.count,
      "holds log-probabilities of \(logProbabilities.count) updates of \(updates.count)")
  }

  public func belongs(under id: UInt64, part: UInt32) -> Bool { step == id }
}

extension Measurement {
  func encode(to writer: inout ByteWriter) {
    writer.put(name)
    writer.put(value)
  }

  init(from reader: inout ByteReader) throws(RecordError) {
    name = try reader.string()
    value = try reader.double()
  }
}

/// The loss assembler's wish for one more wave of its step, log `demands`, keyed by (step, wave).
public struct DemandRecord: StoredRecord {
  public static let kind: UInt16 = 7
  public static let version: UInt16 = 1

  public var step: UInt64
  public var wave: UInt32
  /// Groups still missing when the demand was made.
  public var missing: UInt32

  public init(step: UInt64, wave: UInt32, missing: UInt32) {
    self.step = step
    self.wave = wave
    self.missing = missing
  }

  public func encode(into encoder: inout RecordEncoder) {
    encoder.stable.put(step)
    encoder.stable.put(wave)
    encoder.stable.put(missing)
  }

  public init(from decoder: inout RecordDecoder) throws(RecordError) {
    step = try decoder.stable.ordinal("its step")
    wave = try decoder.stable.smallCount("its wave")
    missing = try decoder.stable.uint32()
  }

  public func belongs(under id: UInt64, part: UInt32) -> Bool { step == id && wave == part }
}
