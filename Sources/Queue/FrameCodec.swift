import CZstd
package import Records
import Synchronization

/// Turns raw bytes into one zstd frame and back.
///
/// Contexts are expensive and belong to one call at a time, so they are kept and lent out; no
/// thread ever shares one.
package final class FrameCodec: Sendable {
  static let level: Int32 = 3
  /// Of frames with cuts. Their sections have a table each; longer searches find matches of tokens and
  /// exponents that cost more than their table (measured on sampled tokens: level 1 gives 0.541 of the
  /// bytes at 330 MB/s, level 3 0.545 at 220).
  static let sectionLevel: Int32 = 1

  /// Of bytes that look like noise: some repeats in long stretches are found, and nothing else is tried.
  fileprivate static let noiseLevel: Int32 = -20

  private let compressors = Mutex<[Compressor]>([])
  private let decompressors = Mutex<[Decompressor]>([])

  package init() {}

  /// A frame with checksum and content size, behind `room` bytes that are left to the caller.
  package func compress(
    _ raw: [UInt8], with dictionary: CompressionDictionary?, room: Int = 0
  ) -> [UInt8] {
    withCompressor { $0.compress(raw, with: dictionary, room: room) }
  }

  /// The same of `payload`, whose parts follow each other, in blocks that begin at its cuts.
  package func compressSections(_ payload: RecordPayload, room: Int) -> [UInt8] {
    withCompressor { $0.compressSections(payload, room: room) }
  }

  private func withCompressor(_ body: (Compressor) -> [UInt8]) -> [UInt8] {
    let compressor = compressors.withLock { $0.popLast() } ?? Compressor()
    defer { compressors.withLock { $0.append(compressor) } }
    return body(compressor)
  }

  /// The raw bytes of a frame that must hold exactly `length` of them, and nothing behind it.
  ///
  /// No buffer is sized by what the frame claims: the claim is compared with the envelope first,
  /// and the envelope is bounded by `Envelope.rawLimit`.
  package func decompress(
    _ frame: ArraySlice<UInt8>, length: Int, with dictionary: CompressionDictionary?,
    place: @autoclosure () -> String
  ) throws(QueueError) -> [UInt8] {
    try unsafe decompress(frame.span.bytes, length: length, with: dictionary, place: place())
  }

  func decompress(
    _ frame: RawSpan, length: Int, with dictionary: CompressionDictionary?,
    place: @autoclosure () -> String
  ) throws(QueueError) -> [UInt8] {
    let decompressor = decompressors.withLock { $0.popLast() } ?? Decompressor()
    defer { decompressors.withLock { $0.append(decompressor) } }
    return try decompressor.decompress(frame, length: length, with: dictionary, place: place)
  }
}

// `@unchecked`: a context may move between threads, and `FrameCodec` lends it to one at a time.
@safe private final class Compressor: @unchecked Sendable {
  private let context: OpaquePointer

  /// A shorter section joins the one before it: its table would cost more than it saves, in bytes and
  /// in time (2 microseconds to read).
  private static let shortestSection = 256
  /// More than zstd adds for one more block.
  private static let sectionOverhead = 16

  init() {
    guard let context = unsafe ZSTD_createCCtx() else { fatalError("zstd: out of memory") }
    unsafe self.context = context
    set(ZSTD_c_contentSizeFlag, 1)
  }

  deinit { unsafe ZSTD_freeCCtx(context) }

  func compress(
    _ raw: [UInt8], with dictionary: CompressionDictionary?, room: Int
  ) -> [UInt8] {
    let isNoise = dictionary == nil && Self.isNoise(raw)
    set(ZSTD_c_compressionLevel, isNoise ? FrameCodec.noiseLevel : FrameCodec.level)
    // Noise is stored as it is: the envelope's checksum is over the same bytes.
    set(ZSTD_c_checksumFlag, isNoise ? 0 : 1)
    let referenced = unsafe ZSTD_CCtx_refCDict(context, dictionary?.forCompression)
    precondition(ZSTD_isError(referenced) == 0, "zstd: reference to a dictionary")
    return unsafe Self.frame(room: room, capacity: ZSTD_compressBound(raw.count)) { output in
      unsafe raw.withUnsafeBytes { raw in
        unsafe ZSTD_compress2(context, output.baseAddress, output.count, raw.baseAddress, raw.count)
      }
    }
  }

  /// Whether the bytes are about equally frequent, judged by 1,024 of them: the squares of the counts
  /// of random ones sum up to 5,116 with a deviation of 90, those of bytes that a table of
  /// frequencies makes 2 % shorter to 5,600.
  private static func isNoise(_ raw: [UInt8]) -> Bool {
    let sample = 1024
    guard raw.count >= 2 * sample else { return false }
    var counts = InlineArray<256, UInt32>(repeating: 0)
    let step = raw.count / sample
    let bytes = raw.span
    for index in 0..<sample { counts[Int(bytes[index * step])] += 1 }
    var squares: UInt32 = 0
    for index in counts.indices { squares += counts[index] * counts[index] }
    return squares < 5600
  }

  func compressSections(_ payload: RecordPayload, room: Int) -> [UInt8] {
    let length = payload.stable.count + payload.volatile.count
    let sections = Self.sections(of: payload)
    let capacity = ZSTD_compressBound(length) + (sections.count + 2) * Self.sectionOverhead
    set(ZSTD_c_compressionLevel, FrameCodec.sectionLevel)
    set(ZSTD_c_checksumFlag, 1)
    let ready = unsafe [
      ZSTD_CCtx_refCDict(context, nil),
      ZSTD_CCtx_setPledgedSrcSize(context, UInt64(length)),
    ]
    precondition(ready.allSatisfy { ZSTD_isError($0) == 0 }, "zstd: preparing a frame")
    return unsafe Self.frame(room: room, capacity: capacity) { output in
      var written = unsafe ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
      var code = unsafe payload.stable.withUnsafeBytes { stable in
        var code = 0
        for section in sections where ZSTD_isError(code) == 0 {
          code = unsafe add(
            UnsafeRawBufferPointer(rebasing: stable[section]), ZSTD_e_flush, &written)
        }
        return code
      }
      if ZSTD_isError(code) == 0 {
        code = unsafe payload.volatile.withUnsafeBytes {
          unsafe add($0, ZSTD_e_end, &written)
        }
      }
      return ZSTD_isError(code) != 0 ? code : unsafe written.pos
    }
  }

  /// The stable bytes from cut to cut.
  private static func sections(of payload: RecordPayload) -> [Range<Int>] {
    var sections: [Range<Int>] = []
    var start = 0
    for cut in payload.cuts + [payload.stable.count] where cut > start {
      if let last = sections.last, min(last.count, cut - start) < shortestSection {
        sections[sections.count - 1] = last.lowerBound..<cut
      } else {
        sections.append(start..<cut)
      }
      start = cut
    }
    return sections
  }

  /// Returns what is left to flush, which is nothing, or an error.
  private func add(
    _ section: UnsafeRawBufferPointer, _ end: ZSTD_EndDirective, _ output: inout ZSTD_outBuffer
  ) -> Int {
    var input = unsafe ZSTD_inBuffer(src: section.baseAddress, size: section.count, pos: 0)
    let code = unsafe ZSTD_compressStream2(context, &output, &input, end)
    // All fits the output, so that one call does all of it.
    precondition(ZSTD_isError(code) != 0 || code == 0, "zstd: \(code) bytes left to flush")
    return code
  }

  /// `room` zero bytes and what `body` writes behind them; it returns zstd's code.
  private static func frame(
    room: Int, capacity: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int
  ) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: room + capacity) { buffer, count in
      unsafe buffer[..<room].initialize(repeating: 0)
      let code = unsafe body(
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[room...]))
      // The buffer has the bound's size, so the only way to fail is a bug or no memory.
      precondition(
        ZSTD_isError(code) == 0, "zstd: \(unsafe String(cString: ZSTD_getErrorName(code)))")
      count = room + code
    }
  }

  private func set(_ parameter: ZSTD_cParameter, _ value: Int32) {
    let code = unsafe ZSTD_CCtx_setParameter(context, parameter, value)
    precondition(ZSTD_isError(code) == 0, "zstd: parameter \(parameter) = \(value)")
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
    _ frame: RawSpan, length: Int, with dictionary: CompressionDictionary?,
    place: () -> String
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
          failure = .damaged(
            place(), "its frame: \(unsafe String(cString: ZSTD_getErrorName(code)))")
        } else if code != length {
          failure = .damaged(place(), "its frame gave \(code) bytes, where \(length) were written")
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
    _ frame: UnsafeRawBufferPointer, length: Int, dictionary: CompressionDictionary?,
    place: () -> String
  ) -> QueueError? {
    let claimed = unsafe ZSTD_getFrameContentSize(frame.baseAddress, frame.count)
    // ZSTD_CONTENTSIZE_UNKNOWN and _ERROR are the two highest numbers, so they fail here as well.
    guard claimed == UInt64(length) else {
      return .damaged(place(), "its frame claims another size than the \(length) bytes written")
    }
    let end = unsafe ZSTD_findFrameCompressedSize(frame.baseAddress, frame.count)
    guard ZSTD_isError(end) == 0, end == frame.count else {
      return .damaged(place(), "its frame does not end with its \(frame.count) bytes")
    }
    let id = unsafe ZSTD_getDictID_fromFrame(frame.baseAddress, frame.count)
    guard id == dictionary?.id ?? 0 else {
      return .damaged(
        place(), "its frame names dictionary \(id), its header \(dictionary?.id ?? 0)")
    }
    return nil
  }
}
