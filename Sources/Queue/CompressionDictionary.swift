import CZstd
import Synchronization

/// A trained dictionary, digested once and shared read-only.
///
/// Trained ones only: they carry an id, so that a wrong one is refused, whereas a raw-content
/// dictionary has none and a wrong one decodes to wrong data.
@safe package final class CompressionDictionary: @unchecked Sendable {
  package let id: UInt32
  let bytes: [UInt8]
  // Immutable after `init`, and zstd only reads them: hence `@unchecked`.
  let forCompression: OpaquePointer
  let forDecompression: OpaquePointer

  /// Most bytes of a dictionary: ten times what is trained here. Digesting one takes several times
  /// its length.
  private static let longest = 1 << 20

  /// nil when `bytes` are no trained dictionary.
  package init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.longest else { return nil }
    let id = unsafe bytes.withUnsafeBytes { unsafe ZDICT_getDictID($0.baseAddress, $0.count) }
    guard id != 0 else { return nil }
    let digested = unsafe bytes.withUnsafeBytes { raw in
      unsafe (
        ZSTD_createCDict(raw.baseAddress, raw.count, FrameCodec.level),
        ZSTD_createDDict(raw.baseAddress, raw.count)
      )
    }
    guard let compression = unsafe digested.0, let decompression = unsafe digested.1 else {
      unsafe ZSTD_freeCDict(digested.0)
      unsafe ZSTD_freeDDict(digested.1)
      return nil
    }
    self.id = id
    self.bytes = bytes
    unsafe forCompression = compression
    unsafe forDecompression = decompression
  }

  deinit {
    unsafe ZSTD_freeCDict(forCompression)
    unsafe ZSTD_freeDDict(forDecompression)
  }

  /// Trains on `samples` in their order; nil when they do not make a dictionary. Deterministic for
  /// one version of zstd.
  package static func train(on samples: [[UInt8]], capacity: Int) -> CompressionDictionary? {
    let joined = Array(samples.joined())
    let sizes = samples.map(\.count)
    var trained = [UInt8](repeating: 0, count: capacity)
    let length = unsafe trained.withUnsafeMutableBytes { buffer in
      unsafe joined.withUnsafeBytes { joined in
        unsafe sizes.withUnsafeBufferPointer { sizes in
          unsafe ZDICT_trainFromBuffer(
            buffer.baseAddress, buffer.count, joined.baseAddress, sizes.baseAddress,
            UInt32(sizes.count))
        }
      }
    }
    guard ZDICT_isError(length) == 0 else { return nil }
    return CompressionDictionary(Array(trained[..<length]))
  }
}

/// The dictionaries of an environment that this process has met.
///
/// An id follows from a dictionary's content, and a stored one is never changed; so one that came
/// from a transaction which was then aborted does no harm here.
final class DictionaryShelf: Sendable {
  private let known = Mutex<[UInt32: CompressionDictionary]>([:])
  private let settled = Mutex<[Log: Settled]>([:])

  /// What small records of a log are compressed with, for ever: committed, and never changed.
  enum Settled: Sendable {
    case without
    case dictionary(CompressionDictionary)
  }

  /// nil: not known yet; its log may not have one so far.
  func settled(_ log: Log) -> Settled? { settled.withLock { $0[log] } }

  /// Only for what another transaction has committed: one's own may still be aborted.
  func settle(_ log: Log, _ choice: Settled) { settled.withLock { $0[log] = choice } }

  func add(_ dictionary: CompressionDictionary) {
    known.withLock { $0[dictionary.id] = dictionary }
  }

  /// The dictionary with this id, from memory or from the environment.
  func dictionary(
    _ id: UInt32, in transaction: RawTransaction, _ databases: Databases,
    place: @autoclosure () -> String
  ) throws(QueueError) -> CompressionDictionary {
    if let found = known.withLock({ $0[id] }) { return found }
    guard let bytes = try transaction.sealed(.dictionaries, "\(id)", in: databases) else {
      throw .unknownVersion(
        place(), "dictionary \(id)", known: "only those stored beside the records")
    }
    guard let dictionary = CompressionDictionary(bytes), dictionary.id == id else {
      throw .damaged("dictionaries/\(id)", "\(bytes.count) bytes that are not this dictionary")
    }
    add(dictionary)
    return dictionary
  }
}
