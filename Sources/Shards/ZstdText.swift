import CZstd

/// The text of zstd frames, piece by piece.
@safe final class ZstdText {
  /// Larger than a dataset's own shards may ask for (`ShardFile.windowLogLimit`): these files are
  /// others', and 128 MiB is what zstd's own command takes without being told to.
  private static let windowLogLimit: Int32 = 27

  private let path: String
  private let context: OpaquePointer
  /// 0 exactly when a frame has ended and all of it has been given out.
  private var pending = 1

  init(_ path: String) throws(ShardError) {
    guard let context = unsafe ZSTD_createDCtx() else { throw .noMemory("zstd") }
    self.path = path
    unsafe self.context = context
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogLimit)
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Whether a file is one of zstd: a frame, or one that decoders skip.
  static func begins(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 4 else { return false }
    return bytes[0] & 0xF0 == 0x50 && bytes[1...3].elementsEqual([0x2A, 0x4D, 0x18])
      || bytes[..<4].elementsEqual([0x28, 0xB5, 0x2F, 0xFD])
  }

  /// - Returns: how many bytes were written to `output` from `offset` on; `position` moves in `input`.
  func decode(
    _ input: [UInt8], _ position: inout Int, into output: inout [UInt8], from offset: Int
  ) throws(ShardError) -> Int {
    // Between frames there is nothing to flush.
    if position == input.count, pending == 0 { return 0 }
    let (result, read, written) = unsafe input.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        var from = unsafe ZSTD_inBuffer(
          src: source.baseAddress, size: source.count, pos: position)
        var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: offset)
        let result = unsafe ZSTD_decompressStream(context, &to, &from)
        return unsafe (result, from.pos, to.pos)
      }
    }
    guard ZSTD_isError(result) == 0 else {
      let name = unsafe String(cString: ZSTD_getErrorName(result))
      throw .foreign(path, "zstd cannot decode it: \(name)")
    }
    (pending, position) = (result, read)
    return written - offset
  }

  /// The file has ended.
  func end() throws(ShardError) {
    guard pending == 0 else { throw .foreign(path, "it ends inside a zstd frame") }
  }
}
