import Foundation

/// The terminal as an interactive screen has it: keys come one by one and unseen, and what stood there
/// before comes back at the end.
final class RawTerminal {
  private var saved = termios()

  /// - Returns: nil when stdin or stdout is no terminal.
  init?() {
    guard isatty(STDIN_FILENO) == 1, Output.isTerminal,
      unsafe tcgetattr(STDIN_FILENO, &saved) == 0
    else { return nil }
    enter()
  }

  deinit { leave() }

  /// Keys one by one; the alternate screen; no cursor; a line that turns out wider than it was measured
  /// is cut by the terminal.
  func enter() {
    var raw = saved
    raw.c_lflag &= ~tcflag_t(ECHO | ICANON | ISIG | IEXTEN)
    raw.c_iflag &= ~tcflag_t(IXON | ICRNL)
    unsafe tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw)
    Output.control("\u{1B}[?1049h\u{1B}[?7l\u{1B}[?25l")
  }

  func leave() {
    Output.control("\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l")
    unsafe tcsetattr(STDIN_FILENO, TCSADRAIN, &saved)
  }

  /// Gives the terminal back until the shell continues the process.
  func suspend() {
    leave()
    kill(getpid(), SIGSTOP)
    enter()
  }

  /// Whether a key waits.
  var hasInput: Bool {
    var wanted = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&wanted, 1, 0) > 0
  }

  /// What was typed, waiting for at most `milliseconds`; empty for nothing, nil at the end of input.
  func read(milliseconds: Int32) -> [UInt8]? {
    var wanted = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&wanted, 1, milliseconds) > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: 256)
    let count = unsafe Foundation.read(STDIN_FILENO, &bytes, bytes.count)
    if count < 0, errno == EINTR || errno == EAGAIN { return [] }
    return count > 0 ? Array(bytes[..<count]) : nil
  }
}
