import CZstd
import Synchronization

/// Turns raw bytes into one zstd frame and back.
///
/// Contexts are expensive and belong to one call at a time, so they are kept and lent out; no
/// thread ever shares one.
package final class FrameCodec: Sendable {
  static let level: Int32 = 3

  private let compressors = Mutex<[Compressor]>([])
  private let decompressors = Mutex<[Decompressor]>([])

  package init() {}

  /// A frame with checksum and content size.
  package func compress(_ raw: [UInt8], with dictionary: CompressionDictionary?) -> [UInt8] {
    let compressor = compressors.withLock { $0.popLast() } ?? Compressor(level: Self.level)
    defer { compressors.withLock { $0.append(compressor) } }
    return compressor.compress(raw, with: dictionary)
  }

  /// The raw bytes of a frame that must hold exactly `length` of them, and nothing behind it.
  ///
  /// No buffer is sized by what the frame claims: the claim is compared with the envelope first,
  /// and the envelope is bounded by `Envelope.rawLimit`.
  package func decompress(
    _ frame: ArraySlice<UInt8>, length: Int, with dictionary: CompressionDictionary?, place: String
  ) throws(QueueError) -> [UInt8] {
    let decompressor = decompressors.withLock { $0.popLast() } ?? Decompressor()
    defer { decompressors.withLock { $0.append(decompressor) } }
    return try decompressor.decompress(frame, length: length, with: dictionary, place: place)
  }
}

// `@unchecked`: a context may move between threads, and `FrameCodec` lends it to one at a time.
@safe private final class Compressor: @unchecked Sendable {
  private let context: OpaquePointer

  init(level: Int32) {
    guard let context = unsafe ZSTD_createCCtx() else { fatalError("zstd: out of memory") }
    unsafe self.context = context
    for (parameter, value) in [
      (ZSTD_c_compressionLevel, level), (ZSTD_c_checksumFlag, 1), (ZSTD_c_contentSizeFlag, 1),
    ] {
      let code = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
      precondition(ZSTD_isError(code) == 0, "zstd: parameter \(parameter) = \(value)")
    }
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  package func compress(_ raw: [UInt8], with dictionary: CompressionDictionary?) -> [UInt8] {
    let referenced = unsafe ZSTD_CCtx_refCDict(context, dictionary?.forCompression)
    precondition(ZSTD_isError(referenced) == 0, "zstd: reference to a dictionary")
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(raw.count)) {
      buffer, count in
      count = unsafe raw.withUnsafeBytes { raw in
        unsafe ZSTD_compress2(context, buffer.baseAddress, buffer.count, raw.baseAddress, raw.count)
      }
      // The buffer has the bound's size, so the only way to fail is a bug or no memory.
      precondition(
        ZSTD_isError(count) == 0, "zstd: \(unsafe String(cString: ZSTD_getErrorName(count)))")
    }
    return frame
  }
}

@safe private final class Decompressor: @unchecked Sendable {
  private let context: OpaquePointer

  init() {
    guard let context = unsafe ZSTD_createDCtx() else { fatalError("zstd: out of memory") }
    unsafe self.context = context
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  func decompress(
    _ frame: ArraySlice<UInt8>, length: Int, with dictionary: CompressionDictionary?, place: String
  ) throws(QueueError) -> [UInt8] {
    var failure: QueueError?
    let raw = unsafe frame.withUnsafeBytes { frame -> [UInt8] in
      failure = unsafe Self.judge(frame, length: length, dictionary: dictionary, place: place)
      guard failure == nil else { return [] }
      return unsafe [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
        let code = unsafe ZSTD_decompress_usingDDict(
          context, buffer.baseAddress, length, frame.baseAddress, frame.count,
          dictionary?.forDecompression)
        if ZSTD_isError(code) != 0 {
          failure = .damaged(place, "its frame: \(unsafe String(cString: ZSTD_getErrorName(code)))")
        } else if code != length {
          failure = .damaged(place, "its frame gave \(code) bytes, where \(length) were written")
        } else {
          count = length
        }
      }
    }
    if let failure { throw failure }
    return raw
  }

  /// What is wrong with a frame, from its header alone.
  private static func judge(
    _ frame: UnsafeRawBufferPointer, length: Int, dictionary: CompressionDictionary?, place: String
  ) -> QueueError? {
    let claimed = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    // ZSTD_CONTENTSIZE_UNKNOWN and _ERROR are the two highest numbers, so they fail here as well.
    guard claimed == UInt64(length) else {
      return .damaged(place, "its frame claims another size than the \(length) bytes written")
    }
    let end = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
    guard ZSTD_isError(end) == 0, end == frame.count else {
      return .damaged(place, "its frame does not end with its \(frame.count) bytes")
    }
    let id = unsafe ZSTD_getDictID_fromFrame(frame.baseAddress, frame.count)
    guard id == dictionary?.id ?? 0 else {
      return .damaged(place, "its frame names dictionary \(id), its header \(dictionary?.id ?? 0)")
    }
    return nil
  }
}
