import ArgumentParser
import Bench
import Foundation
import Inspector
import Records
import Stages

/// Jobs that are measured one after the other: each in a process of its own, then compared with what
/// the machine could do. What fails is said, and the next one measured.
final class BenchSitting {
  let roofline: Roofline
  private let options: BenchOptions
  private var records: [BenchRecord] = []
  private var worst = ExitStatus.done

  /// What a job comes to.
  enum Job {
    /// Measured in this process.
    case here(BenchRecord)
    /// To be measured by `pipeline bench` with these arguments.
    case elsewhere([String])
  }

  private init(_ options: BenchOptions) {
    self.options = options
    roofline = Roofline(threads: options.threads)
  }

  /// Lets `body` name the jobs, and prints what came of them.
  /// - Throws: the exit code of the worst failure, which has been said.
  static func run(_ options: BenchOptions, _ body: (BenchSitting) throws -> Void) throws {
    let sitting = BenchSitting(options)
    try body(sitting)
    if !options.facts.json, !sitting.records.isEmpty {
      BenchPage(sitting.records, options.facts.output).print()
    }
    if let problem = sitting.roofline.problem, let line = Failure(problem).line {
      Output.note(line)
    }
    if sitting.worst != .done { throw ExitCode(sitting.worst.rawValue) }
  }

  /// Does one job, or says what failed.
  func measure(_ name: String, _ job: () throws -> Job) {
    do {
      let record: BenchRecord
      switch try job() {
      case .here(let measured): record = measured
      case .elsewhere(let arguments):
        Output.note("bench: \(TerminalText.escaped(name))")
        guard let measured = try inChild(arguments, named: name) else { return }
        record = measured
      }
      try finish(record)
    } catch is Interrupted {
      note(ExitStatus.interrupted.rawValue)
    } catch {
      let failure = Failure(error)
      if let line = failure.line { Output.note(line) }
      note(failure.status)
    }
  }

  private func finish(_ measured: BenchRecord) throws {
    var record = measured
    if options.roofline, !options.inThisProcess { record.compare(with: roofline) }
    records.append(record)
    let line = try Output.jsonLine(record)
    if options.facts.json { options.facts.output.write(line) }
    if let path = options.out { try append(line, to: path) }
  }

  private func append(_ line: String, to path: String) throws {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try file.seekToEnd()
    try file.write(contentsOf: Data(line.utf8))
    try file.close()
  }

  private func note(_ status: Int32) {
    let status = ExitStatus(rawValue: status) ?? .runFailed
    if status.rawValue > worst.rawValue { worst = status }
  }

  /// nil when the child said itself what failed.
  private func inChild(_ arguments: [String], named name: String) throws -> BenchRecord? {
    let child = try ChildProcess(["bench"] + arguments + options.arguments + ["--json"])
    switch child.end {
    case .status(0):
      guard let line = child.out.split(separator: UInt8(ascii: "\n")).last else {
        throw BenchError.ended(name, "with status 0")
      }
      return try BenchRecord(json: line)
    case .status(let status):
      note(status)
      return nil
    case .signal(let signal): throw BenchError.ended(name, "by signal \(signal)")
    }
  }
}

/// This program run again, to its end; it shares stderr, and what it writes to stdout is kept.
private struct ChildProcess {
  enum End {
    case status(Int32)
    case signal(Int32)
  }

  let out: [UInt8]
  let end: End

  init(_ arguments: [String]) throws {
    // Foundation's `Process` would put it into a process group of its own, where Ctrl-C of a terminal
    // does not reach it.
    var ends: [Int32] = [0, 0]
    guard unsafe pipe(&ends) == 0 else { throw Self.failed("pipe") }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
    for end in ends { unsafe posix_spawn_file_actions_addclose(&actions, end) }
    var words: [UnsafeMutablePointer<CChar>?] = unsafe (["pipeline"] + arguments).map {
      unsafe strdup($0)
    }
    unsafe words.append(nil)
    defer { for index in unsafe words.indices { unsafe free(words[index]) } }
    var pid = pid_t()
    let code = unsafe posix_spawn(&pid, "/proc/self/exe", &actions, nil, words, environ)
    close(ends[1])
    defer { close(ends[0]) }
    guard code == 0 else { throw Self.failed("posix_spawn") }
    out = Self.all(from: ends[0])
    var status: Int32 = 0
    while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
    // WIFSIGNALED and WEXITSTATUS, which are macros.
    end = status & 0x7F == 0 ? .status((status >> 8) & 0xFF) : .signal(status & 0x7F)
  }

  private static func all(from file: Int32) -> [UInt8] {
    var all: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe read(file, &piece, piece.count)
      if count > 0 {
        all += piece[..<count]
      } else if count == 0 || errno != EINTR {
        return all
      }
    }
  }

  private static func failed(_ call: String) -> BenchError {
    .ended(call, "before it began: \(unsafe String(cString: strerror(errno)))")
  }
}
