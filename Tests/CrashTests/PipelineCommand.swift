import Foundation
import Glibc
import Testing

/// The built `pipeline` command as a user starts it.
enum PipelineCommand {
  /// The repository's root: definitions name datasets relative to it.
  static let root: String = {
    let file = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .path
  }()

  /// Beside the test binary, which is built with it, or where `make build` puts it.
  static let path: String? = {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let places = [
      own.deletingLastPathComponent().path + "/pipeline", root + "/.build/release/pipeline",
    ]
    return places.first { FileManager.default.isExecutableFile(atPath: $0) }
  }()

  /// Kills per test of kills: a few in `make test`, more on request.
  static let trials =
    ProcessInfo.processInfo.environment["TEMPER_CRASH_TRIALS"].flatMap(Int.init) ?? 6

  /// Starts the command and waits for its end.
  @discardableResult
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Ended {
    try RunningCommand(arguments, environment: environment).wait()
  }
}

/// How a command came to its end.
struct Ended {
  /// The exit status, or minus the signal that killed it.
  var status: Int32
  var output: String
  var errors: String

  /// Lines on stderr.
  var lines: [Substring] { errors.split(separator: "\n") }
}

/// A command at work.
final class RunningCommand {
  private let process = Process()
  private let output: String
  private let errors: String

  /// - Parameter tool: a command before `pipeline`, such as `strace` with its options.
  init(
    _ arguments: [String], environment: [String: String] = [:], under tool: [String] = []
  ) throws {
    let path = try #require(PipelineCommand.path)
    let base = NSTemporaryDirectory() + "/temper-command-\(UUID().uuidString)"
    (output, errors) = (base + ".out", base + ".err")
    for file in [output, errors] {
      _ = FileManager.default.createFile(atPath: file, contents: nil)
    }
    let command = tool + [path] + arguments
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.currentDirectoryURL = URL(fileURLWithPath: PipelineCommand.root)
    var all = ProcessInfo.processInfo.environment
    all["OPENBLAS_CORETYPE"] = nil
    process.environment = all.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(forWritingAtPath: output)
    process.standardError = FileHandle(forWritingAtPath: errors)
    try process.run()
  }

  deinit {
    if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
    unsafe unlink(output)
    unsafe unlink(errors)
  }

  var pid: Int32 { process.processIdentifier }
  var isRunning: Bool { process.isRunning }

  /// Does nothing where the process has ended by itself.
  func send(_ signal: Int32) { if process.isRunning { Glibc.kill(pid, signal) } }

  func wait() throws -> Ended {
    process.waitUntilExit()
    let code = process.terminationStatus
    return Ended(
      status: process.terminationReason == .uncaughtSignal ? -code : code,
      output: try String(contentsOfFile: output, encoding: .utf8),
      errors: try String(contentsOfFile: errors, encoding: .utf8))
  }

  /// Kills it after a time, unless it ends before; whether it was killed.
  func kill(after seconds: Double) throws -> Bool {
    let end = Date(timeIntervalSinceNow: seconds)
    while process.isRunning, Date() < end { usleep(1000) }
    send(SIGKILL)
    return try wait().status == -SIGKILL
  }

  /// Waits until `condition` holds or the process ends; whether it came to hold.
  func waits(until condition: () throws -> Bool) rethrows -> Bool {
    while process.isRunning {
      if try condition() { return true }
      usleep(200)
    }
    return try condition()
  }
}
