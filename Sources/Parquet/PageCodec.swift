import CZlib
import CZstd

/// How the pages of a column chunk are compressed.
enum PageCodec: Int {
  case none = 0
  case snappy = 1
  case gzip = 2
  case zstd = 6

  private static let names = [3: "LZO", 4: "BROTLI", 5: "LZ4", 7: "LZ4_RAW"]

  init(number: Int) throws(ParquetFlaw) {
    guard let known = PageCodec(rawValue: number) else {
      throw .unsupported("its codec is \(Self.names[number] ?? "\(number)")")
    }
    self = known
  }

  /// - Parameter count: bytes that must come out.
  func decompress(_ input: ArraySlice<UInt8>, count: Int) throws(ParquetFlaw) -> [UInt8] {
    // A page without values may have no bytes at all.
    if count == 0, input.isEmpty { return [] }
    switch self {
    case .none:
      guard input.count == count else { throw .damaged("its page has another length") }
      return Array(input)
    case .snappy: return try Snappy.decompress(input, count: count)
    case .gzip: return try Self.inflate(input, count: count)
    case .zstd: return try Self.unframe(input, count: count)
    }
  }

  private static func unframe(
    _ input: ArraySlice<UInt8>, count: Int
  ) throws(ParquetFlaw) -> [UInt8] {
    var produced = 0
    let output = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      produced = unsafe input.withUnsafeBytes {
        unsafe ZSTD_decompress(target.baseAddress, count, $0.baseAddress, $0.count)
      }
      initialized = ZSTD_isError(produced) == 0 ? produced : 0
    }
    guard ZSTD_isError(produced) == 0 else {
      let name = unsafe String(cString: ZSTD_getErrorName(produced))
      throw .damaged("zstd cannot decode its page: \(name)")
    }
    guard output.count == count else { throw .damaged("its zstd page has another length") }
    return output
  }

  /// Gzip, or zlib as some old writers have it; one member after the other.
  private static func inflate(
    _ input: ArraySlice<UInt8>, count: Int
  ) throws(ParquetFlaw) -> [UInt8] {
    var stream = unsafe z_stream()
    // 15 bits of window, and 32 for either head.
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    let started = unsafe inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, size)
    guard started == Z_OK else {
      throw .limit("there is no memory to decompress its page")
    }
    defer { unsafe inflateEnd(&stream) }
    var status = Z_OK
    let output = unsafe [UInt8](unsafeUninitializedCapacity: count) { target, initialized in
      unsafe input.withUnsafeBytes { source in
        unsafe stream.next_in = UnsafeMutablePointer(
          mutating: source.assumingMemoryBound(to: UInt8.self).baseAddress)
        unsafe stream.avail_in = UInt32(source.count)
        unsafe stream.next_out = target.baseAddress
        unsafe stream.avail_out = UInt32(count)
        repeat {
          if status == Z_STREAM_END { unsafe inflateReset(&stream) }
          status = unsafe CZlib.inflate(&stream, Z_NO_FLUSH)
        } while unsafe status == Z_STREAM_END && stream.avail_in > 0 && stream.avail_out > 0
      }
      initialized = unsafe count - Int(stream.avail_out)
    }
    guard status == Z_STREAM_END, output.count == count else {
      throw .damaged("zlib cannot decode its page to \(count) bytes")
    }
    return output
  }
}
