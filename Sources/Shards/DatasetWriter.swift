import Digest
import Foundation
public import Records

/// Writes a dataset, row by row.
///
/// Rows are gathered into shards of a bounded size; a shard is compressed and written to a `.partial` file
/// beside the work that makes the next. `finish` gives all files their names, the manifest last, so that a dataset whose
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
  /// Rows of the shard that is being gathered; whoever adds one here says so by `endRow`.
  var text = JSONText()
  private let options: Options
  private let press: ShardPress
  /// Shards that an earlier writer has finished, and all that were begun here.
  private var kept: [DatasetManifest.Shard] = []
  private var begun = 0
  private var rows = 0
  /// Rows so far.
  private(set) var total = 0
  private(set) var holdsText = false
  private(set) var holdsMessages = false

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
    press = ShardPress(level: options.compressionLevel)
  }

  /// Adds a row. Ids are not compared with each other here; `DatasetCheck` does that.
  public mutating func append(_ row: Prompt) throws(ShardError) {
    let start = text.bytes.count
    RowCoding.encode(row, into: &text)
    let count = text.bytes.count - start
    guard count <= RowCoding.byteLimit else {
      text.cut(to: start)
      throw ShardError(
        .limit, location: "\(folder) row \(total)",
        problem: "the row has \(count) bytes, more than \(RowCoding.byteLimit)",
        remedy: "Leave the row out or shorten it.")
    }
    if case .text = row.content {
      try endRow(from: start, hasMessages: false)
    } else {
      try endRow(from: start, hasMessages: true)
    }
  }

  /// Ends the row that stands in `text` from `start` on; it begins the next shard where this one is full.
  /// - Returns: whether it does.
  @discardableResult
  mutating func endRow(from start: Int, hasMessages: Bool) throws(ShardError) -> Bool {
    let isFull =
      rows == options.rowsPerShard || (rows > 0 && text.bytes.count > options.bytesPerShard)
    if isFull { try closeShard(text.takeFirst(start, into: press.spareBuffer())) }
    if hasMessages { holdsMessages = true } else { holdsText = true }
    text.endLine()
    rows += 1
    total += 1
    return isFull
  }

  /// Shards that lie in their files by now, without gap.
  var written: [DatasetManifest.Shard] {
    get throws(ShardError) { try kept + press.written() }
  }

  /// Begins behind shards that an earlier writer of the same rows has left.
  mutating func keep(
    _ shards: [DatasetManifest.Shard], holdsText: Bool, holdsMessages: Bool
  ) {
    kept = shards
    (begun, total) = (shards.count, shards.reduce(0) { $0 + $1.rows })
    (self.holdsText, self.holdsMessages) = (holdsText, holdsMessages)
  }

  /// Writes what is left and makes the dataset visible.
  public consuming func finish() throws(ShardError) -> DatasetManifest {
    if rows > 0 { try closeShard(text.takeFirst(text.bytes.count, into: [])) }
    let shards = try kept + press.finish()
    let path = "\(folder)/\(DatasetManifest.fileName)"
    let stale = options.replaces ? staleShards(shards) : []
    try StoredFile.remove(path)
    try StoredFile.synchronizeFolder(folder)
    for shard in shards {
      // One of an earlier writer may have its name already.
      let path = "\(folder)/\(shard.file)"
      if unsafe access(path + ".partial", F_OK) == 0 { try StoredFile.publish(path) }
    }
    for file in stale { try StoredFile.remove("\(folder)/\(file)") }
    let manifest = DatasetManifest(
      name: name, fields: fields, shards: shards, licence: options.licence,
      generator: options.generator, origin: origin)
    try StoredFile.writePartial(manifest.encoded(), for: path)
    try StoredFile.publish(path)
    try StoredFile.synchronizeFolder(folder)
    return manifest
  }

  /// Waits until shards that were begun lie in their files.
  func wait() { press.wait() }

  /// Removes what was written, in place of `finish`; a dataset that was to be replaced stays.
  public consuming func abandon() {
    press.wait()
    for number in 0..<begun { unsafe unlink("\(folder)/\(file(number)).partial") }
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

  private mutating func closeShard(_ lines: [UInt8]) throws(ShardError) {
    let file = file(begun)
    try press.add(lines, rows: rows, file: file, in: folder)
    begun += 1
    rows = 0
  }

  private func file(_ number: Int) -> String {
    let number = String(number)
    return "\(name)-\(String(repeating: "0", count: max(0, 5 - number.count)))\(number).jsonl.zst"
  }

  /// Files of the dataset being replaced that the new one does not have. A manifest that cannot be
  /// read names none; its shards then stay, unnamed by any manifest.
  private func staleShards(_ shards: [DatasetManifest.Shard]) -> [String] {
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
