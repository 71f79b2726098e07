import Digest
import Files
import Parquet
import Records

/// The rows of a Parquet file, as JSON.
final class ParquetRows: RowSource {
  let file: ParquetFile
  private var line = JSONText()
  private let sha256: String

  init(_ path: String) throws(ShardError) {
    do throws(ParquetError) {
      file = try ParquetFile(path, rowLimit: RowCoding.byteLimit)
    } catch { throw ShardError(error) }
    var hash = SHA256()
    do throws(RegularFileError) {
      unsafe try RegularFile.forEachPiece(path, limit: .max) { unsafe hash.update($0) }
    } catch { throw .unreadable(path, error) }
    sha256 = hexadecimal(hash.finalize())
  }

  /// Whether the file at `path` begins as one of Parquet.
  static func begins(_ path: String) throws(ShardError) -> Bool {
    do throws(RegularFileError) {
      let file = try RegularFileReader(path)
      return try ParquetFile.begins(file.read(at: 0, count: min(4, file.size)))
    } catch { throw .unreadable(path, error) }
  }

  var number: Int { file.number }

  var consumed: Int {
    file.rows == 0 ? 0 : Int(Double(file.bytes) * Double(number) / Double(file.rows))
  }

  func next() throws(ShardError) -> SourceRow? {
    do throws(ParquetError) {
      guard try file.next(into: &line) else { return nil }
    } catch { throw ShardError(error) }
    return line.bytes.isEmpty ? .tooLong : .text(line.bytes[...])
  }

  func mark() -> SourceMark { SourceMark(rows: number - 1, bytes: file.bytes, sha256: sha256) }

  func skip(to mark: SourceMark) throws(ShardError) -> Bool {
    guard mark.sha256 == sha256 else { return false }
    while number < mark.rows { guard try next() != nil else { return false } }
    return true
  }

  func finish() -> (bytes: Int, sha256: String) { (file.bytes, sha256) }
}

extension ShardError {
  fileprivate init(_ error: ParquetError) {
    let code: Code =
      switch error.code {
      case .missing: .missing
      case .damaged, .unsupported: .damaged
      case .limit: .limit
      }
    self.init(code, location: error.location, problem: error.problem, remedy: error.remedy)
  }
}
