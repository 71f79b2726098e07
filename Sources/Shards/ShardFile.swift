import CZstd
import Digest

/// One shard: JSON lines in zstd.
enum ShardFile {
  /// Bytes of a shard after decompression: twice what `DatasetWriter` makes of itself. A whole shard
  /// is held in memory, so this is what a bomb can cost.
  static let rawLimit = 64 << 20
  /// 8 MiB, what the zstd format asks every decoder to support; more would let a frame of ten bytes
  /// make the decoder reserve as much as it likes.
  static let windowLogLimit: Int32 = 23

  /// One frame with checksum and content size. The same bytes for the same input, level and version
  /// of zstd.
  static func compress(_ raw: [UInt8], level: Int) throws(ShardError) -> [UInt8] {
    guard let context = unsafe ZSTD_createCCtx() else { throw memory() }
    defer { unsafe ZSTD_freeCCtx(context) }
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1)
    var written = 0
    // The bound is three times what comes out: pages of it that nobody writes cost nothing.
    let frame = unsafe [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(raw.count)) {
      target, count in
      written = unsafe raw.withUnsafeBytes { source in
        unsafe ZSTD_compress2(
          context, target.baseAddress, target.count, source.baseAddress, source.count)
      }
      count = ZSTD_isError(written) == 0 ? written : 0
    }
    guard ZSTD_isError(written) == 0 else {
      throw ShardError(
        .io, location: "zstd", problem: name(of: written), remedy: "Free memory and run again.")
    }
    return frame
  }

  /// The rows' bytes of the shard at `path`, after its size and SHA-256 were found to be those of
  /// the manifest.
  static func load(
    _ shard: DatasetManifest.Shard, path: String, folder: String
  ) throws(ShardError) -> [UInt8] {
    let frame = try StoredFile.read(path, limit: DatasetManifest.shardByteLimit, within: folder)
    guard frame.count == shard.bytes else {
      throw .damaged(path, "it has \(frame.count) bytes, the manifest says \(shard.bytes)")
    }
    let digest = hexadecimal(SHA256.hash(frame))
    guard digest == shard.sha256 else {
      throw .damaged(path, "its SHA-256 is \(digest), the manifest says \(shard.sha256)")
    }
    return try decompress(frame, path: path)
  }

  /// All frames of `input`, at most `limit` bytes.
  static func decompress(
    _ input: [UInt8], path: String, limit: Int = rawLimit
  ) throws(ShardError) -> [UInt8] {
    guard let context = unsafe ZSTD_createDCtx() else { throw memory() }
    defer { unsafe ZSTD_freeDCtx(context) }
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, windowLogLimit)
    var output: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
    var consumed = 0
    // 0 exactly when a frame has ended and all of it has been given out.
    var pending = 1
    while consumed < input.count || pending != 0 {
      let before = consumed
      let (result, produced) = unsafe input.withUnsafeBytes { source in
        unsafe chunk.withUnsafeMutableBytes { target in
          var from = unsafe ZSTD_inBuffer(
            src: source.baseAddress, size: source.count, pos: consumed)
          var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
          let result = unsafe ZSTD_decompressStream(context, &to, &from)
          consumed = unsafe from.pos
          return (result, unsafe to.pos)
        }
      }
      guard ZSTD_isError(result) == 0 else {
        throw .damaged(path, "zstd cannot decode it: \(name(of: result))")
      }
      pending = result
      guard output.count + produced <= limit else {
        throw ShardError(
          .limit, location: path, problem: "it holds more than \(limit) bytes of rows",
          remedy: "Write the dataset again in smaller shards.")
      }
      output.append(contentsOf: chunk[..<produced])
      if pending != 0, produced == 0, consumed == before {
        throw .damaged(path, "it ends inside a zstd frame")
      }
    }
    return output
  }

  private static func name(of code: Int) -> String {
    unsafe String(cString: ZSTD_getErrorName(code))
  }

  private static func memory() -> ShardError {
    ShardError(
      .io, location: "zstd", problem: "there is no memory for a context",
      remedy: "Free memory and run again.")
  }
}
