import Foundation
import Policy
import Records
import Testing

/// Golden files of the format, made with safetensors 0.8.0 (`Fixtures/safetensors/README.md`).
enum SafetensorsFixtures {
  static let directory = PolicyFixtures.directory + "/safetensors"

  struct Case {
    let file: String
    let expect: String
    let tensors: [JSONMember]
  }

  static func cases() throws -> [Case] {
    let json = try PolicyFixtures.json("safetensors/cases.json")
    return try #require(json["files"]?.array).map { entry in
      Case(
        file: entry["file"]!.string!, expect: entry["expect"]!.string!,
        tensors: entry["tensors"]?.object ?? [])
    }
  }

  /// Why the file is not read as the case says, or nil.
  static func difference(_ golden: Case) -> String? {
    do {
      let file = try SafetensorsFile(path: directory + "/" + golden.file)
      guard golden.expect != "reject" else { return "\(golden.file) was accepted" }
      for member in golden.tensors {
        guard let tensor = file.tensor(named: member.name) else { return "no \(member.name)" }
        let bytes = try file.bytes(of: tensor)
        let hex = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
        let shape = member.value["shape"]!.array!.map { $0.integer! }
        guard tensor.dataType.rawValue == member.value["dtype"]!.string!, tensor.shape == shape,
          hex == member.value["hex"]!.string!
        else { return "\(golden.file): \(member.name) differs" }
      }
      guard golden.expect == "reject-or-warn" || file.tensors.count == golden.tensors.count else {
        return "\(golden.file): \(file.tensors.count) tensors"
      }
      return nil
    } catch {
      return golden.expect == "accept" ? "\(golden.file): \(error)" : nil
    }
  }
}

@Suite struct SafetensorsTests {
  @Test func everyGoldenFileIsReadOrRefusedAsItSays() throws {
    let cases = try SafetensorsFixtures.cases()
    #expect(cases.count > 40)
    #expect(cases.compactMap(SafetensorsFixtures.difference) == [])
  }

  /// A name in a header can be as long as the header, and made of one character.
  @Test func errorsStayShortHoweverLongANameIs() throws {
    let long = "x" + String(repeating: "\u{301}", count: 1 << 16)
    for entry in ["{\"dtype\":\"\(long)\"}", "{\"\(long)\":1}"] {
      let header = Array("{\"a\":\(entry)}".utf8)
      let length = (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) }
      let path = NSTemporaryDirectory() + "/long-\(UUID().uuidString).safetensors"
      try Data(length + header).write(to: URL(fileURLWithPath: path))
      defer { unsafe unlink(path) }
      let error = #expect(throws: ModelDirectoryError.self) { try SafetensorsFile(path: path) }
      #expect(error.map { $0.problem.utf8.count < 1100 } == true)
      #expect(error?.problem.hasPrefix("a has an unknown") == true)
    }
  }

  /// What the official library takes although the format does not allow it.
  @Test func toleratedDeviationsAreRefusedAndNamed() throws {
    var problems: [String] = []
    for golden in try SafetensorsFixtures.cases() where golden.expect == "reject-or-warn" {
      do {
        _ = try SafetensorsFile(path: SafetensorsFixtures.directory + "/" + golden.file)
      } catch { problems.append(error.problem) }
    }
    #expect(
      problems.sorted() == [
        "the header does not begin with {",
        "the header is padded with something else than spaces",
        "w has an unknown field `strides`",
      ])
  }

  @Test func roundingIsToNearestEvenInBothHalfFormats() throws {
    let rows = try #require(try PolicyFixtures.json("safetensors/rounding.json")["rows"]?.array)
    var wrong: [String] = []
    for row in rows {
      let patterns = row.array!.map { UInt32($0.string!, radix: 16)! }
      let value = Float(bitPattern: patterns[0])
      if WeightStorage.bf16(value) != UInt16(patterns[1]) { wrong.append("bf16 \(value)") }
      if WeightStorage.f16(value) != UInt16(patterns[2]) { wrong.append("f16 \(value)") }
    }
    #expect(rows.count > 20)
    #expect(wrong == [])
  }

  /// Widening is exact, so narrowing again must give the pattern back; all 65,536 are tried.
  @Test func everyHalfPatternSurvivesWideningAndNarrowing() {
    var wrong: [UInt16] = []
    for pattern in UInt16.min...UInt16.max {
      let brain = WeightStorage.float(bf16: pattern)
      let half = WeightStorage.float(f16: pattern)
      let sameBrain =
        brain.isNaN
        ? WeightStorage.float(bf16: WeightStorage.bf16(brain)).isNaN
        : WeightStorage.bf16(brain) == pattern
      let sameHalf =
        half.isNaN
        ? WeightStorage.float(f16: WeightStorage.f16(half)).isNaN
        : WeightStorage.f16(half) == pattern
      if !sameBrain || !sameHalf { wrong.append(pattern) }
    }
    #expect(wrong == [])
    #expect(WeightStorage.float(f16: 0x3C01) == 1.0009765625)
    #expect(WeightStorage.float(f16: 0x8001) == -0x1p-24)
    #expect(WeightStorage.float(bf16: 0x4049) == 3.140625)
  }

  @Test func aNaNWithItsPayloadInTheLowHalfStaysANaN() {
    for bits: UInt32 in [0x7F80_0001, 0xFF80_FFFF, 0x7FFF_FFFF] {
      let value = Float(bitPattern: bits)
      #expect(WeightStorage.float(bf16: WeightStorage.bf16(value)).isNaN)
      #expect(WeightStorage.float(f16: WeightStorage.f16(value)).isNaN)
    }
  }

  @Test func aMissingFileIsAnErrorThatNamesIt() {
    #expect(throws: ModelDirectoryError.self) { try SafetensorsFile(path: "/no/such/file") }
  }

  /// Any single byte of a valid file may change; the reader answers or throws, and never traps.
  @Test func noChangedByteTrapsTheReader() throws {
    let path = SafetensorsFixtures.directory + "/valid/official-writer.safetensors"
    let original = try Data(contentsOf: URL(fileURLWithPath: path))
    let folder = try TemporaryDirectory()
    let target = folder.path + "/changed.safetensors"
    var refused = 0
    for index in 0..<min(original.count, 290) {
      for value: UInt8 in [0, 0x30, 0x22, 0x7D, 0xFF] {
        var changed = original
        changed[index] = value
        try changed.write(to: URL(fileURLWithPath: target))
        do {
          let file = try SafetensorsFile(path: target)
          for tensor in file.tensors { _ = try file.bytes(of: tensor) }
        } catch { refused += 1 }
      }
    }
    #expect(refused > 500)
  }
}
