import Check
import Foundation
import Randomness
import Tokenizer

/// The golden directories beside this source and, where they are, beside the repository.
enum TokenizerFixtures {
  private static let source = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
  static let directory =
    source.deletingLastPathComponent().appendingPathComponent("Fixtures").path
  static let shared =
    source.deletingLastPathComponent().appendingPathComponent("../../../shared/golden/tokenizer")
    .standardized.path
  static var hasShared: Bool { FileManager.default.fileExists(atPath: shared) }

  static func load(_ name: String) throws -> Tokenizer {
    try Tokenizer(file: directory + "/\(name)/tokenizer.json")
  }

  /// What a golden directory came to, as text that a failed expectation shows.
  static func report(_ directory: String) -> CheckReport.File {
    checkTokenizer(path: directory, decompress: zstd)
  }

  /// The plain bytes of a zstd file, by the command: this module links no zstd.
  static func zstd(_ path: String) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["zstd", "-dqc", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw CocoaError(.fileReadCorruptFile) }
    return Array(data)
  }
}

/// Numbers one after the other from a seed.
struct SeededNumbers {
  private let stream: RandomStream
  private var index: UInt64 = 0

  init(seed: UInt64) { stream = RandomStream(seed: seed, purpose: .dataset) }

  mutating func next() -> UInt64 {
    index += 1
    return stream.bits(index)
  }
}
