import Foundation
import Parquet
import Records
import Testing

/// Files of `Fixtures`, by Tests/ShardsTests/Fixtures/make-files.py (pyarrow 26.0.1): nested rows with nulls at
/// every level, small pages with checksums, two row groups.
@Suite struct ParquetTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("Fixtures").path

  private static func bytes(_ name: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: "\(fixtures)/\(name)")))
  }

  private func rows(_ path: String) throws -> [JSONValue] {
    let file = try ParquetFile(path, rowLimit: 1 << 20)
    var line = JSONText()
    var rows: [JSONValue] = []
    while try file.next(into: &line) {
      rows.append(try JSONValue(parsing: line.bytes))
      #expect(file.number == rows.count)
    }
    #expect(rows.count == file.rows)
    return rows
  }

  @Test(arguments: ["none", "snappy", "gzip", "zstd"], ["1", "2"])
  func everyCodecAndVersionOfPagesGivesTheSameRows(codec: String, version: String) throws {
    let expected = try Self.bytes("rows.jsonl").split(separator: UInt8(ascii: "\n")).map {
      try JSONValue(parsing: Array($0))
    }
    let found = try rows("\(Self.fixtures)/\(codec)-\(version).parquet")
    #expect(found.count == 40)
    for (number, pair) in zip(found, expected).enumerated() {
      #expect(Self.isSame(pair.0, pair.1), "row \(number): \(pair.0) is not \(pair.1)")
    }
  }

  /// Numbers by value: 2.0 is 2.
  private static func isSame(_ a: JSONValue, _ b: JSONValue) -> Bool {
    if let members = a.object {
      return members.count == b.object?.count
        && members.allSatisfy { member in b[member.name].map { isSame(member.value, $0) } ?? false }
    }
    if let elements = a.array, let others = b.array {
      return elements.count == others.count && zip(elements, others).allSatisfy(isSame)
    }
    return a.isNull == b.isNull && a.double == b.double && a.string == b.string
      && a.boolean == b.boolean && (a.array == nil) == (b.array == nil)
  }

  @Test func aCodecThatIsNotReadIsNamed() throws {
    do {
      _ = try rows("\(Self.fixtures)/brotli-1.parquet")
      Issue.record("it was read")
    } catch let error as ParquetError {
      #expect(error.code == .unsupported && error.problem.contains("BROTLI"))
      #expect(error.location.contains("row group 0, column id"), "\(error)")
    }
  }

  @Test func aFileThatIsCutAnywhereIsRefused() throws {
    let whole = try Self.bytes("snappy-1.parquet")
    let path = NSTemporaryDirectory() + "temper-parquet-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var taken: [Int] = []
    for count in stride(from: 0, to: whole.count, by: 11) {
      try Data(whole[..<count]).write(to: URL(fileURLWithPath: path))
      do {
        _ = try rows(path)
        taken.append(count)
      } catch is ParquetError {}
    }
    #expect(taken.isEmpty, "cut to \(taken) bytes it is read")
  }

  /// The pages have checksums, so no change of one goes unseen; the error says where it is.
  @Test func aPageWithAFlippedBitIsRefusedWithItsPlace() throws {
    let whole = try Self.bytes("zstd-1.parquet")
    let path = NSTemporaryDirectory() + "temper-parquet-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var places: Set<String> = []
    // The magic stands before the first page, the footer's length before the last magic.
    let footer = (0..<4).reduce(0) { $0 | Int(whole[whole.count - 8 + $1]) << (8 * $1) }
    for index in stride(from: 4, to: whole.count - 8 - footer, by: 13) {
      var bytes = whole
      bytes[index] ^= 0x10
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      do {
        _ = try rows(path)
        places.insert("nothing was said")
      } catch let error as ParquetError {
        let place = error.location.dropFirst(path.count).filter { !$0.isNumber }
        let column = place.contains(": row group , column ") && place.hasSuffix(", page ")
        places.insert(column ? "column and page" : String(place))
      }
    }
    // A header's statistics have no checksum and are not read: their change goes unseen.
    #expect(places.subtracting(["nothing was said"]) == ["column and page"], "\(places)")
  }
}
