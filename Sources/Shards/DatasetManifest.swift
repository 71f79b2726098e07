import Digest
import Foundation
import Records

/// `manifest.json`: what a dataset holds, and by which bytes to know it.
public struct DatasetManifest: Sendable, Equatable, Encodable {
  /// One file of rows.
  public struct Shard: Sendable, Equatable, Codable {
    /// A name within the dataset's folder: `NAME-00000.jsonl.zst`.
    public var file: String
    public var rows: Int
    /// Compressed bytes.
    public var bytes: Int
    /// Of the compressed bytes, as 64 lower-case hexadecimal digits.
    public var sha256: String

    public init(file: String, rows: Int, bytes: Int, sha256: String) {
      self.file = file
      self.rows = rows
      self.bytes = bytes
      self.sha256 = sha256
    }
  }

  /// A file that rows were imported from.
  public struct Origin: Sendable, Equatable, Encodable {
    /// Without its folder.
    public var file: String
    public var rows: Int
    /// Of its text, after decompression.
    public var bytes: Int
    /// Of its text, as 64 lower-case hexadecimal digits.
    public var sha256: String

    public init(file: String, rows: Int, bytes: Int, sha256: String) {
      self.file = file
      self.rows = rows
      self.bytes = bytes
      self.sha256 = sha256
    }
  }

  /// The version of the format that is written and read here.
  public static let currentFormat = 1
  public static let fileName = "manifest.json"

  public var format: Int
  public var name: String
  /// The fields that rows have.
  public var fields: [String]
  public var shards: [Shard]
  /// Under which terms the data may be used.
  public var licence: String?
  /// The command and settings that made the data.
  public var generator: String?
  /// The files that the rows were imported from, in order; nil for data that was made here.
  public var origin: [Origin]?

  public init(
    name: String, fields: [String], shards: [Shard], licence: String? = nil,
    generator: String? = nil, origin: [Origin]? = nil
  ) {
    format = Self.currentFormat
    self.name = name
    self.fields = fields
    self.shards = shards
    self.licence = licence
    self.generator = generator
    self.origin = origin
  }

  /// Rows of all shards.
  public var rows: Int { shards.reduce(0) { $0 + $1.rows } }

  /// SHA-256 over each shard's digest and count of rows, in order, as hexadecimal digits: what a run
  /// remembers of its data. Name, licence and folder do not count.
  public var fingerprint: String {
    var hash = SHA256()
    hash.update("temper dataset 1\n")
    for shard in shards { hash.update("\(shard.sha256) \(shard.rows)\n") }
    return hexadecimal(hash.finalize())
  }
}

extension DatasetManifest {
  private static let byteLimit = 32 << 20
  private static let valueLimit = 1 << 20
  private static let shardLimit = 100_000
  private static let rowLimit = 1_000_000_000_000
  /// Compressed bytes of one shard; zstd never makes data longer by more than this allows.
  static let shardByteLimit = ShardFile.rawLimit + ShardFile.rawLimit / 128

  /// The manifest of the dataset in `folder`, strictly checked.
  public init(folder: String) throws(ShardError) {
    let path = "\(folder)/\(Self.fileName)"
    guard FileManager.default.fileExists(atPath: path) else {
      throw ShardError(
        .missing, location: path, problem: "there is no such file",
        remedy: "Give the folder of a dataset, or make one with `pipeline data generate`.")
    }
    try self.init(
      json: try StoredFile.read(path, limit: Self.byteLimit, within: folder), location: path)
  }

  /// The text of a manifest, strictly checked; `location` names it in errors.
  package init(json bytes: [UInt8], location path: String) throws(ShardError) {
    let json: JSONValue
    do {
      json = try JSONValue(parsing: bytes, location: path, valueLimit: Self.valueLimit)
    } catch {
      throw .manifest(path, "it is not JSON: \(error.problem)")
    }
    do {
      try self.init(fields: try RowFields(json))
    } catch {
      throw .manifest(path, "it is not a manifest: \(error.text)")
    }
    try validate(path)
  }

  /// The bytes of `manifest.json`; the same for equal manifests.
  func encoded() throws(ShardError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    } catch {
      throw .manifest(name, "it cannot be written as JSON")
    }
  }

  private init(fields: RowFields) throws(RowFields.Problem) {
    format = try fields.integer("format")
    name = try fields.string("name")
    self.fields = try fields.strings("fields")
    licence = fields.has("licence") ? try fields.string("licence") : nil
    generator = fields.has("generator") ? try fields.string("generator") : nil
    if fields.has("origin") {
      origin = []
      for file in try fields.objects("origin") {
        origin?.append(
          Origin(
            file: try file.string("file"), rows: try file.integer("rows"),
            bytes: try file.integer("bytes"), sha256: try file.string("sha256")))
      }
    }
    shards = []
    for shard in try fields.objects("shards") {
      shards.append(
        Shard(
          file: try shard.string("file"), rows: try shard.integer("rows"),
          bytes: try shard.integer("bytes"), sha256: try shard.string("sha256")))
    }
  }

  private func validate(_ path: String) throws(ShardError) {
    guard format == Self.currentFormat else {
      throw .manifest(path, "format \(format) is unknown, this program reads format 1")
    }
    guard shards.count <= Self.shardLimit else {
      throw .manifest(path, "it lists \(shards.count) shards, more than \(Self.shardLimit)")
    }
    var names: Set<String> = []
    var total = 0
    for (index, shard) in shards.enumerated() {
      let place = "shard \(index)"
      guard Self.isPlainName(shard.file) else {
        throw .manifest(path, "\(place) is not a plain file name")
      }
      guard names.insert(shard.file).inserted else {
        throw .manifest(path, "\(place) names \(shard.file) again")
      }
      guard (0...Self.rowLimit).contains(shard.rows), shard.rows + total <= Self.rowLimit else {
        throw .manifest(path, "\(place) claims \(shard.rows) rows")
      }
      guard (1...Self.shardByteLimit).contains(shard.bytes) else {
        throw .manifest(path, "\(place) claims \(shard.bytes) bytes")
      }
      guard shard.sha256.utf8.count == 64, shard.sha256.utf8.allSatisfy(Self.isHexadecimal) else {
        throw .manifest(path, "\(place) has no SHA-256 of 64 lower-case hexadecimal digits")
      }
      total += shard.rows
    }
  }

  /// A file name that cannot leave the folder and means the same on every system.
  static func isPlainName(_ name: String) -> Bool {
    let plain = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: "."):
        true
      default: false
      }
    }
    return plain && (1...255).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
  }
}
