import Foundation
import Testing

/// The command at a terminal of its own, whose other end a test holds.
final class PseudoTerminal {
  let process = Process()
  /// TIOCSPTLCK and TIOCGPTN, which C has as expressions.
  private static let unlock: UInt = 0x4004_5431
  private static let number: UInt = 0x8004_5430

  private let master: Int32
  private let slave: Int32
  private(set) var seen: [UInt8] = []

  init(
    _ arguments: [String], columns: UInt16 = 80, rows: UInt16 = 24,
    environment: [String: String] = [:]
  ) throws {
    // posix_openpt and its kin stand behind _XOPEN_SOURCE, which Swift's module of glibc lacks.
    master = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
    var number: Int32 = 0
    var isLocked: Int32 = 0
    try #require(
      unsafe ioctl(master, Self.unlock, &isLocked) == 0
        && ioctl(master, Self.number, &number) == 0)
    slave = unsafe open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
    try #require(slave >= 0)
    resize(columns: columns, rows: rows)
    process.executableURL = URL(fileURLWithPath: Binary.path)
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment
      .merging(["TERM": "xterm-256color", "NO_COLOR": ""]) { $1 }.merging(environment) { $1 }
    let end = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
    process.standardInput = end
    process.standardOutput = end
    process.standardError = end
    try process.run()
  }

  deinit {
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    close(master)
    close(slave)
  }

  func resize(columns: UInt16, rows: UInt16) {
    var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
    _ = unsafe ioctl(master, UInt(TIOCSWINSZ), &size)
  }

  func send(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe write(master, bytes, bytes.count)
  }

  /// Whether it echoes and reads lines, as a shell needs it.
  var isCooked: Bool {
    var state = termios()
    unsafe tcgetattr(slave, &state)
    let wanted = tcflag_t(ECHO | ICANON | ISIG)
    return state.c_lflag & wanted == wanted
  }

  /// Reads until `text` has come behind what was awaited before.
  func await(_ text: String, seconds: Double = 20) throws {
    let wanted = Array(text.utf8)
    let end = ContinuousClock.now + .seconds(seconds)
    while seen.dropFirst(awaited).firstRange(of: wanted) == nil {
      try #require(ContinuousClock.now < end, "\(text) did not come: \(self.text.suffix(2000))")
      read(milliseconds: 100)
    }
    awaited = seen.dropFirst(awaited).firstRange(of: wanted)?.upperBound ?? awaited
  }

  private var awaited = 0

  var text: String { String(decoding: seen, as: UTF8.self) }

  /// Reads to the end of the process.
  func end(seconds: Double = 20) throws -> Int32 {
    let end = ContinuousClock.now + .seconds(seconds)
    while process.isRunning {
      try #require(ContinuousClock.now < end, "it does not end: \(text.suffix(500))")
      read(milliseconds: 20)
    }
    read(milliseconds: 0)
    return process.terminationStatus
  }

  private func read(milliseconds: Int32) {
    var wanted = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
    while unsafe poll(&wanted, 1, milliseconds) > 0 {
      var bytes = [UInt8](repeating: 0, count: 1 << 16)
      let count = unsafe Foundation.read(master, &bytes, bytes.count)
      guard count > 0 else { return }
      seen += bytes[..<count]
    }
  }
}
