import Digest
import Foundation
public import Records

/// Writes a dataset, row by row.
///
/// Rows are gathered into shards of a bounded size; a shard is written to a `.partial` file and
/// synchronized. `finish` gives all files their names, the manifest last, so that a dataset whose
/// writing was cut off has no manifest. The same rows and options give the same bytes.
public struct DatasetWriter {
  public struct Options: Sendable, Equatable {
    /// A shard is closed when it has this many rows …
    public var rowsPerShard = 100_000
    /// … or its rows this many bytes.
    public var bytesPerShard = 32 << 20
    /// 1 to 19: zstd's higher levels need a larger window than readers accept.
    public var compressionLevel = 3
    public var licence: String?
    /// The command and settings that made the data, for the manifest.
    public var generator: String?
    /// Whether a dataset that stands in the folder already is replaced.
    public var replaces = false

    public init() {}
  }

  public let folder: String
  public let name: String
  /// The files that the rows come from, for the manifest.
  public var origin: [DatasetManifest.Origin]?
  private let options: Options
  private var shards: [DatasetManifest.Shard] = []
  private var raw: [UInt8] = []
  private var rows = 0
  private var total = 0
  private var holdsText = false
  private var holdsMessages = false

  /// - Throws: `.exists` if a manifest stands there and `options.replaces` is false.
  public init(folder: String, name: String, options: Options = Options()) throws(ShardError) {
    guard DatasetManifest.isPlainName(name), name.utf8.count <= 200 else {
      throw .settings(
        folder, "the name is not plain", "Use letters, digits, '-', '_' and '.' for a name.")
    }
    guard (1...19).contains(options.compressionLevel), options.rowsPerShard > 0,
      (1...ShardFile.rawLimit / 2).contains(options.bytesPerShard)
    else {
      throw .settings(
        folder, "the options make no shards",
        "Use levels 1 to 19 and shards of 1 row to \(ShardFile.rawLimit / 2) bytes.")
    }
    let manifest = "\(folder)/\(DatasetManifest.fileName)"
    guard options.replaces || !FileManager.default.fileExists(atPath: manifest) else {
      throw ShardError(
        .exists, location: manifest, problem: "there is a dataset already",
        remedy: "Choose another folder or remove this one.")
    }
    try StoredFile.makeFolder(folder)
    self.folder = folder
    self.name = name
    self.options = options
  }

  /// Adds a row. Ids are not compared with each other here; `DatasetCheck` does that.
  public mutating func append(_ row: Prompt) throws(ShardError) {
    let line = RowCoding.encode(row)
    guard line.count <= RowCoding.byteLimit else {
      throw ShardError(
        .limit, location: "\(folder) row \(total)",
        problem: "the row has \(line.count) bytes, more than \(RowCoding.byteLimit)",
        remedy: "Leave the row out or shorten it.")
    }
    if rows == options.rowsPerShard || (rows > 0 && raw.count + line.count > options.bytesPerShard)
    {
      try closeShard()
    }
    if case .text = row.content { holdsText = true } else { holdsMessages = true }
    raw += line
    raw.append(UInt8(ascii: "\n"))
    rows += 1
    total += 1
  }

  /// Writes what is left and makes the dataset visible.
  public consuming func finish() throws(ShardError) -> DatasetManifest {
    if rows > 0 { try closeShard() }
    let path = "\(folder)/\(DatasetManifest.fileName)"
    let stale = options.replaces ? staleShards() : []
    try StoredFile.remove(path)
    try StoredFile.synchronizeFolder(folder)
    for shard in shards { try StoredFile.publish("\(folder)/\(shard.file)") }
    for file in stale { try StoredFile.remove("\(folder)/\(file)") }
    let manifest = DatasetManifest(
      name: name, fields: fields, shards: shards, licence: options.licence,
      generator: options.generator, origin: origin)
    try StoredFile.writePartial(manifest.encoded(), for: path)
    try StoredFile.publish(path)
    try StoredFile.synchronizeFolder(folder)
    return manifest
  }

  /// Removes what was written, in place of `finish`; a dataset that was to be replaced stays.
  public consuming func abandon() {
    for shard in shards { unsafe unlink("\(folder)/\(shard.file).partial") }
  }

  private var fields: [String] {
    RowCoding.fields.filter { field in
      switch field {
      case "prompt": holdsText
      case "messages": holdsMessages
      default: true
      }
    }
  }

  private mutating func closeShard() throws(ShardError) {
    let number = String(shards.count)
    let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
    let file = "\(name)-\(padded).jsonl.zst"
    let frame = try ShardFile.compress(raw, level: options.compressionLevel)
    try StoredFile.writePartial(frame, for: "\(folder)/\(file)")
    shards.append(
      .init(
        file: file, rows: rows, bytes: frame.count, sha256: hexadecimal(SHA256.hash(frame))))
    raw.removeAll(keepingCapacity: true)
    rows = 0
  }

  /// Files of the dataset being replaced that the new one does not have. A manifest that cannot be
  /// read names none; its shards then stay, unnamed by any manifest.
  private func staleShards() -> [String] {
    let kept = Set(shards.map(\.file))
    do throws(ShardError) {
      return try DatasetManifest(folder: folder).shards.map(\.file).filter { !kept.contains($0) }
    } catch {
      return []
    }
  }
}

extension DatasetWriter {
  /// Writes rows 0..<count of a generator.
  public static func write(
    count: Int, folder: String, name: String, options: Options = Options(),
    row: (Int) -> Prompt
  ) throws(ShardError) -> DatasetManifest {
    var writer = try DatasetWriter(folder: folder, name: name, options: options)
    for index in 0..<count { try writer.append(row(index)) }
    return try writer.finish()
  }
}
