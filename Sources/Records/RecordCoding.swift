/// A record's bytes: `stable` is what the record is, `volatile` what differs from run to run (times,
/// rates, memory) and therefore stays outside every digest.
public struct RecordPayload: Sendable, Equatable {
  public var stable: [UInt8]
  public var volatile: [UInt8]
  /// Places in `stable` where bytes of another kind begin, ascending: what stands between two of them
  /// is worth a table of its own to a compressor. A hint alone: it is neither stored nor compared.
  public let cuts: [Int]
  /// Bytes that columns spare over four for each of their values: what the record takes in memory
  /// beyond its length. 0 for bytes that came from a store.
  public let spared: Int

  public init(stable: [UInt8], volatile: [UInt8] = [], cuts: [Int] = [], spared: Int = 0) {
    self.stable = stable
    self.volatile = volatile
    self.cuts = cuts
    self.spared = spared
  }

  public static func == (left: RecordPayload, right: RecordPayload) -> Bool {
    left.stable == right.stable && left.volatile == right.volatile
  }
}

/// What stands in a queue: encoded here, framed and stored by `Queue`.
public protocol StoredRecord: Sendable, Equatable {
  /// Tells one kind of record from another in the envelope; never renumbered.
  static var kind: UInt16 { get }
  /// Raised when a field changes its meaning; a decoder refuses what it does not know.
  static var version: UInt16 { get }
  /// The first version that is still read; `version` unless said otherwise.
  static var oldestVersion: UInt16 { get }
  func encode(into encoder: inout RecordEncoder)
  /// Refuses bytes that are no such record, and values that none can hold: indices beyond its own lists,
  /// counts that disagree. What another record or the definition must tell is left to who joins them.
  init(from decoder: inout RecordDecoder) throws(RecordError)
  /// Whether the record may stand under a key: false where it names another step or wave itself.
  func belongs(under id: UInt64, part: UInt32) -> Bool
}

extension StoredRecord {
  public static var oldestVersion: UInt16 { version }

  public func belongs(under id: UInt64, part: UInt32) -> Bool { true }

  public func payload() -> RecordPayload {
    var encoder = RecordEncoder()
    encode(into: &encoder)
    return RecordPayload(
      stable: encoder.stable.bytes, volatile: encoder.volatile.bytes, cuts: encoder.stable.cuts,
      spared: encoder.stable.spared)
  }

  /// - Parameter version: the one that the bytes were written in, from `oldestVersion` to `version`.
  public init(
    payload: RecordPayload, version: UInt16 = Self.version
  ) throws(RecordError) {
    try self.init(
      stable: ByteReader(payload.stable), volatile: ByteReader(payload.volatile), version: version)
  }

  /// - Parameters:
  ///   - bytes: the stable part, then the volatile one.
  ///   - stableLength: where the second one begins.
  public init(
    bytes: [UInt8], stableLength: Int, version: UInt16
  ) throws(RecordError) {
    try self.init(
      stable: ByteReader(bytes, in: 0..<stableLength),
      volatile: ByteReader(bytes, in: stableLength..<bytes.count), version: version)
  }

  private init(
    stable: ByteReader, volatile: ByteReader, version: UInt16
  ) throws(RecordError) {
    precondition(
      (Self.oldestVersion...Self.version).contains(version), "\(Self.self) of version \(version)")
    var decoder = RecordDecoder(stable: stable, volatile: volatile, version: version)
    try self.init(from: &decoder)
    try decoder.stable.expectEnd()
    try decoder.volatile.expectEnd()
  }
}

public struct RecordEncoder: Sendable {
  public var stable = ByteWriter()
  public var volatile = ByteWriter()
  public init() {}
}

public struct RecordDecoder: Sendable {
  public var stable: ByteReader
  public var volatile: ByteReader
  /// That the bytes were written in.
  public let version: UInt16
}

/// A record's bytes do not say what its kind must say.
public struct RecordError: DescribedError, Equatable {
  public var location: String
  public var problem: String
  public var remedy: String {
    "The store is damaged; run `pipeline queue verify` on the run, then `pipeline queue repair`."
  }
  public var exitStatus: ExitStatus { .corrupt }

  public init(location: String = "record", problem: String) {
    self.location = location
    self.problem = problem
  }
}

/// Little-endian bytes, appended in order.
public struct ByteWriter: Sendable {
  public internal(set) var bytes: [UInt8] = []
  /// See `RecordPayload.cuts` and `RecordPayload.spared`.
  public internal(set) var cuts: [Int] = []
  public internal(set) var spared = 0
  public init() {}

  public mutating func put(_ value: UInt8) { bytes.append(value) }
  public mutating func put(_ value: Bool) { bytes.append(value ? 1 : 0) }
  public mutating func put(_ value: UInt32) { putInteger(value) }
  public mutating func put(_ value: UInt64) { putInteger(value) }
  public mutating func put(_ value: Float) { putInteger(value.bitPattern) }
  public mutating func put(_ value: Double) { putInteger(value.bitPattern) }

  /// A count: LEB128, so that small ones cost one byte.
  public mutating func put(count: Int) {
    precondition(count >= 0, "ByteWriter: count \(count)")
    var rest = UInt64(count)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  public mutating func put(_ text: String) {
    put(count: text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  public mutating func put(_ raw: [UInt8]) {
    put(count: raw.count)
    bytes.append(contentsOf: raw)
  }

  public mutating func put<Element>(
    array: [Element], _ putElement: (inout ByteWriter, Element) -> Void
  ) {
    put(count: array.count)
    for element in array { putElement(&self, element) }
  }

  /// Four byte planes, lowest first: the high bytes of tokens and the exponents of floats then
  /// stand together, and zstd finds them (5 to 7 % smaller than interleaved).
  public mutating func put(planes words: [UInt32]) {
    put(count: words.count)
    for shift in stride(from: UInt32(0), to: 32, by: 8) {
      for word in words { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }
  }

  public mutating func put(floats: [Float]) { put(planes: floats.map(\.bitPattern)) }

  public mutating func put<Value>(
    optional value: Value?, _ putValue: (inout ByteWriter, Value) -> Void
  ) {
    put(value != nil)
    if let value { putValue(&self, value) }
  }

  private mutating func putInteger<Integer: FixedWidthInteger>(_ value: Integer) {
    var rest = value
    for _ in 0..<Integer.bitWidth / 8 {
      bytes.append(UInt8(truncatingIfNeeded: rest))
      rest >>= 8
    }
  }
}

/// Reads what `ByteWriter` wrote. Never trusts a count: it must fit what is left, and what it makes
/// must fit into memory.
public struct ByteReader: Sendable {
  /// Bytes of memory that the values of one record may take. The largest record (64 MiB of tokens and
  /// numbers) takes about as much as its bytes; an empty text takes sixteen times its one byte, so
  /// that a record of nothing else would need a gigabyte.
  static let memoryLimit = 96 << 20

  let bytes: [UInt8]
  /// Places in `bytes`: of the next byte, of the first one, and behind the last.
  var position: Int
  private let start: Int
  private let end: Int
  /// What is left of `memoryLimit`.
  private var allowance = Self.memoryLimit

  public init(_ bytes: [UInt8]) { self.init(bytes, in: 0..<bytes.count) }

  /// Reads a part of `bytes`.
  public init(_ bytes: [UInt8], in part: Range<Int>) {
    precondition(part.upperBound <= bytes.count, "ByteReader: \(part) of \(bytes.count) bytes")
    self.bytes = bytes
    position = part.lowerBound
    start = part.lowerBound
    end = part.upperBound
  }

  public var remaining: Int { end - position }

  /// Bytes read so far.
  private var offset: Int { position - start }

  public func expectEnd() throws(RecordError) {
    guard remaining == 0 else { throw RecordError(problem: "\(remaining) bytes after its end") }
  }

  public mutating func byte() throws(RecordError) -> UInt8 {
    guard position < end else { throw RecordError(problem: "ends after \(offset) bytes") }
    defer { position += 1 }
    return bytes[position]
  }

  public mutating func bool() throws(RecordError) -> Bool {
    switch try byte() {
    case 0: false
    case 1: true
    case let other: throw RecordError(problem: "flag is \(other) at byte \(offset - 1)")
    }
  }

  public mutating func uint32() throws(RecordError) -> UInt32 { try integer() }
  public mutating func uint64() throws(RecordError) -> UInt64 { try integer() }
  public mutating func float() throws(RecordError) -> Float { Float(bitPattern: try integer()) }
  public mutating func double() throws(RecordError) -> Double { Double(bitPattern: try integer()) }

  /// A count of things that take at least `unit` bytes each.
  public mutating func count(unit: Int = 1) throws(RecordError) -> Int {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 63, by: 7) {
      let next = try byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 {
        guard value <= UInt64(remaining / max(unit, 1)) || unit == 0 else {
          throw RecordError(problem: "counts \(value) where \(remaining) bytes are left")
        }
        return Int(value)
      }
    }
    throw RecordError(problem: "count does not end at byte \(offset)")
  }

  /// A plain number written by `put(count:)`: bounded by `limit` alone.
  public mutating func number(limit: Int = .max) throws(RecordError) -> Int {
    let value = try count(unit: 0)
    guard value <= limit else { throw RecordError(problem: "\(value) is over \(limit)") }
    return value
  }

  /// Takes what an array of `count` elements costs off the allowance. An allocation has a header.
  mutating func charge(_ count: Int, of stride: Int = 1) throws(RecordError) {
    let (cost, overflow) = count.multipliedReportingOverflow(by: stride)
    guard !overflow, cost <= allowance - 32 else {
      throw RecordError(
        problem: "asks for \(count) times \(stride) bytes of memory before byte \(offset)")
    }
    allowance -= cost + 32
  }

  public mutating func string() throws(RecordError) -> String {
    let count = try count()
    try charge(count)
    defer { position += count }
    do {
      let text = try UTF8Span(validating: bytes.span.extracting(position..<position + count))
      return String(copying: text)
    } catch {
      throw RecordError(problem: "text before byte \(offset + count) is not UTF-8")
    }
  }

  public mutating func raw() throws(RecordError) -> [UInt8] {
    let count = try count()
    try charge(count)
    defer { position += count }
    return Array(bytes[position..<position + count])
  }

  public mutating func array<Element>(
    _ element: (inout ByteReader) throws(RecordError) -> Element
  ) throws(RecordError) -> [Element] {
    let count = try count()
    try charge(count, of: MemoryLayout<Element>.stride)
    var elements: [Element] = []
    elements.reserveCapacity(count)
    for _ in 0..<count { elements.append(try element(&self)) }
    return elements
  }

  public mutating func planes() throws(RecordError) -> [UInt32] {
    let count = try count(unit: 4)
    try charge(count, of: 4)
    var words = [UInt32](repeating: 0, count: count)
    for plane in 0..<4 {
      let start = position + plane * count
      for index in 0..<count { words[index] |= UInt32(bytes[start + index]) << UInt32(8 * plane) }
    }
    position += 4 * count
    return words
  }

  public mutating func tokens() throws(RecordError) -> [Int32] {
    try planes().map(Int32.init(bitPattern:))
  }

  public mutating func floats() throws(RecordError) -> [Float] {
    try planes().map(Float.init(bitPattern:))
  }

  public mutating func optional<Value>(
    _ value: (inout ByteReader) throws(RecordError) -> Value
  ) throws(RecordError) -> Value? {
    try bool() ? try value(&self) : nil
  }

  private mutating func integer<Integer: FixedWidthInteger>() throws(RecordError) -> Integer {
    let width = Integer.bitWidth / 8
    guard remaining >= width else { throw RecordError(problem: "ends after \(end - start) bytes") }
    var value: Integer = 0
    for index in (0..<width).reversed() { value = value << 8 | Integer(bytes[position + index]) }
    position += width
    return value
  }
}
