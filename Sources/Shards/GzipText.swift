import CZlib

/// The text of gzip members (RFC 1952), piece by piece.
@safe final class GzipText {
  private let path: String
  private var stream = unsafe z_stream()
  /// Whether a member has ended and no other has begun.
  private var isBetween = false

  init(_ path: String) throws(ShardError) {
    self.path = path
    // 15 bits of window, and 16 for gzip's head and checksum.
    let size = unsafe Int32(MemoryLayout<z_stream>.size)
    let status = unsafe inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, size)
    guard status == Z_OK else { throw .noMemory("zlib") }
  }

  deinit { unsafe inflateEnd(&stream) }

  static func begins(_ bytes: [UInt8]) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

  /// - Returns: how many bytes were written to `output` from `offset` on; `position` moves in `input`.
  func decode(
    _ input: [UInt8], _ position: inout Int, into output: inout [UInt8], from offset: Int
  ) throws(ShardError) -> Int {
    guard position < input.count || !isBetween else { return 0 }
    if isBetween {
      unsafe inflateReset(&stream)
      isBetween = false
    }
    let (status, written) = unsafe input.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        unsafe stream.next_in = UnsafeMutablePointer(
          mutating: source.assumingMemoryBound(to: UInt8.self).baseAddress! + position)
        unsafe stream.avail_in = UInt32(source.count - position)
        unsafe stream.next_out =
          target.assumingMemoryBound(to: UInt8.self).baseAddress! + offset
        unsafe stream.avail_out = UInt32(target.count - offset)
        let status = unsafe inflate(&stream, Z_NO_FLUSH)
        return unsafe (status, target.count - offset - Int(stream.avail_out))
      }
    }
    position = unsafe input.count - Int(stream.avail_in)
    isBetween = status == Z_STREAM_END
    // Z_BUF_ERROR: it needs more input, which is what its caller gives it next.
    guard status == Z_OK || status == Z_STREAM_END || status == Z_BUF_ERROR else {
      let cause = unsafe stream.msg.map { unsafe String(cString: $0) } ?? "error \(status)"
      throw .foreign(path, "zlib cannot decode it: \(cause)")
    }
    return written
  }

  /// The file has ended.
  func end() throws(ShardError) {
    guard isBetween else { throw .foreign(path, "it ends inside a gzip member") }
  }
}
