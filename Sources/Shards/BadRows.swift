import Foundation
import Records

/// The rows that an import sets aside: a list beside the manifest, a line for each.
struct BadRows {
  private let path: String
  private let maximum: Int
  private var file: FileHandle?
  private(set) var count = 0
  private(set) var bytes = 0
  private var kept = 0

  init(folder: String, maximum: Int) {
    path = "\(folder)/\(DatasetImport.badRowsFile)"
    self.maximum = maximum
  }

  /// Keeps the first rows of a list that an earlier import has left.
  /// - Returns: false where they are not there.
  mutating func keep(count: Int, bytes: Int) -> Bool {
    guard count > 0 else { return true }
    guard let file = FileHandle(forUpdatingAtPath: path + ".partial") else { return false }
    do {
      guard try file.seekToEnd() >= bytes else { return false }
      try file.truncate(atOffset: UInt64(bytes))
    } catch { return false }
    (self.file, self.count, self.bytes) = (file, count, bytes)
    return true
  }

  /// - Throws: `.row` for one row more than may be set aside.
  mutating func setAside(
    _ row: SourceRow, _ path: String, _ number: Int, _ reason: String
  ) throws(ShardError) {
    guard count < maximum else {
      let before = count == 0 ? "" : "; \(count) bad rows before it were set aside"
      throw ShardError(
        .row, location: "\(path):\(number)", problem: reason + before,
        remedy: "Correct the row, or set up to N bad ones aside with --max-bad N.")
    }
    var entry = JSONText()
    entry.open("{")
    entry.member("file", path)
    entry.member("line", "\(number)")
    entry.member("reason", reason)
    if case .text(let bytes) = row {
      entry.member("row", String(decoding: bytes, as: UTF8.self))
    }
    entry.close("}")
    entry.endLine()
    if self.file == nil { self.file = try StoredFile.createPartial(for: self.path) }
    guard let file else { preconditionFailure("the list was just opened") }
    try StoredFile.append(entry.bytes, to: file, self.path)
    count += 1
    bytes += entry.bytes.count
  }

  /// Asks the disk to keep what was added since it was asked last.
  mutating func synchronize() throws(ShardError) {
    guard let file, bytes > kept else { return }
    try StoredFile.synchronize(file, path)
    kept = bytes
  }

  /// The same, for the last time.
  func close() throws(ShardError) {
    if let file { try StoredFile.finish(file, path) }
  }

  /// Gives the list its name; that of a dataset which was replaced goes.
  func publish() throws(ShardError) {
    if file == nil { try StoredFile.remove(path) } else { try StoredFile.publish(path) }
  }

  /// Leaves nothing behind of an import that failed.
  func abandon() { unsafe unlink(path + ".partial") }
}
