import Files
import Foundation
import Records

/// An import at work.
struct ImportRun {
  private let paths: [String]
  private let options: DatasetImport.Options
  private let report: (DatasetImport.Event) -> Void
  private let state: ImportState
  private let identity: ImportState.Identity
  private var writer: DatasetWriter
  private var badRows: BadRows
  private var ids = RowIDs()
  private(set) var progress = ImportProgress()
  /// Whether an earlier import was cut off here.
  private(set) var isContinued = false
  /// What stood behind each shard that was begun, of those that are not noted yet.
  private var places: [ImportProgress] = []
  private var noted = 0
  /// Bytes of the files before the current one.
  private var bytesBefore = 0

  /// - Throws: `.busy` while another import works in the writer's folder.
  init(
    _ paths: [String], _ writer: DatasetWriter, _ options: DatasetImport.Options,
    _ report: @escaping (DatasetImport.Event) -> Void
  ) throws(ShardError) {
    (self.paths, self.writer, self.options) = (paths, writer, options)
    self.report = report
    badRows = BadRows(folder: writer.folder, maximum: options.maximumBad)
    identity = ImportState.Identity(
      settings: Self.settings(writer, options), files: paths.map(Self.stamp))
    state = try ImportState(folder: writer.folder)
    try goOn()
  }

  // MARK: Going on

  private static func settings(
    _ writer: DatasetWriter, _ options: DatasetImport.Options
  ) -> [String] {
    [
      "name \(writer.name)", "source \(options.source ?? "-")",
      "shape \(options.shape?.rawValue ?? "-")", "drop-system \(options.dropsSystem)",
      "max-bad \(options.maximumBad)", "rows \(options.writer.rowsPerShard)",
      "bytes \(options.writer.bytesPerShard)", "level \(options.writer.compressionLevel)",
    ] + (options.mapping?.arguments.map { "map \($0)" } ?? [])
  }

  private static func stamp(_ path: String) -> ImportState.Identity.File {
    var status = stat()
    _ = unsafe stat(path, &status)
    return ImportState.Identity.File(
      path: path, bytes: Int(status.st_size),
      changed: Int(status.st_mtim.tv_sec) * 1_000_000_000 + Int(status.st_mtim.tv_nsec))
  }

  /// Takes over what an earlier import of the same has finished.
  private mutating func goOn() throws(ShardError) {
    guard let earlier = state.earlier else { return try state.begin(identity, []) }
    isContinued = true
    guard earlier.identity == identity else {
      let what = earlier.identity.settings == identity.settings ? "files" : "arguments"
      return try beginAnew("an import with other \(what) was cut off here")
    }
    let entries = soundEntries(earlier.entries)
    guard let last = entries.last?.progress else {
      return try beginAnew("the import that was cut off here has left no whole shard")
    }
    guard badRows.keep(count: last.bad, bytes: last.badBytes) else {
      return try beginAnew("the list of bad rows of the import that was cut off here is damaged")
    }
    progress = last
    noted = entries.count
    writer.keep(
      entries.map(\.shard), holdsText: last.holdsText, holdsMessages: last.holdsMessages)
    try state.begin(identity, entries)
    report(.goesOn(rows: entries.reduce(0) { $0 + $1.shard.rows }))
  }

  /// The first entries whose shards lie in their files as they were written; their ids are then known.
  private mutating func soundEntries(_ entries: [ImportState.Entry]) -> [ImportState.Entry] {
    Array(
      entries.prefix { entry in
        // A shard has its own name already where the end of the import was cut off.
        for ending in [".partial", ""] {
          let path = "\(writer.folder)/\(entry.shard.file)\(ending)"
          do throws(ShardError) {
            ids.insert(
              rowsOf: try ShardFile.load(entry.shard, path: path, folder: writer.folder))
            return true
          } catch { continue }
        }
        return false
      })
  }

  /// Removes what an earlier import has left.
  private mutating func beginAnew(_ reason: String) throws(ShardError) {
    ids = RowIDs()
    for file in (try? FileManager.default.contentsOfDirectory(atPath: writer.folder)) ?? []
    where file.hasSuffix(".jsonl.zst.partial") { unsafe unlink("\(writer.folder)/\(file)") }
    badRows.abandon()
    try state.begin(identity, [])
    report(.startsAnew(because: reason))
  }

  // MARK: Reading

  mutating func readFiles() throws(ShardError) {
    for index in progress.files.count..<paths.count {
      bytesBefore = identity.files[..<index].reduce(0) { $0 + $1.bytes }
      try read(paths[index])
    }
    try badRows.close()
  }

  private mutating func read(_ path: String) throws(ShardError) {
    let source: any RowSource =
      if try ParquetRows.begins(path) { try ParquetRows(path) } else { try LineReader(path) }
    var current = ImportProgress.Current()
    if let earlier = progress.current {
      current = earlier
      try skip(source, to: earlier.mark, path)
    }
    var reading = try FileReading(
      path, options, defaultSource: writer.name, current.first, columns: source)
    while let row = try source.next() {
      if source.number & 1023 == 0 { tell(source) }
      let start = writer.text.bytes.count
      let hasMessages: Bool
      do throws(RowFields.Problem) {
        guard
          let taken = try reading.take(row, source.number, &ids, into: &writer.text)
        else { continue }
        hasMessages = taken
      } catch {
        if let refusal = reading.refusal { throw refusal }
        writer.text.cut(to: start)
        try badRows.setAside(row, path, source.number, error.text)
        current.bad += 1
        continue
      }
      if try writer.endRow(from: start, hasMessages: hasMessages) {
        current.mark = source.mark()
        current.first = reading.first
        try note(current, reading)
      }
      current.rows += 1
    }
    merge(reading)
    tell(source)
    let (bytes, sha256) = source.finish()
    progress.current = nil
    progress.files.append(
      DatasetImport.File(
        path: path, shape: reading.shape, rows: current.rows, bad: current.bad, bytes: bytes,
        sha256: sha256))
  }

  private func skip(
    _ source: any RowSource, to mark: SourceMark, _ path: String
  ) throws(ShardError) {
    guard try source.skip(to: mark) else {
      throw ShardError(
        .damaged, location: path,
        problem: "it does not begin any more as it did when the import was cut off",
        remedy: "Run the command once more: it starts anew.")
    }
  }

  private func tell(_ source: any RowSource) {
    report(
      .progress(
        read: bytesBefore + source.consumed, of: identity.files.reduce(0) { $0 + $1.bytes },
        rows: writer.total, bad: badRows.count))
  }

  /// A shard was begun before the current row: once it lies in its file, an import can go on here.
  private mutating func note(
    _ current: ImportProgress.Current, _ reading: FileReading
  ) throws(ShardError) {
    merge(reading)
    progress.current = current
    (progress.bad, progress.badBytes) = (badRows.count, badRows.bytes)
    (progress.holdsText, progress.holdsMessages) = (writer.holdsText, writer.holdsMessages)
    places.append(progress)
    for shard in try writer.written.dropFirst(noted) {
      try badRows.synchronize()
      try state.append(ImportState.Entry(shard: shard, progress: places.removeFirst()))
      noted += 1
    }
  }

  private mutating func merge(_ reading: FileReading) {
    for field in reading.used where !progress.used.contains(field) { progress.used.append(field) }
    progress.fields.formUnion(reading.names)
    progress.passedOver.formUnion(reading.passedOver)
  }

  // MARK: The end

  mutating func finish() throws(ShardError) -> DatasetManifest {
    writer.origin = progress.files.map {
      DatasetManifest.Origin(
        file: PathParts.name(of: $0.path), rows: $0.rows, bytes: $0.bytes, sha256: $0.sha256)
    }
    progress.bad = badRows.count
    let manifest = try writer.finish()
    try badRows.publish()
    state.remove()
    return manifest
  }

  /// Leaves nothing behind.
  func abandon() {
    writer.abandon()
    badRows.abandon()
    state.remove()
  }

  /// Leaves what is there for another time.
  func pause() { writer.wait() }
}
