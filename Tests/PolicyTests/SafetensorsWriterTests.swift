import Foundation
import Policy
import Records
import Testing

/// The folder of golden files beside this source.
enum PolicyFixtures {
  static let directory = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().appendingPathComponent("Fixtures").path

  static func json(_ name: String) throws -> JSONValue {
    let data = try Data(contentsOf: URL(fileURLWithPath: directory + "/" + name))
    return try JSONValue(parsing: Array(data), location: name)
  }
}

/// A fresh folder, removed with its last reference.
final class TemporaryDirectory {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/policy-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}

@Suite struct SafetensorsWriterTests {
  static let tensors = [
    TensorShape(name: "a", shape: [2, 3]), TensorShape(name: "b.weight", shape: []),
    TensorShape(name: "empty", shape: [0, 4]), TensorShape(name: "z\"\u{e9}", shape: [5]),
  ]
  static let values: [Float] = (0..<12).map { Float($0) * 0.37 - 2 }

  @Test func whatIsWrittenAsF32IsReadBackBitForBit() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/x.safetensors"
    let values = Self.values.dropLast() + [Float(bitPattern: 0x7F80_0001)]
    try SafetensorsWriter.write(Self.tensors, values: Array(values), to: path)
    let file = try SafetensorsFile(path: path)
    #expect(file.tensors.map(\.name) == Self.tensors.map(\.name))
    #expect(file.tensors.map(\.shape) == Self.tensors.map(\.shape))
    #expect(file.metadata.map { $0.name + "=" + $0.value } == ["format=pt"])
    let read = try file.tensors.flatMap { try file.floats(of: $0) }
    #expect(read.map(\.bitPattern) == values.map(\.bitPattern))
    #expect((file.tensors.first?.range.lowerBound ?? 1) % 8 == 0)
  }

  @Test(arguments: [WeightStorage.bf16, .f16])
  func halfStorageHoldsTheRoundedValues(storage: WeightStorage) throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/x.safetensors"
    try SafetensorsWriter.write(Self.tensors, values: Self.values, storage: storage, to: path)
    let file = try SafetensorsFile(path: path)
    let expected = Self.values.map {
      storage == .bf16
        ? WeightStorage.float(bf16: WeightStorage.bf16($0))
        : WeightStorage.float(f16: WeightStorage.f16($0))
    }
    #expect(try file.tensors.flatMap { try file.floats(of: $0) } == expected)
  }

  /// Pieces of 2^18 values must join without a seam.
  @Test func anArrayLongerThanOnePieceIsReadBack() throws {
    let folder = try TemporaryDirectory()
    let count = 1 << 19 | 17
    let values = (0..<count).map { Float($0 % 1009) }
    for storage in WeightStorage.allCases {
      let path = folder.path + "/\(storage.rawValue).safetensors"
      try SafetensorsWriter.write(
        [TensorShape(name: "w", shape: [count])], values: values, storage: storage, to: path)
      let file = try SafetensorsFile(path: path)
      let expected =
        storage == .bf16 ? values.map { WeightStorage.float(bf16: WeightStorage.bf16($0)) } : values
      #expect(try file.floats(of: file.tensors[0]) == expected)
    }
  }

  @Test func anExistingFileIsNeverOverwritten() throws {
    let folder = try TemporaryDirectory()
    let path = folder.path + "/x.safetensors"
    try Data("kept".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: ModelDirectoryError.self) {
      try SafetensorsWriter.write(Self.tensors, values: Self.values, to: path)
    }
    #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == Data("kept".utf8))
  }
}
