import Digest
import Foundation
import Records
import Shards
import Testing

@Suite struct DatasetTests {
  private static let scalars = Array(
    "ab7 \"\\/\n\r\t\u{0}\u{1F}\u{7F}é\u{2028}漢🧮".unicodeScalars)

  static func row(_ index: Int, _ random: inout SeededGenerator) -> Prompt {
    let text = { (random: inout SeededGenerator) in
      var text = ""
      for _ in 0..<Int.random(in: 0...20, using: &random) {
        text.unicodeScalars.append(scalars.randomElement(using: &random)!)
      }
      return text
    }
    let content: Prompt.Content =
      index % 3 == 0
      ? .messages([
        Message(role: "system", content: text(&random)),
        Message(role: "user", content: text(&random)),
      ])
      : .text(text(&random))
    return Prompt(
      id: "row-\(index)", content: content, groundTruth: text(&random),
      demonstrations: (0..<index % 3).map { _ in text(&random) }, source: text(&random),
      tags: index % 2 == 0 ? [:] : ["b": text(&random), "a\"": text(&random)])
  }

  static func rows(_ count: Int, seed: UInt64 = 1) -> [Prompt] {
    var random = SeededGenerator(state: seed)
    return (0..<count).map { row($0, &random) }
  }

  static func write(
    _ rows: [Prompt], _ folder: TemporaryFolder, rowsPerShard: Int = 7,
    replaces: Bool = false
  ) throws -> DatasetManifest {
    var options = DatasetWriter.Options()
    options.rowsPerShard = rowsPerShard
    options.replaces = replaces
    options.licence = "none"
    return try DatasetWriter.write(
      count: rows.count, folder: folder.path, name: "some", options: options
    ) { rows[$0] }
  }

  @Test(arguments: [0, 1, 6, 7, 8, 15, 16, 17, 100])
  func everyRowComesBackInAnyOrder(count: Int) throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(count)
    let manifest = try Self.write(rows, folder)
    #expect(manifest.shards.count == (count + 6) / 7)
    let dataset = try Dataset(folder: folder.path, cacheBytes: 1)
    #expect(dataset.manifest == manifest)
    #expect(dataset.rows == count)
    try dataset.verify()
    var random = SeededGenerator(state: 3)
    var failures: [Int] = []
    for index in rows.indices.shuffled(using: &random) where try dataset.row(index) != rows[index] {
      failures.append(index)
    }
    #expect(failures.isEmpty)
  }

  @Test func theSameRowsGiveTheSameBytes() throws {
    let (one, two) = (try TemporaryFolder(), try TemporaryFolder())
    let manifest = try Self.write(Self.rows(50), one)
    #expect(try Self.write(Self.rows(50), two) == manifest)
    for file in manifest.shards.map(\.file) + ["manifest.json"] {
      #expect(try one.bytes(file) == two.bytes(file), "\(file)")
    }
    let other = try Self.write(Self.rows(50, seed: 2), try TemporaryFolder())
    #expect(other.fingerprint != manifest.fingerprint)
    var renamed = manifest
    renamed.name = "else"
    #expect(renamed.fingerprint == manifest.fingerprint)
  }

  @Test func everyFlippedBitIsNamed() throws {
    let folder = try TemporaryFolder()
    let manifest = try Self.write(Self.rows(3), folder)
    let shard = manifest.shards[0]
    let whole = try folder.bytes(shard.file)
    var random = SeededGenerator(state: 9)
    var undetected: [Int] = []
    for _ in 0..<200 {
      var damaged = whole
      let place = Int.random(in: 0..<whole.count, using: &random)
      damaged[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      try folder.write(damaged, shard.file)
      let error = #expect(throws: ShardError.self) { try Dataset(folder: folder.path).row(0) }
      if error?.code != .damaged || error?.location.hasSuffix(shard.file) != true {
        undetected.append(place)
      }
    }
    #expect(undetected.isEmpty)
  }

  /// Puts `bytes` in the place of the only shard and lets the manifest agree with them.
  private func error(afterPutting bytes: [UInt8], rows: Int) throws -> ShardError? {
    let folder = try TemporaryFolder()
    var manifest = try Self.write(Self.rows(2), folder)
    try folder.write(bytes, manifest.shards[0].file)
    manifest.shards[0].bytes = bytes.count
    manifest.shards[0].rows = rows
    manifest.shards[0].sha256 = hexadecimal(SHA256.hash(bytes))
    try folder.write(Array(try JSONEncoder().encode(manifest)), "manifest.json")
    do throws(ShardError) {
      let dataset = try Dataset(folder: folder.path)
      for index in 0..<rows { _ = try dataset.row(index) }
      return nil
    } catch {
      return error
    }
  }

  @Test func badShardsWithRightDigestsAreNamedToo() throws {
    let folder = try TemporaryFolder()
    let good = try Self.write(Self.rows(2), folder)
    let frame = try folder.bytes(good.shards[0].file)
    #expect(try error(afterPutting: frame, rows: 2) == nil)
    #expect(try error(afterPutting: frame, rows: 3)?.code == .damaged)
    #expect(try error(afterPutting: frame, rows: 1)?.code == .damaged)
    #expect(try error(afterPutting: frame + frame, rows: 4) == nil)
    #expect(try error(afterPutting: Array(frame.dropLast()), rows: 2)?.code == .damaged)
    #expect(try error(afterPutting: frame + [0], rows: 2)?.code == .damaged)
    #expect(try error(afterPutting: Array("{}\n".utf8), rows: 1)?.code == .damaged)
    // A raw block of two lines, then one of a kibibyte: hand-made frames without checksum.
    let frameOf = { (text: String) -> [UInt8] in
      let size = text.utf8.count
      return [0x28, 0xB5, 0x2F, 0xFD, 0x20, UInt8(size)]
        + [UInt8((size << 3 | 1) & 0xFF), UInt8(size >> 5), 0] + Array(text.utf8)
    }
    let row = "{\"id\":\"a\",\"prompt\":\"b\"}"
    #expect(try error(afterPutting: frameOf(row), rows: 1) == nil)
    #expect(try error(afterPutting: frameOf("\(row)\n{\"id\":1}\n"), rows: 2)?.code == .row)
    let broken = try error(afterPutting: frameOf("\(row)\nsecret\n"), rows: 2)
    #expect(broken?.code == .row)
    #expect(broken?.location.hasSuffix("row 1") == true)
    #expect(broken?.description.contains("secret") == false)
    #expect(try error(afterPutting: frameOf("\(row)\n\n"), rows: 2)?.code == .row)
    // A frame whose header asks for a window of 2^24 bytes: over the limit of 2^23.
    let window: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 14 << 3, 1, 0, 0]
    #expect(try error(afterPutting: window, rows: 1)?.code == .damaged)
  }

  @Test func aShardThatUnpacksWithoutEndIsRefused() throws {
    // Repeated-byte blocks of 128 KiB each cost 4 bytes; 8,193 of them pass 1 GiB.
    let block: [UInt8] = [0x02, 0x00, 0x10, UInt8(ascii: "x")]
    var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 7 << 3]
    for _ in 0..<8_193 { frame += block }
    frame += [0x03, 0x00, 0x10, UInt8(ascii: "x")]
    #expect(try error(afterPutting: frame, rows: 1)?.code == .limit)
  }

  @Test func badManifestsAreNamed() throws {
    let folder = try TemporaryFolder()
    let manifest = try Self.write(Self.rows(20), folder)
    typealias Change = (inout DatasetManifest) -> Void
    let changes: [Change] = [
      { $0.format = 2 }, { $0.shards[0].file = "../x" }, { $0.shards[0].file = "/etc/passwd" },
      { $0.shards[0].file = "" }, { $0.shards[0].file = ".." }, { $0.shards[0].file = "a/b" },
      { $0.shards[1].file = $0.shards[0].file }, { $0.shards[0].rows = -1 },
      { $0.shards[0].rows = .max }, { $0.shards[0].bytes = 0 }, { $0.shards[0].bytes = .max },
      { $0.shards[0].sha256 = "x" },
      { $0.shards[0].sha256 = $0.shards[0].sha256.uppercased() + "" },
    ]
    for (number, change) in changes.enumerated() {
      var other = manifest
      change(&other)
      if other == manifest { continue }
      try folder.write(Array(try JSONEncoder().encode(other)), "manifest.json")
      let error = #expect(throws: ShardError.self) { try Dataset(folder: folder.path) }
      #expect(error?.code == .manifest, "change \(number)")
    }
    for text in ["", "{", "[]", "{\"format\":1}", "{\"format\":\"1\"}"] {
      try folder.write(Array(text.utf8), "manifest.json")
      let error = #expect(throws: ShardError.self) { try Dataset(folder: folder.path) }
      #expect(error?.code == .manifest, "\(text)")
    }
    let missing = #expect(throws: ShardError.self) { try Dataset(folder: folder.path + "/none") }
    #expect(missing?.code == .missing)
  }

  @Test func aMissingShardIsNamedAndOthersRead() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(20)
    let manifest = try Self.write(rows, folder)
    try FileManager.default.removeItem(atPath: "\(folder.path)/\(manifest.shards[1].file)")
    let dataset = try Dataset(folder: folder.path)
    #expect(try dataset.row(6) == rows[6])
    let error = #expect(throws: ShardError.self) { try dataset.row(7) }
    #expect(error?.code == .missing)
    #expect(error?.location.hasSuffix(manifest.shards[1].file) == true)
    #expect(try dataset.row(14) == rows[14])
  }

  @Test func aDatasetIsReplacedOnlyWhenAsked() throws {
    let folder = try TemporaryFolder()
    _ = try Self.write(Self.rows(20), folder)
    let error = #expect(throws: ShardError.self) { try Self.write(Self.rows(5), folder) }
    #expect(error?.code == .exists)
    let manifest = try Self.write(Self.rows(5), folder, replaces: true)
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(files == ["manifest.json", manifest.shards[0].file])
    #expect(try Dataset(folder: folder.path).row(4) == Self.rows(5)[4])
  }

  @Test func aDatasetCutOffInWritingHasNoManifest() throws {
    let folder = try TemporaryFolder()
    var options = DatasetWriter.Options()
    options.rowsPerShard = 2
    var writer = try DatasetWriter(folder: folder.path, name: "some", options: options)
    for row in Self.rows(5) { try writer.append(row) }
    let error = #expect(throws: ShardError.self) { try Dataset(folder: folder.path) }
    #expect(error?.code == .missing)
    let manifest = try writer.finish()
    #expect(try Dataset(folder: folder.path).manifest == manifest)
  }

  @Test func commonToolsReadWhatIsWritten() throws {
    let folder = try TemporaryFolder()
    let rows = (0..<3).map {
      Prompt(
        id: "r\($0)", content: .text("1+\($0)\n"), groundTruth: "\(1 + $0)",
        demonstrations: ["#### \(1 + $0)"], source: "s", tags: ["b": "2", "a": "1"])
    }
    _ = try Self.write(rows, folder)
    let expected =
      "{'id':'r1','prompt':'1+1\\n','ground_truth':'2','demonstrations':['#### 2'],"
      + "'source':'s','tags':{'a':'1','b':'2'}}"
    let json = try Dataset(folder: folder.path).json(1)
    #expect(json == expected.replacingOccurrences(of: "'", with: "\""))
  }
}
