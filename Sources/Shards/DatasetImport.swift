import Digest
import Files
import Foundation
import Records

/// Makes a dataset of files that others wrote: JSON lines of questions (`QuestionRow`), as they stand or
/// compressed by zstd.
///
/// Files are read once, from start to end; memory is that of a shard and a row, and 16 bytes of every id.
/// The dataset appears when all is read, or not at all.
public struct DatasetImport: Sendable, Encodable {
  public struct Options: Sendable {
    /// In place of the rows' own source.
    public var source: String?
    /// Bad rows that are set aside; one more stops the import.
    public var maximumBad = 0
    public var writer = DatasetWriter.Options()

    public init() {}
  }

  /// What was read of one file.
  public struct File: Sendable, Equatable, Encodable {
    public var path: String
    public var rows: Int
    public var bad: Int
    /// Of text, after decompression.
    public var bytes: Int
    /// Of that text.
    public var sha256: String
  }

  /// The name that reports give what is read here.
  public static let shape = "questions"
  /// Beside the manifest: a line for every row that was set aside, with its file, line, reason and text.
  public static let badRowsFile = "bad-rows.jsonl"

  public private(set) var files: [File] = []
  public private(set) var manifest: DatasetManifest
  public private(set) var bad = 0
  /// The fields that rows of the files have, known ones first.
  public private(set) var fields: [String] = []
  /// Those that a dataset has no place for, being no texts.
  public private(set) var passedOver: [String] = []

  /// - Parameters:
  ///   - paths: read in this order.
  ///   - folder: of the new dataset.
  /// - Throws: `ShardError`: `.exists` where a dataset stands in the folder, `.row` for one bad row more
  ///   than `maximumBad`, and for files that cannot be read.
  public init(
    _ paths: [String], to folder: String, name: String, options: Options = Options()
  ) throws(ShardError) {
    for path in paths {
      guard let obstacle = RegularFile.obstacle(at: path) else { continue }
      throw ShardError(
        .missing, location: path, problem: "the file cannot be read: \(obstacle.description)",
        remedy: "Name files of JSON lines, as they stand or compressed by zstd.")
    }
    let isNew = !FileManager.default.fileExists(atPath: folder)
    var writer = try DatasetWriter(folder: folder, name: name, options: options.writer)
    manifest = DatasetManifest(name: name, fields: [], shards: [])
    var rows = ImportedRows(folder: folder, options: options)
    do throws(ShardError) {
      for path in paths { files.append(try rows.read(path, into: &writer)) }
      try rows.closeBadRows()
    } catch {
      writer.abandon()
      rows.abandon()
      // Only where nothing else is in it.
      if isNew { unsafe rmdir(folder) }
      throw error
    }
    writer.origin = files.map {
      DatasetManifest.Origin(
        file: PathParts.name(of: $0.path), rows: $0.rows, bytes: $0.bytes, sha256: $0.sha256)
    }
    manifest = try writer.finish()
    try rows.publishBadRows()
    bad = rows.bad
    fields =
      QuestionRow.fields.filter(rows.seen.contains)
      + rows.seen.filter {
        !QuestionRow.fields.contains($0)
      }.sorted()
    passedOver = rows.passedOver.sorted()
  }

  private enum CodingKeys: String, CodingKey {
    case files, bad, fields
    case passedOver = "passed_over"
  }
}

/// The rows of an import on their way.
private struct ImportedRows {
  let folder: String
  let options: DatasetImport.Options
  private(set) var bad = 0
  /// Names of fields.
  private(set) var seen: Set<String> = []
  private(set) var passedOver: Set<String> = []
  /// Ids by the first half of their SHA-256, as `DatasetCheck` knows them.
  private var ids: Set<SIMD2<UInt64>> = []
  private var badRows: FileHandle?

  init(folder: String, options: DatasetImport.Options) {
    self.folder = folder
    self.options = options
  }

  mutating func read(
    _ path: String, into writer: inout DatasetWriter
  ) throws(ShardError) -> DatasetImport.File {
    let reader = try LineReader(path)
    var (rows, bad) = (0, 0)
    while let line = try reader.next() {
      let prompt: Prompt?
      do throws(RowFields.Problem) {
        prompt = try row(line)
      } catch {
        bad += 1
        try setAside(line, path, reader.number, error.text)
        continue
      }
      guard let prompt else { continue }
      try writer.append(prompt)
      rows += 1
    }
    return DatasetImport.File(
      path: path, rows: rows, bad: bad, bytes: reader.bytes, sha256: reader.contentDigest())
  }

  /// nil for a line without text, which is no row.
  private mutating func row(_ line: LineReader.Line) throws(RowFields.Problem) -> Prompt? {
    guard case .text(let bytes) = line else {
      throw RowFields.Problem(text: "it has more than \(RowCoding.byteLimit) bytes")
    }
    guard !bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { return nil }
    let row = try QuestionRow(line: bytes, source: options.source)
    let digest = SHA256.hash(Array(row.prompt.id.utf8))
    let word = { (bytes: ArraySlice<UInt8>) in bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) } }
    guard ids.insert(SIMD2(word(digest[0..<8]), word(digest[8..<16]))).inserted else {
      throw RowFields.Problem(text: "its id stands in an earlier row too")
    }
    seen.formUnion(row.names)
    passedOver.formUnion(row.passedOver)
    return row.prompt
  }

  // MARK: Bad rows

  private var badRowsPath: String { "\(folder)/\(DatasetImport.badRowsFile)" }

  private mutating func setAside(
    _ line: LineReader.Line, _ path: String, _ number: Int, _ reason: String
  ) throws(ShardError) {
    bad += 1
    guard bad <= options.maximumBad else {
      let count = bad == 1 ? "" : "; \(bad - 1) bad rows before it were set aside"
      throw ShardError(
        .row, location: "\(path):\(number)", problem: reason + count,
        remedy: "Correct the row, or set up to N bad ones aside with --max-bad N.")
    }
    var entry = JSONLine()
    entry.open("{")
    entry.member("file", path)
    entry.member("line", "\(number)")
    entry.member("reason", reason)
    if case .text(let bytes) = line {
      entry.member("row", String(decoding: bytes, as: UTF8.self))
    }
    entry.close("}")
    if badRows == nil { badRows = try StoredFile.createPartial(for: badRowsPath) }
    guard let badRows else { preconditionFailure("the list was just opened") }
    try StoredFile.append(entry.bytes + [UInt8(ascii: "\n")], to: badRows, badRowsPath)
  }

  /// Asks the disk to keep what was set aside, before the dataset appears.
  mutating func closeBadRows() throws(ShardError) {
    if let badRows { try StoredFile.finish(badRows, badRowsPath) }
  }

  /// Gives the list its name; that of a dataset which was replaced goes.
  func publishBadRows() throws(ShardError) {
    if badRows == nil {
      try StoredFile.remove(badRowsPath)
    } else {
      try StoredFile.publish(badRowsPath)
    }
  }

  /// Leaves nothing behind of an import that failed.
  func abandon() {
    if badRows != nil { unsafe unlink(badRowsPath + ".partial") }
  }
}
