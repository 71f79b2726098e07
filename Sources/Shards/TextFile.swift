import Files

/// The text of a file, as it stands, in zstd frames or in gzip members (told by its first bytes), from start
/// to end.
final class TextFile {
  private enum Form {
    case plain
    case zstd(ZstdText)
    case gzip(GzipText)
  }

  private static let pieceBytes = 1 << 18

  let path: String
  /// Bytes of the file that were read.
  private(set) var consumed = 0
  private let file: RegularFileReader
  private let form: Form
  /// What was read of a compressed file, of which what lies before `position` is done.
  private var piece: [UInt8]
  private var position = 0

  init(_ path: String) throws(ShardError) {
    self.path = path
    do throws(RegularFileError) {
      file = try RegularFileReader(path)
    } catch { throw .unreadable(path, error) }
    piece = [UInt8](repeating: 0, count: Self.pieceBytes)
    let count = try Self.read(file, path, into: &piece, from: 0)
    piece.removeLast(piece.count - count)
    consumed = count
    if ZstdText.begins(piece) {
      form = .zstd(try ZstdText(path))
    } else if GzipText.begins(piece) {
      form = .gzip(try GzipText(path))
    } else {
      form = .plain
    }
  }

  /// Fills `buffer` from `offset` on.
  /// - Returns: how many bytes of text came; 0 at the end.
  func read(into buffer: inout [UInt8], from offset: Int) throws(ShardError) -> Int {
    switch form {
    case .plain:
      guard position == piece.count else {
        let count = min(piece.count - position, buffer.count - offset)
        buffer.replaceSubrange(offset..<offset + count, with: piece[position..<position + count])
        position += count
        return count
      }
      let count = try Self.read(file, path, into: &buffer, from: offset)
      consumed += count
      return count
    case .zstd(let decoder):
      return try decode(into: &buffer, from: offset) {
        (input, position, output, offset) throws(ShardError) in
        try decoder.decode(input, &position, into: &output, from: offset)
      } atEnd: { () throws(ShardError) in
        try decoder.end()
      }
    case .gzip(let decoder):
      return try decode(into: &buffer, from: offset) {
        (input, position, output, offset) throws(ShardError) in
        try decoder.decode(input, &position, into: &output, from: offset)
      } atEnd: { () throws(ShardError) in
        try decoder.end()
      }
    }
  }

  /// Decodes until something comes out. What is decoded fills the buffer or takes all input, so a decoder
  /// is asked again without further input only where the buffer was filled.
  private func decode(
    into buffer: inout [UInt8], from offset: Int,
    _ step: ([UInt8], inout Int, inout [UInt8], Int) throws(ShardError) -> Int,
    atEnd: () throws(ShardError) -> Void
  ) throws(ShardError) -> Int {
    while true {
      let count = try step(piece, &position, &buffer, offset)
      if count > 0 { return count }
      guard position == piece.count else { continue }
      piece = [UInt8](repeating: 0, count: Self.pieceBytes)
      let read = try Self.read(file, path, into: &piece, from: 0)
      piece.removeLast(piece.count - read)
      (position, consumed) = (0, consumed + read)
      guard read > 0 else {
        try atEnd()
        return 0
      }
    }
  }

  private static func read(
    _ file: RegularFileReader, _ path: String, into buffer: inout [UInt8], from offset: Int
  ) throws(ShardError) -> Int {
    do throws(RegularFileError) {
      return try file.read(into: &buffer, from: offset)
    } catch { throw .unreadable(path, error) }
  }
}

extension ShardError {
  /// A file that is to be imported is not what it should be.
  static func foreign(_ location: String, _ problem: String) -> ShardError {
    ShardError(
      .damaged, location: location, problem: problem,
      remedy: "Fetch the file again from its origin.")
  }

  static func unreadable(_ path: String, _ error: RegularFileError) -> ShardError {
    ShardError(
      .missing, location: path, problem: "the file cannot be read: \(error.description)",
      remedy: "Name files of JSON lines (plain, zstd or gzip) or Parquet.")
  }

  /// There is no memory for a decoder or an encoder.
  static func noMemory(_ library: String) -> ShardError {
    ShardError(
      .io, location: library, problem: "there is no memory for a context",
      remedy: "Free memory and run again.")
  }
}
