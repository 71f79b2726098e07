/// Rows of a file of others, as JSON, one after the other.
protocol RowSource: AnyObject {
  /// The line or row that `next` gave last, counted from 1.
  var number: Int { get }
  /// Bytes of the file that were read, for progress.
  var consumed: Int { get }
  /// The next row; nil at the end of the file.
  func next() throws(ShardError) -> SourceRow?
  /// Where the row that `next` gave last begins.
  func mark() -> SourceMark
  /// Passes over what lies before a mark of an earlier import.
  /// - Returns: false where the file does not hold what it held then; it is of no further use.
  func skip(to mark: SourceMark) throws(ShardError) -> Bool
  /// Length and SHA-256 of what was read. Asked for once, at the end.
  func finish() -> (bytes: Int, sha256: String)
}

enum SourceRow {
  case text(ArraySlice<UInt8>)
  /// More bytes than a row may have; they were passed over.
  case tooLong
}

/// A place in a file, between rows.
struct SourceMark: Codable, Equatable {
  /// Lines or rows before it.
  var rows: Int
  /// Bytes of text before it; of a file that is not text, of all of it.
  var bytes: Int
  /// Of these bytes.
  var sha256: String
}
