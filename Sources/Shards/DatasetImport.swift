import Files
import Foundation

/// Makes a dataset of files that others wrote: JSON lines, as they stand or compressed by zstd or gzip, and
/// Parquet, in any of the shapes of `RowShape`.
///
/// Files are read from start to end; memory is that of three shards, a row (of Parquet, a page of each
/// column), and 16 bytes of every id. The dataset appears when all is read, or not at all. An import that was
/// killed goes on where it stopped when it is asked for again, and gives the same bytes.
public struct DatasetImport: Sendable, Encodable {
  public struct Options: Sendable {
    /// In place of the rows' own source.
    public var source: String?
    /// In place of the shape that a file's first row shows.
    public var shape: RowShape?
    /// Which fields are what, of files of no known shape.
    public var mapping: RowMapping?
    /// Whether prompts lose the system message at their start.
    public var dropsSystem = false
    /// Bad rows that are set aside; one more stops the import.
    public var maximumBad = 0
    /// Level 1 of zstd where datasets that are made here have 3: of GSM8K's text it leaves 0.34 of the bytes
    /// and not 0.29, at 370 MB/s a core and not 220, so that an import keeps up with `zstd -3` alone.
    public var writer = {
      var options = DatasetWriter.Options()
      options.compressionLevel = 1
      return options
    }()

    public init() {}
  }

  /// What was read of one file.
  public struct File: Sendable, Equatable, Codable {
    public var path: String
    /// nil for a file without rows.
    public var shape: RowShape?
    public var rows: Int
    public var bad: Int
    /// Of text, after decompression; of Parquet, of the file.
    public var bytes: Int
    /// Of these bytes.
    public var sha256: String
  }

  /// What an import tells of itself while it works.
  public enum Event: Sendable {
    /// An earlier one was cut off with so many rows in whole shards, which stay.
    case goesOn(rows: Int)
    /// What an earlier one has left is of no use, for this reason.
    case startsAnew(because: String)
    /// Bytes of all files, and how many of them were read; rows taken and set aside.
    case progress(read: Int, of: Int, rows: Int, bad: Int)
  }

  /// Beside the manifest: a line for every row that was set aside, with its file, line, reason and text.
  public static let badRowsFile = "bad-rows.jsonl"

  public private(set) var files: [File] = []
  public private(set) var manifest: DatasetManifest
  public private(set) var bad = 0
  /// The fields that rows of the files have: those that a prompt is made of first.
  public private(set) var fields: [String] = []
  /// Those, at any level, that a dataset has no place for, being no texts.
  public private(set) var passedOver: [String] = []

  /// - Parameters:
  ///   - paths: read in this order.
  ///   - folder: of the new dataset.
  ///   - report: hears how it goes, many times a second.
  /// - Throws: `ShardError`: `.exists` where a dataset stands in the folder, `.row` for one bad row more
  ///   than `maximumBad`, `.busy` while another import works there, and for files that cannot be read.
  public init(
    _ paths: [String], to folder: String, name: String, options: Options = Options(),
    report: @escaping (Event) -> Void = { _ in }
  ) throws(ShardError) {
    for path in paths {
      if let obstacle = RegularFile.obstacle(at: path) { throw .unreadable(path, obstacle) }
    }
    let isNew = !FileManager.default.fileExists(atPath: folder)
    let writer = try DatasetWriter(folder: folder, name: name, options: options.writer)
    var run: ImportRun
    do throws(ShardError) {
      run = try ImportRun(paths, writer, options, report)
    } catch {
      if isNew { unsafe rmdir(folder) }
      throw error
    }
    do throws(ShardError) {
      try run.readFiles()
    } catch {
      // What the system refused may go well when there is room again: the state stays for that.
      if error.code == .io {
        run.pause()
      } else {
        run.abandon()
        if isNew || run.isContinued { unsafe rmdir(folder) }
      }
      throw error
    }
    manifest = try run.finish()
    let progress = run.progress
    (files, bad) = (progress.files, progress.bad)
    let used = progress.used.filter(progress.fields.contains)
    fields = used + progress.fields.subtracting(used).sorted()
    passedOver = progress.passedOver.sorted()
  }

  private enum CodingKeys: String, CodingKey {
    case files, bad, fields
    case passedOver = "passed_over"
  }
}
