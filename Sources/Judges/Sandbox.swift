import CSandbox
import Foundation
import Records
import Synchronization

/// Programs that nobody trusts, each in namespaces of its own (`Sources/CSandbox`).
struct Sandbox: Sendable {
  struct Limits: Sendable {
    var timeoutSeconds: Double
    /// Address space of each process.
    var memoryBytes: Int
    /// Processes and threads together.
    var processes: Int
    var diskBytes: Int
    /// Of stdout and stderr together.
    var outputBytes: Int
  }

  /// A program's file, and how it is run.
  struct Program: Sendable {
    /// Interpreter and arguments, as paths inside.
    var arguments: [String]
    /// Written to `/tmp/NAME`.
    var fileName: String
    var file: [UInt8]
    var input: [UInt8]
  }

  /// How a program ended.
  enum End: Equatable, Sendable {
    case exit(Int32)
    case signal(Int32)
    case timeout
    case tooMuchOutput
    /// Nobody waits for it any more.
    case stopped
  }

  struct Result: Sendable {
    var end: End
    var output: [UInt8]
    /// The end of what it wrote to stderr.
    var complaints: [UInt8]
  }

  /// What interpreters need of a system.
  private static let systemFolders = [
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",
    "/etc/ld.so.cache",
  ]
  private static let devices = ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
  /// Where programs are found that are named without their folder.
  private static let searchPath = "/usr/local/bin:/usr/bin:/bin"
  private static let openFiles: UInt64 = 64

  let limits: Limits
  private let readable: [String]
  /// Symbolic links: path and target, in turn.
  private let links: [String]

  /// - Parameter readable: folders that programs may read beside the system's.
  init(_ limits: Limits, readable: [String]) {
    self.limits = limits
    var places: [String] = []
    var links: [String] = []
    for path in Self.systemFolders {
      if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
        links += [path, target]
      } else if FileManager.default.fileExists(atPath: path) {
        places.append(path)
      }
    }
    self.readable = places + readable
    self.links = links
  }

  /// The path inside of a program that is named as on a command line; nil where there is none.
  static func program(_ name: String) -> String? {
    let folders = name.contains("/") ? [""] : searchPath.split(separator: ":").map { "\($0)/" }
    return folders.map { $0 + name }.first(where: FileManager.default.isExecutableFile)
  }

  /// Runs a program to its end. Thread-safe.
  ///
  /// - Throws: `.noSandbox` where it could not be set up.
  func run(_ program: Program, unless isStopped: () -> Bool) throws(JudgeError) -> Result {
    signal(SIGPIPE, SIG_IGN)
    let pipes = try ChildPipes()
    let handles: sandbox_handles
    do { handles = try start(program, pipes.theirs) } catch {
      pipes.closeTheirs()
      pipes.closeOurs()
      throw error
    }
    pipes.closeTheirs()
    let streams = ChildStreams(pipes)
    streams.send(program.input)
    let early = watch(streams, unless: isStopped)
    // All that is inside ends with its first process.
    if early != nil { kill(handles.process, SIGKILL) }
    var report = sandbox_report(failed: 0, code: 0, status: 0)
    let count = unsafe withUnsafeMutableBytes(of: &report) {
      unsafe read(handles.report, $0.baseAddress, $0.count)
    }
    var status: Int32 = 0
    while unsafe waitpid(handles.process, &status, 0) < 0, errno == EINTR {}
    close(handles.report)
    close(handles.life)
    if let early { return result(early, streams) }
    guard count == MemoryLayout<sandbox_report>.size else {
      throw Self.missing("it was killed from outside", code: 0)
    }
    guard report.failed == 0 else { throw Self.failure(report.failed, report.code) }
    let end: End =
      report.status & 0x7F == 0
      ? .exit((report.status >> 8) & 0xFF) : .signal(report.status & 0x7F)
    return result(end, streams)
  }

  private func result(_ end: End, _ streams: ChildStreams) -> Result {
    Result(end: end, output: streams.received, complaints: streams.complaints)
  }

  /// Moves what goes in and out until the program has closed both of its streams.
  /// - Returns: why it must be ended before.
  private func watch(_ streams: ChildStreams, unless isStopped: () -> Bool) -> End? {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(limits.timeoutSeconds)
    while !streams.isAtEnd {
      if streams.receivedCount > limits.outputBytes { return .tooMuchOutput }
      if isStopped() { return .stopped }
      let rest = clock.now.duration(to: end) / .milliseconds(1)
      guard rest > 0 else { return .timeout }
      streams.move(milliseconds: Int32(min(50, rest.rounded(.up))), endsInput: true)
    }
    return nil
  }

  private func start(
    _ program: Program, _ streams: [Int32]
  ) throws(JudgeError) -> sandbox_handles {
    let environment = ["PATH=\(Self.searchPath)", "HOME=/tmp", "LANG=C.UTF-8", "PYTHONHASHSEED=0"]
    let lists = [program.arguments, environment, readable, Self.devices, links].map(CStrings.init)
    let path = CStrings(["/tmp/\(program.fileName)"])
    var handles = sandbox_handles()
    let (step, code) = unsafe program.file.withUnsafeBytes { file in
      var plan = unsafe sandbox_plan(
        arguments: lists[0].pointers, environment: lists[1].pointers, readable: lists[2].pointers,
        devices: lists[3].pointers, links: lists[4].pointers, file_path: path.pointers[0],
        file: file.baseAddress, file_bytes: file.count, memory_bytes: UInt64(limits.memoryBytes),
        cpu_seconds: UInt64(limits.timeoutSeconds.rounded(.up)) + 1,
        processes: UInt64(limits.processes), disk_bytes: UInt64(limits.diskBytes),
        open_files: Self.openFiles, input: streams[0], output: streams[1], errors: streams[2])
      let step = unsafe sandbox_start(&plan, &handles)
      return (step, errno)
    }
    guard step == 0 else { throw Self.failure(step, code) }
    return handles
  }
}
