import Foundation
import Glibc

/// How a command came to its end.
public struct Ended: Sendable {
  /// The exit status, or minus the signal that killed it.
  public var status: Int32
  public var output: String
  public var errors: String

  /// Lines on stderr.
  public var lines: [Substring] { errors.split(separator: "\n") }
}

/// A `pipeline` command at work, as a user starts it.
///
/// Started with `posix_spawn` and awaited with `waitpid`, so that many threads can do so at once and
/// a signal is told from a status. Used by one thread.
public final class RunningCommand {
  public let pid: Int32
  private let output: String
  private let errors: String
  private var ended: Int32?

  /// A command that takes longer hangs: nothing in the laboratory takes a tenth of that.
  public static let patience = 120.0

  /// - Parameters:
  ///   - environment: on top of this process' own; a value of "" takes the variable away.
  ///   - tool: a command before `pipeline`, such as `strace` with its options.
  ///   - logs: folder for what it prints; the system's temporary folder if nil.
  public init(
    _ arguments: [String], environment: [String: String] = [:], under tool: [String] = [],
    logs: String? = nil
  ) throws {
    guard let path = Repository.pipeline else {
      throw LabError("the pipeline command is not built: swift build -c release")
    }
    let base = (logs ?? NSTemporaryDirectory()) + "/command-\(UUID().uuidString)"
    (output, errors) = (base + ".out", base + ".err")
    var all = ProcessInfo.processInfo.environment
    for name in ["OPENBLAS_CORETYPE", "LD_PRELOAD"] { all[name] = nil }
    all.merge(environment) { $1 }
    // Definitions name datasets relative to the repository. `env` becomes what it starts: one pid.
    let place = ["/usr/bin/env", "--chdir=\(Repository.root)"]
    pid = try Self.spawn(
      place + tool + [path] + arguments, all.filter { $0.value != "" }, output: output,
      errors: errors)
  }

  deinit {
    if ended == nil {
      Glibc.kill(pid, SIGKILL)
      var status: Int32 = 0
      unsafe waitpid(pid, &status, 0)
    }
    unsafe unlink(output)
    unsafe unlink(errors)
  }

  private static func spawn(
    _ command: [String], _ environment: [String: String], output: String, errors: String
  ) throws -> Int32 {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    let flags = O_WRONLY | O_CREAT | O_TRUNC
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    unsafe posix_spawn_file_actions_addopen(&actions, 1, output, flags, 0o644)
    unsafe posix_spawn_file_actions_addopen(&actions, 2, errors, flags, 0o644)
    // A laboratory in the background of a shell ignores SIGINT, and what it starts would inherit that.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    unsafe sigfillset(&signals)
    unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    let words = unsafe command.map { unsafe strdup($0) } + [nil]
    let pairs = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    defer {
      _ = unsafe (words + pairs).map { unsafe free($0) }
    }
    var pid: pid_t = 0
    let code = unsafe posix_spawnp(&pid, command[0], &actions, &attributes, words, pairs)
    guard code == 0 else {
      throw LabError("\(command[0]) does not start: \(unsafe String(cString: strerror(code)))")
    }
    return pid
  }

  public var isRunning: Bool {
    reap(WNOHANG)
    return ended == nil
  }

  private func reap(_ options: Int32) {
    guard ended == nil else { return }
    var status: Int32 = 0
    guard unsafe waitpid(pid, &status, options) == pid else { return }
    let signal = status & 0x7f
    ended = signal == 0 ? (status >> 8) & 0xff : -signal
  }

  /// Does nothing where the process has ended by itself.
  public func send(_ signal: Int32) { if isRunning { Glibc.kill(pid, signal) } }

  /// Waits for the end.
  ///
  /// - Throws: `LabError` after ``patience``; the process is then killed.
  @discardableResult
  public func wait(patience: Double = RunningCommand.patience) throws -> Ended {
    let end = ContinuousClock.now + .seconds(patience)
    var pause: UInt32 = 500
    while isRunning {
      guard ContinuousClock.now < end else {
        Glibc.kill(pid, SIGKILL)
        reap(0)
        throw LabError("pid \(pid) hangs: no end after \(patience) s; \(text(errors))")
      }
      usleep(pause)
      pause = min(8000, pause * 2)
    }
    guard let ended else { preconditionFailure("pid \(pid) ended without a status") }
    return Ended(status: ended, output: text(output), errors: text(errors))
  }

  private func text(_ path: String) -> String {
    FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// Waits until `condition` holds or the process ends; whether it came to hold.
  public func waits(until condition: () throws -> Bool) rethrows -> Bool {
    let end = ContinuousClock.now + .seconds(Self.patience)
    while isRunning, ContinuousClock.now < end {
      if try condition() { return true }
      usleep(1000)
    }
    return try condition()
  }
}

extension [RunningCommand] {
  /// Waits until a time has passed or all have ended.
  public func wait(seconds: Double) {
    let end = ContinuousClock.now + .seconds(seconds)
    while contains(where: \.isRunning) {
      let left = ContinuousClock.now.duration(to: end) / .seconds(1)
      guard left > 0 else { return }
      // Long enough to leave the machine to the run, and exact at the end.
      usleep(UInt32(1e6 * Swift.min(left, 0.01)))
    }
  }

  /// Waits for all; once one has failed, the others, which would wait for it, are asked to end.
  public func endTogether() throws -> [Ended] {
    let end = ContinuousClock.now + .seconds(RunningCommand.patience)
    while contains(where: \.isRunning), ContinuousClock.now < end {
      let hasFailed = try contains { try !$0.isRunning && $0.wait().status != 0 }
      if hasFailed { for command in self { command.send(SIGTERM) } }
      usleep(2000)
    }
    return try map { try $0.wait(patience: 5) }
  }
}

/// The built `pipeline` command, from start to end.
public enum PipelineCommand {
  @discardableResult
  public static func run(
    _ arguments: [String], environment: [String: String] = [:], under tool: [String] = []
  ) throws -> Ended {
    try RunningCommand(arguments, environment: environment, under: tool).wait()
  }
}
