import Foundation
import Testing
import Tokenizer

/// The command as built, run as a process.
enum Binary {
  /// The package's root, from this file's place.
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Beside the test binary, which is built with it.
  static let path =
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path + "/pipeline"

  static let isBuilt = FileManager.default.isExecutableFile(atPath: path)

  struct Result: Sendable {
    var status: Int32
    var out: String
    var error: String

    /// Whether stderr is exactly one line of the form that errors have, and stdout is empty.
    var isOneLineError: Bool {
      error.hasPrefix("pipeline: ") && error.hasSuffix("\n")
        && error.split(separator: "\n", omittingEmptySubsequences: false).count == 2
    }

    /// stdout as one JSON object.
    func object() throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(out.utf8))
      return try #require(value as? [String: Any])
    }
  }

  /// Runs the command and waits for it.
  /// - Parameter input: a file that it reads as stdin; nil for an empty one.
  static func run(
    _ arguments: [String], in folder: String = Binary.root, environment: [String: String] = [:],
    input: String? = nil
  ) throws -> Result {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // Files, not pipes: nobody has to read while the command writes.
    let scratch = try Scratch()
    let names = ["out", "error"].map { "\(scratch.path)/\($0)" }
    for name in names { _ = FileManager.default.createFile(atPath: name, contents: nil) }
    let out = try FileHandle(forWritingTo: URL(fileURLWithPath: names[0]))
    let error = try FileHandle(forWritingTo: URL(fileURLWithPath: names[1]))
    process.standardInput = try FileHandle(
      forReadingFrom: URL(fileURLWithPath: input ?? "/dev/null"))
    process.standardOutput = out
    process.standardError = error
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus,
      out: try String(contentsOfFile: names[0], encoding: .utf8),
      error: try String(contentsOfFile: names[1], encoding: .utf8))
  }
}

/// A folder in the system's temporary one, removed with the object.
final class Scratch: Sendable {
  let path = NSTemporaryDirectory() + "/command-tests-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("left: \(path)") }
  }

  func write(_ text: String, to name: String) throws -> String {
    try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }

  /// Additions and subtractions in the folder `data`, and the tokenizer of their characters in the folder
  /// `tokenizer`: what a small run needs beside its definition.
  func makeQuestions(rows: Int) throws {
    let made = try Binary.run([
      "data", "generate", "ladder", "--to", "\(path)/data", "--rows", "\(rows)", "--families",
      "addition,subtraction", "--levels", "1",
    ])
    try #require(made.status == 0, "\(made)")
    try FileManager.default.createDirectory(
      atPath: "\(path)/tokenizer", withIntermediateDirectories: true)
    _ = try write(
      CharacterTokenizer.json(
        characters: Array("0123456789abcdefghijklmnopqrstuvwxyz+-*=#,.() \n"),
        specials: ["<|endoftext|>"]), to: "tokenizer/tokenizer.json")
  }

  /// Changes one byte in the middle of a file.
  static func damage(_ file: String) throws {
    var data = try Data(contentsOf: URL(fileURLWithPath: file))
    data[data.count / 2] ^= 0x40
    try data.write(to: URL(fileURLWithPath: file))
  }
}

extension Trait where Self == ConditionTrait {
  static var needsBinary: Self {
    .enabled(if: Binary.isBuilt, "skipped: needs pipeline beside the tests")
  }
}
