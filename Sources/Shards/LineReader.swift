import Digest
import Foundation

/// The lines of a text file: memory is bounded by the longest line that is taken.
final class LineReader: RowSource {
  private(set) var number = 0
  private let file: TextFile
  private var hash: SHA256? = SHA256()
  private var buffer = [UInt8](repeating: 0, count: 1 << 20)
  /// Of the buffer: what was hashed, where the latest line begins, what was given out, what is filled.
  private var hashed = 0
  private var lineStart = 0
  private var position = 0
  private var filled = 0
  /// Bytes of text before the buffer's.
  private var before = 0

  init(_ path: String) throws(ShardError) { file = try TextFile(path) }

  var consumed: Int { file.consumed }

  /// The next line without its end. The last line may lack its end.
  /// - Throws: `ShardError` where the file cannot be read, or is damaged or cut.
  func next() throws(ShardError) -> SourceRow? {
    lineStart = position
    var searched = position
    while true {
      if let end = newline(from: searched) {
        number += 1
        let line = position..<end
        position = end + 1
        return line.count > RowCoding.byteLimit ? .tooLong : .text(buffer[line])
      }
      if filled - position > RowCoding.byteLimit { return try passLongLine() }
      searched = filled - position
      let hasMore = try refill()
      searched += position
      guard hasMore else {
        guard position < filled else { return nil }
        number += 1
        defer { position = filled }
        return .text(buffer[position..<filled])
      }
    }
  }

  private func newline(from start: Int) -> Int? {
    unsafe buffer.withUnsafeBytes { bytes in
      let start = unsafe bytes.baseAddress! + start
      let count = unsafe filled - (start - bytes.baseAddress!)
      guard let found = unsafe memchr(start, 0x0A, count) else { return nil }
      return unsafe UnsafeRawPointer(found) - bytes.baseAddress!
    }
  }

  /// The end of a line that is too long for a row.
  private func passLongLine() throws(ShardError) -> SourceRow {
    while true {
      let end = newline(from: position)
      position = end.map { $0 + 1 } ?? filled
      if end == nil, try refill() { continue }
      number += 1
      return .tooLong
    }
  }

  /// Adds text behind what was not given out.
  /// - Returns: false at the end of the file.
  private func refill() throws(ShardError) -> Bool {
    hash(upTo: position)
    before += position
    let rest = filled - position
    if position > 0 {
      unsafe buffer.withUnsafeMutableBytes {
        unsafe _ = memmove($0.baseAddress!, $0.baseAddress! + position, rest)
      }
    }
    (hashed, lineStart, position, filled) = (0, 0, 0, rest)
    if rest == buffer.count {
      buffer.append(contentsOf: repeatElement(0, count: buffer.count))
    }
    let count = try file.read(into: &buffer, from: filled)
    filled += count
    return count > 0
  }

  private func hash(upTo end: Int) {
    guard end > hashed else { return }
    unsafe buffer.withUnsafeBytes {
      unsafe hash?.update(UnsafeRawBufferPointer(rebasing: $0[hashed..<end]))
    }
    hashed = end
  }

  func mark() -> SourceMark {
    hash(upTo: lineStart)
    guard let digest = hash?.digestSoFar() else { preconditionFailure("the file is done") }
    return SourceMark(rows: number - 1, bytes: before + lineStart, sha256: hexadecimal(digest))
  }

  func skip(to mark: SourceMark) throws(ShardError) -> Bool {
    while before + position < mark.bytes {
      if position == filled, try !refill() { return false }
      position = min(filled, mark.bytes - before)
    }
    hash(upTo: position)
    number = mark.rows
    guard let digest = hash?.digestSoFar() else { return false }
    return hexadecimal(digest) == mark.sha256
  }

  func finish() -> (bytes: Int, sha256: String) {
    hash(upTo: filled)
    guard let hash = hash.take() else { preconditionFailure("the file is done") }
    return (before + filled, hexadecimal(hash.finalize()))
  }
}
