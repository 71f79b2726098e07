import CZstd
import Digest
import Files

/// The lines of a text file, as it stands or in zstd frames (told by its first bytes), one after the
/// other: memory is bounded by the longest line that is taken.
final class LineReader {
  enum Line {
    case text([UInt8])
    /// More bytes than a row may have; they were passed over.
    case tooLong
  }

  let path: String
  /// Lines given out so far: the number, from 1, of the latest.
  private(set) var number = 0
  /// Bytes of text so far.
  private(set) var bytes = 0
  private let file: RegularFileReader
  private var decoder: ZstdReader?
  private var hash: SHA256? = SHA256()
  /// Text that was read, of which what lies before `position` was given out.
  private var piece: [UInt8]
  private var position = 0

  init(_ path: String) throws(ShardError) {
    self.path = path
    do throws(RegularFileError) {
      file = try RegularFileReader(path)
    } catch { throw Self.unreadable(path, error) }
    piece = []
    let start = try Self.read(file, path)
    if ZstdReader.begins(start) {
      decoder = try ZstdReader(path, start)
    } else {
      take(start)
    }
  }

  /// The next line without its end; nil at the end of the file. The last line may lack its end.
  /// - Throws: `ShardError` where the file cannot be read, or its frames are damaged or cut.
  func next() throws(ShardError) -> Line? {
    var line: [UInt8] = []
    var isTooLong = false
    var hasText = false
    while true {
      let rest = piece[position...]
      let end = rest.firstIndex(of: UInt8(ascii: "\n"))
      let part = rest[..<(end ?? rest.endIndex)]
      hasText = hasText || !part.isEmpty || end != nil
      if line.count + part.count > RowCoding.byteLimit {
        isTooLong = true
        line = []
      }
      if !isTooLong { line += part }
      position = end.map { $0 + 1 } ?? piece.endIndex
      if end == nil, try refill() { continue }
      guard hasText else { return nil }
      number += 1
      return isTooLong ? .tooLong : .text(line)
    }
  }

  /// SHA-256 of all text, as hexadecimal digits. Asked for once, at the end.
  func contentDigest() -> String {
    guard let hash = hash.take() else { preconditionFailure("the digest was taken before") }
    return hexadecimal(hash.finalize())
  }

  /// - Returns: false at the end of the file.
  private func refill() throws(ShardError) -> Bool {
    if let decoder {
      take(try decoder.next { () throws(ShardError) in try Self.read(file, path) })
    } else {
      take(try Self.read(file, path))
    }
    return !piece.isEmpty
  }

  private func take(_ text: [UInt8]) {
    piece = text
    position = 0
    bytes += text.count
    hash?.update(text)
  }

  private static func read(
    _ file: RegularFileReader, _ path: String
  ) throws(ShardError) -> [UInt8] {
    var piece = [UInt8](repeating: 0, count: 1 << 18)
    do throws(RegularFileError) {
      let count = try file.read(into: &piece)
      piece.removeLast(piece.count - count)
      return piece
    } catch { throw unreadable(path, error) }
  }

  private static func unreadable(_ path: String, _ error: RegularFileError) -> ShardError {
    ShardError(
      .missing, location: path, problem: "the file cannot be read: \(error.description)",
      remedy: "Name a file of JSON lines, as it stands or compressed by zstd.")
  }
}

/// The text of zstd frames, piece by piece.
@safe final class ZstdReader {
  /// Larger than a dataset's own shards may ask for (`ShardFile.windowLogLimit`): these files are
  /// others', and 128 MiB is what zstd's own command takes without being told to.
  private static let windowLogLimit: Int32 = 27

  private let path: String
  private let context: OpaquePointer
  private var input: [UInt8]
  private var consumed = 0
  /// Whether the last piece filled its buffer: there may be more of it without further input.
  private var isFull = false
  /// 0 exactly when a frame has ended and all of it has been given out.
  private var pending = 1

  /// - Parameter start: the file's first bytes.
  init(_ path: String, _ start: [UInt8]) throws(ShardError) {
    guard let context = unsafe ZSTD_createDCtx() else {
      throw ShardError(
        .io, location: "zstd", problem: "there is no memory for a context",
        remedy: "Free memory and run again.")
    }
    self.path = path
    unsafe self.context = context
    input = start
    unsafe ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogLimit)
  }

  deinit { unsafe ZSTD_freeDCtx(context) }

  /// Whether a file is one of zstd: a frame, or one that decoders skip.
  static func begins(_ bytes: [UInt8]) -> Bool {
    guard bytes.count >= 4 else { return false }
    return bytes[0] & 0xF0 == 0x50 && bytes[1...3].elementsEqual([0x2A, 0x4D, 0x18])
      || bytes[..<4].elementsEqual([0x28, 0xB5, 0x2F, 0xFD])
  }

  /// The next piece of text; empty at the end.
  /// - Parameter more: gives further bytes of the file; none at its end.
  func next(
    _ more: () throws(ShardError) -> [UInt8]
  ) throws(ShardError) -> [UInt8] {
    var output = [UInt8](repeating: 0, count: ZSTD_DStreamOutSize())
    while true {
      if consumed == input.count, !isFull {
        input = try more()
        consumed = 0
        guard !input.isEmpty else {
          guard pending == 0 else { throw .foreign(path, "it ends inside a zstd frame") }
          return []
        }
      }
      let (result, produced) = decompress(into: &output)
      guard ZSTD_isError(result) == 0 else {
        let name = unsafe String(cString: ZSTD_getErrorName(result))
        throw .foreign(path, "zstd cannot decode it: \(name)")
      }
      pending = result
      isFull = produced == output.count
      guard produced > 0 else { continue }
      output.removeLast(output.count - produced)
      return output
    }
  }

  private func decompress(into output: inout [UInt8]) -> (result: Int, produced: Int) {
    unsafe input.withUnsafeBytes { source in
      unsafe output.withUnsafeMutableBytes { target in
        var from = unsafe ZSTD_inBuffer(src: source.baseAddress, size: source.count, pos: consumed)
        var to = unsafe ZSTD_outBuffer(dst: target.baseAddress, size: target.count, pos: 0)
        let result = unsafe ZSTD_decompressStream(context, &to, &from)
        consumed = unsafe from.pos
        return (result, unsafe to.pos)
      }
    }
  }
}

extension ShardError {
  /// A file that is to be imported is not what it should be.
  fileprivate static func foreign(_ location: String, _ problem: String) -> ShardError {
    ShardError(
      .damaged, location: location, problem: problem,
      remedy: "Fetch the file again from its origin.")
  }
}
