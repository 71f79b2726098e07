import Foundation

/// One call that changed the disk, as the recording shim logged it after the call had returned.
public struct DiskOperation: Sendable, Equatable {
  /// What was called; the numbers are those of the log.
  public enum Kind: UInt32, Sendable {
    /// An `open` that made the file.
    case create = 1
    /// `offset` is the new length.
    case truncate
    case write
    case syncFile
    case syncData
    case syncFolder
    /// From `path` to `target`.
    case rename
    case unlink
    case makeFolder
    case removeFolder
    /// A second name, `target`, for `path`.
    case link
    /// No call: the process wrote `data` to the stream that is `path`.
    case mark
    /// Space reserved, or writing back started: neither changes what a cut may leave.
    case allocate
    case syncRange
  }

  public var kind: Kind
  public var process: UInt32 = 0
  /// Written through a descriptor with O_SYNC or O_DSYNC: durable when it returned.
  public var isSynchronous = false
  public var offset = 0
  public var path: String
  public var target = ""
  /// What a write wrote, to a file or, as a mark, to a stream.
  public var data: [UInt8] = []

  public init(_ kind: Kind, _ path: String, target: String = "") {
    self.kind = kind
    self.path = path
    self.target = target
  }

  public static func write(
    _ path: String, at offset: Int, _ data: [UInt8], isSynchronous: Bool = false
  ) -> DiskOperation {
    var operation = DiskOperation(.write, path)
    operation.offset = offset
    operation.data = data
    operation.isSynchronous = isSynchronous
    return operation
  }

  public static func truncate(_ path: String, to length: Int) -> DiskOperation {
    var operation = DiskOperation(.truncate, path)
    operation.offset = length
    return operation
  }
}

/// The log of a recorded run.
///
///     u32 magic "DISK"  u32 kind  u32 pid  u32 flags (1: synchronous)
///     u64 offset  u64 length  i64 result  u32 length of path  u32 length of target
///     path, target, data; little-endian
///
/// `length` counts the data of a write or mark, and is the new length of a truncation. The header
/// of `Tests/DiskShim` has the rest.
public enum OperationLog {
  static let magic: UInt32 = 0x4B53_4944
  private static let headerLength = 48

  public struct Malformed: Error, CustomStringConvertible {
    public let description: String
  }

  /// The calls that succeeded, in the order they returned.
  public static func read(_ path: String) throws -> [DiskOperation] {
    try parse([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))))
  }

  public static func parse(_ bytes: [UInt8]) throws -> [DiskOperation] {
    var operations: [DiskOperation] = []
    var place = 0
    func fail(_ what: String) -> Malformed {
      Malformed(description: "record \(operations.count) at byte \(place): \(what)")
    }
    while place < bytes.count {
      guard bytes.count - place >= headerLength else { throw fail("torn header") }
      func word(_ offset: Int) -> UInt64 { number(bytes, at: place + offset, count: 4) }
      func long(_ offset: Int) -> UInt64 { number(bytes, at: place + offset, count: 8) }
      guard word(0) == magic else { throw fail("no record starts here") }
      guard let kind = DiskOperation.Kind(rawValue: UInt32(word(4))) else {
        throw fail("kind \(word(4))")
      }
      let result = Int64(bitPattern: long(32))
      let (pathLength, targetLength) = (Int(word(40)), Int(word(44)))
      let dataLength = [.write, .mark].contains(kind) ? Int(long(24)) : 0
      let start = place + headerLength
      let end = start + pathLength + targetLength + dataLength
      guard end <= bytes.count else { throw fail("torn record of \(end - place) bytes") }
      var operation = DiskOperation(
        kind, String(decoding: bytes[start..<start + pathLength], as: UTF8.self),
        target: String(
          decoding: bytes[start + pathLength..<start + pathLength + targetLength], as: UTF8.self))
      operation.process = UInt32(word(8))
      operation.isSynchronous = word(12) & 1 != 0
      operation.offset = Int(kind == .truncate ? long(24) : long(16))
      operation.data = Array(bytes[end - dataLength..<end])
      if result >= 0 { operations.append(operation) }
      place = end
    }
    return operations
  }

  private static func number(_ bytes: [UInt8], at offset: Int, count: Int) -> UInt64 {
    (0..<count).reversed().reduce(0) { $0 << 8 | UInt64(bytes[offset + $1]) }
  }
}
