import Foundation

/// How far an import has come: a file of JSON lines beside the partial dataset, the first of which says what
/// is imported and how, each further one a shard that lies in its file.
///
/// Nothing in it is believed without a look: a shard counts while its file has the SHA-256 noted here, and
/// the text before a mark must still have its own. So a line that a crash has cut costs a shard's work.
final class ImportState {
  /// What must be the same to go on.
  struct Identity: Codable, Equatable {
    struct File: Codable, Equatable {
      var path: String
      var bytes: Int
      /// Of the last change, in nanoseconds since 1970.
      var changed: Int
    }

    var format = 1
    var settings: [String]
    var files: [File]
  }

  /// A shard, and the place behind its last row.
  struct Entry: Codable {
    var shard: DatasetManifest.Shard
    var progress: ImportProgress
  }

  static let fileName = "import-state.jsonl"

  private let path: String
  private let file: FileHandle
  /// What an earlier import has left; nil where there was none.
  private(set) var earlier: (identity: Identity, entries: [Entry])?

  /// Opens the file, or makes it, for this process alone.
  /// - Throws: `.busy` while another process imports into the folder.
  init(folder: String) throws(ShardError) {
    path = "\(folder)/\(Self.fileName)"
    let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard descriptor >= 0 else { throw Self.failure(path) }
    file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw ShardError(
        .busy, location: folder, problem: "another process imports into this folder",
        remedy: "Wait until it has ended, or choose another folder.")
    }
    earlier = Self.read(path)
  }

  /// What can be understood, up to the first line that cannot.
  private static func read(_ path: String) -> (Identity, [Entry])? {
    guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
    guard let first = lines.first,
      let identity = try? JSONDecoder().decode(Identity.self, from: first)
    else { return nil }
    var entries: [Entry] = []
    for line in lines.dropFirst() {
      guard let entry = try? JSONDecoder().decode(Entry.self, from: line) else { break }
      entries.append(entry)
    }
    return (identity, entries)
  }

  /// Keeps an identity and the entries that hold, in place of what there was.
  func begin(_ identity: Identity, _ entries: [Entry]) throws(ShardError) {
    earlier = nil
    do { try file.truncate(atOffset: 0) } catch { throw Self.failure(path) }
    try append(identity)
    for entry in entries { try append(entry) }
  }

  func append(_ value: some Encodable) throws(ShardError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    do {
      try file.write(contentsOf: try encoder.encode(value) + [0x0A])
    } catch { throw Self.failure(path) }
  }

  func remove() { unsafe unlink(path) }

  private static func failure(_ path: String) -> ShardError {
    let reason = unsafe String(cString: strerror(errno))
    return ShardError(
      .io, location: path, problem: "it cannot be written: \(reason)",
      remedy: "Check permissions and free space there.")
  }
}
