import Foundation
import Glibc
import Testing

/// Foreign input against the real command.
@Suite(.serialized) enum Hostile {}

/// How a command under limits came to its end.
struct Ended: CustomStringConvertible {
  /// The exit status, or minus the signal that ended it.
  var status: Int32
  var seconds: Double
  /// The most memory it held, in MiB, as sampled every millisecond.
  var peakMegabytes: Int
  var out: String
  var errors: String

  var description: String {
    "status \(status), \(seconds) s, \(peakMegabytes) MiB: \(errors.prefix(400))"
  }

  /// What is wrong with it as the refusal of an input; nil where nothing is.
  ///
  /// One line on stderr that a terminal can show, within 10 s and 256 MiB.
  func fault(expecting statuses: Set<Int32>, saying words: [String] = []) -> String? {
    if !statuses.contains(status) { return "not \(statuses): \(self)" }
    if seconds > 10 { return "slow: \(self)" }
    if peakMegabytes > 256 { return "too large: \(self)" }
    if !errors.hasPrefix("pipeline: ") || errors.split(separator: "\n").count != 1 {
      return "not one line: \(self)"
    }
    if Terminal.isHarmed(by: errors) || Terminal.isHarmed(by: out) { return "raw text: \(self)" }
    return words.first { !errors.contains($0) }.map { "without \($0): \(self)" }
  }
}

/// What a terminal would obey, or read in another order.
enum Terminal {
  static func isHarmed(by text: String) -> Bool {
    text.unicodeScalars.contains { scalar in
      switch scalar.value {
      case 0x0A: false
      case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069,
        0xE0000...0xE007F:
        true
      default: false
      }
    }
  }
}

/// The built command, run under hard limits.
enum Command {
  static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// Beside the test binary, which is built with it, or where `make build` puts it.
  static let path: String = {
    let own =
      URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
      .deletingLastPathComponent().path + "/pipeline"
    return FileManager.default.isExecutableFile(atPath: own)
      ? own : root + "/.build/release/pipeline"
  }()

  /// `TEMPER_SANITIZED` (see the Makefile): a sanitizer reserves terabytes and takes its time, so that
  /// how the command ends is looked at, and not what it costs, which is said to be 0.
  private static let isSanitized = ProcessInfo.processInfo.environment["TEMPER_SANITIZED"] != nil

  /// Private memory that may be asked for, touched or not, in KiB: what the BLAS library reserves and
  /// the 256 MiB.
  private static let limit = isSanitized ? "unlimited" : "\(480 << 10)"
  private static let patience = isSanitized ? 200.0 : 20.0

  /// Runs it with at most 480 MiB of private memory; kills it after 20 s.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Ended {
    let place = try Place()
    let files = ["out", "errors"].map { "\(place.path)/\($0)" }
    for file in files { _ = FileManager.default.createFile(atPath: file, contents: nil) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments =
      ["-c", "ulimit -d \(limit); exec \"$@\"", "sh", path] + arguments
    process.currentDirectoryURL = URL(fileURLWithPath: root)
    var all = ProcessInfo.processInfo.environment
    all["OPENBLAS_CORETYPE"] = nil
    all["OPENBLAS_NUM_THREADS"] = "1"
    process.environment = all.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    let clock = ContinuousClock()
    let start = clock.now
    try process.run()
    var peak = 0
    while process.isRunning {
      peak = max(peak, peakKilobytes(of: process.processIdentifier))
      if start.duration(to: clock.now) > .seconds(patience) {
        kill(process.processIdentifier, SIGKILL)
      }
      usleep(1000)
    }
    process.waitUntilExit()
    let code = process.terminationStatus
    return Ended(
      status: process.terminationReason == .uncaughtSignal ? -code : code,
      seconds: isSanitized ? 0 : start.duration(to: clock.now) / .seconds(1),
      peakMegabytes: isSanitized ? 0 : peak >> 10,
      out: try String(contentsOfFile: files[0], encoding: .utf8),
      errors: try String(contentsOfFile: files[1], encoding: .utf8))
  }

  /// The kernel's own high-water mark of a process; 0 when it has ended.
  private static func peakKilobytes(of process: Int32) -> Int {
    guard let file = unsafe fopen("/proc/\(process)/status", "r") else { return 0 }
    defer { unsafe fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, 4096, file) }
    let lines = String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n")
    // Until it has become the shell it runs in the memory of the tests.
    let names = ["sh", "pipeline", "exe"].map { "Name:\t\($0)" }
    guard lines.first.map({ names.contains(String($0)) }) == true else { return 0 }
    let line = lines.first { $0.hasPrefix("VmHWM:") }
    return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
  }
}

/// A folder of a test's own, removed with the object.
final class Place {
  let path = NSTemporaryDirectory() + "/temper-hostile-\(UUID().uuidString)"

  init() throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    do { try FileManager.default.removeItem(atPath: path) } catch { print("left: \(path)") }
  }

  @discardableResult
  func write(_ bytes: some Sequence<UInt8>, _ name: String) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  @discardableResult
  func write(_ text: String, _ name: String) throws -> String { try write(text.utf8, name) }

  func makeFIFO(_ name: String) throws -> String {
    let file = "\(path)/\(name)"
    guard unsafe mkfifo(file, 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
    return file
  }
}

/// Gathers the faults of many inputs, so that a test says all of them at once.
struct Faults {
  private(set) var found: [String] = []

  mutating func expectRefused(
    _ name: String, _ arguments: [String], _ statuses: Set<Int32>, saying words: [String] = [],
    environment: [String: String] = [:]
  ) throws {
    let ended = try Command.run(arguments, environment: environment)
    if let fault = ended.fault(expecting: statuses, saying: words) {
      found.append("\(name): \(fault)")
    }
  }

  mutating func add(_ fault: String) { found.append(fault) }

  var text: Comment { "\(found.count) faults:\n\(found.joined(separator: "\n"))" }
}
